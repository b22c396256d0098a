#!/usr/bin/perl

# Every configuration of examples/ starts as it stands there, but for paths,
# ports and addresses, and does what it is there for.

use lib 't/lib';
use Results::Test;
use Results::Test::Certs;
use Results::Test::Port qw(free_port);
use Results::Test::Process;

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;
my $examples = $t->root . '/examples';
my $tls = free_port();
my ($nginx, %done);

# valgrind lets nobody set the hard limit
$t->allow_log(qr/setrlimit\(RLIMIT_NOFILE/) if $ENV{TEST_RESULTS_VALGRIND};


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}


# an example, with the test's own in place of what is the operator's; options:
# conninfo (of each store, in their order)
sub example {
    my ($name, $code, %opt) = @_;

    my $conf = slurp("$examples/$name");
    my @conninfo = @{ $opt{conninfo} || [] };

    $conf =~ s/^(?:pid|error_log|worker_processes)\s.*\n//mg;
    $conf =~ s/^\s+\w+_temp_path\s.*\n//mg;
    $conf =~ s/^load_module\s.*/%%GLOBALS%%/m;
    $conf =~ s/^http \{/http {\n    %%HTTP%%/m;

    $conf =~ s{/var/log/nginx/}{%%DIR%%/}g;
    $conf =~ s{/etc/nginx/tls/}{$t->dir . '/certs/'}ge;
    $conf =~ s/(listen\s+)(?:127\.0\.0\.1:)?(?:80|8080)\b/${1}127.0.0.1:%%PORT%%/g;
    $conf =~ s/(listen\s+)443\b/${1}127.0.0.1:$tls/g;
    $conf =~ s{(conninfo\s+)"[^"]*"}{
        $1 . '"' . (shift @conninfo // '%%CONNINFO%%') . '"'}gex;

    $done{$name}++;
    $nginx = $t->new_nginx(template => $conf);

    subtest $name => sub {
        my ($rc, $said) = $nginx->test;

        is($rc, 0, 'nginx -t accepts it');

        # nginx 1.22 knows no other way
        $said =~ s/.*"listen ... http2" directive is deprecated.*//;
        unlike($said, qr/\[(?:warn|error|alert|emerg)\]/, 'silently');

        $nginx->start;
        $code->($name =~ s/\.conf$//r);
        $nginx->quit;
    };
}


# a result is created through it, and stands in the table
sub created {
    my ($id, %opt) = @_;

    is($t->put($id, $t->result, %opt)->status, 201, 'a result is created');
    is($t->row($id)->{version}, 1, 'and stored');
}

sub has_status {
    is($t->request('GET', '/status')->status, 200, 'it has a status page');
}


for my $name (qw(minimal.conf demo.conf)) {
    example($name, sub {
        my ($id) = @_;

        created($id);
        has_status();
    });
}


example('demo.conf', sub {
    my $owner = $t->fixtures->institution;

    $pg->do("INSERT INTO results.person (institution_id, id, role)
             VALUES (?, 'report-owner', 'account_owner')", $owner);

    my $token = $t->token(person => 'report-owner', scopes => []);
    my $ids = join '&', map { sprintf 'enrollmentIds%%5B%%5D=%08d'
        . '-0000-4000-8000-000000000001', $_ } 1 .. 200;

    is($t->request('GET', "/learners/modules/results?$ids",
                   [Authorization => "Bearer $token"])->status, 200,
       'the report of 200 ids');
});


example('wse.conf', sub {
    my $student = 'e37e973c-f410-4ed5-9dfd-b1446441072b';

    $pg->do("INSERT INTO results.person (institution_id, id, role)
             VALUES (?, ?, 'student')", $t->fixtures->institution, $student);

    my $token = $t->token(person => $student, scopes => []);

    for my $path (qw(contentItemResult ContentItemResult contentitemresult
                     CONTENTITEMRESULT contentItemResult/))
    {
        my $response = $t->request('POST', "/$path", $t->headers(
            token => $token), $t->encode({ StudentId => $student,
                ContentItemId => 'af2f719c-f38a-4252-bf3a-c282ff6dbe80' }));

        is($response->status, 200, "POST /$path");
        ok($t->row($response->body =~ s/"//gr), 'is stored');
    }

    has_status();
});


Results::Test::Certs->new($t->dir . '/certs')
    ->sign('results.example.org', 'results.example.org');

example('tls.conf', sub {
    my ($id) = @_;

    my $token = $t->token;
    my $url = "https://results.example.org:$tls";
    my $body = $t->dir . '/body';

    open my $fh, '>', $body or die "$body: $!";
    print $fh $t->encode($t->result);
    close $fh;

    my $curl = sub {
        my ($rc, $text) = Results::Test::Process->run(['curl', '-sS', '-i',
            '--cacert', $t->dir . '/certs/ca.crt', '--resolve',
            "results.example.org:$tls:127.0.0.1", @_]);
        return $text;
    };

    my @put = ('-X', 'PUT', '-H', "Authorization: Bearer $token", '-H',
               'Content-Type: application/json', '-d', "\@$body",
               $url . $t->uri($id));

    my $said = $curl->(@put);
    like($said, qr{^HTTP/2 201}, 'a result is created, over HTTP/2');
    like($said, qr/^strict-transport-security: max-age/m,
         'and TLS asked for from now on');
    like($said, qr{"href":"https://results.example.org:$tls/},
         'what it refers to has TLS as well');
    is($t->row($id)->{version}, 1, 'and stored');

    is($t->put("$id-plain", $t->result)->status, 403, 'not without TLS');
    is($t->row("$id-plain"), undef, 'and nothing is stored');

    like($curl->("$url/ready"), qr/"status":"up"/, 'it is ready');

    # more than a second's share, sent at once
    my @many = map { ('-o', '/dev/null', "$url/oauth2/token") } 1 .. 40;
    my %status;
    $status{$_}++ for split /\n/, $curl->('-Z', '--no-progress-meter', '-w',
        '%{http_code}\n', '-d', 'grant_type=client_credentials', @many);

    cmp_ok($status{429} // 0, '>', 0, 'who tries secrets is slowed down');
    is($status{429} + ($status{401} // 0), 40, 'and has got none');

    my ($line) = wait_for(sub {
        my ($found) = grep { /"uri":"[^"]*$id"/ && /"status":201/ }
            split /^/, slurp("$nginx->{prefix}/results.log");
        return $found;
    });

    require JSON::PP;
    my $log = JSON::PP->new->decode($line);

    is($log->{outcome}, 'created', 'the log tells the outcome');
    is($log->{institution}, 'school', 'of whom');
    unlike(slurp("$nginx->{prefix}/results.log"), qr/\Q$token\E/,
           'and no token');
});


example('institutions.conf', sub {
    my ($id) = @_;

    my %token = map { $_ => $t->token(institution => "$_ School") }
        qw(North South);

    my $put = sub {
        my ($host, $token) = @_;

        return $t->put("$id-$token", $t->result, token => $token{$token},
                       more => [Host => "$host.example.org"])->status;
    };

    is($put->('north', 'North'), 201, "at one's own name");
    is($put->('south', 'South'), 201, 'also at the other');
    is($put->('north', 'South'), 403, "at the other's name");
    is($put->('east', 'North'), 421, 'at a name that nobody has');
    is($t->rows, 2 + $pg->value(q{SELECT count(*) FROM results.result
        WHERE id NOT LIKE 'institutions-%'}), 'nothing else is stored');
    is($t->request('GET', '/status', [Host => 'localhost'])->status, 200,
       'it has a status page');
});


my $standby = $t->standby('replica');

example('replica.conf', sub {
    my ($id) = @_;

    my @at = (more => [Host => 'reports.example.org']);
    my $read = sub {
        return $t->request('GET', $t->uri($id), $t->headers(@at));
    };

    created($id, more => [Host => 'results.example.org']);

    ok(wait_for(sub { $read->()->status == 200 }), 'the replica has it, too');
    is($read->()->json->{result}{sourcedId}, $id, 'it is the same');

    my ($there) = map { $_->{count} } @{ $standby->rows(q{
        SELECT count(*) FROM pg_stat_activity
        WHERE usename = 'results_gateway'}) };
    cmp_ok($there, '>', 0, 'which is read from the standby');

    is($t->put("$id-2", $t->result, @at)->status, 403,
       'nothing is written there');
    is($t->row("$id-2"), undef, 'and stored nowhere');
    unlike($nginx->log_text, qr/read-only/, 'the log has nothing against it');

}, conninfo => [undef, $standby->conninfo]);

# a store without writers, whatever the location lets pass
$nginx->set(template => $nginx->{template} =~ s/limit_except GET \{.*?\}//sr)
    ->start;
is($t->put('replica-3', $t->result,
           more => [Host => 'reports.example.org'])->status, 503,
   'a store without connections takes no writes');
is($t->row('replica-3'), undef, 'and has stored none');
$nginx->quit;

$standby->stop;


my $port = free_port();
my $dir = $t->dir . '/pgbouncer';
my $ini = slurp("$examples/pgbouncer/pgbouncer.ini");

mkdir $dir or die "$dir: $!";
chmod 0777, $dir;

$ini =~ s/^(results = host=)\S+/$1$pg->{run}/m;
$ini =~ s/^(unix_socket_dir = ).*/$1$dir/m;
$ini =~ s/^unix_socket_group = .*\n//m;
$ini =~ s/^(listen_port = ).*/$1$port/m;

open my $fh, '>', "$dir/pgbouncer.ini" or die $!;
print $fh $ini;
close $fh;

my $bouncer = Results::Test::Process->spawn(
    ['pgbouncer', "$dir/pgbouncer.ini"], user => 1, out => "$dir/log",
    deathsig => 'INT');
ok(wait_for(sub { -S "$dir/.s.PGSQL.$port" }), 'PgBouncer has started');

example('pgbouncer.conf', sub {
    my ($id) = @_;

    created($id);
    is($t->put($id, $t->result)->status, 200, 'and replaced');
    has_status();
    like(slurp("$dir/log"), qr/login attempt: db=results/, 'by PgBouncer');

}, conninfo => ["host=$dir port=$port dbname=results user=results_gateway"]);

$bouncer->end('INT', 20);


example('proxy.conf', sub {
    my ($id) = @_;

    created($id, more => ['X-Forwarded-For' => '198.51.100.7, 10.1.2.3']);

    ok(wait_for(sub {
        slurp("$nginx->{prefix}/access.log") =~ /^198\.51\.100\.7 .*$id/m;
    }), "the log has the client's address");

    like($t->put($id, $t->result, more => [Host => 'results.example.org'])
            ->json->{result}{lineItem}{href},
         qr{^https://results\.example\.org/ims/},
         "a link begins as the client's address does");

    is($t->request('GET', '/ready')->status, 200, 'the proxy sees it ready');
    has_status();
    is($t->request('GET', '/status',
                   ['X-Forwarded-For' => '198.51.100.7'])->status, 200,
       'the status is for who connects from here');
});


example('cors.conf', sub {
    my ($id) = @_;

    my $uri = $t->uri($id);
    my $origin = 'https://gradebook.example.org';
    my $allows = sub {
        return $_[0]->header('Access-Control-Allow-Origin');
    };

    my $preflight = $t->request('OPTIONS', $uri, [Origin => $origin,
        'Access-Control-Request-Method' => 'PUT',
        'Access-Control-Request-Headers' => 'authorization,content-type']);

    is($preflight->status, 204, 'a preflight needs no token');
    is($allows->($preflight), $origin, 'and lets the origin');
    like($preflight->header('Access-Control-Allow-Methods'), qr/\bPUT\b/,
         'PUT');
    like($preflight->header('Access-Control-Allow-Headers'),
         qr/Authorization, Content-Type/, 'with a token');

    created($id, more => [Origin => $origin]);

    my $refused = $t->request('GET', $uri, [Origin => $origin]);
    is($refused->status, 401, 'an error');
    is($allows->($refused), $origin, 'is shown as well');

    is($allows->($t->request('OPTIONS', $uri,
                             [Origin => 'https://example.net'])),
       undef, 'no other origin');
    has_status();
});


my @missing = grep { !$done{$_} } map { m{([^/]+)$} } glob "$examples/*.conf";
is("@missing", '', 'no example has been left out');
