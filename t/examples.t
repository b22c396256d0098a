#!/usr/bin/perl

# Every configuration of examples/ starts, and answers a request.

use lib 't/lib';
use Results::Test;

my $t = Results::Test->new;

for my $file (sort glob $t->root . '/examples/*.conf') {
    my ($name) = $file =~ m{([^/]+)$};

    open my $fh, '<', $file or die "$file: $!";
    my $conf = do { local $/; <$fh> };

    # the test's own module, paths, database and port

    $conf =~ s/^(?:pid|error_log|worker_processes)\s.*\n//mg;
    $conf =~ s/^\s+(?:access_log|\w+_temp_path)\s.*\n//mg;
    $conf =~ s/^load_module\s.*/%%GLOBALS%%/m;
    $conf =~ s/^http \{/http {\n    %%HTTP%%/m;
    $conf =~ s/listen(\s+)(?:127\.0\.0\.1:)?8080;/listen${1}127.0.0.1:%%PORT%%;/;
    $conf =~ s/(conninfo\s+)"[^"]*"/$1"%%CONNINFO%%"/;

    my $nginx = $t->new_nginx(template => $conf)->start;

    is($t->put($name, $t->result)->status, 201, "$name: a result is created");
    is($t->request('GET', '/status')->status, 200, "$name: has a status page");

    $nginx->quit;
}
