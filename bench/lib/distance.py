"""Scenarios: a standby that every commit waits for, and a database that is
some milliseconds away."""

import os
import subprocess

from load import empty, load
from scale import rows_of
from servers import ROOT, wait_for

CONNECTIONS = 256, 1024


def measure(servers, args, connections):
    turns = []
    load(servers, 'module', connections, 1)

    for turn in range(min(2, args.rounds)):
        empty(servers)
        turns.append(load(servers, 'module', connections, args.seconds))

    return turns


def standby(servers, args):
    """Of the same machine: what its own fsync costs, without a network."""
    got = {}
    data = os.path.join(servers.home, 'standby')

    os.mkdir(data, 0o700)
    os.chown(data, servers.owner, -1)
    servers.as_owner(servers.pg + '/pg_basebackup', '-R', '-c', 'fast', '-D',
                     data, '-h', servers.env['PGHOST'], '-U', 'postgres')
    with open(os.path.join(data, 'results.conf'), 'a') as f:
        f.write('port = 5433\n')

    servers.as_owner(servers.pg + '/pg_ctl', '-D', data, '-s', '-w', '-l',
                     data + '/server.log', 'start')

    try:
        for names in '', '*':
            servers.sql("ALTER SYSTEM SET synchronous_standby_names = '%s'"
                        % names)
            servers.sql('SELECT pg_reload_conf()')
            wait_for('the standby', lambda: servers.sql(
                'SELECT sync_state FROM pg_stat_replication')
                == ('sync' if names else 'async'))
            servers.start_nginx()

            for connections in CONNECTIONS:
                got['%d connections, %s' % (
                    connections, 'synchronous' if names else 'asynchronous')
                    ] = measure(servers, args, connections)
    finally:
        servers.sql('ALTER SYSTEM RESET synchronous_standby_names')
        servers.sql('SELECT pg_reload_conf()')
        servers.as_owner(servers.pg + '/pg_ctl', '-D', data, '-s', '-w', '-m',
                         'fast', 'stop')

    return {'text': rows_of(got)}


def distance(servers, args):
    """Through the proxy of the tests, which delays each direction by half."""
    got = {}

    for ms, writers in ((0, 2), (1, 2), (5, 2), (20, 2), (20, 8)):
        proxy = subprocess.Popen(
            ['perl', '-I', ROOT + '/t/lib', '-MResults::Test::Proxy', '-e',
             '''my $proxy = Results::Test::Proxy->new(to => $ARGV[0]);
                $proxy->delay($ARGV[1]);
                $| = 1;
                print $proxy->port, "\\n";
                <STDIN>;
                $proxy->stop''',
             servers.env['PGHOST'] + '/.s.PGSQL.5432', str(ms / 2)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        try:
            port = proxy.stdout.readline().strip()
            servers.start_nginx(
                host='127.0.0.1 port=%s sslmode=disable' % port,
                store='connections %d;' % writers)

            for connections in CONNECTIONS:
                got['%d ms, %d writers a worker, %d connections' % (
                    ms, writers, connections)] = measure(servers, args,
                                                         connections)
        finally:
            servers.stop_nginx()
            proxy.communicate()

    return {'text': rows_of(got)}
