#!/usr/bin/env perl

# A write that waits for its standby, and is cancelled or terminated: it is
# committed on the primary, and PostgreSQL says so with a warning.  The
# primary then dies, and the standby, which has not seen it, takes over.  So
# an acknowledgement of such a write would be a lost one.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Results::Test::Proxy;

my $t = Results::Test->new(timeout => 180);

$t->new_nginx(server => Results::Checker->server);


# how, how often: after each pg_terminate_backend() it takes longer to connect
for (['pg_cancel_backend', 20], ['pg_terminate_backend', 6]) {
    my ($how, $times) = @$_;

    subtest $how => sub {
        my $old = $t->pg;
        my $line = Results::Test::Proxy->new(to => $old->socket_path);
        my $new = $t->standby($how, $line);
        my $nginx = $t->{nginx};

        $old->wait_for_standby($how);
        $nginx->set(store => 'write_timeout 2s; connect_timeout 500ms;',
            conninfo => "host=$old->{run},$new->{run} dbname=results"
                        . ' user=results_gateway');
        $nginx->running ? $nginx->reload(wait => 1) : $nginx->start;

        my $checker = Results::Checker->start($t);
        $checker->flows;

        # the standby hears nothing any more
        $line->stall;

        my $waiting = sub {
            return $old->rows(q{
                SELECT pid FROM pg_stat_activity
                WHERE usename = 'results_gateway'
                      AND wait_event = 'SyncRep'
            });
        };

        ok(wait_for(sub { @{ $waiting->() } }), 'a write waits for it');
        $checker->mark;

        my $acknowledged = $checker->acknowledged;
        my $n = 0;

        wait_for(sub {
            for my $row (@{ $waiting->() }) {
                $n++ if $old->value("SELECT $how(?)", $row->{pid});
            }
            return $n >= $times;
        });

        cmp_ok($n, '>=', $times, "$n waiting writes have been hit");

        my $rows = 'SELECT count(*) FROM results.result';
        cmp_ok($old->value($rows), '>', $new->value($rows),
               'they are committed, on the primary');
        is($checker->acknowledged, $acknowledged, 'and not acknowledged');

        # with it goes what the line still holds
        $old->stop('kill');
        $line->stop;
        $new->promote;
        $t->switch_to($new);

        $checker->bound("$how, primary dead, promoted: writes again after, s",
                        $checker->flows(1), 1);

        $checker->flows(100);
        my $report = $checker->finish("$how, waiting for a standby");

        is($report->hit, 1, 'it found requests open');
    };
}
