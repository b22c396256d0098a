#!/usr/bin/env perl

# docs/wire.md: its numbers are those of the module's source, and its words,
# parameters and columns those of an installed database.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Records;

my $t = Results::Test->new;
my $pg = $t->pg;
my $root = $t->root;


sub slurp {
    my ($file) = @_;

    open my $fh, '<', "$root/$file" or die "$file: $!";
    local $/;
    return scalar <$fh>;
}


# section => rows of cells, without their backticks
my %table;

{
    my $section;

    for (split /\n/, slurp('docs/wire.md')) {
        $section = $1 if /^## (.*)/;
        next unless /^\| \d/;
        push @{ $table{$section} }, [map { s/^\s*`?|`?\s*$//gr } /\|([^|]+)/g];
    }
}

sub column {
    my ($section, $i) = @_;
    return [map { $_->[$i] } @{ $table{$section} }];
}


for my $section (sort keys %table) {
    my $bits = $section eq 'Guards';
    my $n = @{ $table{$section} };

    is_deeply(column($section, 0),
              [map { $bits ? 1 << $_ : $_ + 1 } 0 .. $n - 1],
              "$section: numbers without a gap");
}


# the compiler knows what a name stands for

my %enums = (
    Kinds       => ['record/results_record.h', 'RESULTS_KIND_'],
    Statuses    => ['record/results_record.h', 'RESULTS_STATUS_'],
    Completions => ['record/results_record.h', 'RESULTS_COMPLETION_'],
    Operations  => ['record/results_record.h', 'RESULTS_OP_'],
    Outcomes    => ['record/results_record.h', 'RESULTS_OUTCOME_'],
    Guards      => ['record/results_record.h', 'RESULTS_GUARD_'],
    Fields      => ['record/results_read.h',   'RESULTS_FIELD_'],
    Operators   => ['record/results_read.h',   'RESULTS_OPERATOR_'],
);

my $c = join "\n", '#include "results_read.h"', map {
    map { "_Static_assert($_->[1] == $_->[0], \"$_->[1]\");" }
        @{ $table{$_} || die "no table $_" }
} sort keys %enums;

open my $gcc, '|-', 'gcc', '-fsyntax-only',
     (map { "-I$root/ngx_results_module/$_" } qw(base json record)),
     '-x', 'c', '-' or die "gcc: $!";
print $gcc "$c\n";
close $gcc;
is($?, 0, "the source's numbers are the page's");

for my $section (sort keys %enums) {
    my ($file, $prefix) = @{ $enums{$section} };
    my $text = slurp("ngx_results_module/$file") =~ s{/\*.*?\*/}{}gsr;
    my %there = map { $_ => 1 }
                grep { !/_(?:NULL|NONE)$/ } $text =~ /\b($prefix\w+)\b/g;

    is_deeply([sort keys %there], [sort @{ column($section, 1) }],
              "$section: all of the source's");
}


# the database

my %types = (Kinds => 'record_kind', Statuses => 'record_status',
             Completions => 'completion');

for my $section (sort keys %types) {
    is_deeply($pg->dbh->selectcol_arrayref(q{
                  SELECT e.enumlabel FROM pg_enum e JOIN pg_type t
                  ON t.oid = e.enumtypid JOIN pg_namespace n
                  ON n.oid = t.typnamespace
                  WHERE n.nspname = 'results' AND t.typname = ?
                  ORDER BY e.enumsortorder}, {}, $types{$section}),
              column($section, 2), "$section: the words of the type, in order");
}

# "name type[]" of a function's parameters of a mode
sub parameters {
    my ($function, $mode) = @_;

    return $pg->dbh->selectcol_arrayref(q{
        SELECT p.proargnames[i] || ' ' || format_type(p.proallargtypes[i], null)
        FROM pg_proc p, generate_subscripts(p.proallargtypes, 1) i
        WHERE p.oid = ?::regproc AND p.proargmodes[i] = ?
        ORDER BY i}, {}, "results_api.$function", $mode);
}

sub standard {
    return [map { s/\btimestamptz\b/timestamp with time zone/r
                  =~ s/\bfloat8\b/double precision/r
                  =~ s/\bint\b/integer/r } @{ $_[0] }];
}

for my $function (qw(write_records write_group)) {
    is_deeply(parameters($function, 'i'),
              standard(column('Parameters of a write', 2)),
              "$function takes those parameters");
}

my ($columns) = slurp('ngx_results_module/record/results_encode.c')
                =~ /results_columns\[RESULTS_WRITE_NPARAMS\] = \{(.*?)\};/s;

is_deeply([$columns =~ /results_column\(\w+, (\w+)\)/g],
          column('Parameters of a write', 1), 'the module encodes them so');

my $record = standard(column('Columns of a record', 1));

# names are for whoever reads the function: the module reads by place
sub types { return [map { s/^\w+ //r } @_] }

for my $function (qw(read_record read_records)) {
    my $answers = parameters($function, 't');

    is_deeply(types(@$answers[0 .. $#$record]), types(@$record),
              "$function answers columns of those types");
}

like(slurp('ngx_results_module/record/results_read.h'),
     qr/RESULTS_RECORD_COLUMNS\s+@{[scalar @$record]}\n/,
     'the module reads so many');


# what SQL says of itself, and what its tests call it by

for my $section (qw(Operations Outcomes)) {
    my ($word) = lc($section) =~ /(op|outcome)/;
    my ($text) = slurp('sql/write.sql') =~ /^--   $word\s+(.*?)(?:;|\n--   \w)/ms;
    my %said = reverse(($text // '') =~ s/\n--//gr =~ /(\d+) (\w+)/g);

    is_deeply(\%said, { map { $_->[2] => $_->[0] } @{ $table{$section} } },
              "$section: sql/write.sql's comment");
}

is_deeply(Results::Test::Records->codes,
          { (map { ("op $_->[2]" => $_->[0]) } @{ $table{Operations} }),
            (map { ("outcome $_->[2]" => $_->[0]) } @{ $table{Outcomes} }) },
          'the numbers with which t/sql_write.t tests each of them');
