#!/usr/bin/env perl

# The $results_... variables, as a log in JSON has them and as limit_req uses
# them.  None holds a token or text of a body.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use Digest::SHA qw(sha256_hex);
use JSON::PP;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;

# what passes the module and not the database
$pg->do(q{
    ALTER TABLE results.result ADD CONSTRAINT refuse
        CHECK (item_id <> 'refused')
});

my @NAMES = qw(results_api results_institution results_client results_subject
               results_outcome results_token results_token_key
               results_queue_time results_commit_time results_batch
               results_sqlstate results_error);

my $format = join ',', map { my $key = s/^results_//r; qq("$key":"\$$_") }
    @NAMES;

# the format that the examples show
my ($example) = Results::Test::Nginx::_slurp(
    $t->root . '/examples/tls.conf') =~ /^\s+(log_format .*?;)$/ms;

my $nginx = $t->nginx(
    store => 'connections 1; write_timeout 60s; read_timeout 60s;',
    http => qq{
        log_format vars escape=json
            '{"status":\$status,"uri":"\$request_uri",$format}';
        limit_req_zone \$results_token_key zone=limited:1m rate=1r/m;
        $example
    },
    server => q{
        access_log  access.log;
        access_log  vars.log vars;
        access_log  example.log results;

        location /limited/ {
            results_api  timeback;
            limit_req    zone=limited burst=1 nodelay;
        }

        location /redirected/ {
            results_api  timeback;
            error_page   401 =403 /denied;
        }

        location = /denied { return 403 "denied\n"; }
        location = /other { return 200 "other\n"; }
    });

my $log = "$nginx->{prefix}/vars.log";
my ($seen, $marks) = (0, 0);


sub log_lines { split /^/, Results::Test::Nginx::_slurp($log) }

# the lines of all that was asked before are there, and are not looked at
sub forget {
    my $mark = '/other?' . ++$marks;

    $t->request('GET', $mark);
    wait_for(sub { grep { /"\Q$mark\E"/ } log_lines() });
    $seen = log_lines();
}


# the line of the request that the code sends
sub logged {
    my ($code) = @_;

    my @lines;

    $code->();
    wait_for(sub { (@lines = log_lines()) > $seen });

    $seen = @lines;
    return decode_json($lines[-1]);
}


# that a line has these, and nothing else but what is a matter of time
sub has {
    my ($line, $name, %expected) = @_;

    my %is = map { $_ => $line->{$_} } grep { !/_time$|^batch$|^token_key$|^uri$/ }
        keys %$line;

    is_deeply(\%is, { (map { $_ => '' } qw(api institution client subject
              outcome token sqlstate error)), %expected }, $name);
}


my %api = (api => 'timeback');
my $client = $t->client;
my $token = $t->token(client => $client);
my %who = (%api, institution => 'school', client => $pg->value(
    'SELECT client_id FROM results.api_client WHERE id = ?', $client));


subtest 'writes' => sub {
    my $line = logged(sub { $t->put('r1', $t->result, token => $token) });

    has($line, 'the first', %who, status => 201, outcome => 'created',
        token => 'MISS');
    is($line->{token_key}, substr(sha256_hex($token), 0, 16),
       'a part of the digest of the token');
    is($line->{batch}, 1, 'a batch of one');
    like($line->{queue_time}, qr/^\d+\.\d{6}$/, 'queue_time: seconds');
    like($line->{commit_time}, qr/^\d+\.\d{6}$/, 'commit_time: seconds');
    cmp_ok($line->{commit_time}, '>', 0, 'a commit takes time');
    cmp_ok($line->{commit_time}, '<', 60, 'and not that much');

    has(logged(sub { $t->put('r1', $t->result, token => $token) }),
        'again', %who, status => 200, outcome => 'updated', token => 'HIT');

    is($t->row('r1')->{version}, 2, 'as it is stored');
};


subtest 'a batch' => sub {
    my @clients = map { $t->http } 0 .. 4;

    $pg->with_lock('results.result', 'SHARE', sub {
        $clients[0]->send($t->put_request('first', $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";

        $clients[$_]->send($t->put_request("b$_", $t->result)) for 1 .. 4;
        wait_for(sub { $t->status->{queue}{rows} == 4 })
            or die "nothing is queued\n";
    });

    $_->response('PUT') for @clients;

    forget();

    my @lines = grep { $_->{outcome} eq 'created' } map { decode_json($_) }
        log_lines();

    is_deeply([map { $_->{batch} } @lines[-4 .. -1]], [4, 4, 4, 4],
              'of four');
    cmp_ok($lines[-1]{queue_time}, '>', 0, 'they waited');
    is_deeply([grep { $_->{commit_time} ne $lines[-1]{commit_time} }
               @lines[-4 .. -1]], [], 'for one commit');
};


subtest 'a person' => sub {
    $pg->do(q{INSERT INTO results.person (institution_id, id, role)
              VALUES (?, 'person-7', 'staff')}, $t->fixtures->institution);

    my $person = $t->token(person => 'person-7');

    has(logged(sub { $t->put('r1', $t->result, token => $person) }),
        'whom the token acts for', %api, institution => 'school',
        client => $pg->value(q{SELECT client_id FROM results.api_client
                               WHERE person_id = 'person-7'}),
        subject => 'person-7', status => 200, outcome => 'updated',
        token => 'MISS');
};


subtest 'refusals' => sub {
    my $unknown = 'u' x 43;

    has(logged(sub { $t->put('r1', $t->result, token => $unknown) }),
        'an unknown token', %api, status => 401, outcome => 'unauthorized',
        token => 'MISS', error => 'token_unknown');
    has(logged(sub { $t->put('r1', $t->result, token => $unknown) }),
        'known as such', %api, status => 401, outcome => 'unauthorized',
        token => 'NEGATIVE', error => 'token_unknown');

    my $none = logged(sub { $t->put('r1', $t->result, token => undef) });
    has($none, 'none', %api, status => 401, outcome => 'unauthorized',
        error => 'token_missing');
    is($none->{token_key}, '', 'and no key');

    has(logged(sub { $t->put('r1', $t->result, token => '!') }),
        'a malformed one', %api, status => 401, outcome => 'unauthorized',
        error => 'token_malformed');

    my $reader = $t->token(client => $client,
                           scopes => [$t->scope('gradebook.readonly')]);
    has(logged(sub { $t->put('r1', $t->result, token => $reader) }),
        'a scope is missing', %who, status => 403, outcome => 'forbidden',
        token => 'MISS', error => 'scope');

    has(logged(sub { $t->put('r1', $t->result(score => 'x'),
                             token => $token) }),
        'a wrong body', %who, status => 422, outcome => 'invalid',
        token => 'HIT', error => 'invalid');

    has(logged(sub { $t->put('r1', $t->result, token => $token,
                             more => ['If-Match' => '"x"']) }),
        'a precondition', %who, status => 412,
        outcome => 'precondition_failed', token => 'HIT',
        error => 'precondition');

    has(logged(sub { $t->put('r1', 'x', token => $token,
                             type => 'text/plain') }),
        'a wrong type', %who, status => 415, outcome => 'invalid',
        token => 'HIT', error => 'media_type');

    has(logged(sub { $t->put('r2',
                             $t->result(lineItem => { sourcedId => 'refused' }),
                             token => $token) }),
        'by the database', %who, status => 422, outcome => 'refused',
        token => 'HIT', sqlstate => '23514', error => 'refused');

    is($t->row('r2'), undef, 'and nothing is stored');
};


subtest 'a redirect to another location' => sub {
    my $before = $t->status->{apis}{timeback}{requests}{forbidden};
    forget();

    has(logged(sub { $t->request('PUT', '/redirected/results/r1',
                                 $t->headers(token => 'v' x 43), '{}') }),
        'is the API\'s request still', %api, status => 403,
        outcome => 'forbidden', token => 'MISS', error => 'token_unknown');

    is($t->status->{apis}{timeback}{requests}{forbidden}, $before + 1,
       'and counted as that');
};


subtest 'limit_req by token' => sub {
    my ($one, $two) = map { $t->token(client => $client) } 1 .. 2;

    my @statuses = map {
        my $by = $_;
        $t->request('PUT', '/limited/results/r1', $t->headers(token => $by),
                    $t->encode($t->result))->status
    } $one, $one, $one, $two, $two, $two;

    is_deeply(\@statuses, [200, 200, 503, 200, 200, 503],
              'each token has its own share');

    @statuses = map {
        $t->request('PUT', '/limited/results/r1', $t->headers(token => undef),
                    '{}')->status
    } 1 .. 4;

    is_deeply(\@statuses, [(401) x 4], 'who has none gets a 401');
};


subtest 'elsewhere' => sub {
    forget();
    my $line = logged(sub { $t->request('GET', '/other',
                                        $t->headers(token => $token)) });

    has($line, 'no API, no values', status => 200);
    is($line->{token_key}, substr(sha256_hex($token), 0, 16),
       'but for the key');
};


subtest 'a database that is away' => sub {
    $pg->stop('fast');

    # the first may wait for it
    my $line;
    wait_for(sub {
        $line = logged(sub {
            my $c = $t->http;
            $c->send($t->put_request('away', $t->result, token => $token));
            wait_for(sub { !$c->silent }, timeout => 3);
            $c->close;
        });
        return $line->{status} == 503;
    }, timeout => 20);

    has($line, 'the token is known, the store away', %who, status => 503,
        outcome => 'unavailable', token => 'HIT', error => 'store_away');

    $pg->start;
};


my $text = Results::Test::Nginx::_slurp($log);
my $secrets = join '|', $t->fixtures->marker, $t->fixtures->tokens;

unlike($text, qr/$secrets/, 'no token and no text of a body');


subtest 'the log of examples/tls.conf' => sub {
    my $text = Results::Test::Nginx::_slurp("$nginx->{prefix}/example.log");
    my @lines = map { eval { decode_json($_) } } split /\n/, $text;

    is(scalar @lines, scalar(() = $text =~ /\n/g), 'every line is JSON');
    is($lines[0]{outcome}, 'created', 'the first request');
    is($lines[0]{client}, $who{client}, 'and who sent it');
    is($lines[0]{uri}, $t->uri("r1"), "where to");
    unlike($text, qr/$secrets/, 'no token and no text of a body');
};
