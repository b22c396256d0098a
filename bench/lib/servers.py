"""What bench/run measures: PostgreSQL and nginx, started by bin/run in one
directory, and the contestants, each in a process group of its own; and the
CPU time that each of them takes."""

import json
import os
import shlex
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, 'bench')
BUILD = os.path.join(ROOT, '.build', 'bench')


class Failure(Exception):
    pass


def run(*command, **more):
    """Runs a command; gives what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **more)
    if done.returncode:
        raise Failure('%s failed:\n%s' % (shlex.join(command)[:200],
                                          (done.stdout + done.stderr)[-2000:]))
    return done.stdout


def base(script, *args):
    """Runs lines of bash behind those of bin/lib/base.sh."""
    return run('bash', '-c', '. "$0/bin/lib/base.sh"; ' + script, ROOT, *args)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure('waited %d s in vain for %s' % (seconds, what))
        time.sleep(0.02)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


class Servers:
    def __init__(self, directory):
        self.dir = directory
        self.apps = {}
        self.nginx_pid = None
        self.env = {}

    # PostgreSQL and nginx

    def start(self):
        run(os.path.join(ROOT, 'bin/run'), '--detach', '--dir', self.dir,
            '--port', str(free_port()))

        for line in run('sed', r"s/^\([A-Z_]*\)='\(.*\)'$/\1=\2/p;d",
                        os.path.join(self.dir, 'demo.env')).splitlines():
            name, value = line.split('=', 1)
            self.env[name] = value

        home = os.path.join(self.dir, 'home')
        self.home = os.path.realpath(home if os.path.islink(home)
                                     else self.dir)
        self.owner = os.stat(os.path.join(self.home, 'pg')).st_uid

        self.pg = run('pg_config', '--bindir').strip()
        self.group = run('id', '-g', str(self.owner)).strip()

        with open(os.path.join(self.home, 'pg/postmaster.pid')) as f:
            self.postmaster = int(f.readline())

        with open(os.path.join(self.home, 'nginx.pid')) as f:
            self.nginx_pid = int(f.read())

        # as application servers usually do, the others own their tables
        self.sql('CREATE ROLE results_bench LOGIN IN ROLE results_owner')

    def sql(self, text):
        return run('psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
                   '-h', self.env['PGHOST'], '-U', 'postgres', '-d', 'results',
                   input=text).strip()

    def owners(self, *command):
        """The command as PostgreSQL's user, since that refuses to be root."""
        if os.getuid() != 0:
            return list(command)
        return ['setpriv', '--reuid', str(self.owner), '--regid', self.group,
                '--clear-groups', *command]

    def as_owner(self, *command):
        return run(*self.owners(*command), cwd=self.home)

    def stop_postgres(self):
        self.as_owner(self.pg + '/pg_ctl', '-D', self.home + '/pg', '-s',
                      '-m', 'fast', 'stop')

    def start_postgres(self, wrapper=()):
        """The cluster that bin/run has made; gives the process."""
        with open(os.path.join(self.home, 'server.log'), 'w') as log:
            process = subprocess.Popen(
                self.owners(*wrapper, self.pg + '/postgres', '-D',
                            self.home + '/pg'),
                cwd=self.home, stdout=log, stderr=log)
        self.postmaster = process.pid
        wait_for('PostgreSQL', self.accepts)
        return process

    def accepts(self):
        return subprocess.run(
            [self.pg + '/pg_isready', '-q', '-h', self.env['PGHOST']]
            ).returncode == 0

    def start_nginx(self, workers=2, host=None, store='', zone='16m',
                    wrapper=()):
        """nginx with bench/nginx.conf, in the place of the one there is."""
        self.stop_nginx()
        self.port, self.port200 = free_port(), free_port()

        with open(os.path.join(BENCH, 'nginx.conf')) as f:
            text = f.read()

        for name, value in {'workers': workers, 'port': self.port,
                            'port200': self.port200, 'store': store,
                            'host': host or self.env['PGHOST'],
                            'zone': zone}.items():
            text = text.replace('@%s@' % name, str(value))

        conf = os.path.join(self.home, 'bench.conf')
        with open(conf, 'w') as f:
            f.write(text)

        user = []
        if os.getuid() == 0:
            user = ['-g', 'user %s;' % ' '.join(
                run('id', *option, str(self.owner)).strip()
                for option in (['-un'], ['-gn']))]

        run(*wrapper, '/usr/sbin/nginx', '-p', self.home, '-c', conf, '-e',
            os.path.join(self.home, 'error.log'), *user)

        pid = os.path.join(self.home, 'nginx.pid')
        wait_for('nginx', lambda: os.path.exists(pid)
                 and os.path.getsize(pid) and listens(self.port))
        with open(pid) as f:
            self.nginx_pid = int(f.read())

    def stop_nginx(self):
        if self.nginx_pid:
            os.kill(self.nginx_pid, signal.SIGQUIT)
            wait_for('the end of nginx', lambda: not os.path.exists(
                '/proc/%d' % self.nginx_pid))
            self.nginx_pid = None

    def status(self):
        with urllib.request.urlopen('http://127.0.0.1:%d/status?format=json'
                                    % self.port) as reply:
            return json.load(reply)

    def stop(self):
        for name in list(self.apps):
            self.stop_app(name)
        run(os.path.join(ROOT, 'bin/run'), '--stop', '--dir', self.dir)

    # contestants

    def start_app(self, name, command, **env):
        port = free_port()
        env = dict(os.environ, PORT=str(port), UVICORN_PORT=str(port),
                   NODE_ENV='production', GOMAXPROCS='2',
                   PYTHONDONTWRITEBYTECODE='1', PUT_SQL=BENCH + '/put.sql',
                   PGHOST=self.env['PGHOST'], PGUSER='results_bench',
                   PGDATABASE='results', **env)
        log = open(os.path.join(self.dir, name + '.log'), 'w')
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log,
                                   start_new_session=True)
        self.apps[name] = (process, port)
        wait_for(name, lambda: process.poll() is not None or listens(port))
        if process.poll() is not None:
            raise Failure('%s ended; %s tells why' % (name, log.name))

    def stop_app(self, name):
        process, port = self.apps.pop(name)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    # CPU time

    def cpu(self, server):
        """Seconds of CPU that PostgreSQL and `server` have taken so far."""
        pid = self.apps[server][0].pid if server in self.apps \
            else self.nginx_pid
        return {'postgres': cpu_of(self.postmaster), 'server': cpu_of(pid)}


def children(pid):
    found = [pid]
    try:
        for task in os.listdir('/proc/%d/task' % pid):
            with open('/proc/%d/task/%s/children' % (pid, task)) as f:
                for child in f.read().split():
                    found += children(int(child))
    except OSError:
        pass
    return found


def cpu_of(pid):
    """Of a process and its children, those that ended included."""
    total = 0
    ticks = os.sysconf('SC_CLK_TCK')

    for child in children(pid):
        try:
            for task in os.listdir('/proc/%d/task' % child):
                with open('/proc/%d/task/%s/schedstat' % (child, task)) as f:
                    total += int(f.read().split()[0]) / 1e9
            with open('/proc/%d/stat' % child) as f:
                ended = f.read().rsplit(')', 1)[1].split()[13:15]
            total += sum(map(int, ended)) / ticks
        except OSError:
            pass

    return total
