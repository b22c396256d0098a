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

for my $file (glob 'ngx_results_module/{http,status}/*.c') {
    my $text = slurp($file);

    while ($text =~ /\{ ngx_string\("(\w+)"\),\s+NGX_\w*CONF/g) {
        my $name = $1;
        next if $seen{$name}++;

        ok($directives =~ /^(?:## $name$|\| `$name[` ])/m,
           "$name is in docs/directives.md");
    }
}

cmp_ok(scalar keys %seen, '>=', 5, 'directives were found');


# their syntax and their contexts are those of the source

# how many arguments a type of command takes, as a string of digits
sub takes {
    my ($type) = @_;

    my $takes = $type =~ /NGX_CONF_NOARGS/ ? '0' : '';
    $takes .= $1 while $type =~ /NGX_CONF_TAKE(\d+)/g;

    return $takes;
}

# the same of a syntax: what stands in brackets may be left out
sub syntax {
    my ($text) = @_;

    my $optional = $text =~ s/\[[^]]*\]//g || 0;
    my @required = split ' ', $text =~ s/ \\\| \w+//gr =~ s/\{.*|;//gr;

    return join '', @required .. @required + $optional;
}

# a value of the source, or of the documentation
sub value {
    my ($text) = @_;

    my %unit = (s => 1000, g => 1024 ** 3, m => 1024 * 1024, k => 1024);

    return eval $text if $text =~ /^[\d *]+$/;
    return $1 * $unit{$2} if $text =~ /^(\d+)([sgmk])$/;
    return { on => 1, off => 0 }->{$text} // lc($text =~ s/.*_//r);
}

my $source = slurp('ngx_results_module/http/ngx_http_results_module.c');
my $conf = slurp('ngx_results_module/http/ngx_http_results_conf.c');
my %merged = map { /^[a-z]/ ? "results_$_" : $_ }
    $conf =~ /ngx_conf_merge_\w+\(conf->(\w+),\s+\S+\s+(NGX_\w+|[\d *]+)\)/g;

while ($directives =~ /^## (results_\w+)\n(.*?)(?=^## )/msg) {
    my ($name, $section) = ($1, $2);

    my ($syntax) = $section =~ /^\| Syntax: \| \*\*$name\*\*(.*) \|$/m;
    my ($context) = $section =~ /^\| Context: \| (.*) \|$/m;
    my ($default) = $section =~ /^\| Default: \| (.*) \|$/m;
    my ($type) = $source =~ /\{ ngx_string\("$name"\),\s+([\w|\s]+),/;

    is(syntax($syntax // ''), takes($type), "$name: arguments");
    is(!!($syntax =~ /\{ \.\.\. \}/), !!($type =~ /NGX_CONF_BLOCK/),
       "$name: a block or none");
    is($context, join(', ', $type =~ /HTTP_MAIN/ ? 'http' : (),
                      $type =~ /HTTP_SRV/ ? 'server' : (),
                      $type =~ /HTTP_LOC/ ? 'location' : ()),
       "$name: context");
    is($merged{$name} ? value($default) : $default,
       $merged{$name} ? value($merged{$name}) : "\xe2\x80\x94",
       "$name: default");
}


# and so are the parameters of results_store, their bounds and defaults

my ($store) = $directives =~ /^## results_store\n(.*?)(?=^## )/ms;
my $parameters = slurp('ngx_results_module/http/ngx_http_results_conf_store.c');
my %init = $parameters =~ /init_\w*value\(store->(\w+),\s+([^)]+)\)/g;
my %bounds = map { s/.*_//r } $parameters
    =~ /ngx_http_results_(\w+)_bounds = \{\s+\w+, (\d+, \d+)/g;

while ($parameters =~ /\{ ngx_string\("(\w+)"\),\s+(NGX_CONF_\w+),/g) {
    my ($name, $type) = ($1, $2);
    my ($syntax, $default, $bound)
        = $store =~ /^\| `$name`(.*?); \| (.*?) \| (.*?) \|/m;

    is(syntax($syntax // ''), takes($type), "$name: arguments");

    my @defaults = split / size=/, $default;

    is(value($defaults[0]), value($init{$name} // 'required'),
       "$name: default");
    is(value($defaults[1]), value($init{"${name}_size"}), "$name: its size")
        if $defaults[1];

    my $is = $bounds{$name eq 'connections' ? 'writers' : $name} or next;
    is($bound =~ s/\xe2\x80\x93/, /r, $is, "$name: bounds");
}


# every dialect

my $table = slurp('ngx_results_module/dialect/results_dialects.c');

while ($table =~ /^\s+&results_(\w+),/mg) {
    my $name = $1;
    ok($directives =~ /^\| `$name` \|/m,
       "the API $name is in docs/directives.md");
}


# every variable, and every word that $results_error may be

for my $file (glob 'ngx_results_module/{http,status}/*.c') {
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
my $metrics = slurp('ngx_results_module/status/ngx_http_results_metrics.c');

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

for my $file (glob 'ngx_results_module/{*,*/*}/*.c') {
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


# docs/reliability.md: the tests that show a promise are there

my ($promised) = slurp('docs/reliability.md')
                 =~ /^## What is promised, and what shows it\n(.*?)^## /ms;
my $shown = 0;

for my $row (($promised // '') =~ /^\| [^|]+ \| (`t.*) \|$/mg) {
    for (split /; (?=`)/, $row) {
        my ($test, $titles) = /^`(t\/[\w\/]+\.t)`(?:: (.*))?$/;
        my $source = $test && -e $test ? slurp($test) : '';

        for my $title (($titles // '') =~ /"([^"]+)"/g) {
            like($source, qr/'\Q$title\E'/, "$test has \"$title\"");
        }

        ok($source, $row =~ s/`//gr) if !$titles;
        $shown++;
    }
}

cmp_ok($shown, '>', 20, 'promises have tests');


for my $file ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', glob('docs/*.md docs/*/*.md')) {
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
