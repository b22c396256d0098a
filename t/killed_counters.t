#!/usr/bin/env perl

# A worker is killed at every store into the counters and their history.
# Whoever comes after it serves, and every number and text is one that was
# there before or after the store.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Killed;

BEGIN { Results::Killed->module }

use Results::Test;

my $t = Results::Test->new(timeout => 120);
my $pg = $t->pg;
my $killed = Results::Killed->new;
my $nginx = $t->nginx(globals => $killed->globals,
                      server => 'location = /page { results_status; }');

$t->allow_log(qr{shared memory zone "tokens" was locked by});


# nginx's zones are known by their sizes
sub zone_size {
    my ($pid) = $nginx->worker_pids;

    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!\n";

    no warnings 'portable';     # addresses have 64 bits
    my @sizes = sort { $b <=> $a }
        map { m{^(\w+)-(\w+) rw-s .*/dev/zero} ? hex($2) - hex($1) : () }
        <$maps>;

    return $sizes[0];
}

my $size = zone_size();
cmp_ok($size, '>', 1024 * 1024, 'the counters are the largest zone');


# kills at the n-th store; whether there was one before the code was done
sub killed_at {
    my ($n, $code) = @_;

    my ($pid) = $nginx->worker_pids;

    $killed->watch($size, $n);
    $code->($pid);
    my $seen = $killed->seen;
    $killed->watch(0);

    return 0 if $seen < $n;

    $nginx->{killed}++;
    return wait_for(sub {
        my ($new) = $nginx->worker_pids;
        $new && $new != $pid;
    });
}


my ($created, @wrong);

# what is not right about the numbers now
sub wrong {
    my ($n) = @_;

    my $status = $t->status or return "$n: no status";
    my $requests = $status->{requests};
    my @found;

    push @found, "$n: workers: $status->{workers}" if $status->{workers} != 1;
    push @found, "$n: queue: $status->{queue}{rows}" if $status->{queue}{rows};

    push @found, "$n: $requests->{created} were created, $created before"
        if $requests->{created} !~ /^\d+\z/
            || $requests->{created} < $created || $requests->{created} > 1000;
    $created = $requests->{created};

    push @found, map { "$n: the server is " . ($_->{server} // "none") }
        grep { ($_->{server} // 'none') !~ m{^[\w./:\[\]-]+\z} }
        map { @{ $_->{servers} || [] } } values %{ $status->{stores} };

    return @found;
}


$created = $t->status->{requests}{created};

subtest 'a write' => sub {
    my $n = 0;

    while (killed_at(++$n, sub { $t->put("r$n", $t->result) })) {
        is($t->put("after$n", $t->result)->status, 201, 'the next one serves')
            or last;
        push @wrong, wrong($n);
    }

    cmp_ok($n, '>', 10, 'killed at ' . ($n - 1) . ' stores');
    is("@wrong", '', 'every number was right');
};


# gauges, texts, the servers and the first sample of the history
subtest 'a worker that begins' => sub {
    my $n = 0;

    for my $at (map { 1 + 4 * $_ } 0 .. 24) {
        my $pid = wait_for(sub { ($nginx->worker_pids)[0] });

        $killed->watch($size, $at);
        kill 'KILL', $pid;
        $n++ if wait_for(sub { $killed->seen >= $at }, timeout => 0.2);
        $killed->watch(0);
    }

    # the last one may have been killed just now
    $nginx->{killed}++;

    cmp_ok($n, '>', 10, "$n were killed as they began");
    ok(wait_for(sub { $t->put('begun', $t->result)->status == 201 }),
       'the next one serves');
    is(join(' ', wrong('begin')), '', 'every number was right');
};


sub samples {
    my $json = $t->request('GET', '/page?format=json&history=1')->json;
    return $json ? @{ $json->{history}{samples} } : ();
}


# a sample is written every two seconds, and takes most of what is stored then
subtest 'the history' => sub {
    my $before = samples();

    $killed->watch($size, 20);
    ok(wait_for(sub { $killed->seen >= 20 }), 'killed in the middle of one');
    $killed->watch(0);
    $nginx->{killed}++;

    ok(wait_for(sub { samples() > $before }), 'it goes on');

    my @times = map { $_->[0] } samples();

    is(join(' ', @times), join(' ', sort { $a <=> $b } @times), 'in order');
    is(scalar(grep { !$_ } @times), 0, 'none is empty');
    is(join(' ', wrong('history')), '', 'every number was right');
};
