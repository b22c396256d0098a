package Results::Checker::Report;

# What a run of the checker says in numbers, and in one line: requests that
# were sent, acknowledged ones, answers that were a 5xx, the longest time
# without an acknowledgement, L, D, W and M.  bin/test --faults prints the
# lines of all faults, and the bounds they kept, as a table at its end.

use strict;
use warnings;

use Test::More;


# options: log, verdict, marks
sub new {
    my ($class, %opt) = @_;

    my $self = bless { %opt, outcomes => {}, acknowledged => 0 }, $class;
    my (@ends, @seconds);

    for (@{ $self->{log} }) {
        my ($key, $seq, $begin, $end, $outcome) = @$_;

        $self->{outcomes}{$outcome}++;
        $self->{slowest} = $end - $begin
            if $end - $begin > ($self->{slowest} // 0);
        push @ends, $end if $outcome =~ /^2/;
    }

    $self->{acknowledged} = @ends;
    $self->{gap} = 0;

    @ends = sort { $a <=> $b } @ends;

    for my $i (1 .. $#ends) {
        my $gap = $ends[$i] - $ends[$i - 1];
        $self->{gap} = $gap if $gap > $self->{gap};
    }

    return $self;
}


sub acknowledged { $_[0]{acknowledged} }
sub verdict { $_[0]{verdict} }

# seconds: between two acknowledgements, and of an attempt, at most
sub gap { $_[0]{gap} }
sub slowest { $_[0]{slowest} // 0 }


# attempts with such an outcome
sub outcomes {
    my ($self, $regex) = @_;

    my $n = 0;
    $n += $self->{outcomes}{$_}
        for grep { $_ =~ $regex } keys %{ $self->{outcomes} };

    return $n;
}


sub requests { $_[0]->outcomes(qr/^(?!refused)/) }
sub failed { $_[0]->outcomes(qr/^5/) }


# how many marks found requests open
sub hit {
    my ($self) = @_;

    return scalar grep {
        my $mark = $_;
        grep { $_->[2] < $mark && $_->[3] > $mark } @{ $self->{log} };
    } @{ $self->{marks} };
}


sub print {
    my ($self, $name) = @_;

    _keep('fault', $name, $self->requests, $self->acknowledged, $self->failed,
          sprintf('%.3f', $self->gap), @{ $self->{verdict} }{qw(L D W M)});

    note("$name: outcomes: ", join ', ',
         map { "$_: $self->{outcomes}{$_}" } sort keys %{ $self->{outcomes} });
}


# a test: what was measured is below three times its bound
sub bound {
    my ($class, $name, $value, $bound) = @_;

    cmp_ok($value, '<=', 3 * $bound, $name);
    _keep('bound', $name, sprintf('%.3f', $value), $bound);
}


# prints what the faults have kept
sub table {
    my %titles = (
        fault => ['fault', 'requests', 'acknowledged', '5xx', 'gap, s',
                  qw(L D W M)],
        bound => ['bound, asserted at three times its value', 'measured',
                  'bound'],
    );

    open my $file, '<', $ENV{TEST_RESULTS_FAULTS} or die "no faults: $!\n";
    chomp(my @lines = <$file>);

    for my $kind ('fault', 'bound') {
        my @rows = map { my ($of, @cells) = split /\t/;
                         $of eq $kind ? \@cells : () } @lines;

        print "\n";
        printf "%-42s" . ' %12s' x (@$_ - 1) . "\n", @$_
            for $titles{$kind}, @rows;
    }
}


sub _keep {
    my (@cells) = @_;

    note(join ' ', @cells);

    my $path = $ENV{TEST_RESULTS_FAULTS} or return;

    open my $file, '>>', $path or die "$path: $!\n";
    print $file join("\t", @cells), "\n";
}


# tests: nothing lost, doubled, replaced or missing, and something done
sub test {
    my ($self, $name) = @_;

    my $verdict = $self->{verdict};

    cmp_ok($self->acknowledged, '>', 0, "$name: writes were acknowledged");
    is(join(' ', map { "$_ $verdict->{$_}" } qw(L D W M)), 'L 0 D 0 W 0 M 0',
       "$name: nothing lost, doubled, replaced by older, missing")
        or diag(map { "$_\n" } @{ $verdict->{examples} });
}


1;
