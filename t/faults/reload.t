#!/usr/bin/env perl

# nginx is reloaded a hundred times under load, its token zone now smaller,
# now larger, its configuration sometimes broken.  No request fails, old
# workers go, and sessions never exceed what two generations may have.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;

my $RELOADS = 100;
my $WORKERS = 2;
my $CAP = $WORKERS * (2 + 2);

my $t = Results::Test->new(timeout => 240);
my $pg = $t->pg;

$pg->delay_writes(10);
$pg->do('ALTER ROLE results_gateway CONNECTION LIMIT ' . 2 * $CAP);
my $nginx = $t->nginx(workers => $WORKERS,
                      server => Results::Checker->server,
                      store => 'connections 2; readers 2;');

$t->allow_log(qr/unknown directive "broken"/);

# one checker whose requests have a connection each, and one whose clients
# keep theirs: those see connections close between two requests
my $fresh = Results::Checker->start($t, keepalive => 0);
my $kept = Results::Checker->start($t);

my ($sessions, $slowest, $broken) = (0, 0, 0);
my @first = $nginx->worker_pids;

$_->flows for $fresh, $kept;

for my $i (1 .. $RELOADS) {
    $fresh->mark;

    if ($i % 10 == 5) {
        my $log = $nginx->log_size;

        $nginx->set(globals => 'broken;')->write_conf;
        $nginx->signal('HUP');
        $broken++ if $nginx->wait_for_log(qr/unknown directive "broken"/,
                                          after => $log);
        $nginx->set(globals => '');
        next;
    }

    my $began = Results::Checker::now();

    $nginx->set(zone => 'tokens:' . ($i % 3 + 1) . 'm');
    $nginx->reload;

    my $seconds = Results::Checker::now() - $began;
    $slowest = $seconds if $seconds > $slowest;

    # two generations at once, and never three
    wait_for(sub {
        my $n = $pg->gateway_sessions;
        $sessions = $n if $n > $sessions;
        return $nginx->worker_pids == $WORKERS && $n <= $CAP;
    });
}

$_->flows for $fresh, $kept;

is($broken, 10, 'a broken configuration was refused');
ok(wait_for(sub { $nginx->worker_pids == $WORKERS }), 'old workers are gone');
ok(!grep({ my $old = $_; grep { $_ == $old } $nginx->worker_pids } @first),
   'the first ones among them');
unlike($nginx->log_text, qr/too many connections/,
       'sessions of two generations at most');
note("$sessions sessions were seen, " . 2 * $CAP . ' are allowed');

my $report = $fresh->finish("$RELOADS reloads");

is($report->hit, $RELOADS, 'each found requests open');
is($report->requests, $report->acknowledged, 'no request failed');
is($report->outcomes(qr/refused/), 0, 'nor a connection');
$fresh->bound('100 reloads: longest gap, s', $report->gap, 0.5);
$fresh->bound('100 reloads: new workers after, s', $slowest, 1);

$report = $kept->finish("$RELOADS reloads, keep-alive");

is($report->requests, $report->acknowledged + $report->outcomes(qr/stale/),
   'nor with keep-alive, but where both ends moved at once');
