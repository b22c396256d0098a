#!/usr/bin/env perl

# Workers are killed, and nginx is ended and started again, under load.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $WORKERS = 2;

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

$pg->delay_writes(10);
my $nginx = $t->nginx(workers => $WORKERS,
                      server => Results::Checker->server,
                      store => 'connections 2; readers 2;');


subtest 'a worker is killed every second' => sub {
    my $checker = Results::Checker->start($t);
    my $slowest = 0;

    $checker->flows;

    for my $i (1 .. 8) {
        my @pids = $nginx->worker_pids;

        $checker->mark;
        my $began = Results::Checker::now();
        $nginx->kill_worker($pids[$i % @pids]);
        $checker->flows;

        my $seconds = Results::Checker::now() - $began;
        $slowest = $seconds if $seconds > $slowest;
        sleep 1 - $seconds if $seconds < 1;
    }

    my $report = $checker->finish('worker killed every second');

    is($report->hit, 8, 'each found requests open');
    cmp_ok($report->outcomes(qr/closed|stale/), '>=', 8,
           'whose clients have noticed');
    is($report->failed, 0, 'nobody else has');
    $checker->bound('worker killed: writes go on, s', $slowest, 0.5);

    ok(wait_for(sub { $pg->gateway_sessions <= $WORKERS * 4 }),
       'the sessions of the dead are gone');
    is($t->status->{queue}{rows}, 0, 'and so is what waited in them');
};


# statements take longer than an old worker may stay
subtest 'worker_shutdown_timeout' => sub {
    my $checker = Results::Checker->start($t, timeout => 5);
    my $slowest = 0;

    $nginx->set(globals => 'worker_shutdown_timeout  1s;');
    $nginx->reload(wait => 1);

    for (1 .. 3) {
        $checker->flows;
        $pg->delay_writes(1500);
        ok(wait_for(sub { $t->status->{connections}{busy} >= 2 }),
           'statements are in flight');
        $checker->mark;

        my $began = Results::Checker::now();
        $nginx->reload(wait => 1);
        my $seconds = Results::Checker::now() - $began;

        $slowest = $seconds if $seconds > $slowest;
        $pg->delay_writes(0);
    }

    $nginx->set(globals => '');
    $nginx->reload;
    $pg->delay_writes(10);

    my $report = $checker->finish('worker_shutdown_timeout 1s');

    is($report->hit, 3, 'each found requests open');
    cmp_ok($report->outcomes(qr/5|closed|stale/), '>', 0,
           'whose clients have noticed');
    is($report->outcomes(qr/^[45](?!03)/), 0, 'by a 503 or no answer');
    $checker->bound('worker_shutdown_timeout 1s: old workers gone, s',
                    $slowest, 1.5);
};


for my $signal (qw(QUIT TERM)) {
    subtest "$signal, and started again" => sub {
        my $fresh = Results::Checker->start($t, keepalive => 0);
        my $kept = Results::Checker->start($t);
        my $status = 0;

        for (1 .. 3) {
            $_->flows for $fresh, $kept;
            $fresh->mark;

            $status |= $signal eq 'QUIT' ? $nginx->quit : $nginx->stop;
            ok(wait_for(sub { !$pg->gateway_sessions }),
               'no session is left');
            $nginx->start;
        }

        $_->flows for $fresh, $kept;

        is($status, 0, 'nginx exits with 0');

        my $report = $fresh->finish("$signal");

        is($report->hit, 3, 'each found requests open');
        is($report->failed, 0, 'no answer was a 5xx') if $signal eq 'QUIT';

        $kept->finish("$signal, keep-alive");
    };
}
