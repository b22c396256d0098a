#!/usr/bin/env perl

# Passes with a sound module and fails with those of t/canary/*.h: a write,
# one that is given up, and another one.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Test;

my $t = Results::Test->new(timeout => 60);
my $pg = $t->pg;

$pg->no_timeouts;
$t->nginx(store => 'connections 1; write_timeout 500ms;');

$t->put('one', $t->result);

$pg->with_lock('results.result', 'SHARE', sub {
    $t->put('two', $t->result);
});

$t->put('three', $t->result);
pass('the module has been used');
