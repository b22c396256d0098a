#!/usr/bin/env perl

# A PostgreSQL that can not be trusted: peer.c.  Thousands of seeds, each of
# which spoils answers in its own way: cut at any byte, before the commit or
# after it, in single bytes, with notices, noise, errors, rows too many or too
# large.  nginx stays up, a 2xx is never false, and the next request is served.
#
# PEER_SEED=N runs that seed alone and tells what it does; PEER_SEEDS=N, so
# many, from PEER_FIRST on.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;

my $one = $ENV{PEER_SEED};
my $seeds = defined $one ? 1 : $ENV{PEER_SEEDS} || 3000;
my $first = $one // $ENV{PEER_FIRST} // 1;
my $LANES = defined $one ? 1 : 24;

my $t = Results::Test->new(timeout => 120 + $seeds / 10);
my $dir = $t->dir;
my $peer = "$dir/peer";

my ($rc, $text) = Results::Test::Process->run([qw(gcc -g -O1 -std=gnu99 -Wall
    -Wextra -Wshadow -Werror -o), $peer, glob "$FindBin::Bin/peer*.c"]);
is($rc, 0, 'the peer is built') or BAIL_OUT($text);

my ($stores, $locations) = ('', '');

for my $lane (map { "lane-$_" } 0 .. $LANES - 1) {
    mkdir "$dir/$lane", 0755;
    $stores .= qq{
    results_store $lane {
        conninfo  "host=$dir/$lane user=results_gateway";
        connections  1;
        readers  1;
        connect_timeout  400ms;
        write_timeout  400ms;
        read_timeout  400ms;
    }};
    $locations .= "
        location /$lane/ { results_api  timeback; results_pass  $lane; }";
}

my $nginx = $t->{nginx} = Results::Test::Nginx->new(dir => $dir,
    root => $t->root, log => 'notice', vars => { STORES => $stores,
    LOCATIONS => $locations }, template => <<'EOC');
%%GLOBALS%%

events {
    worker_connections  %%CONNECTIONS%%;
}

http {
    %%HTTP%%
    results_token_zone  %%ZONE%%;
    %%STORES%%

    server {
        listen  127.0.0.1:%%PORT%%;
        %%LOCATIONS%%
    }
}
EOC

$nginx->start;

my ($worker) = $nginx->worker_pids;
my $began = Results::Checker::now();

($rc, $text) = Results::Test::Process->run(
    [$peer, $nginx->port, $dir, $LANES, $first, $seeds]);

my $seconds = Results::Checker::now() - $began;
my ($done, $faults, %statuses) = (0, 0);

for (split /^/, $text) {
    /^done (\d+) (\d+)(.*)/ or next;
    $done += $1;
    $faults += $2;

    my $more = $3;
    $statuses{$1} += $2 while $more =~ /(\d+)=(\d+)/g;
}

my @bad = $text =~ /^bad .*/mg;

is($rc, 0, 'the peer ends well') or diag($text);
is($done, $seeds, 'all seeds were run');
is(join("\n", @bad[0 .. ($#bad > 9 ? 9 : $#bad)]), '',
   'none was bad') or note(scalar(@bad) . ' were');
is(join(' ', $nginx->worker_pids), $worker, 'the worker is the same');

note($text) if defined $one;
note(sprintf '%d seeds, %d bad answers in %.1f s: %s', $done, $faults,
     $seconds, join ', ', map { "$statuses{$_} of $_" } sort keys %statuses);

Results::Checker->bound('an untrusted server: 1000 seeds take, s',
                        1000 * $seconds / $done, 20) if !defined $one && $done;
