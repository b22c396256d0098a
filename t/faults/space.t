#!/usr/bin/env perl

# No room: the database's disk is full, nginx's is, PostgreSQL has no memory;
# and a standby that lags.  What can not be stored is not acknowledged, and
# everything goes on when there is room again.  Takes root, to mount small
# disks, which nobody else sees.

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

BEGIN {
    plan(skip_all => 'takes root, to mount a small disk') if $> != 0;

    if (!$ENV{TEST_RESULTS_UNSHARED}) {
        $ENV{TEST_RESULTS_UNSHARED} = 1;
        exec 'unshare', '--mount', $^X, "-I$FindBin::Bin/../lib", $0;
    }
}

use Results::Checker;
use Results::Test;
use Results::Test::Proxy;
use Time::HiRes qw(sleep);

my $t = Results::Test->new(timeout => 240);
my $disk = $t->dir . '/disk';
my $temp = $t->dir . '/nginx/client_body';


sub mount {
    my ($path, $size) = @_;

    mkdir $path, 0755;

    my ($rc, $text) = Results::Test::Process->run(
        [qw(mount -t tmpfs -o), "size=$size,mode=0777", 'tmpfs', $path]);
    die "mount: $text\n" if $rc;
}


# takes what is left of a disk
sub fill {
    my ($path) = @_;

    Results::Test::Process->run(['dd', 'if=/dev/zero', "of=$path/ballast",
                                 'bs=4k']);
}


sub large {
    return $t->result(metadata => { list => [('x' x 99) x $_[0]] });
}


mount($disk, '192m');
my $pg = $t->pg(dir => $disk, settings => { max_wal_size => '64MB',
                                            shared_buffers => '16MB' });
my $nginx = $t->new_nginx(workers => 2, server => Results::Checker->server,
    location => 'client_max_body_size 2m;');

mount($temp, '8m');
$nginx->start;


subtest "the database's disk is full" => sub {
    my $checker = Results::Checker->start($t);
    my $n = 0;
    my %seen;

    $checker->flows;
    $checker->mark;
    fill($disk);

    # rows that need new pages, and the log new segments
    ok(wait_for(sub {
        my $status = $t->put('large-' . ++$n, large(5000))->status;
        $seen{$status}++;
        return $status !~ /^2/;
    }, timeout => 30), 'a write fails');

    for (1 .. 20) {
        $seen{ $t->put('large-' . ++$n, large(5000))->status }++;
        sleep 0.05;
    }

    is(join(' ', grep { !/^(?:20[01]|503)$/ } sort keys %seen), '',
       'by a 503');
    note(join ', ', map { "$seen{$_} of $_" } sort keys %seen);

    my $alive = eval { $pg->value('SELECT 1') };
    note('PostgreSQL ', $alive ? 'is up' : 'is down');

    unlink "$disk/ballast";

    # one that can not write its log ends itself, and somebody starts it
    my $began = Results::Checker::now();

    if (!wait_for(sub { eval { $pg->disconnect; $pg->value('SELECT 1') } },
                  timeout => 5))
    {
        $pg->stop('immediate');
        $pg->start;
        $began = Results::Checker::now();
    }

    $checker->flows(20);
    Results::Checker->bound('disk of the database full: writes again, s',
                            Results::Checker::now() - $began, 2);

    my $report = $checker->finish('disk of the database full');

    is($report->hit, 1, 'requests were open');
    is($report->outcomes(qr/^(?!2|503)/), 0, 'who was refused got a 503');
    is($t->put('large-again', large(5000))->status, 201,
       'large ones are stored again');
};


subtest "no room for PostgreSQL's log" => sub {
    my $checker = Results::Checker->start($t);

    $checker->flows;
    fill($disk);

    # a server that can not write its log ends, with commits in flight
    ok(wait_for(sub {
        fill($disk);
        return !eval { $pg->value('SELECT pg_switch_wal()') };
    }, timeout => 30), 'PostgreSQL ends');
    $checker->mark;
    $pg->stop('immediate');

    unlink "$disk/ballast";
    $pg->start;

    my $seconds = $checker->flows(1);
    $checker->flows(100);
    my $report = $checker->finish("no room for PostgreSQL's log");

    is($report->hit, 1, 'requests were open');
    is($report->outcomes(qr/^(?!2|503)/), 0, 'who was refused got a 503');
    Results::Checker->bound('no room for its log: writes after accepting, s',
                            $seconds, 1);
};


