#!/usr/bin/env perl

# However many requests bring a token at once, PostgreSQL is asked once; and
# tokens that arrive together are asked for together.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Http;

my $t = Results::Test->new;
my $pg = $t->pg;

$pg->no_timeouts;
$t->nginx(zone => 'tokens:1m ttl=1h',
          store => 'read_timeout 60s; write_timeout 60s;');

my $n = $ENV{TEST_RESULTS_VALGRIND} ? 300 : 10000;


sub lookups { $pg->calls('%lookup_tokens%') }


subtest "$n requests with one token" => sub {
    my $request = $t->put_request('r', $t->result);

    # a connection tries its statements when it is new: not counted here
    $t->put('warm', $t->result, token => 'x' x 43);
    my $before = lookups();

    my @statuses = map { $_ ? $_->status : 0 }
        $t->many([($request) x $n], connections => 64);

    is(scalar(grep { $_ == 200 || $_ == 201 } @statuses), $n, 'all served');
    is(scalar(grep { $_ == 201 } @statuses), 1, 'one created');
    is(lookups() - $before, 1, 'one lookup by pg_stat_statements');
    is($t->status->{tokens}{lookups}, 2, 'and by results_status');
    is($t->row('r')->{version}, $n, 'every request was a write');
};


subtest 'requests that wait for a lookup' => sub {
    my @same = map { $t->http } 1 .. 20;
    my @others = map { $t->http } 1 .. 5;
    my $token = $t->token(client => $t->client);
    my $before = lookups();

    $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
        my $i = 0;

        $_->send($t->put_request('w' . $i++, $t->result, token => $token))
            for @same;
        ok($pg->wait_for_blocked(1), 'the lookup waits for a lock');

        $_->send($t->put_request('w' . $i++, $t->result,
                                 token => sprintf 'unknown%036d', $i))
            for @others;

        is(scalar(grep { !$_->silent } @same, @others), 0,
           'nobody has an answer');
    });

    is_deeply([map { $_->response('PUT')->status } @same], [(201) x 20],
              'one token: all served');
    is_deeply([map { $_->response('PUT')->status } @others], [(401) x 5],
              'the unknown: all refused');
    cmp_ok(lookups() - $before, '<=', 6, 'few queries');
    is($t->status->{tokens}{lookups}, 8, 'one lookup a token');
};
