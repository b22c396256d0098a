"""Scenario: results a second, each contestant at 64, 256, 1024 connections."""

from statistics import median

import contestants
import tables
from load import empty, load

WARM = 3        # seconds: V8 compiles for about as long


def rates(servers, args):
    servers.start_nginx()
    contestants.start(servers, args.only)
    got = {}

    for name in args.only:
        load(servers, name, 64, WARM)

    for turn in range(args.rounds):
        for connections in args.connections:
            for name in args.only:
                empty(servers)
                got.setdefault((connections, name), []).append(
                    load(servers, name, connections, args.seconds))

    for name in list(servers.apps):
        servers.stop_app(name)

    rows = []

    for (connections, name), turns in got.items():
        rate = median(t['rate'] for t in turns)
        row = [connections, name, '%.0f' % rate, tables.spread(
            [t['rate'] for t in turns])]

        for other in 'return200', *contestants.NAMES[2:]:
            other = got.get((connections, other))
            row.append('%.2f' % (rate / median(t['rate'] for t in other))
                       if other else '')

        row += ['%.1f' % median(t['p50'] for t in turns),
                '%.1f' % median(t['p99'] for t in turns),
                sum(t['errors'] for t in turns)]
        row += ['%.1f' % median(t['cpu'][part] for t in turns)
                for part in ('server', 'postgres', 'client')]
        row.append('%.1f' % median(t['batch'] for t in turns)
                   if 'batch' in turns[0] else '')
        row.append('%d = %d' % (sum(t['rows'] for t in turns),
                                sum(t['expected'] for t in turns)))
        rows.append(row)

    tables.table(
        ['connections', 'server', 'a second', 'spread', 'to return 200']
        + ['to ' + name for name in contestants.NAMES[2:]]
        + ['p50 ms', 'p99 ms', 'errors', 'CPU µs: server', 'PostgreSQL',
           'client', 'rows a statement', 'rows = 2xx'], rows)
