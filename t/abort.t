#!/usr/bin/env perl

# Clients that leave: before their row was sent it is dropped, after that it
# is stored; and nothing of it is felt by others.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

$pg->no_timeouts;
$t->nginx(store => 'connections 1; readers 2; write_timeout 60s; '
          . 'read_timeout 60s;');


sub aborted { $t->status->{requests}{aborted} }

sub wait_for_aborted {
    my ($n) = @_;
    ok(wait_for(sub { aborted() >= $n }), 'nginx has noticed');
}


for my $how ('reset', 'close') {
    subtest "while its row is in flight, and while it is queued: $how" => sub {
        my $before = aborted();
        my ($sent, $queued, $stays) = map { $t->http } 1 .. 3;

        $t->put('warm', $t->result);

        $pg->with_lock('results.result', 'SHARE', sub {
            $sent->send($t->put_request("$how-sent", $t->result));
            ok($pg->wait_for_blocked(1), 'one is in flight');

            $queued->send($t->put_request("$how-queued", $t->result));
            $stays->send($t->put_request("$how-stays", $t->result));
            ok(wait_for(sub { $t->status->{queue}{rows} >= 2 }),
               'two are queued');

            $sent->$how;
            $queued->$how;
            wait_for_aborted($before + 2);
        });

        is($stays->response('PUT')->status, 201, 'who stays is answered');
        ok($t->row("$how-sent"), 'what was sent is stored');
        ok(!$t->row("$how-queued"), 'what was not is not');
    };
}

cmp_ok($t->status->{rows_orphaned}, '>=', 2, 'rows of the gone are counted');


subtest 'while its token is looked up' => sub {
    my $before = aborted();
    my $token = $t->token(client => $t->client);
    my ($leaves, $stays) = map { $t->http } 1 .. 2;

    $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
        $_->send($t->put_request('looked-up', $t->result, token => $token))
            for $leaves, $stays;
        ok($pg->wait_for_blocked(1), 'the lookup is in flight');

        $leaves->reset;
        wait_for_aborted($before + 1);
    });

    is($stays->response('PUT')->status, 201, 'who stays is answered');

    $before = aborted();
    $token = $t->token(client => $t->client);
    my $alone = $t->http;

    $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
        $alone->send($t->put_request('alone', $t->result, token => $token));
        ok($pg->wait_for_blocked(1), 'the lookup is in flight');
        $alone->reset;
        wait_for_aborted($before + 1);
    });

    is($t->put('alone2', $t->result, token => $token)->status, 201,
       'the last one that waited has gone: the next one is served');
    ok(!$t->row('alone'), 'and the first wrote nothing');
};


# readers are two, and reads leave one of them to lookups
subtest 'while its lookup or its read waits for a reader' => sub {
    my $asked = sub { $t->status->{tokens}{lookups} };
    my @tokens = map { $t->token(client => $t->client) } 1 .. 3;
    my $before = aborted();
    my $lookups = $asked->();
    my ($leaves, @stay) = map { $t->http } @tokens;

    $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
        for my $i (0, 1) {
            $stay[$i]->send($t->put_request("reader-$i", $t->result,
                                            token => $tokens[$i]));
            ok($pg->wait_for_blocked($i + 1), 'a lookup is in flight');
        }

        $leaves->send($t->put_request('reader-2', $t->result,
                                      token => $tokens[2]));
        ok(wait_for(sub { $asked->() == $lookups + 3 }), 'a third one waits');
        $leaves->reset;
        wait_for_aborted($before + 1);
    });

    is($_->response('PUT')->status, 201, 'who stays is answered') for @stay;
    ok(!$t->row('reader-2'), 'and who left wrote nothing');

    my @get = ('GET', $t->uri('reader-0'), $t->headers(type => undef));
    my $bytes = Results::Test::Http->format(@get);

    $before = aborted();
    ($leaves, @stay) = map { $t->http } 1 .. 2;

    $pg->with_lock('results.result', 'ACCESS EXCLUSIVE', sub {
        $stay[0]->send($bytes);
        ok($pg->wait_for_blocked(1), 'a read is in flight');

        $leaves->send($bytes);
        is($t->put('unknown', $t->result, token => 'x' x 43)->status, 401,
           'a later lookup is answered: the next read waits');
        $leaves->reset;
        wait_for_aborted($before + 1);
    });

    is($stay[0]->response('GET')->status, 200, 'who stays is answered');
    is($t->request(@get)->status, 200, 'and who comes');
};


# nginx's own way: who has nothing more to send is taken for gone
subtest 'a client that closes its half of the connection' => sub {
    my $before = aborted();
    my $half = $t->http;

    $pg->with_lock('results.result', 'SHARE', sub {
        $half->send($t->put_request('half', $t->result));
        ok($pg->wait_for_blocked(1), 'its request is in flight');
        shutdown $half->{socket}, 1;
        wait_for_aborted($before + 1);
        ok(!$half->response('PUT'), 'it gets no answer');
    });

    ok(wait_for(sub { $t->row('half') }), 'its result may be stored');
    is($t->put('half', $t->result)->status, 200,
       'and the same request again is answered');
};


subtest 'anywhere in a request' => sub {
    my $request = $t->put_request('anywhere', $t->result);

    for (my $n = 1; $n < length $request; $n += 23) {
        my $c = $t->http;
        $c->send(substr $request, 0, $n);
        $n % 2 ? $c->reset : $c->close;
    }

    is($t->put('somewhere', $t->result)->status, 201, 'nginx goes on');
    ok(!$t->row('anywhere'), 'half a request writes nothing');
};


subtest 'a storm' => sub {
    my $n = $ENV{TEST_RESULTS_VALGRIND} ? 50 : 500;

    for my $i (1 .. $n) {
        my $c = $t->http;
        $c->send($t->put_request("storm-$i", $t->result));
        $i % 3 ? $c->reset : $c->close;
    }

    is($t->put('after', $t->result)->status, 201, 'nginx goes on');
    ok(wait_for(sub {
        my $status = $t->status;
        !$status->{queue}{rows} && !$status->{connections}{busy};
    }), 'and comes to rest');
    is($t->status->{queue}{bytes}, 0, 'with an empty queue');
};
