#!/usr/bin/env perl

# The network keeps every byte, and says nothing: what goes to PostgreSQL,
# what comes back, or both.  Requests end in time, and when the network works
# again, so does everything else; bytes that arrive late do no harm.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Time::HiRes qw(sleep);

my $t = Results::Test->new(timeout => 180);
my $proxy = $t->proxy;
my $WAIT = 1;       # write_timeout

$t->nginx(workers => 2, server => Results::Checker->server,
          store => "write_timeout ${WAIT}s; read_timeout ${WAIT}s;"
                   . ' connect_timeout 1s;');


for my $way (qw(both up down)) {
    subtest "silence: $way" => sub {
        my $checker = Results::Checker->start($t);
        my ($back, $fast) = (0, 0);

        for my $seconds (0.3, 4) {
            $checker->flows;
            $checker->mark;
            $proxy->stall($way);
            sleep $seconds;

            # for long enough, and nobody waits any more
            if ($seconds > $WAIT + 2) {
                my $began = Results::Checker::now();
                is($t->put('silence', $t->result)->status, 503,
                   'later requests get their 503');
                $fast = Results::Checker::now() - $began;
            }

            $proxy->pass;

            my $took = $checker->flows(1);
            $back = $took if $took > $back;
        }

        $checker->flows(100);
        my $report = $checker->finish("silence: $way");

        is($report->hit, 2, 'each found requests open');
        cmp_ok($report->outcomes(qr/^503\?$/), '>', 0,
               'some got a 503 that says that nobody knows');
        is($report->outcomes(qr/^(?!2|503)/), 0, 'and nothing else');

        # a PATCH reads, and then writes
        $checker->bound("silence $way: a request ends after, s",
                        $report->slowest, 2 * $WAIT + 0.2);
        $checker->bound("silence $way, later: a 503 after, s", $fast,
                        $WAIT + 0.2);
        $checker->bound("silence $way: writes again after it, s", $back, 2);
    };
}
