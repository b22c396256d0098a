#!/usr/bin/env perl

# t/sql_upgrade.t with a million results.

use strict;
use warnings;

use FindBin;

$ENV{TEST_RESULTS_ROWS} = 1_000_000;

exec $^X, "$FindBin::Bin/../sql_upgrade.t" or die "sql_upgrade.t: $!\n";
