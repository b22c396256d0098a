#!/usr/bin/env perl

# Hostile clients: they leave at every byte of a request, and after it; they
# send slowly, by the thousand; they never read; they reset HTTP/2 streams as
# fast as they can.  Nobody else notices, and what they sent is stored once or
# not at all.

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Results::Checker;
use Results::Test;
use Results::Test::Http2;
use Time::HiRes qw(sleep);

my $SLOW = 2000;

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;

my $nginx = $t->nginx(workers => 2, connections => 4096, http2 => 1,
    log => 'notice', globals => 'worker_rlimit_nofile  10000;',
    server => Results::Checker->server);


# Waits until nothing is left of the clients.  When the checker has finished:
# while others write, that moment need never come.
sub gone {
    ok(wait_for(sub {
        my $status = $t->status;
        $status->{queue}{rows} == 0 && $status->{connections}{busy} == 0;
    }), 'nothing is queued, and nothing in flight');
}


for my $how (qw(close reset)) {
    subtest "leave at every byte of a request: $how" => sub {
        my $checker = Results::Checker->start($t);
        my $n = length $t->put_request("$how-0", $t->result);
        my $whole = 0;

        $checker->flows;

        for my $i (1 .. $n + 3) {
            my $bytes = $t->put_request("$how-$i", $t->result);
            my $http = $t->http;

            $http->send(substr $bytes, 0, $i);
            $whole++ if $i >= length $bytes;
            $http->$how;
        }

        my $report = $checker->finish("clients leave at every byte: $how");

        is($report->requests, $report->acknowledged, 'nobody has noticed');
        gone();
        my $rows = $pg->rows(
            'SELECT id, version FROM results.result WHERE id LIKE ?',
            "$how-%");

        cmp_ok(scalar @$rows, '<=', $whole, 'no part of one is a result');
        is(scalar(grep { $_->{version} != 1 } @$rows), 0, 'nor two');
    };
}


subtest 'leave when the body is sent' => sub {
    $pg->delay_writes(5);

    my $checker = Results::Checker->start($t);
    my $n = 300;

    $checker->flows;
    my $before = $t->status->{rows_orphaned};

    for my $i (1 .. $n) {
        my $http = $t->http;

        $http->send($t->put_request("sent-$i", $t->result));
        sleep 0.001 * ($i % 10);
        $i % 2 ? $http->close : $http->reset;
    }

    my $report = $checker->finish('clients leave after the body');

    is($report->requests, $report->acknowledged, 'nobody has noticed');
    gone();
    $pg->delay_writes(0);

    my $rows = $pg->rows(q{SELECT id, version FROM results.result
                           WHERE id LIKE 'sent-%'});
    my $orphans = $t->status->{rows_orphaned} - $before;

    note(scalar(@$rows) . " of $n are stored, $orphans of them for nobody");
    is(scalar(grep { $_->{version} != 1 } @$rows), 0, 'none is stored twice');

    # who sends them again stores what is not there, and nothing else
    my @statuses = map { $_->status } $t->many([map {
        $t->put_request("sent-$_", $t->result) } 1 .. $n]);

    is(scalar(grep { $_ == 201 } @statuses), $n - @$rows,
       'sent again, those that are not there are made');
    is(scalar(grep { $_ == 200 } @statuses), scalar @$rows,
       'the others are there');
};


