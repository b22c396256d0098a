#!/usr/bin/env perl

# The tests themselves: a module with a deliberate fault makes bin/test fail,
# and for that reason.

use strict;
use warnings;

use Digest::SHA;
use FindBin;
use Test::More;

my $root = $ENV{TEST_RESULTS_ROOT} || "$FindBin::Bin/..";

plan skip_all => 'bin/build builds for the nginx of the system'
    if ($ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx') ne '/usr/sbin/nginx';


# (exit code, output) of the canary with a fault compiled in
sub canary {
    my ($fault, @options) = @_;

    local %ENV = %ENV;
    delete $ENV{$_} for grep { /^(?:TEST_|HARNESS_|PERL5LIB$)/ } keys %ENV;

    if ($fault) {
        my $header = "$root/t/canary/$fault.h";
        my $sum = substr Digest::SHA->new(256)->addfile($header)->hexdigest,
            0, 8;

        # the sum is there to build again when the header changes
        $ENV{RESULTS_CFLAGS} = '-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64'
            . " -DRESULTS_FAULT_$sum -include $header";
    }

    my $output = `$root/bin/test @options -v $root/t/canary/canary.t 2>&1`;

    return ($? >> 8, $output);
}


my ($code, $output) = canary();

is($code, 0, 'a sound module passes') or diag($output);

my @faults = (
    [alert          => qr/^not ok .* no alert in the log/m],
    [leaked_session => qr/^not ok .* the sessions that nginx knows of/m],
    [overflow       => qr/^not ok .* no report of a checker/m, '--asan'],
);

for (@faults) {
    my ($fault, $regex, @options) = @$_;

    ($code, $output) = canary($fault, @options);

    isnt($code, 0, "$fault: bin/test fails");
    like($output, $regex, 'for that reason');
}

done_testing();
