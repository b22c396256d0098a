#!/usr/bin/perl

# bench/run: a short run of it, what it writes, and what it leaves.  Its
# figures are not looked at.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;

use lib 't/lib';
use Results::Test::Process;

plan skip_all => 'bench/run builds without sanitizers'
    if $ENV{TEST_RESULTS_ASAN} || $ENV{TEST_RESULTS_VALGRIND};

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/..');
my $tmp = tempdir(CLEANUP => 1);
my $page = "$tmp/performance.md";

chmod 0755, $tmp;
copy("$root/docs/performance.md", $page) or die "copy: $!";


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}

# what stands between the marks of a scenario
sub block {
    my ($text, $name) = @_;
    return $text =~ /<!-- bench $name -->\n(.*?)<!-- end -->/s ? $1 : undef;
}


my $before = slurp($page);
my ($rc, $text) = Results::Test::Process->run(
    ["$root/bench/run", qw(rates single --connections 4 --seconds 1),
     qw(--rounds 1 --only), 'return200,module', '--dir', "$tmp/dir",
     '--write', $page]);

is($rc, 0, 'it succeeds') or diag $text;
like($text, qr/^\| 4 \| module .* \| [\d,]{2,} = 2xx \|$/m,
     'rows of the module');
like($text, qr/^\| libpq .* \| [\d,]{2,} = 2xx \|$/m, 'rows of libpq');
like($text, qr/`fsync` on, `synchronous_commit` on/, 'durably');
ok(!-e "$tmp/dir", 'nothing is left');

my $after = slurp($page);

for my $name (qw(machine rates single)) {
    my $table = block($after, $name);

    isnt($table, block($before, $name), "$name is written");
    like($text, qr/\Q$table\E/, 'as it is printed');
}

is(block($after, 'memory'), block($before, 'memory'), 'others stay');
like(block($after, 'goals'), qr/^\| single \| [^|]+ \| ≤ 1\.3 \|/m,
     'its goals are written');
like(slurp("$tmp/performance.svg"), qr/\A<svg .*module.*<\/svg>\n\z/s,
     'and a plot');


for my $case (['one is lost', 9, 0, 1], ['one is doubled', 11, 0, 1],
              ['one was stored and not answered', 11, 1, 0],
              ['one was not stored', 10, 1, 0])
{
    my ($name, $rows, $errors, $refused) = @$case;

    my ($status) = Results::Test::Process->run(
        ['python3', '-B', '-c', 'import sys; sys.path.insert(0, sys.argv[1]);'
         . 'import load; load.check("x", {"expected": 10, "rows":'
         . ' int(sys.argv[2]), "errors": int(sys.argv[3])})',
         "$root/bench/lib", $rows, $errors]);

    is($status ? 1 : 0, $refused, $name);
}

for my $case (['an unknown scenario', qr/unknown: nothing$/m, 'nothing'],
              ['an unknown contestant', qr/unknown: perl$/m, '--only', 'perl'],
              ['a page without marks', qr/has no place for machine, goals/,
               '--write', "$root/README.md"])
{
    my ($name, $says, @args) = @$case;

    ($rc, $text) = Results::Test::Process->run(["$root/bench/run", @args]);

    isnt($rc, 0, "$name is refused");
    like($text, $says, 'and why');
}

done_testing();
