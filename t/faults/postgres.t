#!/usr/bin/env perl

# PostgreSQL is restarted, in every way: while nothing happens, with
# statements in flight, while the module connects to it.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

$pg->delay_writes(10);
$t->nginx(workers => 2, server => Results::Checker->server);


for my $how (qw(fast immediate kill)) {
    subtest "restarted $how, idle" => sub {
        $t->put("idle-$how", $t->result);

        # no request is open, and none comes while the server is away
        $pg->restart($how);

        my $checker = Results::Checker->start($t);
        my $seconds = $checker->flows(1);
        my $report = $checker->finish("restarted $how, idle");

        is($report->failed, 0, 'no client has noticed');
        $checker->bound("restarted $how, idle: first write, s", $seconds,
                        0.5);
    };

    subtest "restarted $how, in flight" => sub {
        my $checker = Results::Checker->start($t);
        my $before = $t->status->{groups}{rerun};
        my $slowest = 0;

        for (1 .. 3) {
            $checker->flows;
            $checker->mark;
            $pg->stop($how);
            $pg->start;

            my $began = Results::Checker::now();
            $checker->flows(1);
            my $seconds = Results::Checker::now() - $began;

            $slowest = $seconds if $seconds > $slowest;
        }

        $checker->flows;
        my $report = $checker->finish("restarted $how, in flight");

        is($report->hit, 3, 'each found requests open');
        cmp_ok($t->status->{groups}{rerun} - $before, '>=', 3,
               'and statements in flight');
        is($report->failed, 0, 'no client has noticed');
        $checker->bound("restarted $how: writes again after accepting, s",
                        $slowest, 1);
    };
}


# the server stands still, so that whoever connects waits for it, and then is
# gone
for my $how (qw(fast immediate kill)) {
    subtest "restarted $how, connecting" => sub {
        my $checker = Results::Checker->start($t);

        $checker->flows;

        for (1 .. 2) {
            my @backends = $pg->backends;

            $pg->signal('STOP');
            kill 'TERM', @backends;
            ok(wait_for(sub { $t->status->{connections}{connecting} >= 2 }),
               'workers are connecting');

            $checker->mark;
            $pg->stop($how);
            $pg->start;
            $checker->flows;
        }

        my $report = $checker->finish("restarted $how, connecting");

        is($report->hit, 2, 'each found requests open');
        is($report->failed, 0, 'no client has noticed');
    };
}
