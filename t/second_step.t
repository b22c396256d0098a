#!/usr/bin/env perl

# A request that has waited for its first step waits for the second, too: while
# there has been no writer for two seconds, who comes is told so at once, and a
# PATCH that has read already is not.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;
my $gateway = $pg->gateway;
my $uri = "$Results::Test::BASE/assessmentResults/patched";

$pg->no_timeouts;
$t->nginx(store => 'write_timeout 60s; read_timeout 60s;');

is($t->request('PUT', $uri, $t->headers, $t->encode({ assessmentResult => {
    assessmentLineItem => { sourcedId => 'item' },
    student => { sourcedId => 'student' }, scoreStatus => 'fully graded',
    scoreDate => '2026-03-02', score => 1 } }))->status, 201, 'there is one');

my $http = $t->http;
my $new;

$pg->with_lock('results.result', 'ACCESS EXCLUSIVE', sub {
    $http->send($http->format('PATCH', $uri, $t->headers,
        $t->encode({ assessmentResult => { score => 2 } })));
    ok($pg->wait_for_blocked(1), 'it reads');

    # the writers go, and none comes
    $pg->do("ALTER ROLE $gateway CONNECTION LIMIT 0");
    $pg->do(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE usename = ? AND wait_event_type IS DISTINCT FROM 'Lock'},
            $gateway);

    ok(wait_for(sub {
        $new = $t->http;
        $new->send($t->put_request('new', $t->result));
        return 0 if !wait_for(sub { !$new->silent }, timeout => 1);
        $new = $new->response('PUT');
    }), 'who comes now is answered at once');
    is($new->status, 503, 'by 503');
    like($new->json->{imsx_description}, qr/the database is away/, 'and why');
});

my $away = $t->status->{away};

ok(wait_for(sub { $t->status->{queue}{rows} > 0 || !$http->silent }),
   'the read is done');
ok($http->silent, 'and its write waits');
is($t->status->{away}, $away, 'as nobody is told that the database is away');

$pg->do("ALTER ROLE $gateway CONNECTION LIMIT -1");

is($http->response('PATCH')->status, 200, 'until there is a writer again');
is($t->row('patched')->{score}, 2, 'stored');
