#!/usr/bin/perl

# The documentation covers what there is, and its links lead somewhere.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/..');
chdir $root or die "chdir $root: $!";


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}


# every ngx_command_t of the source

my $directives = slurp('docs/directives.md');
my %seen;

for my $file (glob 'ngx_results_module/http/*.c') {
    my $text = slurp($file);

    while ($text =~ /\{ ngx_string\("(\w+)"\),\s+NGX_\w*CONF/g) {
        my $name = $1;
        next if $seen{$name}++;

        ok($directives =~ /^(?:## $name$|\| `$name[` ])/m,
           "$name is in docs/directives.md");
    }
}

cmp_ok(scalar keys %seen, '>=', 5, 'directives were found');


# every dialect

my $table = slurp('ngx_results_module/dialect/results_dialect.c');

while ($table =~ /^\s+&results_(\w+),/mg) {
    my $name = $1;
    ok($directives =~ /^\| `$name` \|/m,
       "the API $name is in docs/directives.md");
}


# every variable, and every word that $results_error may be

for my $file (glob 'ngx_results_module/http/*.c') {
    my $text = slurp($file);

    while ($text =~ /\{ ngx_string\("(results_\w+)"\), NULL,/g) {
        my $name = $1;
        ok($directives =~ /^\| `\$$name` \|/m,
           "\$$name is in docs/directives.md");
    }

    while ($text =~ /error\s=\s(?:\([^)]*\)\s\?\s)?"(\w+)"(?:\s:\s"(\w+)")?
                     |NGX_HTTP_\w+,\s+"(\w+)"\s*\}
                     |ngx_http_results_refuse\([^"]*"(\w+)",/gx)
    {
        my @words = map { "$_" } grep { defined } $1, $2, $3, $4;

        for my $word (@words) {
            ok($directives =~ /^\| .*`$word`.* \|.*\|/m,
               "the error $word is in docs/directives.md");
        }
    }
}


# every number of the status

my $operations = slurp('docs/operations.md');
my $metrics = slurp('ngx_results_module/http/ngx_http_results_metrics.c');

while ($metrics =~ /_n\(\w*,? ?"\w*",\s+"(\w+)",\s+"(\w+)"/g) {
    my ($name, $family) = ($1, $2);
    ok($operations =~ /`(?:\w+)?\.?$name`/, "$name is in docs/operations.md");
    ok($operations =~ /`$family(?:_total)?`/,
       "$family is in docs/operations.md");
}


# one version, wherever it stands

my ($version) = slurp('ngx_results_module/http/ngx_http_results.h')
    =~ /NGX_HTTP_RESULTS_VERSION\s+"([\d.]+)"/;
my %version = (
    'debian/changelog' => qr/^\S+ \(\Q$version\E\)/,
    'packaging/rpm/nginx-module-results.spec' => qr/^Version: +\Q$version\E$/m,
);

like(slurp($_), $version{$_}, "$_ has the version of the source")
    for sort keys %version;


# every line of the log, by the longest of its words that never change

my ($lines) = $operations =~ /^(## What the log says.*?)(?=^## |\z)/ms;
my $told = 0;

for my $file (glob 'ngx_results_module/*/*.c') {
    my $text = slurp($file);

    while ($text =~ /"results:\s((?:[^"\\]|\\.|"\s*")*)"/g) {
        my $line = $1 =~ s/"\s*"//gr;

        my ($words) = sort { length $b <=> length $a }
            map { s/^\W+|\W+$//gr } split /%\w+|\\"/, $line;

        next if length($words // '') < 4;
        $told++;
        ok(index($lines, $words) >= 0,
           "the log's \"$words\" is in docs/operations.md");
    }
}

cmp_ok($told, '>=', 8, 'lines of the log were found');


# links to files, and to headings of files

sub anchors {
    my ($text) = @_;

    return map { s/[`*]//gr =~ s/[^\w\- ]//gr =~ s/ /-/gr }
           map { lc } $text =~ /^#+ (.*)$/mg;
}


for my $file ('README.md', 'CHANGELOG.md', glob('docs/*.md docs/*/*.md')) {
    my $text = slurp($file);
    my @broken;

    while ($text =~ /\]\(([^)\s]+)\)/g) {
        my ($path, $anchor) = split /#/, $1, 2;

        next if $path =~ /^https?:/;

        my $target = $path eq '' ? $file : dirname($file) . "/$path";

        if (!-e $target) {
            push @broken, $path;

        } elsif (defined $anchor) {
            push @broken, "$path#$anchor"
                if !grep { $_ eq $anchor } anchors(slurp($target));
        }
    }

    is("@broken", '', "links of $file");
}

done_testing();
