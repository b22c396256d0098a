#!/usr/bin/env perl

# How a worker leaves: what it has taken is answered, whatever holds it up is
# bounded, and no session stays behind.  The end of this file checks the log
# for "open socket left".

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Http2;
use Results::Test::Wait qw(patience);
use Time::HiRes ();

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;

$pg->no_timeouts;

my $store = 'connections 1; readers 1; write_timeout 60s; read_timeout 60s;';
my $nginx = $t->nginx(store => $store, http2 => 1);


# the workers of now have been asked to leave
sub wait_for_exiting {
    my (@pids) = @_;

    for my $pid (@pids) {
        wait_for(sub { $nginx->shuts_down($pid) })
            or die "worker $pid does not leave\n";
    }
}


# one write in flight and one queued; then the code, and both clients
sub with_writes {
    my ($name, $code) = @_;

    my ($sent, $queued) = map { $t->http } 1 .. 2;

    $t->put("$name-warm", $t->result);

    $pg->with_lock('results.result', 'SHARE', sub {
        $sent->send($t->put_request("$name-sent", $t->result));
        $pg->wait_for_blocked(1) or die "nothing is in flight\n";
        $queued->send($t->put_request("$name-queued", $t->result));
        wait_for(sub { $t->status->{queue}{rows} >= 1 })
            or die "nothing is queued\n";

        $code->($sent, $queued);
    });

    return ($sent, $queued);
}


sub is_stored {
    my (@ids) = @_;
    is(($t->row($_) || {})->{version}, 1, "$_ is stored, once") for @ids;
}


# the answer of a client, which then leaves: nginx would linger for it
sub answer {
    my ($client) = @_;

    my $response = $client->response('PUT');
    $client->close;
    return $response;
}


# seconds that the code took, less where a checker makes everything slow
sub seconds {
    my ($code) = @_;

    my $began = Time::HiRes::time();
    $code->();
    return (Time::HiRes::time() - $began) / patience(1);
}


subtest 'QUIT with nothing to do' => sub {
    $t->put('idle', $t->result);
    ok($pg->gateway_sessions, 'there are sessions');

    my $seconds = seconds(sub { is($nginx->quit, 0, 'exits with 0') });

    cmp_ok($seconds, '<', 3, 'at once');
    ok(wait_for(sub { !$pg->gateway_sessions }), 'and none is left');
    $nginx->start;
};


subtest 'QUIT with a write in flight and one queued' => sub {
    my @clients = with_writes('quit', sub {
        my @pids = $nginx->worker_pids;
        $nginx->signal('QUIT');
        wait_for_exiting(@pids);
        ok($_->silent, 'not answered yet') for @_;
    });

    is(answer($_)->status, 201, 'created') for @clients;
    is($nginx->quit, 0, 'exits with 0');
    is_stored('quit-sent', 'quit-queued');
    $nginx->start;
};


subtest 'HUP with a write in flight and one queued' => sub {
    my @old = $nginx->worker_pids;

    my @clients = with_writes('hup', sub {
        $nginx->reload;
        wait_for_exiting(@old);
        ok($_->silent, 'not answered yet') for @_;
    });

    is(answer($_)->status, 201, 'created') for @clients;
    is_stored('hup-sent', 'hup-queued');
    ok(wait_for(sub { !Results::Test::Process::alive(@old) }),
       'the old worker is gone');
};


subtest 'HUP with an HTTP/2 stream in flight' => sub {
    my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
    my @old = $nginx->worker_pids;
    my $id;

    $t->put('h2-warm', $t->result);

    $pg->with_lock('results.result', 'SHARE', sub {
        $id = $h2->open('PUT', $t->uri('h2'), $t->headers,
                        $t->encode($t->result));
        ok($pg->wait_for_blocked(1), 'it is in flight');
        $nginx->reload;
        wait_for_exiting(@old);
    });

    is($h2->response($id)->status, 201, 'created');
    $h2->close;
    is_stored('h2');
    ok(wait_for(sub { !Results::Test::Process::alive(@old) }),
       'the old worker is gone');
};


# (name, table that its statement waits for, request)
my @reads = (
    ['a read', 'results.result', sub {
        Results::Test::Http->format('GET', $t->uri('warm'),
                                    $t->headers(type => undef));
    }],
    ['a token lookup', 'results.access_token', sub {
        $t->put_request('looked-up', $t->result,
                        token => $t->token(client => $t->client));
    }],
);

for (@reads) {
    my ($name, $table, $request) = @$_;

    subtest "HUP with $name in flight" => sub {
        my @old = $nginx->worker_pids;
        my $c = $t->http;
        my $bytes = $request->();

        $t->put('warm', $t->result);

        $pg->with_lock($table, 'ACCESS EXCLUSIVE', sub {
            $c->send($bytes);
            ok($pg->wait_for_blocked(1), 'it is in flight');
            $nginx->reload;
            wait_for_exiting(@old);
        });

        is(answer($c)->status / 100 | 0, 2, 'it is answered');
        ok(wait_for(sub { !Results::Test::Process::alive(@old) }),
           'the old worker is gone');
    };

    subtest "worker_shutdown_timeout with $name in flight" => sub {
        $nginx->set(globals => 'worker_shutdown_timeout  1s;');
        $nginx->reload(wait => 1);

        my @old = $nginx->worker_pids;
        my $c = $t->http;
        my $bytes = $request->();

        $t->put('warm', $t->result);

        $pg->with_lock($table, 'ACCESS EXCLUSIVE', sub {
            $c->send($bytes);
            ok($pg->wait_for_blocked(1), 'it is in flight');
            $nginx->reload;
            ok(wait_for(sub { !Results::Test::Process::alive(@old) }),
               'the worker leaves all the same');
        });

        my $response = answer($c);
        is($response ? $response->status : 503, 503, 'without an answer');

        $nginx->set(globals => '');
        $nginx->reload(wait => 1);
    };
}


