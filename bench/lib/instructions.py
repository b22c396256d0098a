"""Scenario: instructions, by valgrind.  It counts those outside the kernel
only, and the same ones each time, whatever else the machine does."""

import glob
import json
import os
import re
import signal
import subprocess
import time

from load import empty, load
from servers import base, run, wait_for
from statements import arguments, build
from tables import table, thousands

SECONDS = 2, 8      # the difference leaves out what happens once


def valgrind(directory):
    return ['valgrind', '--tool=callgrind', '--trace-children=yes',
            '--callgrind-out-file=%s/%%p' % directory,
            '--log-file=/dev/null']


def counted(directory, pid='*'):
    """Of processes that have ended."""
    total = 0
    for path in glob.glob('%s/%s' % (directory, pid)):
        with open(path) as f:
            total += int(re.search(r'^totals: (\d+)', f.read(), re.M)[1])
        os.unlink(path)
    return total


def slope(measure):
    """What one more costs: measure(seconds) gives instructions and how many
    there were."""
    (few, n), (many, m) = map(measure, SECONDS)
    return (many - few) / (m - n)


def nginx(servers, directory, name):
    def measure(seconds):
        servers.start_nginx(wrapper=valgrind(directory))
        got = load(servers, name, 64, seconds)
        servers.stop_nginx()
        return counted(directory), got['answered']

    return slope(measure)


def postgres(servers, directory, program, rows):
    def measure(seconds):
        said = run(*arguments(servers, program, rows, seconds, 'i%d-%d' % (
            rows, seconds)), stdin=subprocess.DEVNULL)
        got = json.loads(said)
        path = '%s/%d' % (directory, got['backend'])
        wait_for('the end of a backend', lambda: os.path.exists(path)
                 and os.path.getsize(path))
        time.sleep(0.5)
        return counted(directory, got['backend']), got['rows']

    return slope(measure)


def instructions(servers, args):
    base('need valgrind')
    program = build()
    directory = os.path.join(servers.home, 'callgrind')
    os.mkdir(directory)
    os.chown(directory, servers.owner, -1)
    empty(servers)
    rows = [['nginx, `%s`' % name, 'a request',
             thousands(nginx(servers, directory, name))]
            for name in ('return200', 'module')]

    servers.stop_postgres()
    process = servers.start_postgres(wrapper=valgrind(directory))

    try:
        for n in 1, 8, 32, 128:
            each = postgres(servers, directory, program, n)
            rows.append(['PostgreSQL, statements of %d' % n, 'a row',
                         thousands(each)])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
        servers.start_postgres()

    return {'text': table(['', '', 'instructions'], rows)}
