#!/usr/bin/perl

# That the simulation of the write path (t/sim) finds what it is for: the module
# is broken on purpose, one source at a time.

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

    my $text = `$dir/$name -j 2 1 3000 2>&1`;

    return $? == 0 ? 'nothing' : $text =~ /^seed \d+: ([\w ]+):/m ? $1 : $text;
}

my $batch = 'store/ngx_http_results_batch.c';

is(found('early', $batch, qr/(?<=case NGX_HTTP_RESULTS_JOB_LOST:\n)/, <<'END'),
        if (batch->decoded) {
            ngx_http_results_batch_committed(batch);
            break;
        }
END
   'acknowledged', 'a row is believed before its Sync');

like(found('sure', $batch, qr/requeue\(batch, 1, 0\)/, 'requeue(batch, 0, 0)'),
     qr/^(?:stored|doubled)$/, 'what is lost was not stored');

is(found('freed', 'store/ngx_http_results_group.c',
         qr/[\w>\[\]-]+(?:->|\.)record = NULL;/, ''),
   'memory', 'a batch knows groups that have left it');

like(found('refused', $batch, qr/ngx_max\(batch->nrows \/ 2, 1\)/, '0'),
     qr/^(?:endless|room|hammered)$/,
     'nobody looks for the group that is refused');

is(found('hammered', $batch, qr/first = [^;]+/, 'first = 1'),
   'hammered', 'what fails again and again does not rest');

my $queue = 'store/ngx_http_results_queue.c';

like(found('twice', $queue, qr/return NGX_HTTP_RESULTS_KEY_TWICE/,
           'return NGX_HTTP_RESULTS_TAKEN'),
     qr/^(?:log|part)$/, 'a group has a key twice');

like(found('last', $queue, qr/ngx_queue_insert_tail\(&line->groups/,
           'ngx_queue_insert_head(&line->groups'),
     qr/^(?:unsent|unsent group)$/, 'who comes last is sent first');

done_testing;
