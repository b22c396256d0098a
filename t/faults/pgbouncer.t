#!/usr/bin/env perl

# PgBouncer between the servers, pooling by transaction, with "prepare off":
# each statement may go to another backend.  It is restarted, killed and
# paused, and PostgreSQL behind it is restarted.

use DBI;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Results::Checker;
use Results::Test;
use Results::Test::Port qw(free_port);
use Time::HiRes qw(sleep);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg;
my $user = Results::Test::Process::unprivileged();
my $dir = $t->dir . '/pgbouncer';
my $port = free_port();
my $bouncer;

mkdir $dir, 0755 or die "mkdir $dir: $!\n";
chown $user->{uid}, $user->{gid}, $dir if $user;

open my $file, '>', "$dir/pgbouncer.ini" or die "$dir: $!\n";
print $file <<"EOC";
[databases]
results = host=$pg->{run} dbname=results user=results_gateway
[pgbouncer]
listen_addr =
unix_socket_dir = $dir
listen_port = $port
auth_type = any
admin_users = admin
pool_mode = transaction
default_pool_size = 3
server_login_retry = 1
EOC
close $file;


sub start_bouncer {
    ok(wait_for(sub {
        $bouncer = Results::Test::Process->spawn(
            ['pgbouncer', "$dir/pgbouncer.ini"], user => 1,
            out => "$dir/log");

        wait_for(sub {
            defined $bouncer->status || eval { admin('SHOW VERSION'); 1 };
        });

        return !defined $bouncer->status;
    }), 'PgBouncer serves');
}


sub admin {
    my ($command) = @_;

    my $dbh = DBI->connect("dbi:Pg:dbname=pgbouncer;host=$dir;port=$port",
        'admin', '', { RaiseError => 1, PrintError => 0 });

    my $rows = $dbh->selectall_arrayref($command, { Slice => {} });
    $dbh->disconnect;

    return $rows;
}


start_bouncer();

$t->nginx(workers => 2, server => Results::Checker->server,
    conninfo => "host=$dir port=$port dbname=results user=results_gateway",
    store => 'prepare off; write_timeout 5s; read_timeout 5s;');


subtest 'under load' => sub {
    my $checker = Results::Checker->start($t, connections => 32);

    $checker->flows(500);

    my ($pool) = grep { $_->{database} eq 'results' } @{ admin('SHOW POOLS') };
    my $clients = $pool->{cl_active} + $pool->{cl_waiting};

    cmp_ok($clients, '>', $pg->gateway_sessions,
           'connections of nginx share fewer backends');
    cmp_ok($pg->gateway_sessions, '>', 1, 'of which there are some');

    my $report = $checker->finish('PgBouncer');
    is($report->outcomes(qr/^(?!2)/), 0, 'no client got anything but a 2xx');
};


# TERM closes at once, INT waits for the statements in flight
for my $signal (qw(TERM INT KILL)) {
    subtest "PgBouncer restarted, $signal" => sub {
        my $checker = Results::Checker->start($t);
        my $slowest = 0;

        for (1 .. 3) {
            $checker->flows;
            $checker->mark;
            $bouncer->end($signal, 20);
            start_bouncer();

            my $seconds = $checker->flows(1);
            $slowest = $seconds if $seconds > $slowest;
        }

        $checker->flows;
        my $report = $checker->finish("PgBouncer restarted, $signal");

        is($report->hit, 3, 'each found requests open');
        is($report->failed, 0, 'no client has noticed');
        $checker->bound("PgBouncer restarted, $signal: writes again after"
                        . ' accepting, s', $slowest, 1);
    };
}


subtest 'PgBouncer paused for a second' => sub {
    my $checker = Results::Checker->start($t);

    $checker->flows;
    $checker->mark;
    admin('PAUSE results');
    sleep 1;
    admin('RESUME results');

    my $seconds = $checker->flows(1);
    my $report = $checker->finish('PgBouncer paused');

    is($report->hit, 1, 'it found requests open');
    is($report->failed, 0, 'no client has noticed');
    $checker->bound('PgBouncer paused: writes again after it, s', $seconds,
                    1);
};


subtest 'PostgreSQL restarted behind it' => sub {
    my $checker = Results::Checker->start($t);

    for my $how (qw(fast immediate)) {
        $checker->flows;
        $checker->mark;
        $pg->restart($how);

        $checker->bound("PostgreSQL restarted $how behind PgBouncer: writes"
                        . ' again after accepting, s', $checker->flows(1), 2);
    }

    my $report = $checker->finish('PostgreSQL restarted behind PgBouncer');

    is($report->hit, 2, 'each found requests open');
    is($report->outcomes(qr/^(?!2|503)/), 0, '503 is the worst answer');
};


is($t->{nginx}->quit, 0, 'nginx quits when it is asked to');
$bouncer->end('TERM', 20);
