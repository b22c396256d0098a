"""The contestants: how they are installed and started."""

import os

from servers import BENCH, BUILD, base, run

NAMES = ['return200', 'module', 'go']

PACKAGES = {
    'go': ['golang-go', 'golang-github-jackc-pgx-v4-dev'],
}

# connections of all processes together: each one's best of 4, 8, 16, 32, 64
POOL = {'go': 16}


def install(names):
    os.makedirs(BUILD, exist_ok=True)
    base('need "$@"', 'wrk', 'postgresql-client',
         *(p for name in names for p in PACKAGES.get(name, [])))

    if 'go' in names:
        run('go', 'build', '-o', BUILD + '/go', BENCH + '/go/main.go',
            env=dict(os.environ, GO111MODULE='off',
                     GOPATH='/usr/share/gocode', GOCACHE=BUILD + '/go-cache'))


def start(servers, names, pool=POOL):
    if 'go' in names:
        servers.start_app('go', [BUILD + '/go'], GOMAXPROCS='2',
                          POOL=str(pool['go']))
