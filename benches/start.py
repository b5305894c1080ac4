"""From `kubectl apply` of a site to Ready, beside the same objects applied by hand in the same order.

Images are in the node. The hand is as quick as a script can be: it waits by watches, never in intervals.
"""
import copy
import time

import cluster
from cluster import FLOOR_NAMESPACE, NAMESPACE, SITE, TIMEOUT, kubectl
from table import median, ratios, row

FOUNDATION = ['serviceaccounts', 'secrets', 'configmaps', 'networkpolicies', 'persistentvolumeclaims', 'services', 'statefulsets']
TASK = ['jobs']
SERVING = ['deployments', 'cronjobs', 'poddisruptionbudgets', 'horizontalpodautoscalers']
GOAL = 1.3


def measure(repetitions: int, raw: dict) -> list[dict]:
    # Not counted: it warms the machine and shows what a site consists of.
    cluster.say('start: warming up')
    operator()
    objects = {name: dump(kinds) for name, kinds in (('foundation', FOUNDATION), ('task', TASK), ('serving', SERVING))}
    by_hand(objects)
    ours, floor = [], []
    for number in range(repetitions):
        ours.append(operator())
        floor.append(by_hand(objects))
        cluster.say(f'start: {number + 1} of {repetitions}: {ours[-1]:.2f} s, by hand {floor[-1]:.2f} s')
    cluster.remove_namespaces(FLOOR_NAMESPACE)
    raw['start'] = {'operatorSeconds': ours, 'byHandSeconds': floor, 'objects': sum(map(len, objects.values()))}
    compared = ratios(ours, floor)
    return [
        row('site from apply to Ready', ours, 's'),
        row('  floor: the same objects by hand', floor, 's'),
        row('  ratio', compared, 'x', f'<= {GOAL}', median(compared) <= GOAL),
    ]


def operator() -> float:
    cluster.fresh_namespace(NAMESPACE)
    began = time.monotonic()
    cluster.apply(cluster.MANIFEST)
    kubectl('--namespace', NAMESPACE, 'wait', '--for=condition=Ready', f'wordpresssite/{SITE}', '--timeout', TIMEOUT)
    return time.monotonic() - began


def by_hand(objects: dict[str, list[dict]]) -> float:
    # The operator's site rests meanwhile; it is removed all the same, so that each half has the node for itself.
    cluster.remove_namespaces(NAMESPACE)
    cluster.fresh_namespace(FLOOR_NAMESPACE)
    here = ('--namespace', FLOOR_NAMESPACE)
    began = time.monotonic()
    cluster.apply(*objects['foundation'])
    kubectl(*here, 'rollout', 'status', f'statefulset/{SITE}-database', '--timeout', TIMEOUT)
    cluster.apply(*objects['task'])
    kubectl(*here, 'wait', '--for=condition=Complete', f'job/{SITE}-install', '--timeout', TIMEOUT)
    cluster.apply(*objects['serving'])
    kubectl(*here, 'rollout', 'status', f'deployment/{SITE}-web', '--timeout', TIMEOUT)
    cluster.fetch_until_served(cluster.service_address(FLOOR_NAMESPACE))
    took = time.monotonic() - began
    cluster.remove_namespaces(FLOOR_NAMESPACE)
    return took


def dump(kinds: list[str]) -> list[dict]:
    found = cluster.get('--namespace', NAMESPACE, ','.join(kinds), '--selector', f'tairyo.dev/site={SITE}')['items']
    # Runs of the CronJob are its own.
    mine = [it for it in found if all(owner['kind'] != 'CronJob' for owner in it['metadata'].get('ownerReferences', []))]
    order = {kind: place for place, kind in enumerate(kinds)}
    mine.sort(key=lambda it: order.get(f'{it["kind"].lower()}s', len(order)))
    return [stripped(it) for it in mine]


def stripped(found: dict) -> dict:
    """What somebody would have written: without what the cluster has added, and without a trace of the operator."""
    it = copy.deepcopy(found)
    it.pop('status', None)
    metadata = it['metadata']
    labels = {name: value for name, value in metadata.get('labels', {}).items() if name != 'app.kubernetes.io/managed-by'}
    it['metadata'] = {'name': metadata['name'], 'namespace': FLOOR_NAMESPACE, 'labels': labels}
    spec = it.get('spec', {})
    if it['kind'] == 'Service' and spec.get('clusterIP') != 'None':
        spec.pop('clusterIP', None)
        spec.pop('clusterIPs', None)
    if it['kind'] == 'PersistentVolumeClaim':
        spec.pop('volumeName', None)
    if it['kind'] == 'Job':
        spec.pop('selector', None)
        labels = spec['template']['metadata']['labels']
        for name in [name for name in labels if 'batch.kubernetes.io/' in name or name in ('controller-uid', 'job-name')]:
            del labels[name]
    return it
