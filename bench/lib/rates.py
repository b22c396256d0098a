"""Scenarios: results a second of each contestant, and the time an answer
takes at half that rate."""

import contestants
from load import empty, load
from tables import of, rows_column, spread, table, thousands

WARM = 3        # seconds: V8 compiles for about as long
PEERS = contestants.NAMES[2:]

# connections: to return 200, to the best of the others
GOALS = {64: (0.30, 4), 256: (0.45, 6), 1024: (0.60, None)}


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
    goals = []

    for (connections, name), turns in got.items():
        rate = of(turns, 'rate')
        ratio = {other: rate / of(got[connections, other], 'rate')
                 for other in contestants.NAMES if (connections, other) in got}
        rows.append(
            [connections, name, thousands(rate),
             spread([t['rate'] for t in turns])]
            + ['%.2f' % ratio[other] if other in ratio and other != name
               else '' for other in contestants.NAMES if other != 'module']
            + ['%.1f' % of(turns, 'p50'), '%.1f' % of(turns, 'p99'),
               sum(t['errors'] for t in turns)]
            + ['%.1f' % of(turns, 'cpu', part)
               for part in ('server', 'postgres', 'client')]
            + ['%.0f' % of(turns, 'batch') if name == 'module' else '',
               rows_column(turns) if name != 'return200' else ''])

        if name == 'module':
            goals += compare(connections, ratio, got)

    return {
        'goals': goals,
        'plot': [[connections, name, of(turns, 'rate')]
                 for (connections, name), turns in got.items()],
        'text': table(
            ['connections', 'server', 'a second', 'spread', 'to return200']
            + ['to ' + name for name in PEERS]
            + ['p50, ms', 'p99, ms', 'errors', 'CPU, ms per 1000: server',
               'PostgreSQL', 'client', 'rows a statement', 'rows'],
            rows)}


def pools(servers, args):
    """How many connections suit each of the others best."""
    rows = []

    for size in 4, 8, 16, 32, 64:
        contestants.start(servers, args.only,
                          dict.fromkeys(contestants.POOL, size))

        for name in list(servers.apps):
            load(servers, name, 256, WARM)
            turns = []

            for turn in range(args.rounds):
                empty(servers)
                turns.append(load(servers, name, 256, args.seconds))

            rows.append([size, name, thousands(of(turns, 'rate')),
                         '%.1f' % of(turns, 'p99'),
                         sum(t['errors'] for t in turns),
                         '%.1f' % of(turns, 'cpu', 'server'),
                         '%.1f' % of(turns, 'cpu', 'postgres')])
            servers.stop_app(name)

    return {'text': table(
        ['connections to PostgreSQL', 'server', 'a second', 'p99, ms',
         'errors', 'CPU, ms per 1000: server', 'PostgreSQL'], rows)}


def compare(connections, ratio, got):
    goals = []
    to_nothing, to_best = GOALS.get(connections, (None, None))

    if 'return200' in ratio:
        nothing = of(got[connections, 'return200'], 'cpu', 'server')
        cpu = of(got[connections, 'module'], 'cpu', 'server')
        goals.append(('durable PUTs a second at %d connections, to `return '
                      '200`' % connections, to_nothing, '≥',
                      ratio['return200'], ''))
        goals.append(('CPU in nginx per request at %d connections, to `return '
                      '200`' % connections, 2.0, '≤', cpu / nothing,
                      ' (%.1f to %.1f µs)' % (cpu, nothing)))

    peers = [name for name in PEERS if name in ratio]
    if peers:
        best = min(peers, key=ratio.get)
        goals.append(('durable PUTs a second at %d connections, to the best '
                      'of Fastify, Go and FastAPI' % connections, to_best,
                      '≥', ratio[best], ' (%s)' % best))

    return goals


def half(servers, args):
    """p99 where each connection waits between requests, so that together
    they come at half the rate that they could."""
    servers.start_nginx()
    rows = []
    goals = []

    for connections in args.connections:
        load(servers, 'module', connections, 1)
        empty(servers)
        full = load(servers, 'module', connections, 2)
        wanted = full['rate'] / 2
        pace = 1000 * connections / wanted

        # a connection's turn is its wait and the time of an answer
        trial = load(servers, 'module', connections, 1, PACE=pace)
        pace = max(1, 2 * pace - 1000 * connections / trial['rate'])
        turns = []

        for turn in range(args.rounds):
            empty(servers)
            turns.append(load(servers, 'module', connections, args.seconds,
                              PACE=pace))

        rows.append([connections, thousands(full['rate']),
                     thousands(of(turns, 'rate')), '%.1f' % of(turns, 'p50'),
                     '%.1f' % of(turns, 'p99'), '%.1f' % of(turns, 'max'),
                     sum(t['errors'] for t in turns),
                     '%.0f' % of(turns, 'batch'), rows_column(turns)])
        goals.append(('p99 at half the rate of %d connections, ms'
                      % connections, 5, '≤', of(turns, 'p99'), ''))

    return {'goals': goals, 'text': table(
        ['connections', 'full rate', 'rate', 'p50, ms', 'p99, ms', 'max, ms',
         'errors', 'rows a statement', 'rows'], rows)}
