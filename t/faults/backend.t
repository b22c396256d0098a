#!/usr/bin/env perl

# Backends die: by a signal of the kernel's, after which PostgreSQL ends all
# others and recovers, and by an administrator's pg_terminate_backend().

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

# slow enough for a statement to be in flight whenever something happens
$pg->delay_writes(10);

# so few connections that a worker notices when one of them is not given back
$t->nginx(workers => 2, connections => 64, server => Results::Checker->server);


sub rerun { $t->status->{groups}{rerun} }


subtest 'kill -9 every 2 seconds' => sub {
    my $checker = Results::Checker->start($t);
    my $before = rerun();
    my $slowest = 0;

    $checker->flows;

    for (1 .. 4) {
        my ($pid) = $pg->backends;

        $checker->mark;
        kill 'KILL', $pid or die "kill $pid: $!\n";

        my $seconds = $checker->flows;
        $slowest = $seconds if $seconds > $slowest;

        sleep 2 - $seconds if $seconds < 2;
        wait_for(sub { eval { $pg->dbh } });
    }

    my $report = $checker->finish('backend killed every 2 s');

    is($report->hit, 4, 'each found requests open');
    cmp_ok(rerun() - $before, '>=', 4, 'and statements in flight');
    is($report->failed, 0, 'no client has noticed');
    $checker->bound('backend killed: writes go on, s', $slowest, 1);
};


subtest 'pg_terminate_backend() every 100 ms' => sub {
    my $checker = Results::Checker->start($t);
    my $before = rerun();

    $checker->flows;

    for (1 .. 30) {
        my ($pid) = $pg->backends;

        $checker->mark;
        $pg->do('SELECT pg_terminate_backend(?)', $pid) if $pid;
        sleep 0.1;
    }

    $checker->flows;

    my $report = $checker->finish('backend terminated every 100 ms');

    is($report->hit, 30, 'each found requests open');
    cmp_ok(rerun() - $before, '>=', 10, 'and some a statement in flight');
    is($report->failed, 0, 'no client has noticed');
    $checker->bound('backend terminated: longest gap, s', $report->gap, 0.5);
};
