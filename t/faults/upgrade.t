#!/usr/bin/env perl

# The binary is upgraded on the fly under load: a new master and its workers
# beside the old, then the old ones go, or come back.  No request fails.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;

my $WORKERS = 2;
my $CAP = $WORKERS * (2 + 2);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;

$pg->delay_writes(10);
$pg->do('ALTER ROLE results_gateway CONNECTION LIMIT ' . 2 * $CAP);
my $nginx = $t->nginx(workers => $WORKERS, daemon => 1,
                      server => Results::Checker->server,
                      store => 'connections 2; readers 2;');

my $fresh = Results::Checker->start($t, keepalive => 0);
my $kept = Results::Checker->start($t);
my $sessions = 0;

for my $back (0, 1, 0) {
    my $pid = $nginx->pid;

    $_->flows for $fresh, $kept;
    $fresh->mark;
    $nginx->upgrade(back => $back);
    $fresh->mark;

    my $n = $pg->gateway_sessions;
    $sessions = $n if $n > $sessions;

    is($nginx->pid == $pid, $back == 1, $back ? 'upgraded and taken back'
                                              : 'upgraded');
}

$_->flows for $fresh, $kept;

unlike($nginx->log_text, qr/too many connections/,
       'sessions of two generations at most');
note("$sessions sessions were seen, " . 2 * $CAP . ' are allowed');

my $report = $fresh->finish('upgrades (USR2, WINCH, QUIT)');

is($report->hit, 6, 'each found requests open');
is($report->requests, $report->acknowledged, 'no request failed');
is($report->outcomes(qr/refused/), 0, 'nor a connection');
$fresh->bound('upgrades: longest gap, s', $report->gap, 0.5);

$report = $kept->finish('upgrades, keep-alive');

is($report->requests, $report->acknowledged + $report->outcomes(qr/stale/),
   'nor with keep-alive, but where both ends moved at once');
