#!/usr/bin/env perl

# All at once: whatever can happen to backends, PostgreSQL, the network, the
# configuration and workers happens, in no order and often before the last
# one is over.  TEST_RESULTS_SEED repeats a run's choices, TEST_RESULTS_CHAOS
# says how many there are.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Socket qw(IPPROTO_TCP PF_INET SOCK_STREAM SOL_SOCKET SO_RCVBUF inet_aton
              pack_sockaddr_in);
use Time::HiRes qw(sleep);

my $seed = $ENV{TEST_RESULTS_SEED} || time;
my $n = $ENV{TEST_RESULTS_CHAOS} || 60;

my $t = Results::Test->new(timeout => 120 + 2 * $n);
my $pg = $t->pg;
my $proxy = $t->proxy;

$pg->delay_writes(3);

# shorter than some faults last, so that statements arrive after their time;
# one reader, so that it is noticed when a worker has none
my $nginx = $t->nginx(workers => 2, server => Results::Checker->server,
    store => 'connections 2; readers 1; write_timeout 400ms; '
        . 'read_timeout 500ms;');


# a collection that is more than the buffers of sockets
$t->put('large-0', $t->result);
$pg->do(q{
    INSERT INTO results.result (institution_id, kind, id, status, detail,
        payload_hash, version, op, client_id, created_at, updated_at)
    SELECT institution_id, kind, 'large-' || n, status,
           detail::jsonb || jsonb_build_object('comment', repeat('text ', 800)),
           n, 1, 1, client_id, created_at, updated_at
    FROM results.result, generate_series(1, 4000) n
});


sub some { 1 + int rand $_[0] }

my @deaf;

# a way through the proxy that ends after a while
sub for_a_while {
    my ($code) = @_;

    $code->();
    sleep 0.05 + rand 0.5;
    $proxy->pass;
}

my %faults = (
    'backend killed' => sub {
        my ($pid) = eval { $pg->backends } or return;
        kill 'KILL', $pid;
    },
    'backend terminated' => sub {
        my ($pid) = eval { $pg->backends } or return;
        kill 'TERM', $pid;
    },
    'PostgreSQL restarted' => sub {
        $pg->restart((qw(fast immediate kill))[rand 3]);
    },
    'connections reset' => sub { $proxy->reset; $proxy->pass },
    'bytes cut' => sub {
        for_a_while(sub { $proxy->cut_after((qw(up down))[rand 2],
                                            some(3000)) });
    },
    'silence' => sub {
        for_a_while(sub { $proxy->stall((qw(up down both))[rand 3]) });
        $proxy->reset;
        $proxy->pass;
    },
    'connections held' => sub {
        for_a_while(sub { $proxy->hold((qw(up down))[rand 2]) });
    },
    'refused' => sub {
        for_a_while(sub { $proxy->refuse; $proxy->cut });
    },
    'late' => sub { for_a_while(sub { $proxy->delay(some(40)) }) },
    'in pieces' => sub { for_a_while(sub { $proxy->pieces(some(50)) }) },
    'reload' => sub {
        $nginx->set(zone => 'tokens:' . some(3) . 'm');
        $nginx->reload;
    },
    'worker killed' => sub {
        my @pids = $nginx->worker_pids;
        $nginx->kill_worker($pids[rand @pids]);
    },
    'a table locked' => sub {
        eval {
            $pg->with_lock('results.result', 'SHARE', sub { sleep rand 0.5 });
        };
    },
    'a client that does not read' => sub {
        socket my $socket, PF_INET, SOCK_STREAM, IPPROTO_TCP;
        setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 1 << 16;
        connect $socket, pack_sockaddr_in($nginx->port,
                                          inet_aton('127.0.0.1'));

        syswrite $socket, Results::Test::Http->format('GET',
            "$Results::Test::BASE/results?limit=4000",
            $t->headers(type => undef));

        push @deaf, $socket;
        close shift @deaf if @deaf > 3;
    },
    'a checkpoint' => sub { eval { $pg->do('CHECKPOINT') } },
);

# tokens are looked up and results read: a request comes to any worker
sub serves {
    for (1 .. 8) {
        my $token = $t->token(client => $t->client);

        wait_for(sub {
            $t->request('GET', $t->uri('large-0'), $t->headers(type => undef,
                token => $token))->status == 200;
        }, timeout => 5) or return 0;
    }

    return 1;
}

my @names = sort keys %faults;
my %done;
my $served = 0;

srand $seed;
note("TEST_RESULTS_SEED=$seed");

my $checker = Results::Checker->start($t, think => 0.003, timeout => 3,
                                      connections => 24);

for my $i (1 .. $n) {
    my $name = $names[rand @names];

    if ($i % 5 == 1) {
        $checker->flows(1);
        $checker->mark;
        $served += serves();
    }

    $done{$name}++;
    $faults{$name}->();
    sleep rand 0.2;
}

$proxy->pass;
close $_ for splice @deaf;
$checker->flows;
ok(serves(), 'and every worker serves');

note(join ', ', map { "$done{$_} x $_" } sort keys %done);

my $report = $checker->finish("chaos, $n faults");

is($report->hit, int(($n + 4) / 5), 'requests were open');
is($served, $report->hit, 'after each few faults every worker served');
is($report->outcomes(qr/^(?!2|503|closed|stale|late|refused)/), 0,
   'nobody got anything but a 2xx, a 503, or no answer');
