#!/usr/bin/env perl

# TLS to the database: never without it where it is asked for, certificates of
# both sides, and answers in records of which OpenSSL keeps a part to itself.

use FindBin;
use lib "$FindBin::Bin/lib";
use Results::Test;
use Results::Test::Certs;
use Results::Test::Port qw(free_port);
use Results::Test::Proxy;

my $t = Results::Test->new(timeout => 180);
my $pg = $t->pg(port => free_port());
my $certs = Results::Test::Certs->new($t->dir . '/certs');
my $others = Results::Test::Certs->new($t->dir . '/others');

my $LOGIN = 'dbname=results user=results_gateway';
my $NAME = 'db.results.test';
my $n = 0;

$certs->sign('server', $NAME)->sign('gateway', 'results_gateway')
    ->sign('other', 'somebody');

$pg->configure(ssl => 'on', ssl_cert_file => $certs->cert('server'),
    ssl_key_file => $certs->key('server'), ssl_ca_file => $certs->cert('ca'));
$pg->hba('hostssl all all 127.0.0.1/32 trust');

$t->new_nginx(conninfo => "hostaddr=127.0.0.1 port=" . $pg->port . " $LOGIN");


sub store {
    my ($conninfo, $more) = @_;

    my $nginx = $t->{nginx};

    $nginx->set(conninfo => "hostaddr=127.0.0.1 port=" . $pg->port
                            . " $LOGIN $conninfo",
                store => $more // 'write_timeout 500ms;');

    return $nginx->running ? $nginx->reload(wait => 1) : $nginx->start;
}


sub connected {
    my ($name, $conninfo) = @_;

    store($conninfo, 'write_timeout 5s;');
    wait_for(sub { $t->status->{connections}{idle} >= 2 });
    is($t->put('r' . ++$n, $t->result)->status, 201, $name);

    my $plain = $pg->value(q{
        SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE usename = 'results_gateway' AND NOT ssl
    });
    is($plain, 0, 'with TLS');
}


sub refused {
    my ($name, $conninfo, $why) = @_;

    my $size = $t->{nginx}->log_size;

    store($conninfo);
    is($t->put('refused', $t->result)->status, 503, $name);
    is($pg->gateway_sessions, 0, 'no session');

    ok($t->{nginx}->wait_for_log(qr/no writer: .*$why/, after => $size),
       'the log says why');
}


subtest 'require' => sub {
    connected('any certificate will do', 'sslmode=require');
};


subtest 'verify-full' => sub {
    my $root = 'sslrootcert=' . $certs->cert('ca');

    connected('the name and the authority are right',
              "sslmode=verify-full host=$NAME $root");
    refused('another name', "sslmode=verify-full host=other.test $root",
            'does not match host name');
    refused('another authority', "sslmode=verify-full host=$NAME sslrootcert="
            . $others->cert('ca'), 'certificate verify failed');
    connected('another name is nothing to verify-ca',
              "sslmode=verify-ca host=other.test $root");
};


subtest 'certificates of the gateway' => sub {
    $pg->hba('hostssl all all 127.0.0.1/32 cert');

    my $with = sub {
        return "sslmode=require sslcert=" . $certs->cert($_[0]) . ' sslkey='
            . $certs->key($_[0]);
    };

    connected('its own', $with->('gateway'));
    refused('none', 'sslmode=require', 'requires a valid client certificate');
    refused("somebody else's", $with->('other'),
            'certificate authentication failed');

    $pg->hba('hostssl all all 127.0.0.1/32 trust');
};


subtest 'a server without TLS' => sub {
    $pg->hba('host all all 127.0.0.1/32 trust');
    $pg->configure(ssl => 'off');

    refused('is not spoken to', 'sslmode=require',
            'does not support SSL');

    $pg->configure(ssl => 'on');
};


# Tokens that have much to say, so that the answer to a lookup of some is rows
# of kilobytes each.  Of a record of 16 KB libpq's buffer takes a part, which
# ends in the middle of a row; when the rest is all there is, no event tells.
subtest 'records that OpenSSL holds back' => sub {
    my $proxy = Results::Test::Proxy->new(to => $pg->socket_path,
        tls => [$certs->cert('server'), $certs->key('server')]);

    $pg->hba('local all all trust');
    $pg->no_timeouts;
    store('sslmode=require port=' . $proxy->port,
          'readers 1; write_timeout 5s;');

    for my $size (1, 7 .. 10, 12) {
        my @scopes = ($t->scope('gradebook.createput'),
                      map { 'urn:' . 'x' x 1000 . $_ } 1 .. $size);
        my $client = $t->client(scopes => \@scopes);
        my ($first, @clients) = map { $t->http } 1 .. 4;
        my @requests = map {
            $t->put_request('large' . ++$n, $t->result, token => $_)
        } map { $t->token(client => $client) } @clients;
        my $lookups = $t->status->{tokens}{lookups};

        # the only reader is kept waiting until the others are there
        $pg->with_lock('results.access_token', 'ACCESS EXCLUSIVE', sub {
            $first->send($t->put_request('first', $t->result,
                                         token => 'nobody-' . $size));
            $pg->wait_for_blocked(1);

            $_->send(shift @requests) for @clients;
            wait_for(sub { $t->status->{tokens}{lookups} == $lookups + 4 });
        });

        is($first->response('PUT')->status, 401, 'nobody');
        is(join(' ', map { $_->response('PUT')->status } @clients),
           '201 201 201', "three rows of $size KB are read to their end");
    }

    $proxy->stop;
};
