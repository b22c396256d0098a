#!/usr/bin/env perl

# All at once: whatever can happen to backends, PostgreSQL, the network, the
# configuration and workers happens, in no order and often before the last
# one is over.  TEST_RESULTS_SEED repeats a run's choices, TEST_RESULTS_CHAOS
# says how many there are.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $seed = $ENV{TEST_RESULTS_SEED} || time;
my $n = $ENV{TEST_RESULTS_CHAOS} || 60;

my $t = Results::Test->new(timeout => 120 + 2 * $n);
my $pg = $t->pg;
my $proxy = $t->proxy;

$pg->delay_writes(3);

# shorter than some faults last, so that statements arrive after their time
my $nginx = $t->nginx(workers => 2, server => Results::Checker->server,
    store => 'connections 2; readers 2; write_timeout 400ms;');


sub some { 1 + int rand $_[0] }

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
    'a checkpoint' => sub { eval { $pg->do('CHECKPOINT') } },
);

my @names = sort keys %faults;
my %done;

srand $seed;
note("TEST_RESULTS_SEED=$seed");

my $checker = Results::Checker->start($t, think => 0.003, timeout => 3,
                                      connections => 24);

for my $i (1 .. $n) {
    my $name = $names[rand @names];

    $checker->flows(1) if $i % 10 == 1;
    $checker->mark if $i % 10 == 1;
    $done{$name}++;
    $faults{$name}->();
    sleep rand 0.2;
}

$proxy->pass;
$checker->flows;

note(join ', ', map { "$done{$_} x $_" } sort keys %done);

my $report = $checker->finish("chaos, $n faults");

cmp_ok($report->hit, '>=', $n / 10, 'requests were open');
is($report->outcomes(qr/^(?!2|503|closed|stale|late|refused)/), 0,
   'nobody got anything but a 2xx, a 503, or no answer');
