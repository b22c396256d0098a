#!/usr/bin/env perl

# bench/report: a short run of it in a small database.  Its figures are not
# looked at, but each filter finds something.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

use File::Copy qw(copy);

my $t = Results::Test->new(timeout => 120);
my $page = $t->dir . '/performance-report.md';

copy($t->root . '/docs/performance-report.md', $page) or die "copy: $!";
chmod 0666, $page;

my ($rc, $text) = $t->pg->shell('bench/report --fill 200 --institutions 2'
    . " --deep 10000 --times 1 --plans --write $page");

is($rc, 0, 'it succeeds') or diag $text;

open my $file, '<', $page or die "$page: $!";
my $written = do { local $/; <$file> };

my ($table) = $written =~ /<!-- bench report -->\n(.*?)<!-- end -->/s;
my ($plans) = $written =~ /<!-- bench plans -->\n(.*?)<!-- end -->/s;
my @rows = split /\n/, $table;

is(scalar @rows, 16, 'a table with fourteen filters');

like($_, qr/^\| [\w ]+ \| \d+ \(\d+\) ms, \d+(?:; [1-9]\d* rows)? \| .* \|$/,
     'a first page: ' . (split / \| ?/)[1])
    for @rows[2 .. $#rows];

is(() = $plans =~ /^<details>/mg, 7, 'plans of seven filters');
like($plans, qr/\(actual time=\S+ rows=\d+ loops=\d+; Buffers: shared hit=/,
     'with rows and buffers');
unlike($plans, qr/never executed|cost=/, 'and nothing of what was not run');
