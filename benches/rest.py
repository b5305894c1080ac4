"""What the operator takes while nothing happens: memory, and requests to the API server by verb over a minute."""
import os
import re
import time

import cluster
from cluster import Failed
from table import row

WINDOW_SECONDS = 60
SAMPLES = 6
ATTEMPTS = 5
GOAL_MIB = 25
WRITES = ('create', 'update', 'patch', 'delete', 'deletecollection')
LINE = re.compile(r'^(\w+)(?:\{([^}]*)\})? (\S+)$')


def measure(_repetitions: int, raw: dict) -> list[dict]:
    cluster.ready_site()
    for _ in range(ATTEMPTS):
        try:
            found = window()
        except Failed as error:
            # Somebody installs another operator meanwhile.
            cluster.say(f'rest: {error}')
            found = None
        if found is not None:
            break
        cluster.say('rest: sites or the operator changed meanwhile, so nothing was at rest; once more')
    else:
        raise Failed(f'the cluster was not at rest in {ATTEMPTS} windows; nobody else should use it meanwhile')
    raw['rest'] = found
    sites, made = found['sites'], found['requests']
    others = sum(count for name, count in made.items() if name.split()[0] in WRITES and not name.endswith(' leases'))
    resident = found['residentMiB']
    rows = [row(f'operator, resident memory with {sites} site(s)', resident, 'MiB', f'< {GOAL_MIB}', max(resident) < GOAL_MIB)]
    if None not in found['procResidentMiB']:
        rows.append(row('  the same by /proc', found['procResidentMiB'], 'MiB'))
    rows.append(row('operator, writes other than its Lease', [others], 'per minute', '= 0', others == 0))
    rows += [row(f'  {name}', [count], 'per minute') for name, count in made.items()]
    return rows


def window() -> dict | None:
    """One window's figures, or nothing if something else happened in it."""
    pod = operator_pod()
    settle(pod)
    sites = sites_at_rest()
    cluster.say(f'rest: {WINDOW_SECONDS} s with {len(sites)} site(s)')
    before = requests(metrics(pod))
    resident, of_process = [], []
    for _ in range(SAMPLES):
        time.sleep(WINDOW_SECONDS / SAMPLES)
        resident.append(metrics(pod)['process_resident_memory_bytes', ''] / 2**20)
        of_process.append(resident_of_process(pod))
    after = requests(metrics(pod))
    if sites_at_rest() != sites:
        return None
    made = {f'{verb} {resource}': int(count - before.get((verb, resource), 0)) for (verb, resource), count in sorted(after.items())}
    return {
        'sites': len(sites),
        'residentMiB': resident,
        'procResidentMiB': of_process,
        'requests': {name: count for name, count in made.items() if count > 0},
    }


def sites_at_rest() -> list[str]:
    """Every site with its generation."""
    found = cluster.get('wordpresssites', '--all-namespaces')['items']
    return sorted(f'{it["metadata"]["uid"]} {it["metadata"]["generation"]} {it["metadata"].get("deletionTimestamp")}' for it in found)


def settle(pod: dict) -> None:
    """Waits until the operator has written nothing for ten seconds."""
    deadline = time.monotonic() + 120
    quiet_since, last = time.monotonic(), None
    while time.monotonic() - quiet_since < 10:
        writes = {key: count for key, count in requests(metrics(pod)).items() if key[0] in WRITES and key[1] != 'leases'}
        if writes != last:
            quiet_since, last = time.monotonic(), writes
        if time.monotonic() > deadline:
            # The figures then say what it writes.
            cluster.say('rest: the operator did not stop writing for ten seconds within two minutes')
            return
        time.sleep(0.5)


def operator_pod() -> dict:
    pods = cluster.get('--namespace', 'tairyo-system', 'pods', '--selector', 'app.kubernetes.io/component=operator')['items']
    running = [pod for pod in pods if pod['status'].get('podIP') and 'deletionTimestamp' not in pod['metadata']]
    if len(running) != 1:
        raise Failed(f'{len(running)} operator pods run in tairyo-system; the measurement is about one')
    return running[0]


def metrics(pod: dict) -> dict[tuple[str, str], float]:
    status, _, body = cluster.fetch(pod['status']['podIP'], 8080, '/metrics')
    if status != 200:
        raise Failed(f'the operator answers /metrics with {status}')
    found = (LINE.match(line) for line in body.decode().splitlines() if not line.startswith('#'))
    return {(match[1], match[2] or ''): float(match[3]) for match in found if match}


def requests(values: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    counts = {}
    for (name, labels), value in values.items():
        if name == 'tairyo_api_requests_total':
            pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            counts[pairs['verb'], pairs['resource']] = value
    return counts


def resident_of_process(pod: dict) -> float | None:
    """Where the node is this machine, the kernel says the same about the process."""
    uid = pod['metadata']['uid']
    for name in filter(str.isdecimal, os.listdir('/proc')):
        try:
            with open(f'/proc/{name}/cgroup', encoding='utf-8') as file:
                inside = uid in file.read()
            with open(f'/proc/{name}/cmdline', encoding='utf-8') as file:
                mine = inside and file.read().startswith('/tairyo\0')
            if mine:
                with open(f'/proc/{name}/status', encoding='utf-8') as file:
                    return next(int(line.split()[1]) / 1024 for line in file if line.startswith('VmRSS:'))
        except OSError:
            continue
    return None