for my $what (qw(headers bodies)) {
    subtest "$SLOW slow $what" => sub {
        my $checker = Results::Checker->start($t);
        $checker->flows;

        my @sockets;
        my @bytes = map { $t->put_request("slow-$what-$_", $t->result) }
            1 .. $SLOW;
        my $at = $what eq 'headers' ? 40 : index($bytes[0], "\r\n\r\n") + 10;

        for my $i (0 .. $SLOW - 1) {
            push @sockets, IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                PeerPort => $nginx->port, Proto => 'tcp')
                || die "connect: $!\n";
            syswrite $sockets[-1], substr $bytes[$i], 0, $at;
        }

        $checker->finish("while $SLOW slow $what begin");

        # all of them hold nothing of the database, however long
        gone();
        my $writes = $pg->calls('%write_records%');
        my $most = 0;

        for my $step (1 .. 10) {
            syswrite $sockets[$_], substr $bytes[$_], $at + $step - 1, 1
                for 0 .. $SLOW - 1;

            my $rows = $t->status->{queue}{rows};
            $most = $rows if $rows > $most;
        }

        is($most, 0, 'no row of them waits');
        is($pg->calls('%write_records%'), $writes, 'and none was sent');
        cmp_ok($pg->gateway_sessions, '<=', 2 * (2 + 3), 'few sessions');
        ok(wait_for(sub {
            !$pg->value(q{SELECT count(*) FROM pg_stat_activity
                          WHERE usename = 'results_gateway'
                                AND state <> 'idle'});
        }), 'all of them idle, but for a check now and then');

        $checker = Results::Checker->start($t);
        my $seconds = $checker->flows(50);
        my $report = $checker->finish("beside $SLOW slow $what");

        is($report->requests, $report->acknowledged, 'nobody has noticed');
        Results::Checker->bound("beside $SLOW slow $what: 50 writes take, s",
                                $seconds, 1);

        # one tenth of them arrive, the others never do
        for my $i (0 .. $SLOW / 10 - 1) {
            syswrite $sockets[$i], substr $bytes[$i], $at + 10;
        }

        my $good = 0;

        for my $i (0 .. $SLOW / 10 - 1) {
            sysread $sockets[$i], my $answer, 4096;
            $good++ if ($answer // '') =~ m{^HTTP/1.1 201};
        }

        is($good, $SLOW / 10, 'who sends the rest is served');
        close $_ for @sockets;

        ok(wait_for(sub {
            $pg->value('SELECT count(*) FROM results.result WHERE id LIKE ?',
                       "slow-$what-%") == $SLOW / 10;
        }), 'the others have stored nothing');
    };
}


subtest 'never read the answer' => sub {
    my @large = map { $t->result(metadata => { list => [('x' x 99) x 500] }) }
        1 .. 2;
    my @sockets;

    is($t->put('unread', $large[0])->status, 201, 'a large result');
    my $get = Results::Test::Http->format('GET', $t->uri('unread'),
                                          $t->headers(type => undef));

    for (1 .. 50) {
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $nginx->port, Proto => 'tcp');
        $socket->blocking(0);
        setsockopt $socket, Socket::SOL_SOCKET, Socket::SO_RCVBUF, 2048;

        # pipelined, until the kernel takes no more
        for (1 .. 200) {
            last if !defined syswrite $socket, $get;
        }

        push @sockets, $socket;
    }

    # until nobody takes anything any more
    my $calls = 0;

    ok(wait_for(sub {
        my $before = $calls;

        $calls = $pg->calls('%read_record(%');
        sleep 0.3;
        return $calls > 50 && $calls == $before;
    }, timeout => 60), 'all stand still');

    my $checker = Results::Checker->start($t);
    my $seconds = $checker->flows(100);
    my $report = $checker->finish('clients never read');

    is($report->requests, $report->acknowledged, 'nobody has noticed');
    Results::Checker->bound('beside clients that never read: 100 writes, s',
                            $seconds, 1);
    Results::Checker->bound('beside clients that never read: longest gap, s',
                            $report->gap, 0.3);
    close $_ for @sockets;
    is($t->put('unread', $large[1])->status, 200, 'and it goes on');
};


subtest 'HTTP/2: resets and floods' => sub {
    my $checker = Results::Checker->start($t);
    my ($streams, $connections, $began) = (0, 0, Results::Checker::now());

    $checker->flows;

    # as many as nginx takes before it closes the connection
    while (Results::Checker::now() - $began < 4) {
        my $h2 = Results::Test::Http2->new(port => $nginx->http2_port);
        $connections++;

        local $SIG{PIPE} = 'IGNORE';

        eval {
            for my $i (1 .. 300) {
                my $whole = $i % 3;
                my $id = $h2->open('PUT', $t->uri("h2-$streams"),
                    $t->headers, $whole ? $t->encode($t->result) : \1);

                $h2->data($id, '{"result"', 0) if !$whole;
                $h2->reset($id) if $i % 7;
                $streams++;
            }
        };

        $h2->close;
    }

    my $report = $checker->finish('HTTP/2 resets');

    gone();
    note("$streams streams on $connections connections");
    cmp_ok($streams, '>', 300, 'streams were opened and reset');
    is($report->requests, $report->acknowledged, 'nobody has noticed');
    is($pg->value(q{SELECT count(*) FROM results.result
                    WHERE id LIKE 'h2-%' AND version <> 1}), 0,
       'nothing is stored twice');
    $checker->bound('HTTP/2 resets: longest gap, s', $report->gap, 0.3);
};


# what all of that left: nothing
ok(wait_for(sub {
    my $status = $t->status;
    $status->{connections}{busy} == 0 && $status->{queue}{rows} == 0
        && $status->{queue}{bytes} == 0;
}), 'queue and connections are as they were');
