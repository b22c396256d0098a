#!/usr/bin/env perl

# Failover: a standby becomes the primary, and the old one is fenced, or dies.
# Commits wait for the standby, so that it has all that was acknowledged.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;

my $t = Results::Test->new(timeout => 180);
my $WAIT = 3;       # write_timeout


# a standby that commits wait for, and nginx knows both
sub pair {
    my ($name) = @_;

    my $old = $t->pg;
    my $new = $t->standby($name);

    $old->wait_for_standby($name);
    $old->delay_writes(10);

    my %opt = (workers => 2, server => Results::Checker->server,
        store => "write_timeout ${WAIT}s; read_timeout ${WAIT}s;",
        conninfo => "host=$old->{run},$new->{run} dbname=results"
                    . ' user=results_gateway');

    if ($t->{nginx}) {
        $t->{nginx}->set(%opt)->reload(wait => 1);

    } else {
        $t->nginx(%opt);
    }

    return ($old, $new);
}


# the new primary is the one to compare with; it commits alone
sub promote {
    my ($new) = @_;

    $new->promote;
    $t->switch_to($new);

    return Results::Checker::now();
}


# The old primary keeps its sessions and says 25006 to every write.
subtest 'fenced by a setting, and the standby promoted' => sub {
    my ($old, $new) = pair('second');
    my $checker = Results::Checker->start($t);

    $checker->flows;
    $checker->mark;
    $old->configure(default_transaction_read_only => 'on');

    my $fenced = Results::Checker::now();
    my $time = $old->value('SELECT clock_timestamp()');

    # commits that began before still reach the standby: later they would
    # wait for it for ever, and their backends with them
    ok(wait_for(sub {
        !$old->value(q{SELECT count(*) FROM pg_stat_activity
                       WHERE usename = 'results_gateway'
                             AND xact_start < ?}, $time);
    }), 'transactions that could write are over');

    my $began = promote($new);

    $checker->flows(1);
    $checker->bound('fenced, promoted: writes again after, s',
                    Results::Checker::now() - $began, 1);

    ok(wait_for(sub { !$old->gateway_sessions }),
       'no session stays on the old one');
    $checker->bound('fenced: sessions leave it after, s',
                    Results::Checker::now() - $fenced, 5);

    $checker->flows(100);
    my $report = $checker->finish('fenced, promoted');

    is($report->hit, 1, 'it found requests open');
    is($report->failed, 0, 'no client has noticed');
    is($report->outcomes(qr/^4/), 0, 'and none got a 4xx');

    is($new->gateway_sessions, $old->gateway_sessions + $t->status
       ->{connections}{idle}, 'all sessions are on the new one');

    $old->stop;
};


subtest 'the primary dies, and the standby is promoted' => sub {
    my ($old, $new) = pair('third');
    my $checker = Results::Checker->start($t);

    $checker->flows;
    $checker->mark;
    $old->stop('kill');

    my $began = promote($new);

    $checker->flows(1);
    $checker->bound('primary dead, promoted: writes again after, s',
                    Results::Checker::now() - $began, 1);

    $checker->flows(100);
    my $report = $checker->finish('primary dead, promoted');

    is($report->hit, 1, 'it found requests open');
    is($report->failed, 0, 'no client has noticed');
};
