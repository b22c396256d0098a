#!/usr/bin/env perl

# Where the database is: several hosts, of which one can be written to; hosts
# that refuse, hang or fall silent; and what a worker asks the system for
# while it connects.

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Results::Test;
use Results::Test::Port qw(free_port);
use Results::Test::Proxy;
use Results::Test::Wait qw(patience);
use Time::HiRes qw(time);

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg(port => free_port());
my $standby = $t->standby('standby');
my $proxy = Results::Test::Proxy->new(to => $pg->socket_path);

my $LOGIN = 'dbname=results user=results_gateway';
my $n = 0;


# a server that accepts connections and says nothing
sub silent {
    my $port = free_port();

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 8,
        LocalPort => $port, Proto => 'tcp', ReuseAddr => 1)
        or die "listen: $!\n";

    return ($socket, $port);
}


sub store {
    my ($conninfo, $more) = @_;

    $t->{nginx}->set(conninfo => "$conninfo $LOGIN", store => $more // '');
    $t->{nginx}->reload(wait => 1);
}


sub written {
    my ($name, $seconds) = @_;

    my $began = time;
    is($t->put('r' . ++$n, $t->result)->status, 201, $name);
    cmp_ok(time - $began, '<', patience($seconds), "within $seconds s");
    is($t->row("r$n")->{version}, 1, 'once');
}


$t->new_nginx(conninfo => "host=$pg->{run} port=" . $pg->port . " $LOGIN");
$t->nginx->start;


subtest 'the first of two addresses refuses' => sub {
    my $refused = free_port();

    store("host=127.0.0.1,127.0.0.1 port=$refused," . $proxy->port);
    written('the second is written to', 1);

    store("hostaddr=127.0.0.1,127.0.0.1 port=$refused," . $proxy->port);
    written('the same without names', 1);
};


# libpq gives up the first one in the middle of the handshake, and the second
# socket gets the number of the first
subtest 'the first of two is a standby' => sub {
    store("host=$standby->{run},$pg->{run} port=5432," . $pg->port);
    written('the second is written to', 1);

    ok(wait_for(sub { !$standby->gateway_sessions }),
       'no session stays on the standby');
};


subtest 'one of three hangs' => sub {
    my ($socket, $port) = silent();

    store("host=$standby->{run},127.0.0.1,$pg->{run}"
          . " port=5432,$port," . $pg->port,
          'connect_timeout 2s;');

    written('the one behind it is written to', 6);
    $t->put('warm', $t->result);

    $pg->do('SELECT pg_terminate_backend(?)', $_) for $pg->backends;
    written('and next time it is asked first', 1.8);
};


# an error that libpq takes for the last word, whatever other hosts there are
subtest 'one of two lets us not in' => sub {
    $pg->hba('local all all trust', 'host all all 127.0.0.1/32 reject');

    store("host=127.0.0.1,$pg->{run} port=" . $pg->port);
    written('the other is written to', 1);

    like($t->{nginx}->log_text, qr/no writer: .*"127\.0\.0\.1".* rejects /,
         'the log says why not the first');

    $pg->hba('local all all trust', 'host all all 127.0.0.1/32 trust');
};


subtest 'connections that are not used fall silent' => sub {
    store('host=127.0.0.1 port=' . $proxy->port,
          'connect_timeout 500ms; write_timeout 20s;');
    $t->put('warm', $t->result);

    my $size = $t->{nginx}->log_size;

    $proxy->stall;
    ok($t->{nginx}->wait_for_log(qr/ writer: no answer in time/,
                                 after => $size), 'that is noticed');
    $proxy->pass;

    written('and no request waits for it', 5);
    ok(wait_for(sub { $pg->gateway_sessions == 2 }),
       'the silent ones are gone');
};


subtest 'a server turns read-only, and nobody writes' => sub {
    store("host=$pg->{run} port=" . $pg->port);

    my $size = $t->{nginx}->log_size;

    $t->put('warm', $t->result);
    is($pg->gateway_sessions, 2, 'a writer and a reader');

    my @before = sort $pg->backends;

    $pg->configure(default_transaction_read_only => 'on');

    ok($t->{nginx}->wait_for_log(qr/ $_: the server is read-only/,
                                 after => $size), "no $_ stays")
        for qw(writer reader);
    ok(wait_for(sub {
        !grep { my $pid = $_; grep { $pid == $_ } @before } $pg->backends;
    }), 'the sessions are gone');

    ok($t->{nginx}->wait_for_log(qr/\[error\].* no $_: /, after => $size),
       "and no other is to be had: $_") for qw(writer reader);

    my $lines = () = substr($t->{nginx}->log_text, $size) =~ /\[error\]/g;
    is($lines, 2, 'which is said once');

    $pg->configure(default_transaction_read_only => undef);
    ok($t->{nginx}->wait_for_log(qr/writer connected again/,
                                 after => $size), 'the writer is back');
    written('written to again', 1);
};


# lines of strace about the only worker, while the code runs
sub trace {
    my ($code) = @_;

    my ($file, $said) = map { $t->dir . "/strace.$_" } qw(out err);
    my ($worker) = $t->{nginx}->worker_pids;

    my $strace = Results::Test::Process->spawn(['strace', '-o', $file, '-s',
        100, '-p', $worker], out => $said);

    my $attached = wait_for(sub {
        defined $strace->status
            || Results::Test::Nginx::_slurp($said) =~ /attached/;
    });

    if (!$attached || defined $strace->status) {
        diag(Results::Test::Nginx::_slurp($said));
        return;
    }

    $code->();
    $strace->end('INT');

    return split /^/, Results::Test::Nginx::_slurp($file);
}


subtest 'a name that nobody has' => sub {
    my $nginx = $t->{nginx};
    my $size = $nginx->log_size;

    $t->allow_log(qr/host not found "no..name"/);
    $nginx->set(conninfo => "host=no..name $LOGIN");
    $nginx->write_conf;
    $nginx->signal('HUP');

    ok($nginx->wait_for_log(qr/"no\.\.name"/, after => $size),
       'it is told when the configuration is read');
    written('the old one goes on', 1);
};


subtest 'what a worker asks the system for' => sub {
    my $passfile = $t->dir . '/passfile';
    open my $file, '>', $passfile or die "$passfile: $!\n";
    close $file;
    chmod 0600, $passfile;

    store('host=localhost port=' . $proxy->port . " passfile=$passfile",
          'connect_timeout 500ms; write_timeout 1s;');

    my @calls = trace(sub {
        $pg->do('SELECT pg_terminate_backend(?)', $_) for $pg->backends;
        written('it connects', 5);

        # until it gives up
        my $size = $t->{nginx}->log_size;

        $proxy->stall;
        is($t->put('late', $t->result)->status, 503, 'and gives up');
        ok($t->{nginx}->wait_for_log(qr/no answer in time/,
                                    after => $size),
           'with the connection as well');
        $proxy->pass;
    });

    my $port = $proxy->port;
    my @connects = grep { /^connect\(/ } @calls;

    cmp_ok(scalar @connects, '>', 1, 'connections were made');
    is(join('', grep { !/sin6?_port=htons\($port\)/ } @connects), '',
       'to no name server or other service');

    my ($open) = grep { /^openat\(.*passfile/ } @calls;
    like($open, qr/passfile/, 'the passfile is read');

    my @files = grep { /^open/ && !/passfile|urandom/ } @calls;
    is(join('', @files), '', 'and no other file: no home, no hosts');

    # a poll() of libpq's with a timeout of zero looks and does not wait
    my @waits = grep { /^(?:poll|ppoll|select|pselect6|wait4|nanosleep
                         |clock_nanosleep|flock|fsync)\(/x
                       && !/^poll\(.*, 0\)/ } @calls;
    is(join('', @waits), '', 'nothing waits but epoll_wait()');

    for (qr/SO_KEEPALIVE, \[1\]/, qr/TCP_KEEPIDLE, \[10\]/,
         qr/TCP_KEEPINTVL, \[3\]/, qr/TCP_KEEPCNT, \[3\]/,
         qr/TCP_USER_TIMEOUT, \[1000\]/)
    {
        my $option = $_;
        ok((grep { /^setsockopt\(.*$option/ } @calls), "TCP has $option");
    }

    my @linger = grep { /SO_LINGER, \{l_onoff=1, l_linger=0\}/ } @calls;
    cmp_ok(scalar @linger, '>', 0, 'what hangs is closed with a reset');
};
