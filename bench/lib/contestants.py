"""The contestants: how they are installed and started."""

import os
import shutil

from servers import BENCH, BUILD, base, run

NAMES = ['return200', 'module', 'fastify', 'go', 'fastapi']

PACKAGES = {
    'fastapi': ['uvicorn', 'python3-fastapi', 'python3-asyncpg',
                'python3-uvloop', 'python3-httptools'],
    'go': ['golang-go', 'golang-github-jackc-pgx-v4-dev'],
}

# connections of all processes together: each one's best of 4, 8, 16, 32, 64
POOL = {'fastify': 16, 'go': 16, 'fastapi': 16}


def install(names):
    os.makedirs(BUILD, exist_ok=True)
    base('need "$@"', 'wrk',
         *(p for name in names for p in PACKAGES.get(name, [])))

    if 'fastify' in names:
        if not shutil.which('npm'):
            base('need nodejs npm')
        os.makedirs(BUILD + '/fastify', exist_ok=True)
        for name in os.listdir(BENCH + '/fastify'):
            shutil.copy(BENCH + '/fastify/' + name, BUILD + '/fastify')
        run('npm', 'ci', '--prefix', BUILD + '/fastify', '--ignore-scripts',
            '--no-audit', '--no-fund')

    if 'go' in names:
        run('go', 'build', '-o', BUILD + '/go', BENCH + '/go/main.go',
            env=dict(os.environ, GO111MODULE='off',
                     GOPATH='/usr/share/gocode', GOCACHE=BUILD + '/go-cache'))


def start(servers, names, pool=POOL):
    for name, command in {
        'fastify': ['node', BUILD + '/fastify/server.js'],
        'go': [BUILD + '/go'],
        'fastapi': ['uvicorn', 'server:app', '--app-dir', BENCH + '/fastapi',
                    '--workers', '2', '--loop', 'uvloop',
                    '--http', 'httptools', '--no-access-log',
                    '--log-level', 'warning'],
    }.items():
        if name in names:
            servers.start_app(name, command, POOL=str(pool[name]))
