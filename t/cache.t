#!/usr/bin/env perl

# What one caller got is never shown to another by a cache on the way: every
# GET of every API, errors and the status too, through a proxy that keeps
# whatever it may.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Results::Test::Http;
use Results::Test::Port qw(free_port);

my $t = Results::Test->new;
my ($port, $front) = (free_port(), free_port());


# every API, and every path that one of them has for GET

sub text {
    my ($file) = @_;

    open my $source, '<', $file or die "$file: $!\n";
    return join '', <$source>;
}

my $dialects = $t->root . '/ngx_results_module/dialect';
my @apis = text("$dialects/results_dialects.c") =~ /^ {4}&results_(\w+),/mg;
my %paths = map { $_ => 1 }
    map { text($_) =~ /\{ RESULTS_METHOD_GET,\s*"([^"]*)"/g }
    glob "$dialects/*/*.c";

cmp_ok(scalar @apis, '>=', 4, "APIs: @apis");
cmp_ok(scalar keys %paths, '>=', 9, scalar(keys %paths) . ' paths');

my $locations = join "\n",
    map { "location /of-$_/ { results_api $_; }" } @apis;

$t->nginx(port => $port, server => $locations . <<'EOC', http => <<"EOC");
        location = /token    { results_token_endpoint; }
        location = /any      { results_status; }
        location = /live     { results_health live; }
        location = /ready    { results_health ready; }
        location /denied/    { results_api timeback; deny all; }
        location /small/     { results_api timeback; return 404; }
EOC
    proxy_cache_path  cache levels=1 keys_zone=front:1m;

    server {
        listen  127.0.0.1:$front;

        location / {
            proxy_pass            http://127.0.0.1:$port;
            proxy_cache           front;
            proxy_cache_valid     any 1h;
            proxy_cache_methods   GET HEAD POST;
            add_header            X-Cache \$upstream_cache_status always;
        }
    }
EOC

my $owner = $t->pg->value(q{
    INSERT INTO results.person (institution_id, id, role)
    VALUES (?, 'owner', 'account_owner')
    RETURNING id}, $t->fixtures->institution);

my $token = $t->token;
my $person = $t->token(person => $owner, scopes => []);

is($t->put('r-1', $t->result)->status, 201, 'a result');


sub through {
    my ($method, $uri, $token, @more) = @_;

    my $http = Results::Test::Http->new(port => $front);
    $http->send(Results::Test::Http->format($method, $uri,
        [defined $token ? (Authorization => "Bearer $token") : (), @more]));

    my $response = $http->response($method) || die "no response: $uri\n";
    $http->close;
    return $response;
}


sub is_private {
    my ($response, $name) = @_;

    my $control = $response->header('Cache-Control') // '';
    my $kept = defined $response->header('ETag') ? 'no-cache' : 'no-store';

    is($control, "private, $kept", "$name: private");
    is($response->header('Vary'), 'Accept, Authorization', "$name: Vary");
}


# what two callers see at one address, one after the other
sub apart {
    my ($uri, $token) = @_;

    my $first = through('GET', $uri, $token);
    my $again = through('GET', $uri, $token);
    my $other = through('GET', $uri, undef);
    my $name = "$uri (" . $first->status . ')';

    is_private($_, $name) for $first, $again, $other;
    isnt($_->header('X-Cache') // '', 'HIT', "$name: from the server")
        for $again, $other;

    return ($first->status, $other->status);
}


subtest 'the proxy keeps what it may' => sub {
    through('GET', '/kept', $token) for 1, 2;
    is(through('GET', '/kept', undef)->header('X-Cache'), 'HIT',
       'a page of nginx');
};


subtest 'every GET of every API' => sub {
    my %seen;

    for my $api (@apis) {
        for my $path (sort keys %paths) {
            my $uri = "/of-$api/" . $path =~ s/\{\w+\}/r-1/gr;
            my ($status, $other) = apart($uri,
                $api eq 'ispring' ? $person : $token);

            $seen{$status}++;
            is($other, 401, "$uri: and nobody sees nothing");
        }
    }

    cmp_ok($seen{200}, '>=', 8, 'answers');
    cmp_ok($seen{404}, '>=', 8, 'unknown objects and paths');
    ok(!grep({ $_ >= 500 } keys %seen), 'no other error');
};


subtest 'errors' => sub {
    apart('/of-timeback/results?limit=x', $token);
    apart('/of-ispring/?pageSize=x', $person);
    apart('/denied/', $token);
    apart('/small/', $token);

    for my $method (qw(PUT PATCH DELETE POST OPTIONS HEAD)) {
        is_private($t->request($method, $_, $t->headers, '{}'),
                   "$method $_") for '/of-timeback/results/r-9', '/of-wse/',
                                     '/token';
    }
};


subtest 'status and health' => sub {
    for my $uri ('/any', '/any?format=prometheus', '/status', '/live',
                 '/ready')
    {
        apart($uri, $token);
    }
};
