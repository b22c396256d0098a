"""Scenarios that know the statement alone, by bench/statement.c: what HTTP
adds to it, and what its size is worth."""

import json
import os
import subprocess

from load import check, count, empty, load
from servers import BENCH, BUILD, ROOT, Failure, base, cpu_of, run
from tables import of, rows_column, table, thousands

number = 0


def build():
    base('need "${build_packages[@]}"')
    folders = [ROOT + '/ngx_results_module/' + name
               for name in ('base', 'json', 'record')]
    program = BUILD + '/statement'
    run('gcc', '-std=gnu99', '-O2', *('-I' + folder for folder in folders), '-I',
        run('pg_config', '--includedir').strip(), BENCH + '/statement.c',
        *(os.path.join(folder, name) for folder in folders
          for name in sorted(os.listdir(folder)) if name.endswith('.c')),
        '-o', program, '-lpq', '-ljansson', '-lcrypto', '-lm')
    return program


def arguments(servers, program, rows, seconds, prefix):
    return [program, 'host=%s dbname=results user=results_gateway'
            % servers.env['PGHOST'], str(rows), str(seconds), prefix]


def statement(servers, program, rows, seconds):
    """One connection, one statement after the other."""
    global number
    number += 1

    empty(servers)
    before = cpu_of(servers.postmaster)

    with subprocess.Popen(
            arguments(servers, program, rows, seconds, 's-%d' % number),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        said = p.stdout.readline()
        cpu = cpu_of(servers.postmaster) - before

    if not said:
        raise Failure('bench/statement.c gave no figures')
    got = json.loads(said)
    got['postgres'] = 1e6 * cpu / got['rows']
    got['expected'] = got['rows']
    got['errors'] = 0
    got['rows'] = count(servers)
    check('libpq', got)
    return got


def single(servers, args):
    program = build()
    servers.start_nginx()
    load(servers, 'module', 1, 1)
    http = []
    libpq = []

    for turn in range(args.rounds):
        empty(servers)
        http.append(load(servers, 'module', 1, args.seconds))
        libpq.append(statement(servers, program, 1, args.seconds))

    ratio = of(libpq, 'rate') / of(http, 'rate')

    return {
        'goals': [('one connection, one request at a time, to libpq doing '
                   'the same statement: time', 1.3, '≤', ratio, '')],
        'text': table(
            ['one at a time', 'a second', 'p50, ms', 'p99, ms', 'rows'],
            [[name, thousands(of(turns, 'rate')), '%.3f' % of(turns, 'p50'),
              '%.3f' % of(turns, 'p99'), rows_column(turns)]
             for name, turns in (('module', http), ('libpq', libpq))])}


def sizes(servers, args):
    program = build()
    rows = []
    costs = {}

    for size in 1, 8, 32, 128, 512:
        turns = [statement(servers, program, size, args.seconds)
                 for turn in range(min(2, args.rounds))]
        cpu = costs[size] = of(turns, 'postgres')
        rows.append([size, thousands(of(turns, 'rate')), '%.1f' % cpu,
                     '%.2f' % of(turns, 'p50'), '%.2f' % of(turns, 'p99'),
                     rows_column(turns)])

    # cost(n) = statement / n + row, through two of the points
    statement_cost = (costs[1] - costs[128]) / (1 - 1 / 128)

    return {
        'goals': [('PostgreSQL CPU per row at 128 rows, µs', 15, '≤',
                   costs[128], '')],
        'text': table(
            ['rows a statement', 'rows a second', 'PostgreSQL CPU a row, µs',
             'statement, ms: p50', 'p99', 'rows'], rows)
        + '\nA statement costs PostgreSQL %.0f µs, and each of its rows '
        '%.0f µs.\n' % (statement_cost, costs[1] - statement_cost)}
