"""kubectl, the benchmark's namespaces, and what machine this is."""
import http.client
import json
import os
import platform
import shutil
import subprocess
import sys
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KUBECTL = os.path.join(REPOSITORY, '.cluster', 'bin', 'kubectl')
os.environ.setdefault('KUBECONFIG', os.path.join(REPOSITORY, '.cluster', 'kubeconfig'))

SITE = 'blog'
HOST = 'blog.bench.example.com'
NAMESPACE = 'bench'
FLOOR_NAMESPACE = 'bench-floor'
TIMEOUT = '180s'

# Pages stay in the cache for longer than a measurement takes.
MANIFEST = {
    'apiVersion': 'tairyo.dev/v1alpha1',
    'kind': 'WordPressSite',
    'metadata': {'name': SITE, 'namespace': NAMESPACE},
    'spec': {
        'className': 'local',
        'domains': [HOST],
        'title': 'Benchmark',
        'admin': {'email': 'admin@example.com'},
        'database': {'storage': '1Gi'},
        'media': {'storage': '1Gi'},
        'web': {'pageCache': {'ttlSeconds': 3600}},
        'deletionPolicy': 'Delete',
    },
}


class Failed(Exception):
    """A measurement that could not be made."""


def say(text: str) -> None:
    print(f'bench: {text}', file=sys.stderr)


def run(*command: str, data: bytes | None = None, timeout: float = 240) -> bytes:
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise Failed(f'there is no {error.filename}; make install starts the cluster and installs the operator') from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f'{" ".join(command)} took longer than {timeout:.0f} s') from error
    if done.returncode != 0:
        raise Failed(f'{" ".join(command)} failed: {done.stderr.decode(errors="replace").strip()}')
    return done.stdout


def kubectl(*arguments: str, data: bytes | None = None, timeout: float = 240) -> bytes:
    return run(KUBECTL, *arguments, data=data, timeout=timeout)


def get(*arguments: str) -> dict:
    return json.loads(kubectl('get', *arguments, '--output', 'json'))


def apply(*objects: dict) -> None:
    kubectl('apply', '--filename', '-', data=json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': list(objects)}).encode())


def fresh_namespace(name: str) -> None:
    remove_namespaces(name)
    kubectl('create', 'namespace', name)


def remove_namespaces(*names: str) -> None:
    names = names or (NAMESPACE, FLOOR_NAMESPACE)
    kubectl('delete', 'namespace', *names, '--ignore-not-found', '--wait=false')
    for name in names:
        # Nobody reads from these pods any more: the seconds that they keep for requests in progress are of no use.
        kubectl('--namespace', name, 'delete', 'pods', '--all', '--grace-period=1', '--wait=false')
    kubectl('delete', 'namespace', *names, '--ignore-not-found', '--timeout', TIMEOUT)


def ready_site() -> None:
    """The benchmark's site, made if it is not there."""
    if not kubectl('get', 'namespace', NAMESPACE, '--ignore-not-found').strip():
        kubectl('create', 'namespace', NAMESPACE)
    apply(MANIFEST)
    kubectl('--namespace', NAMESPACE, 'wait', '--for=condition=Ready', f'wordpresssite/{SITE}', '--timeout', TIMEOUT)


def service_address(namespace: str) -> str:
    return get('--namespace', namespace, f'service/{SITE}-web')['spec']['clusterIP']


def fetch(address: str, port: int = 80, path: str = '/', headers: dict | None = None) -> tuple[int, dict, bytes]:
    connection = http.client.HTTPConnection(address, port, timeout=20)
    try:
        connection.request('GET', path, headers={'Host': HOST, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    except OSError as error:
        raise Failed(f'http://{address}:{port}{path} does not answer: {error}') from error
    finally:
        connection.close()


def fetch_until_served(address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if fetch(address)[0] == 200:
                return
        except Failed:
            pass
        if time.monotonic() > deadline:
            raise Failed(f'the page at {address} was not served within 60 s')
        time.sleep(0.02)


def need(command: str, package: str) -> None:
    if shutil.which(command):
        return
    if os.geteuid() == 0 and shutil.which('apt-get'):
        say(f'installing {package}')
        run('apt-get', 'update', '-q')
        run('env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-q', '-y', '--no-install-recommends', package)
        return
    raise Failed(f'needs {command}: on Debian, apt-get install {package}')


def machine() -> dict:
    with open('/proc/meminfo', encoding='ascii') as file:
        memory = int(file.readline().split()[1]) // 1024
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        models = [line.split(':', 1)[1].strip() for line in file if line.startswith('model name')]
    commit = subprocess.run(['git', '-C', REPOSITORY, 'rev-parse', '--short', 'HEAD'], capture_output=True, text=True, check=False)
    return {
        'cores': os.cpu_count(),
        'processor': models[0] if models else platform.machine(),
        'memoryMiB': memory,
        'kernel': platform.release(),
        'loadBefore': os.getloadavg()[0],
        'kubernetes': version(),
        'commit': commit.stdout.strip(),
    }


def version() -> str:
    try:
        return json.loads(kubectl('version', '--output', 'json'))['serverVersion']['gitVersion']
    except Failed as error:
        raise SystemExit(f'benches/run: {error}') from error
