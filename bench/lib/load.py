"""wrk against one of the servers, and what it took."""

import json
import os
import subprocess

from servers import BENCH, ROOT, Failure

BODY = ROOT + '/examples/requests/put-result.json'
number = 0


def load(servers, name, connections, seconds, cpus=None, **lua):
    """PUTs of results for some seconds; name is module, return200, or one of
    servers.apps; lua are the variables of put.lua.  Gives a dict of what was
    measured."""
    global number
    number += 1

    module = name == 'module'
    port = servers.apps[name][1] if name in servers.apps else \
        servers.port if module else servers.port200

    # for the requests that are under way when the time is over
    tail = 1 if connections < 1000 else 2

    env = {'BODY': BODY, 'PREFIX': '%x-%03d' % (os.getpid(), number),
           'SECONDS': seconds, 'TOKEN': servers.env['TOKEN'], **lua}
    env = {**os.environ, **{key: str(value) for key, value in env.items()}}

    before = count(servers)
    status = module and servers.status()
    cpu = servers.cpu(name)
    wrk = subprocess.Popen(
        ([] if cpus is None else ['taskset', '-c', cpus]) +
        ['wrk', '-t%d' % min(2, connections), '-c%d' % connections,
         '-d%ds' % (seconds + tail), '--timeout', '30s', '-s',
         BENCH + '/put.lua', 'http://127.0.0.1:%d' % port],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = wrk.stdout.read()
    _, code, usage = os.wait4(wrk.pid, 0)
    wrk.returncode = code

    if code:
        raise Failure('wrk failed:\n' + said)

    took = {key: value - cpu[key] for key, value in servers.cpu(name).items()}
    took['client'] = usage.ru_utime + usage.ru_stime
    got = json.loads(said.strip().splitlines()[-1])
    good = got['answered'] - got['not_2xx']

    # each connection has one request under way when the time is over
    got['rate'] = (got['sent'] - connections) / seconds
    got['cpu'] = {key: 1e6 * value / max(1, got['answered'])
                  for key, value in took.items()}
    got['errors'] = got['not_2xx'] + got['failed'] \
        + got['sent'] - got['answered']
    got['rows'] = count(servers) - before
    got['expected'] = 0 if name == 'return200' else good
    check(name, got)

    if module:
        after = servers.status()
        got['batch'] = (after['rows'] - status['rows']) / max(
            1, after['batches'] - status['batches'])

    return got


def check(name, got):
    """A 2xx without its row is what must never be; a row without its 2xx may
    be one whose request was answered otherwise, or not."""
    if not 0 <= got['rows'] - got['expected'] <= got['errors']:
        raise Failure('%s: %d rows for %d 2xx and %d errors' % (
            name, got['rows'], got['expected'], got['errors']))


def count(servers):
    return int(servers.sql('SELECT count(*) FROM results.result'))


def empty(servers):
    """An empty table and a checkpoint behind it: every turn begins so."""
    servers.sql('TRUNCATE results.result, results.result_history')
    servers.sql('CHECKPOINT')
