"""What is printed and written besides the scenarios' own tables: the machine,
the goals, the plot."""

import os
import platform
import re
import time

from servers import base, run
from tables import table

SETTINGS = ['server_version', 'fsync', 'synchronous_commit',
            'full_page_writes', 'wal_sync_method', 'wal_compression',
            'shared_buffers', 'max_wal_size', 'checkpoint_timeout']


def machine(servers):
    cpu = dict(line.split(':', 1) for line in run('lscpu').splitlines()
               if ':' in line)
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    disk = run('df', '--output=fstype', servers.home).split()[-1]
    settings = [(name, servers.sql('SHOW ' + name)) for name in SETTINGS]

    return {'text': table(['', ''], [
        ['day, commit', '%s, %s' % (
            time.strftime('%Y-%m-%d', time.gmtime()),
            base('git -C "$root" describe --always --dirty 2> /dev/null'
                 ' || echo unknown').strip())],
        ['CPU', '%s, %s of them%s' % (
            cpu['Model name'].strip(), cpu['CPU(s)'].strip(),
            ', virtual' if 'Hypervisor vendor' in cpu else '')],
        ['memory', '%.0f GB' % (memory / 1e9)],
        ['kernel', platform.release()],
        ['disk', '%s; write of 8 KB and fdatasync: %.2f ms (median)' % (
            disk, fdatasync(servers.dir))],
        ['load before', '%.1f' % os.getloadavg()[0]],
        ['versions', ', '.join(versions())],
        ['PostgreSQL', ', '.join('`%s` %s' % s for s in settings)]])}


def fdatasync(directory):
    path = os.path.join(directory, 'fdatasync')
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(fd, 0, 8192)
    took = []
    for i in range(201):
        before = time.monotonic()
        os.pwrite(fd, os.urandom(8192), 0)
        os.fdatasync(fd)
        took.append(time.monotonic() - before)
    os.close(fd)
    os.unlink(path)
    return 1000 * sorted(took)[100]


def versions():
    """Of what is there: not every run has every contestant."""
    return [name + ' ' + version for name, version in (
        line.split('=', 1) for line in base(r'''
            dpkg-query -W -f '${Package}=${Version}\n' nginx wrk golang-go \
                golang-github-jackc-pgx-v4-dev python3-fastapi \
                python3-asyncpg uvicorn 2> /dev/null || true
            ! command -v node > /dev/null || echo "node=$(node -v)"
            sed -n 's/^ *"version": "\(.*\)",/fastify=\1/p' \
                "$0/.build/bench/fastify/node_modules/fastify/package.json" \
                2> /dev/null || true''').splitlines())]


def goal_rows(got):
    """[scenario, what, goal, reached] of each goal."""
    rows = []

    for name, result in got.items():
        for what, goal, sign, figure, note in result.get('goals', []):
            text = ('%.2f' if abs(figure) < 10 else '%.1f'
                    if abs(figure) < 100 else '%.0f') % figure + note
            wanted = '' if goal is None else '%s %g' % (sign, goal)
            if goal is not None:
                met = figure >= goal if sign == '≥' else figure <= goal
                text += '' if met else ' **not met**'
            rows.append([name, what, wanted, text])

    return rows


PLACE = r'(<!-- bench %s -->\n)(.*?)(<!-- end -->\n)'
HEAD = ['scenario', 'what', 'goal', 'reached']


def goals(got):
    return table(HEAD, goal_rows(got))


def missing(path, names):
    """The scenarios that a file has no place for."""
    if not os.path.isfile(path):
        return names
    with open(path) as f:
        text = f.read()
    return [name for name in names if not re.search(PLACE % name, text, re.S)]


def write(path, got):
    """Replaces, in a file, what is between the marks of a scenario."""
    with open(path) as f:
        text = f.read()

    def block(name, content):
        nonlocal text
        text = re.sub(PLACE % name, lambda m: m[1] + content(m[2]) + m[3],
                      text, flags=re.S)

    def merged(old):
        rows = goal_rows(got)
        kept = [[cell.strip() for cell in line[1:-2].split('|')]
                for line in old.splitlines(True)
                if line.startswith('| ')][2:]
        kept = [row for row in kept if row[0] not in got]

        # in the order of the page; what it has no place for comes last
        return table(HEAD, sorted(kept + rows, key=lambda row: text.find(
            '<!-- bench %s -->' % row[0]) % (len(text) + 1)))

    for name, result in got.items():
        block(name, lambda old: result['text'])
        if 'plot' in result:
            with open(os.path.splitext(path)[0] + '.svg', 'w') as f:
                f.write(plot(result['plot']))

    block('goals', merged)

    with open(path, 'w') as f:
        f.write(text)


COLOURS = {'return200': '#8a8f98', 'module': '#2f7de1', 'fastify': '#e08a1e',
           'go': '#1ea896', 'fastapi': '#b658c4'}


def plot(points):
    """Bars of rates, in groups of connections; the middle tones read on
    white and on black."""
    groups = sorted({connections for connections, _, _ in points})
    names = [name for name in COLOURS if any(p[1] == name for p in points)]
    top = max(rate for _, _, rate in points)
    width, height, left, bar = 760, 320, 20, 36
    gap = (width - left) / len(groups)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
           'font-family="sans-serif" font-size="11">' % (width, height + 70),
           '<style>text { fill: #222 } @media (prefers-color-scheme: dark) '
           '{ text { fill: #ddd } }</style>',
           '<text x="%d" y="14" font-size="13">requests answered a second, '
           'by connections</text>' % left]

    for connections, name, rate in points:
        x = left + groups.index(connections) * gap + names.index(name) * bar
        h = height * rate / top
        out.append('<rect x="%.0f" y="%.1f" width="%d" height="%.1f" '
                   'fill="%s"/>' % (x, height + 30 - h, bar - 4, h,
                                    COLOURS[name]))
        out.append('<text x="%.0f" y="%.1f" text-anchor="middle">%s</text>'
                   % (x + bar / 2 - 2, height + 26 - h, '%.1fk'
                      % (rate / 1000)))

    for i, connections in enumerate(groups):
        out.append('<text x="%.0f" y="%d">%d connections</text>'
                   % (left + i * gap, height + 45, connections))

    for i, name in enumerate(names):
        out.append('<rect x="%d" y="%d" width="10" height="10" fill="%s"/>'
                   '<text x="%d" y="%d">%s</text>' % (
                       left + i * 120, height + 54, COLOURS[name],
                       left + 14 + i * 120, height + 63, name))

    return '\n'.join(out) + '\n</svg>\n'
