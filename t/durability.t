#!/usr/bin/env perl

# A database that would not keep what it has committed is not written to,
# unless the store says that this is meant.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;

my $t = Results::Test->new;
my $pg = $t->pg;
my $nginx = $t->nginx(store => 'write_timeout 1s;');
my $n = 0;


sub refused {
    my ($name, $regex) = @_;

    subtest $name => sub {
        my $response = $t->put('r' . ++$n, $t->result);

        is($response->status, 503, 'nothing is written');
        ok(!$t->row("r$n"), 'there is no row');
        ok($nginx->wait_for_log($regex), 'the log says why');
    };
}


sub written {
    my ($name) = @_;

    is($t->put('r' . ++$n, $t->result)->status, 201, $name);
    is($t->row("r$n")->{version}, 1, 'the row is there');
}


sub with {
    my ($store) = @_;

    $nginx->set(store => $store);
    $nginx->reload(wait => 1);
}


written('as it should be');

for my $value (qw(off local)) {
    $pg->do("ALTER ROLE results_gateway SET synchronous_commit = $value");

    with('write_timeout 1s;');
    refused("synchronous_commit = $value",
            qr/synchronous_commit is off or local/);

    with('durability local;');
    written("synchronous_commit = $value, and durability local");
}

$pg->do('ALTER ROLE results_gateway RESET synchronous_commit');
with('write_timeout 1s;');
written('as it should be again');

$pg->stop;
$pg->start(fsync => 'off');
refused('fsync = off', qr/fsync is off/);
