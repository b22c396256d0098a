#!/usr/bin/perl

# The simulation of the write path (t/sim): ten thousand seeds, each a world
# with clients, workers, a server and their faults; and what it finds where the
# module is broken on purpose.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
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


# what the module does not promise yet
my @open = ('superseded', 'unsent', 'unsent group', 'deadline', 'stored');

my ($fine, $said) = sim($sim, '-j 2', (map { "-x '$_'" } @open), 1, 10_000);
ok($fine, 'ten thousand seeds: every promise is kept') or diag($said);
like($said, qr/^10000 seeds from 1: nothing found$/m, 'all of them have run');


# the same seed is the same run

my @runs = map { scalar `SIM_SEED=17 $sim` } 1, 2;
ok($runs[0] eq $runs[1], 'a seed repeats what happened');
cmp_ok($runs[0] =~ tr/\n//, '>', 20, 'and tells all of it');


# A source is broken and put before the module's own: which check finds it

my $dir = tempdir(CLEANUP => 1);
my $objs = dirname($ENV{TEST_RESULTS_MODULE}
                   || "$root/.build/plain/ngx_http_results_module.so")
    . '/objs';


sub found {
    my ($name, $file, $from, $to) = @_;

    my $path = "$root/ngx_results_module/$file";
    my $copy = "$dir/$name.c";

    open my $in, '<', $path or die "$path: $!";
    local $/;
    my $source = <$in>;

    (my $broken = $source) =~ s/$from/$to/
        or die "$file does not say: $from\n";

    open my $out, '>', $copy or die "$copy: $!";
    print $out $broken;
    close $out;

    my $made = `make -s -f $root/t/sim/Makefile ROOT=$root OBJS=$objs \\
        BUILD=@{[dirname $sim]} OVER=$copy OVER_AS=$dir/$name 2>&1`;
    die "$name: $made" if $?;

    my ($none, $text) = sim("$dir/$name", '-j 2', (map { "-x '$_'" } 'superseded', 'unsent',
                         'unsent group', 'deadline'), 1, 3000);

    return $none ? 'nothing' : $text =~ /^seed \d+: ([\w ]+):/m ? $1 : $text;
}

my $batch = 'store/ngx_http_results_batch.c';

is(found('early', $batch, qr/(?<=case NGX_HTTP_RESULTS_JOB_LOST:\n)/, <<'END'),
        if (batch->decoded) {
            ngx_http_results_batch_committed(batch);
            break;
        }
END
   'acknowledged', 'a row is believed before its Sync');

like(found('sure', $batch, qr/requeue\(batch, 1\)/, 'requeue(batch, 0)'),
     qr/^(?:stored|doubled)$/, 'what is lost was not stored');

is(found('freed', 'store/ngx_http_results_group.c',
         qr/[\w>\[\]-]+(?:->|\.)record = NULL;/, ''),
   'memory', 'a batch knows groups that have left it');

like(found('refused', $batch, qr/ngx_max\(batch->nrows \/ 2, 1\)/, '0'),
     qr/^(?:endless|room)$/, 'nobody looks for the group that is refused');

done_testing;
