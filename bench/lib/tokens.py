"""Scenario: a hit in the token cache, and a million tokens in it."""

import json
import os

import scale
from load import empty, load
from servers import BENCH, BUILD, ROOT, base, run
from tables import table, thousands

TOKENS = 1000000
MEGABYTES = 352


def tokens(servers, args):
    module = ROOT + '/ngx_results_module'
    nginx = '/usr/share/nginx/src/src'
    run('gcc', '-std=gnu99', '-O2', '-I', nginx + '/core', '-I',
        nginx + '/event', '-I', nginx + '/os/unix', '-I',
        base('build_dir plain') + '/objs', '-I', module + '/base', '-I',
        module + '/record', '-I', module + '/zone', BENCH + '/tokens.c',
        module + '/base/results_universal.c', '-o', BUILD + '/tokens')
    hits = {n: json.loads(run(BUILD + '/tokens', str(MEGABYTES), str(n),
                              '5000000'))
            for n in (1, 1000, TOKENS)}

    # a refused body: the token is checked, and no row is written
    refused = os.path.join(servers.dir, 'empty.json')
    with open(refused, 'w') as f:
        f.write('{}')

    empty(servers)
    servers.start_nginx(zone='%dm ttl=1h' % MEGABYTES)
    scale.tokens(servers, 1000, TOKENS // 1000)
    rates = []

    for turn in range(12):
        rates.append(load(servers, 'module', 256, 10, TOKENS=TOKENS,
                          BODY=refused)['rate'])
        before = servers.status()['tokens']
        if before['entries'] == TOKENS:
            break

    again = load(servers, 'module', 256, args.seconds, TOKENS=TOKENS,
                 BODY=refused)
    after = servers.status()['tokens']

    return {
        'goals': [
            ('token hit, lock and copy included, a million tokens in the '
             'cache, µs', 1, '≤', hits[TOKENS]['ns'] / 1000, '')],
        'text': table(
            ['tokens in a zone of %dm' % MEGABYTES, 'a hit, ns'],
            [[thousands(n), '%.0f' % hit['ns']] for n, hit in hits.items()])
        + '\n' + table(
            ['%s tokens in nginx' % thousands(TOKENS), ''],
            [['live entries', thousands(after['entries'])],
             ['of a capacity of', thousands(after['capacity'])],
             ['evictions', after['evictions']],
             ['rows and queries to fill it',
              '%s, %s' % (thousands(before['lookups']),
                          thousands(before['queries']))],
             ['requests a second meanwhile', thousands(rates[0])],
             ['requests then', thousands(again['answered'])],
             ['their queries', after['queries'] - before['queries']]])}
