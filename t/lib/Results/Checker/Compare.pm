package Results::Checker::Compare;

# The log of the clients against what the table has and had.
#
#   L   lost: acknowledged, and not among the versions of its key
#   D   doubled: there more often than it was sent, not counting attempts
#       whose answer said that nothing was stored; or there twice, where
#       sending it again may change nothing
#   W   an acknowledged value that an older one has replaced
#   M   missing: not there after all its retries, acknowledged or not

use strict;
use warnings;


# log: [key, number, begin, end, outcome] each; versions: for each key the
# numbers it had, in their order; once: tells whether a key's writes may be
# there once only
sub compare {
    my ($log, $versions, $once) = @_;

    my (%acknowledged, %may, %written);     # by key and number; two are times

    for (@$log) {
        my ($key, $seq, $begin, $end, $outcome) = @$_;

        $written{$key}{$seq} //= $begin;
        $acknowledged{$key}{$seq} = $end if $outcome =~ /^2/;
        $may{$key}{$seq}++ if !_nothing_stored($outcome);
    }

    my %verdict = (L => 0, D => 0, W => 0, M => 0, examples => []);

    my $found = sub {
        my ($letter, $key, $text) = @_;

        $verdict{$letter}++;
        push @{ $verdict{examples} }, "$letter: key $key: $text"
            if @{ $verdict{examples} } < 20;
    };

    for my $key (sort { $a <=> $b } keys %{ { %written, %$versions } }) {
        my @has = @{ $versions->{$key} || [] };
        my %times;
        $times{$_}++ for @has;

        for my $seq (sort { $a <=> $b } keys %{ $written{$key} || {} }) {
            next if $times{$seq};

            $found->('M', $key, "$seq is not there");
            $found->('L', $key, "$seq was acknowledged")
                if $acknowledged{$key}{$seq};
        }

        for my $seq (sort keys %times) {
            my $may = $may{$key}{$seq} || 0;
            $may = 1 if $may && $once && $once->($key);

            $found->('D', $key, "$seq is there $times{$seq} times of $may")
                for 1 .. $times{$seq} - $may;
        }

        # what was acknowledged before another write began comes before it
        my ($latest, $replaced) = (0, undef);

        for my $seq (grep { defined $written{$key}{$_} } @has) {
            my $end = $acknowledged{$key}{$seq};
            my $begin = $written{$key}{$seq};

            $found->('W', $key, "$seq has replaced $replaced")
                if defined $end && $end < $latest;

            ($latest, $replaced) = ($begin, $seq) if $begin > $latest;
        }
    }

    return \%verdict;
}


# the answer said so, or the request was not sent
sub _nothing_stored {
    my ($outcome) = @_;
    return $outcome eq 'refused' || $outcome =~ /^(?:4\d\d|503)$/;
}


1;
