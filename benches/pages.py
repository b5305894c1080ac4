"""Requests per second of one web pod: a cached page beside the same bytes as a file, a rendered page beside php-fpm alone.

All of it goes to the pod's address on the cluster's own bridge. The load comes from the same machine, on both sides of
each comparison.
"""
import json
import os
import re

import cluster
from cluster import HOST, NAMESPACE, SITE, Failed, kubectl
from table import median, ratios, row

COOKIE = 'wordpress_logged_in_x=1'
FILE = 'bench.txt'
CACHED_CONNECTIONS, CACHED_SECONDS = 16, 4
RENDERED_CONNECTIONS, RENDERED_SECONDS = 4, 6
GOAL = 0.8


def measure(repetitions: int, raw: dict) -> list[dict]:
    cluster.need('wrk', 'wrk')
    cluster.ready_site()
    selector = f'tairyo.dev/site={SITE},app.kubernetes.io/component=web'
    pod = cluster.get('--namespace', NAMESPACE, 'pods', '--selector', selector)['items'][0]
    address, name = pod['status']['podIP'], pod['metadata']['name']
    page = cached_page(address)
    inside(name, f'file_put_contents("/srv/wordpress/wp-content/uploads/{FILE}", file_get_contents("php://stdin"));', page)
    status, _, body = cluster.fetch(address, 8080, f'/wp-content/uploads/{FILE}')
    if status != 200 or body != page:
        raise Failed(f'the file of the floor is answered with {status} and {len(body)} bytes instead of {len(page)}')

    cached = Pair('cached')
    zipped = Pair('cached, gzip')
    rendered = Pair('rendered')
    # The first round is not counted: php-fpm starts its workers in it.
    for number in range(repetitions + 1):
        rounds = [
            (cached, lambda: load(address, '/'), lambda: load(address, f'/wp-content/uploads/{FILE}')),
            (zipped, lambda: load(address, '/', 'Accept-Encoding: gzip'), lambda: load(address, f'/wp-content/uploads/{FILE}', 'Accept-Encoding: gzip')),
            (rendered, lambda: load(address, '/', f'Cookie: {COOKIE}', rendered=True), lambda: fpm_alone(name)),
        ]
        for pair, ours, floor in rounds:
            # Each goes first in turn: what comes second finds the machine warmer.
            if number % 2:
                one, other = ours(), floor()
            else:
                other, one = floor(), ours()
            pair.add(one, other, counted=number > 0)
    verdict = cluster.fetch(address, 8080)[1].get('x-cache')
    if verdict != 'HIT':
        raise Failed(f'the page fell out of the cache during the measurement: X-Cache is {verdict}')
    raw['pages'] = {'bytes': len(page), **{pair.name: {'perSecond': pair.ours, 'floorPerSecond': pair.floor} for pair in (cached, zipped, rendered)}}
    return [
        *cached.rows('cached page', f'floor: a file of the same {len(page)} bytes', GOAL),
        *zipped.rows('cached page, gzip', 'floor: the same file, gzip', None),
        *rendered.rows('rendered page (cookie of a login)', 'floor: php-fpm by its socket, without nginx', None),
    ]


class Pair:
    def __init__(self, name: str) -> None:
        self.name, self.ours, self.floor = name, [], []

    def add(self, ours: float, floor: float, counted: bool) -> None:
        if counted:
            self.ours.append(ours)
            self.floor.append(floor)
            cluster.say(f'pages: {self.name} {ours:.1f}/s, floor {floor:.1f}/s')

    def rows(self, what: str, floor: str, goal: float | None) -> list[dict]:
        compared = ratios(self.ours, self.floor)
        return [
            row(what, self.ours, 'requests/s'),
            row(f'  {floor}', self.floor, 'requests/s'),
            row('  ratio', compared, 'x', f'>= {goal}' if goal else '', median(compared) >= goal if goal else None),
        ]


def cached_page(address: str) -> bytes:
    for _ in range(5):
        status, headers, body = cluster.fetch(address, 8080)
        if status == 200 and headers.get('x-cache') == 'HIT':
            return body
    raise Failed(f'the front page does not get into the cache: {status}, X-Cache {headers.get("x-cache")}')


def load(address: str, path: str, *headers: str, rendered: bool = False) -> float:
    connections, seconds = (RENDERED_CONNECTIONS, RENDERED_SECONDS) if rendered else (CACHED_CONNECTIONS, CACHED_SECONDS)
    arguments = [argument for header in (f'Host: {HOST}', *headers) for argument in ('--header', header)]
    text = cluster.run(
        'wrk', '--threads', '1', '--connections', str(connections), '--duration', f'{seconds}s', '--timeout', '20s', *arguments,
        f'http://{address}:8080{path}',
    ).decode()
    wrong = re.search(r'Non-2xx or 3xx responses: \d+|Socket errors: .*', text)
    if wrong:
        raise Failed(f'wrk met errors at {path}: {wrong[0]}')
    return float(re.search(r'Requests/sec:\s+([\d.]+)', text)[1])


def fpm_alone(pod: str) -> float:
    with open(os.path.join(os.path.dirname(__file__), 'fastcgi-load.php'), 'rb') as file:
        program = file.read()
    command = ('php', '--', str(RENDERED_CONNECTIONS), str(RENDERED_SECONDS), HOST, COOKIE)
    answer = json.loads(kubectl('--namespace', NAMESPACE, 'exec', '--stdin', '--container', 'php', pod, '--', *command, data=program))
    if answer['wrong']:
        raise Failed(f'php-fpm alone gave {answer["wrong"]} answers that are not the front page')
    return answer['perSecond']


def inside(pod: str, program: str, data: bytes) -> None:
    kubectl('--namespace', NAMESPACE, 'exec', '--stdin', '--container', 'php', pod, '--', 'php', '-r', program, data=data)
