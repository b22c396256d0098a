#!/usr/bin/perl

# The project's own habits, as far as a program can see them: line width,
# white space, names of files, who includes what.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname basename);
use File::Find qw(find);
use Test::More;

my $root = $ENV{TEST_RESULTS_ROOT} || abs_path(dirname(__FILE__) . '/..');
chdir $root or die "chdir $root: $!";

my @c = sort glob 'ngx_results_module/{*,*/*}/*.[ch]';
my @scripts = sort('config', '.ci/run', glob('bin/* bin/lib/*'),
                   glob('t/*.t t/unit/*.[ch] t/fuzz/*.[ch] t/sim/*.[ch] sql/*.sql'),
                   glob('examples/*.conf'));

find(sub { push @scripts, $File::Find::name if /\.pm$/ }, 't/lib');

cmp_ok(scalar @c, '>', 20, 'the module is there');


sub lines {
    my ($file) = @_;

    open my $fh, '<', $file or die "$file: $!";
    local $/;
    my $text = <$fh>;

    return ($text, split /\n/, $text, -1);
}


# what is wrong with a file, by line; empty when nothing is
sub layout {
    my ($file) = @_;

    my ($text, @lines) = lines($file);
    my @wrong;

    for my $i (0 .. $#lines) {
        my $at = $file . ':' . ($i + 1);
        my $line = $lines[$i];

        push @wrong, "$at: tab" if $line =~ /\t/;
        push @wrong, "$at: white space at the end" if $line =~ /\s$/;
        push @wrong, "$at: " . length($line) . ' columns'
            if $file =~ /\.[ch]$/ && length $line > 80;
        push @wrong, "$at: // comment"
            if $file =~ /\.[ch]$/ && $line =~ m{^\s*//};
        push @wrong, "$at: unfinished work"
            if $line =~ /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/;
    }

    if ($file =~ /\.c$/) {
        while ($text =~ /^\}\n(\n*)(?=[^\n])(?!#)/mg) {
            my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
            push @wrong, "$file:$line: two empty lines follow a function"
                if length $1 != 2;
        }
    }

    push @wrong, "$file: no newline at the end" if $text !~ /\n\z/;
    push @wrong, "$file: empty lines at the end" if $text =~ /\n\n\z/;

    return @wrong;
}


my @wrong;

push @wrong, layout($_) for grep { -f } @c, @scripts;
is(join("\n", @wrong), '', 'layout');

@wrong = ();

for my $file (@c) {
    my ($text) = lines($file);
    my $lines = $text =~ tr/\n//;

    push @wrong, "$file: $lines lines" if $lines > 800;
    push @wrong, "$file: opens with no comment" if $text !~ m{\A\n?/\*};
}

is(join("\n", @wrong), '', 'size and opening comment');


# nginx puts the objects of all add-ons into one tree

my $portable = qr{^ngx_results_module/(?:base|json|record|dialect)/};

@wrong = grep {
    basename($_) !~ /^(?:ngx_http_)?results[_.]/
        || ($_ =~ $portable && basename($_) =~ /^ngx_/)
} @c;
is(join("\n", @wrong), '', 'file names carry the prefix');

my %names;
@wrong = grep { $names{basename($_)}++ } @c;
is(join("\n", @wrong), '', 'no two files of one name');


# which folder may include what of which others: the floor plan of
# docs/architecture.md, which has it as a table

my %below;

{
    my ($text) = lines('docs/architecture.md');

    while ($text =~ m{^\| `([\w/]+)/` \|[^|]*\|([^|]*)\|$}mg) {
        my ($folder, $allowed) = ($1, $2);
        $below{$folder} = [ $allowed =~ m{`([\w/]+)/`}g ];
    }
}

# foreign headers, and the only files that may include them; what is named
# results_* knows no nginx
my $plain = qr{/results_[^/]*$};
my %foreign = (
    'jansson.h'  => qr{/json/results_json\.c$},
    'libpq-fe.h' => qr{/store/ngx_http_results_connection},
    'ngx_http.h' => qr{/(?:http|status)/},
);

sub folder {
    my ($file) = @_;

    return dirname($file) =~ s{^ngx_results_module/}{}r;
}

my %folder = map { basename($_) => folder($_) } @c;

is_deeply([ sort keys %below ], [ sort keys %{{ reverse %folder }} ],
          'the floor plan names each folder');

@wrong = ();

for my $file (@c) {
    my ($text) = lines($file);
    my $own = folder($file);
    my %allowed = map { $_ => 1 } $own, @{ $below{$own} || [] };

    while ($text =~ /^#\s*include\s*[<"]([^>"]+)[>"]/mg) {
        my $header = $1;

        push @wrong, "$file includes $header of $folder{$header}/"
            if $folder{$header} && !$allowed{$folder{$header}};
        push @wrong, "$file includes $header"
            if $foreign{$header} && $file !~ $foreign{$header};
        push @wrong, "$file includes nginx's $header"
            if $file =~ $plain && $header =~ /^ngx_/;
    }
}

is(join("\n", @wrong), '', 'layers include downwards only');


# a shell script that does not parse is no script

for my $script ('.ci/run', grep { -f } glob('bin/* bin/lib/*')) {
    my $said = `bash -n $script 2>&1`;
    is($said, '', "$script parses");
}

done_testing();
