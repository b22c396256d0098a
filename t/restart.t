#!/usr/bin/env perl

# PostgreSQL is restarted, or the network breaks: while nothing happens, with
# writes in flight, under load.  Requests get slower; none is lost or doubled.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;
my $proxy = $t->proxy;
my $slow = $ENV{TEST_RESULTS_VALGRIND};

$pg->no_timeouts;

my $store = 'connections 1; write_timeout 30s; read_timeout 30s;';

$t->nginx(store => $store);


for my $how (qw(fast immediate kill)) {
    subtest "restarted $how, idle" => sub {
        is($t->put("idle-$how", $t->result)->status, 201, 'before');
        $pg->restart($how);
        is($t->put("idle-$how", $t->result)->status, 200, 'after');
        is($t->row("idle-$how")->{version}, 2, 'nothing was doubled');
    };

    subtest "restarted $how, a write in flight and one queued" => sub {
        my ($sent, $queued) = map { $t->http } 1 .. 2;

        # the lock ends with the server
        my $lock = $pg->connect;
        $lock->begin_work;
        $lock->do('LOCK TABLE results.result IN SHARE MODE');

        $sent->send($t->put_request("sent-$how", $t->result));
        ok($pg->wait_for_blocked(1), 'one is in flight');

        $queued->send($t->put_request("queued-$how", $t->result));
        ok(wait_for(sub { $t->status->{queue}{rows} >= 1 }), 'one is queued');

        $pg->stop($how);
        eval { $lock->disconnect };
        $pg->start;

        is($_->response('PUT')->status, 201, 'created') for $sent, $queued;
        is($t->row("$_-$how")->{version}, 1, "$_: stored once")
            for qw(sent queued);
    };
}


subtest 'the answer to a commit is lost' => sub {
    my $c = $t->http;

    $t->put('warm', $t->result);
    $proxy->stall('down');
    $c->send($t->put_request('lost', $t->result));

    ok(wait_for(sub { $t->row('lost') }), 'it is committed');
    ok($c->silent, 'and nobody knows');

    $proxy->reset;
    $proxy->pass;

    is($c->response('PUT')->status, 201, 'created, as it was');
    is($t->row('lost')->{version}, 1, 'and once');
    cmp_ok($t->status->{groups}{rerun}, '>=', 1, 'it was run again');
};


# The one whose answer is lost is older, and stays so when it is run again.
# Where nothing tells that it was stored it is not written above the other.
for my $history ('true', 'false') {
    subtest "another client writes meanwhile; history: $history" => sub {
        $t->{nginx}->set(store => 'connections 2; write_timeout 30s;');
        $t->{nginx}->reload(wait => 1);
        $pg->do("UPDATE results.institution SET keep_history = $history");

        my $c = $t->http;
        my $id = "meanwhile-$history";

        $t->put('warm', $t->result);
        $proxy->hold('down');
        $c->send($t->put_request($id, $t->result(score => 1)));

        ok(wait_for(sub { $t->row($id) }), 'one is committed');
        is($t->put($id, $t->result(score => 2))->status, 200,
           'another replaces it');
        ok($c->silent, 'and the first is not answered yet');

        $proxy->reset;
        $proxy->pass;

        my $response = $c->response('PUT');

        if ($history eq 'true') {
            is($response->status, 201, 'created, as it was');

        } else {
            is($response->status, 503, 'it is not known');
            like($response->body, qr/outcome unknown; the same request may/,
                 'whether it was stored');
        }

        my $row = $t->row($id);

        is($row->{score}, 2, 'the other one stays');
        is($row->{version}, 2, 'and nothing was doubled');
    };
}

$pg->do('UPDATE results.institution SET keep_history = true');
$t->{nginx}->set(store => $store);
$t->{nginx}->reload(wait => 1);


subtest 'the statement is cut in the middle' => sub {
    for my $n (1, 100, 300) {
        my $c = $t->http;

        $t->put('warm', $t->result);
        $proxy->cut_after('up', $n);

        is($t->put("cut-$n", $t->result)->status, 201,
           "after $n bytes: created");
        is($t->row("cut-$n")->{version}, 1, 'and once');
    }
};


subtest 'its answer is cut in the middle' => sub {
    for my $n (1, 30, 60) {
        $t->put('warm', $t->result);
        $proxy->cut_after('down', $n);

        is($t->put("cut-down-$n", $t->result)->status, 201,
           "after $n bytes: created");
        is($t->row("cut-down-$n")->{version}, 1, 'and once');
        $proxy->pass;
    }
};


subtest 'byte by byte' => sub {
    $proxy->pieces(1);
    is($t->put('bytes', $t->result)->status, 201, 'created');

    $proxy->cut;
    is($t->put('bytes', $t->result)->status, 200,
       'connected and replaced');
    $proxy->pass;
};


subtest 'restarted under load' => sub {
    my $n = $slow ? 200 : 3000;
    my @requests = map { $t->put_request("load-$_", $t->result) } 1 .. $n;
    my $done = 0;

    my @responses = $t->many(\@requests, connections => 32, each => sub {
        $pg->restart('immediate') if ++$done == $n / 2;
    });

    my @again = grep { !$responses[$_] || $responses[$_]->status != 201 }
        0 .. $#requests;
    my @odd = grep { $responses[$_] && $responses[$_]->status != 503 } @again;

    is(scalar @odd, 0, 'every answer is a 201 or a 503');
    cmp_ok(scalar @again, '<', $n / 4, 'and most are a 201');

    my @second = $t->many([@requests[@again]]);

    is(scalar(grep { !$_ || $_->status / 100 >= 3 } @second), 0,
       'what was a 503 is stored when it is sent again');
    is($pg->value(q{SELECT count(*) FROM results.result
                    WHERE id LIKE 'load-%'}), $n, 'every row is there');
};


subtest 'away at the start' => sub {
    my $nginx = $t->{nginx};

    $proxy->refuse;
    $proxy->cut;
    $nginx->set(store => 'write_timeout 1s; read_timeout 1s;');
    $nginx->quit;
    $nginx->start;

    my $response = $t->put('away', $t->result);

    is($response->status, 503, 'a 503');
    ok($response->header('Retry-After'), 'with Retry-After');

    $proxy->pass;

    ok(wait_for(sub { $t->put('away', $t->result)->status == 201 }),
       'and 201 when it is there');
};
