package Results::Test::Wait;

# Waiting for a condition, never for a time.  The timeout is what a broken
# product costs; it is generous, and longer under the checkers.

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(wait_for patience);


sub patience {
    my ($seconds) = @_;

    return $seconds * ($ENV{TEST_RESULTS_VALGRIND} ? 6
                       : $ENV{TEST_RESULTS_ASAN} ? 2 : 1);
}


# the condition's true value, or false after the timeout
sub wait_for {
    my ($condition, %opt) = @_;

    my $until = time + patience($opt{timeout} || 20);
    my $pause = 0.002;

    while (1) {
        my $value = $condition->();
        return $value if $value;
        return $value if time > $until;
        sleep $pause;
        $pause *= 1.5 if $pause < 0.05;
    }
}


1;
