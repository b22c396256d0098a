"""Scenario: what a connection and a request cost in memory."""

import os
import re
import socket
import subprocess
import time
from statistics import median

from load import BODY, empty
from servers import Failure, children
from tables import table

CONNECTIONS = 1000
WARM = 100


def private(servers):
    """Bytes that the workers have of their own."""
    total = 0
    for pid in children(servers.nginx_pid)[1:]:
        with open('/proc/%d/smaps_rollup' % pid) as f:
            total += 1024 * sum(int(n) for n in re.findall(
                r'^Private_(?:Dirty|Clean): *(\d+)', f.read(), re.M))
    return total


def connect(port, n):
    return [socket.create_connection(('127.0.0.1', port)) for i in range(n)]


def put(servers, port, name):
    with open(BODY, 'rb') as f:
        body = f.read()
    return b'PUT /ims/oneroster/gradebook/v1p2/results/%s HTTP/1.1\r\n' \
        b'Host: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n' \
        b'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (
            name.encode(), port, servers.env['TOKEN'].encode(), len(body),
            body)


def ask(servers, port, connections, name):
    """An answer for each, one after the other."""
    for i, c in enumerate(connections):
        c.sendall(put(servers, port, '%s-%d' % (name, i)))
        answer(c)


def answer(c):
    if not c.recv(65536).startswith(b'HTTP/1.1 20'):
        raise Failure('an answer that is no 2xx')


def idle(servers, port):
    """Of connections that have had an answer and wait for a next request."""
    servers.start_nginx()
    port = getattr(servers, port)

    # what a worker needs for its first requests belongs to none of them
    first = connect(port, WARM)
    ask(servers, port, first, 'first')
    before = private(servers)
    connections = connect(port, CONNECTIONS)
    ask(servers, port, connections, 'idle')
    after = private(servers)

    for c in first + connections:
        c.close()
    return (after - before) / CONNECTIONS


def in_flight(servers):
    """Of requests that wait for their commit: the table is locked."""
    servers.start_nginx()
    first = connect(servers.port, WARM)
    ask(servers, servers.port, first, 'first')
    connections = connect(servers.port, CONNECTIONS)
    before = private(servers)

    lock = subprocess.Popen(
        ['psql', '-X', '-q', '-A', '-t', '-h', servers.env['PGHOST'], '-U',
         'postgres', '-d', 'results'], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    lock.stdin.write('BEGIN; LOCK TABLE results.result; SELECT 1;\n')
    lock.stdin.flush()
    lock.stdout.readline()

    for i, c in enumerate(connections):
        c.sendall(put(servers, servers.port, 'flight-%d' % i))

    # rows that have been sent do not wait in the queue any more
    waiting = [-1]
    while len(set(waiting)) > 1 or len(waiting) < 4:
        time.sleep(0.05)
        waiting = waiting[-3:] + [servers.status()['queue']['rows']]
    after = private(servers)
    lock.communicate('ROLLBACK;\n')

    for c in connections:
        answer(c)
    for c in first + connections:
        c.close()
    return (after - before) / CONNECTIONS


def memory(servers, args):
    empty(servers)
    body = os.path.getsize(BODY)
    plain, module = (median(idle(servers, port) for turn in range(args.rounds))
                     for port in ('port200', 'port'))
    flight = median(in_flight(servers) for turn in range(args.rounds))

    return {
        'goals': [
            ('memory of an idle keep-alive connection, to plain nginx', 1.05,
             '≤', module / plain, ''),
            ('memory of a request in flight beyond its body, KB', 16, '≤',
             (flight - body) / 1024, '')],
        'text': table(
            ['of %d' % CONNECTIONS, 'bytes each'],
            [['idle connection, `return 200`', '%.0f' % plain],
             ['idle connection, module', '%.0f' % module],
             ['request in flight, its body of %d included' % body,
              '%.0f' % flight]])}