subtest "nginx's disk is full" => sub {
    my $checker = Results::Checker->start($t);

    $checker->flows;
    is($t->put('temp', large(1500))->status, 201, 'a body goes to the disk');

    fill($temp);
    $checker->mark;

    my @statuses = map { $t->put("temp-$_", large(1500))->status } 1 .. 20;

    is(scalar(grep { /^50[03]$/ } @statuses), 20, 'no room for a body: a 5xx')
        or diag("@statuses");
    is($pg->value(q{SELECT count(*) FROM results.result
                    WHERE id LIKE 'temp-%'}), 0, 'and nothing is stored');
    is($t->put('small', $t->result)->status, 201,
       'what needs no disk is served');

    unlink "$temp/ballast";
    is($t->put('temp-1', large(1500))->status, 201, 'and all is, with room');
    $checker->flows;

    my $report = $checker->finish('disk of nginx full');
    is($report->requests, $report->acknowledged, 'nobody else has noticed');
};

$t->allow_log(qr/\[crit\].*p?writev?\(\).*No space left on device/);


subtest 'PostgreSQL has no memory' => sub {
    my $checker = Results::Checker->start($t);
    my (%seen, %limited);
    my $n = 0;

    $checker->flows;

    my $failures = sub {
        my $text = $pg->log_text;
        my $found = () = $text =~ /out of memory/g;
        return $found;
    };
    my $before = $failures->();

    # each backend may have no more than it has, as soon as it is there
    wait_for(sub {
        for my $pid ($pg->backends) {
            next if $limited{$pid}++;

            open my $file, '<', "/proc/$pid/status" or next;
            my ($size) = map { /^VmSize:\s+(\d+)/ } <$file>;
            Results::Test::Process->run(['prlimit', "--pid=$pid",
                '--as=' . ($size + 256) * 1024], user => 1) if $size;
        }

        $seen{ $t->put('memory-' . ++$n, large(10000))->status }++;
        return $failures->() - $before >= 10;
    }, timeout => 30);

    $checker->mark;

    my $found = $failures->() - $before;
    note("$found statements without memory; ",
         join ', ', map { "$seen{$_} of $_" } sort keys %seen);

    cmp_ok($found, '>=', 10, 'statements fail for want of it');
    is(join(' ', grep { !/^(?:20[01]|503)$/ } sort keys %seen), '',
       'a write that does gets a 503');

    $pg->do('SELECT pg_terminate_backend(?)', $_) for keys %limited;
    my $seconds = $checker->flows(50);
    my $report = $checker->finish('PostgreSQL without memory');

    is($report->outcomes(qr/^(?!2|503)/), 0, 'others got a 503 at worst');
    Results::Checker->bound('PostgreSQL without memory: writes again, s',
                            $seconds, 1);
    is($t->put('memory-again', large(10000))->status, 201,
       'with memory it is stored');
};


subtest 'a standby that lags' => sub {
    my $line = Results::Test::Proxy->new(to => $pg->socket_path);
    my $standby = $t->standby('lagging', $line);
    my $lag = 0.2;

    $pg->wait_for_standby('lagging');

    # those that share a statement
    my $checker = Results::Checker->start($t, connections => 32,
                                          kinds => [qw(put patch post)]);

    $checker->flows;
    $line->delay(1000 * $lag / 2);
    $checker->mark;
    sleep 4;
    $line->delay(0);
    $checker->flows(50);

    my $report = $checker->finish('a standby that lags 200 ms');

    is($report->hit, 1, 'requests were open');
    is($report->requests, $report->acknowledged, 'nobody fails');
    $checker->bound('a standby that lags: slowest write, s', $report->slowest,
                    3 * $lag);

    $pg->wait_for_standby(undef);
    $standby->stop;
    $line->stop;
};