# the connections to PostgreSQL are closed by then, and opened again
for my $part ('head', 'body') {
    subtest "HUP while a request's $part arrives" => sub {
        my $token = $t->token(client => $t->client);
        my $request = $t->put_request("half-$part", $t->result,
                                      token => $token);
        my $n = $part eq 'head' ? 40 : length($request) - 10;
        my @old = $nginx->worker_pids;

        # where the body is missing, the token has been looked up
        my $c = $t->http;
        $c->send(substr $request, 0, $n);
        ok(wait_for(sub { $t->status->{tokens}{lookups} }), 'begun')
            if $part eq 'body';
        $t->put("half-$part-warm", $t->result);

        $nginx->reload;
        wait_for_exiting(@old);
        my $new = $pg->gateway_sessions;

        $c->send(substr $request, $n);
        is(answer($c)->status, 201, 'created');
        is_stored("half-$part");
        ok(wait_for(sub { !Results::Test::Process::alive(@old) }),
           'the old worker is gone');
    };
}


subtest 'an old worker that stays keeps no session' => sub {
    my $c = $t->http;
    my ($head) = $t->put_request('slow', $t->result) =~ /^(.*\r\n\r\n)/s;
    my @old = $nginx->worker_pids;

    my $c2 = $t->http;
    my $request = $t->put_request('stays', $t->result,
                                  token => $t->token(client => $t->client));

    $t->put('warm', $t->result);
    $c->send($head);
    $c2->send(substr $request, 0, 40);

    $nginx->reload;
    wait_for_exiting(@old);

    $c2->send(substr $request, 40);
    is(answer($c2)->status, 201, 'it still serves');

    # one writer and one reader of the new worker
    ok(wait_for(sub { $pg->gateway_sessions <= 2 }),
       'and has no session afterwards');

    is(scalar(Results::Test::Process::alive(@old)), 1, 'while it is there');
    $c->close;
    ok(wait_for(sub { !Results::Test::Process::alive(@old) }),
       'it goes with its client');
};


subtest 'worker_shutdown_timeout' => sub {
    $nginx->set(globals => 'worker_shutdown_timeout  1s;');
    $nginx->reload(wait => 1);

    my @answers;

    my @clients = with_writes('timeout', sub {
        my @clients = @_;
        my @pids = $nginx->worker_pids;

        my $seconds = seconds(sub {
            $nginx->signal('QUIT');
            wait_for(sub { !Results::Test::Process::alive(@pids) });
        });

        cmp_ok($seconds * patience(1), '>=', 0.9, 'the worker waits');
        cmp_ok($seconds, '<', 4, 'and no longer than it may');

        @answers = map { answer($_) } @clients;
        ok(wait_for(sub { !$pg->gateway_sessions }), 'no session is left');
    });

    # nginx may close a client before the store tells
    ok(!grep({ $_ && $_->status != 503 } @answers), 'clients get 503');

    is($nginx->quit, 0, 'exits with 0');
    ok(!$t->row('timeout-queued'), 'what was queued is not stored');
    $nginx->set(globals => '');
    $nginx->start;

    is($t->put("timeout-$_", $t->result)->status / 100 | 0, 2, "$_ again")
        for qw(sent queued);
};


subtest 'TERM with a write in flight and one queued' => sub {
    my @answers;

    with_writes('term', sub {
        my @clients = @_;

        my $seconds = seconds(sub { is($nginx->stop, 0, 'exits with 0') });

        cmp_ok($seconds, '<', 3, 'at once');
        @answers = map { answer($_) } @clients;
        ok(wait_for(sub { !$pg->gateway_sessions }), 'no session is left');
    });

    ok(!grep({ $_ && $_->status < 300 } @answers), 'nobody is told a 2xx');
    $nginx->start;
    is($t->put("term-$_", $t->result)->status / 100 | 0, 2, "$_ again")
        for qw(sent queued);
};


subtest 'QUIT while PostgreSQL is away, or hangs' => sub {
    $t->put('away', $t->result);
    $pg->stop;

    my $seconds = seconds(sub { is($nginx->quit, 0, 'away: exits with 0') });
    cmp_ok($seconds, '<', 2, 'at once');

    $pg->start;
    $pg->signal('STOP');
    $nginx->start;

    $seconds = seconds(sub { is($nginx->quit, 0, 'hangs: exits with 0') });
    cmp_ok($seconds, '<', 2, 'at once');

    $pg->signal('CONT');
    $nginx->start;
};


subtest 'QUIT while requests wait for a PostgreSQL that is away' => sub {
    $nginx->quit;
    $nginx->set(store => 'connections 1; readers 1; write_timeout 1s;');
    $nginx->start;
    $t->put('gone', $t->result);
    $pg->stop('immediate');

    my $c = $t->http;
    $c->send($t->put_request('gone', $t->result));
    ok(wait_for(sub { $t->status->{queue}{rows} >= 1 }), 'one waits');

    my $seconds = seconds(sub {
        $nginx->signal('QUIT');
        is(answer($c)->status, 503, 'it is told');
        is($nginx->quit, 0, 'exits with 0');
    });

    cmp_ok($seconds, '<', 3, 'after write_timeout');

    $pg->start;
    $nginx->start;
    is($t->put('gone', $t->result)->status, 200, 'and sends it again');
};
