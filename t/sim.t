#!/usr/bin/perl

# The simulation of the write path (t/sim): ten thousand seeds, each a world
# with clients, workers, a server and their faults.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/..');
my $sim = `$root/bin/lib/sim --build`;
die "bin/lib/sim failed" if $?;
chomp $sim;


# sim's words, and whether it found nothing
sub sim {
    my ($program, @args) = @_;

    my $said = `$program @args 2>&1`;

    return ($? == 0, $said);
}


my ($fine, $said) = sim($sim, '-j 2', 1, 10_000);
ok($fine, 'ten thousand seeds: every promise is kept') or diag($said);
like($said, qr/^10000 seeds from 1: nothing found$/m, 'all of them have run');


# the same seed is the same run

my @runs = map { scalar `SIM_SEED=17 $sim` } 1, 2;
ok($runs[0] eq $runs[1], 'a seed repeats what happened');
cmp_ok($runs[0] =~ tr/\n//, '>', 20, 'and tells all of it');

done_testing;
