"""Scenarios: many institutions, more workers, a table that is not empty."""

import os

from load import BODY, empty, load
from servers import children, run
from tables import of, rows_column, spread, table, thousands

INSTITUTIONS = 1000


def tokens(servers, institutions, each=1):
    """Institutions, and the tokens bench-0, bench-1 and so on, in turns."""
    servers.sql('''
        INSERT INTO results.institution (name)
        SELECT 'bench-' || i FROM generate_series(1, %(institutions)d) i
        ON CONFLICT DO NOTHING;

        INSERT INTO results.api_client (institution_id, client_id, scopes)
        SELECT i.id, i.name, (SELECT scopes FROM results.api_client
                              WHERE client_id = 'demo')
        FROM results.institution i WHERE i.name LIKE 'bench-%%'
        ON CONFLICT DO NOTHING;

        INSERT INTO results.access_token (token_sha256, institution_id,
            client_id, scopes, expires_at)
        SELECT sha256(convert_to('bench-' || i, 'UTF8')), c.institution_id,
               c.id, c.scopes, now() + interval '1 day'
        FROM generate_series(0, %(tokens)d - 1) i
             JOIN results.api_client c
             ON c.client_id = 'bench-' || i %% %(institutions)d + 1
        ON CONFLICT DO NOTHING;

        ANALYZE results.access_token, results.api_client, results.institution
        ''' % {'institutions': institutions, 'tokens': institutions * each})


def rows_of(kinds):
    """A table of turns: {what: turns}"""
    return table(
        ['', 'a second', 'spread', 'p99, ms', 'errors', 'CPU, ms per 1000: '
         'nginx', 'PostgreSQL', 'rows a statement', 'rows'],
        [[what, thousands(of(turns, 'rate')),
          spread([t['rate'] for t in turns]), '%.1f' % of(turns, 'p99'),
          sum(t['errors'] for t in turns),
          '%.1f' % of(turns, 'cpu', 'server'),
          '%.1f' % of(turns, 'cpu', 'postgres'),
          '%.0f' % of(turns, 'batch'), rows_column(turns)]
         for what, turns in kinds.items()])


def institutions(servers, args):
    servers.start_nginx()
    tokens(servers, INSTITUTIONS)
    got = {}

    for turn in range(min(2, args.rounds)):
        for n in 1, INSTITUTIONS:
            empty(servers)
            load(servers, 'module', 256, 1, TOKENS=n)
            got.setdefault(n, []).append(
                load(servers, 'module', 256, args.seconds, TOKENS=n))

    return {
        'goals': [('1000 institutions at once to one, at 256 connections',
                   0.9, '≥',
                   of(got[INSTITUTIONS], 'rate') / of(got[1], 'rate'), '')],
        'text': rows_of({'%d institution%s' % (n, 's' if n > 1 else ''): turns
                         for n, turns in got.items()})}


def pin(pid, cpus):
    for process in children(pid):
        run('taskset', '-a', '-c', '-p', cpus, str(process))


def workers(servers, args):
    """One worker on the first CPU, then two on two; client and PostgreSQL on
    the others.  A refused body needs no PostgreSQL."""
    cpus = sorted(os.sched_getaffinity(0))
    rest = ','.join(map(str, cpus[2:]))
    invalid = os.path.join(servers.dir, 'invalid.json')
    got = {}

    with open(BODY) as body, open(invalid, 'w') as f:
        f.write(body.read().replace('fully graded', 'half graded'))

    pin(servers.postmaster, rest)

    try:
        for turn in range(min(2, args.rounds)):
            for n in 1, 2:
                servers.start_nginx(workers=n)
                pin(servers.nginx_pid, ','.join(map(str, cpus[:n])))
                load(servers, 'module', 256, 1, cpus=rest)

                for what, body in (('refused', {'BODY': invalid}),
                                   ('stored', {})):
                    empty(servers)
                    got.setdefault((what, n), []).append(
                        load(servers, 'module', 256, args.seconds, cpus=rest,
                             **body))
    finally:
        pin(servers.postmaster, ','.join(map(str, cpus)))

    goals = [('workers 1 → 2, ' + what, 1.8 if what == 'refused' else None,
              '≥', of(got[what, 2], 'rate') / of(got[what, 1], 'rate'), note)
             for what, note in (
                 ('refused', ' (422: token, parsing, validation, reply)'),
                 ('stored', ''))]

    return {'goals': goals, 'text': rows_of(
        {'%d worker%s, %s' % (n, 's' if n > 1 else '', what): turns
         for (what, n), turns in sorted(got.items())})}


def data(servers, args):
    """An empty table and one with args.rows rows, of 1000 institutions, in
    turns of ids in order and without one."""
    servers.start_nginx()
    tokens(servers, INSTITUTIONS)
    got = {}
    full = '%s rows' % thousands(args.rows)

    for state in 'empty', full:
        if state == full:
            empty(servers)
            fill(servers, args.rows)

        for turn in range(min(2, args.rounds)):
            for ids in 'order', 'random':
                if state == 'empty':
                    empty(servers)
                servers.sql('CHECKPOINT')
                load(servers, 'module', 256, 1, TOKENS=INSTITUTIONS, IDS=ids)
                got.setdefault((state, ids), []).append(
                    load(servers, 'module', 256, args.seconds,
                         TOKENS=INSTITUTIONS, IDS=ids))

    goals = [('%s over 1000 institutions in the table, to an empty one, ids '
              '%s' % (full, how), 0.6, '≥', of(got[full, ids], 'rate')
              / of(got['empty', ids], 'rate'), '')
             for ids, how in (('order', 'in order (as UUIDv7)'),
                              ('random', 'random (as UUIDv4)'))]
    empty(servers)

    return {'goals': goals, 'text': rows_of(
        {'%s, ids %s' % (state, 'in order' if ids == 'order' else 'random'):
         turns for (state, ids), turns in got.items()})}


def fill(servers, rows):
    """As many results, in the order in which they might have come: of 500
    learners, 200 items and 20 courses in each institution."""
    servers.sql('''
        INSERT INTO results.result (institution_id, kind, id, learner_id,
            item_id, course_id, status, score, completion, scored_at, detail,
            payload_hash, version, op, client_id, created_at, updated_at)
        SELECT c.institution_id, 'result', gen_random_uuid(),
               'learner-' || i / 7 %% 500, 'item-' || i / 11 %% 200,
               'course-' || i / 11 %% 20, 'active', i %% 100, 'complete', t.at,
               json_build_object('late', 'false', 'comment',
                   'Good work on fractions.', 'missing', 'false', 'metadata',
                   '{"attempt": 2}'::json, 'scoreDate',
                   '2023-11-07T05:31:56Z', 'textScore', 'B+', 'inProgress',
                   'false', 'incomplete', 'false', 'scoreStatus',
                   'fully graded'),
               i, 1, 1, c.id, t.at, t.at
        FROM generate_series(1, %d) i
             JOIN results.api_client c
             ON c.client_id = 'bench-' || i %% 1000 + 1
             CROSS JOIN LATERAL (
                 SELECT timestamptz '2026-01-01' + i * interval '0.1 s' AS at
             ) t;
        VACUUM ANALYZE results.result''' % rows)
