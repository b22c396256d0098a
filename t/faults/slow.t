#!/usr/bin/env perl

# PostgreSQL is slow: 200 ms a statement, or a table that is locked for 10
# seconds.  Batches grow, then the queue is full and says so; and nginx
# itself stays as fast as ever.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $WORKERS = 2;
my $CAP = $WORKERS * (2 + 2);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

my $nginx = $t->nginx(workers => $WORKERS,
    store => 'connections 2; readers 2;',
    server => 'location = /probe { return 401; }'
        . Results::Checker->server);


# for so many seconds: the slowest answers of nginx's own 401 and of the
# module's, and the most rows that waited and sessions there were
sub watch {
    my ($seconds) = @_;

    my %most = (probe => 0, unknown => 0, rows => 0, sessions => 0);
    my $began = Results::Checker::now();

    my $timed = sub {
        my ($what, $status, $code) = @_;

        my $now = Results::Checker::now();
        die "$what: not a $status\n" if $code->()->status != $status;
        $now = Results::Checker::now() - $now;
        $most{$what} = $now if $now > $most{$what};
    };

    while (Results::Checker::now() - $began < $seconds) {
        $timed->('probe', 401, sub { $t->request('GET', '/probe', []) });
        $timed->('unknown', 401, sub {
            $t->put('unknown', $t->result, token => 'x' x 43);
        });

        my $rows = $t->status->{queue}{rows};
        my $sessions = $pg->gateway_sessions;

        $most{rows} = $rows if $rows > $most{rows};
        $most{sessions} = $sessions if $sessions > $most{sessions};
        sleep 0.02;
    }

    return %most;
}


subtest '200 ms a statement' => sub {
    $pg->delay_writes(200);

    # no groups: each has a statement of its own
    my $checker = Results::Checker->start($t, connections => 64,
                                          kinds => [qw(put patch post)]);

    $checker->flows;
    $checker->mark;

    my $before = $t->status;
    my %most = watch(5);
    my $after = $t->status;
    my $report = $checker->finish('200 ms a statement');

    is($report->hit, 1, 'requests were open');
    is($report->failed, 0, 'no client has noticed');
    cmp_ok(($after->{rows} - $before->{rows})
               / ($after->{batches} - $before->{batches} || 1), '>=', 4,
           'batches have grown');
    cmp_ok($most{sessions}, '<=', $CAP, 'sessions have not');
    $checker->bound('200 ms a statement: slowest write, s',
                    $report->slowest, 0.6);
    $checker->bound('200 ms a statement: return 401, s', $most{probe}, 0.1);
    $checker->bound('200 ms a statement: unknown token, s', $most{unknown},
                    0.1);

    $pg->delay_writes(0);
};


subtest 'a table is locked for 10 seconds' => sub {
    my $queue = 12;

    $nginx->set(store => "connections 2; readers 2; queue $queue;");
    $nginx->reload(wait => 1);

    my $checker = Results::Checker->start($t, connections => 64);
    my %most;

    $checker->flows;
    my $before = $t->status->{queue}{refused};

    $pg->with_lock('results.result', 'ACCESS EXCLUSIVE', sub {
        $checker->mark;
        %most = watch(10);
    });

    my $seconds = $checker->flows(100);
    my $refused = $t->status->{queue}{refused} - $before;
    my $report = $checker->finish('a table locked for 10 s');

    is($report->hit, 1, 'requests were open');

    # rows of a statement that is run again are on top: those of two writers,
    # who took what was in a queue
    cmp_ok($most{rows}, '<=', $WORKERS * 3 * $queue, 'the queue is bounded');
    cmp_ok($most{rows}, '>', 0, 'and was used');
    cmp_ok($refused, '>', 0, 'who found it full was told');
    cmp_ok($report->outcomes(qr/^503$/), '>=', $refused, 'by a 503');
    is($report->outcomes(qr/^(?!2|503)/), 0, 'and by nothing else');
    cmp_ok($most{sessions}, '<=', $CAP + 1, 'sessions have not grown');

    # a request waits for write_timeout, 5 s, at most
    $checker->bound('a locked table: slowest write, s', $report->slowest, 5);
    $checker->bound('a locked table: return 401, s', $most{probe}, 0.1);
    $checker->bound('a locked table: unknown token, s', $most{unknown}, 0.1);
    $checker->bound('a locked table: writes go on, s', $seconds, 0.5);
};
