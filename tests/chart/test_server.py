"""The chart on a real API server: installed, upgraded, uninstalled and installed again, and the rights that it gives.

The operator itself runs as a process with the token of the chart's service account, so it has those rights and no others.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import yaml

from common import CHART, EVERYTHING, NAMESPACE, NAMESPACED, ROOT, compare, helm, objects, of_kind, run

SITE = '''
apiVersion: tairyo.dev/v1alpha1
kind: WordPressSite
metadata: {{name: blog, namespace: {namespace}}}
spec:
  domains: [blog.{namespace}.example.com]
  title: My blog
  admin: {{email: me@example.com}}
'''


def kubectl(*arguments, **options):
    return run('kubectl', *arguments, **options).stdout


def apply(text, *arguments):
    return kubectl('apply', '--server-side', '--filename', '-', *arguments, input=text)


def eventually(what, question, seconds=60):
    """The first answer that is not false."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f'{what}: not within {seconds} s')
        time.sleep(0.2)


def site(namespace):
    return json.loads(kubectl('get', 'wordpresssite', 'blog', '--namespace', namespace, '--output', 'json'))


@contextlib.contextmanager
def operator(values):
    """The operator as the chart would run it, under the rights of its service account. Gives its address."""
    (deployment,) = of_kind(objects(*values), 'Deployment')
    (container,) = deployment['spec']['template']['spec']['containers']
    (classes,) = of_kind(objects(*values), 'ConfigMap')
    with tempfile.TemporaryDirectory() as folder, socket.create_server(('127.0.0.1', 0)) as free:
        address = '127.0.0.1:{}'.format(free.getsockname()[1])
        free.close()
        for name, text in classes['data'].items():
            (Path(folder) / name).write_text(text)
        token = kubectl('create', 'token', 'tairyo', '--namespace', NAMESPACE, '--duration', '1h').strip()
        configuration = yaml.safe_load(Path(os.environ['KUBECONFIG']).read_text())
        configuration['users'][0]['user'] = {'token': token}
        kubeconfig = Path(folder) / 'kubeconfig'
        kubeconfig.write_text(yaml.safe_dump(configuration))
        environment = {entry['name']: entry['value'] for entry in container['env'] if 'value' in entry}
        environment |= {'POD_NAMESPACE': NAMESPACE, 'POD_NAME': 'tairyo-test', 'KUBECONFIG': str(kubeconfig), 'TAIRYO_CLASS_DIRECTORY': folder, 'TAIRYO_ADDRESS': address}
        log = Path(folder) / 'log'
        with log.open('w') as output:
            process = subprocess.Popen([os.environ['TAIRYO'], *container['args']], env=environment, stdout=output, stderr=output)
        try:
            yield address, log
        finally:
            process.terminate()
            process.wait(60)


def check_installation(address, seconds=30):
    return run(os.environ['TAIRYO'], 'check-installation', '--operator', address, '--timeout-seconds', seconds, check=False)


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for namespace in (NAMESPACE, 'blogs', 'shops', 'others'):
            apply(f'{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}')
        # What the controller manager makes elsewhere.
        apply(f'{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: default, namespace: {NAMESPACE}}}}}')
        apply((ROOT / 'deploy' / 'base' / 'namespace.yaml').read_text(), '--force-conflicts')

    def tearDown(self):
        helm('uninstall', 'tairyo', '--namespace', NAMESPACE, '--ignore-not-found', check=False)
        # No controller takes finalizers away here but the operator, which has ended.
        for namespace in ('blogs', 'others'):
            run('kubectl', 'patch', 'wordpresssite', 'blog', '--namespace', namespace, '--type', 'merge', '--patch', '{"metadata":{"finalizers":null}}', check=False)
            run('kubectl', 'delete', 'wordpresssite', 'blog', '--namespace', namespace, '--ignore-not-found', check=False)

    def install(self, *arguments, version=4):
        helm('upgrade', '--install', 'tairyo', CHART, '--namespace', NAMESPACE, *arguments, version=version)

    def test_sites_and_definitions_outlive_the_chart_and_are_taken_over_by_the_next(self):
        for version in (3, 4):
            with self.subTest(helm=version):
                self.install(version=version)
                eventually('the kind', lambda: run('kubectl', 'get', 'wordpresssites', check=False).returncode == 0)
                apply(SITE.format(namespace='blogs'))
                uid = site('blogs')['metadata']['uid']
                self.install('--set', 'operator.concurrency=8', version=version)
                deployment = json.loads(kubectl('get', 'deployment', 'tairyo', '--namespace', NAMESPACE, '--output', 'json'))
                self.assertIn({'name': 'TAIRYO_CONCURRENCY', 'value': '8'}, deployment['spec']['template']['spec']['containers'][0]['env'])
                helm('uninstall', 'tairyo', '--namespace', NAMESPACE, version=version)
                self.assertEqual(run('kubectl', 'get', 'deployment', 'tairyo', '--namespace', NAMESPACE, check=False).returncode, 1)
                self.assertEqual(site('blogs')['metadata']['uid'], uid)
                self.install(version=version)
                self.assertEqual(site('blogs')['metadata']['uid'], uid)
                helm('uninstall', 'tairyo', '--namespace', NAMESPACE, version=version)

    def test_an_upgrade_brings_the_new_definitions(self):
        self.install()
        # As an older version would have left it: without one of today's fields.
        patch = '[{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/suspend"}]'
        with_field = '{.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.suspend.type}'
        kubectl('patch', 'crd', 'wordpresssites.tairyo.dev', '--type', 'json', '--patch', patch)
        self.assertEqual(kubectl('get', 'crd', 'wordpresssites.tairyo.dev', '--output', f'jsonpath={with_field}'), '')
        self.install('--set', 'operator.concurrency=9', '--force-conflicts')
        self.assertEqual(kubectl('get', 'crd', 'wordpresssites.tairyo.dev', '--output', f'jsonpath={with_field}'), 'boolean')

    def test_what_the_service_account_may_do_is_what_was_agreed(self):
        for mode, values in (('cluster', ()), ('namespaces', ('--values', NAMESPACED))):
            self.install(*values)
            told = []
            for namespace in (NAMESPACE, 'blogs', 'others'):
                listed = kubectl('auth', 'can-i', '--list', '--no-headers', '--namespace', namespace, '--as', f'system:serviceaccount:{NAMESPACE}:tairyo', '--as-group', 'system:serviceaccounts')
                # Without the paths of discovery, which Kubernetes gives to everybody.
                rows = sorted(re.sub(r'\s{2,}', '  ', line.strip()) for line in listed.splitlines() if not line.strip().startswith('['))
                told.append('\n'.join([f'# in the namespace {namespace}', *rows]))
            with self.subTest(mode=mode):
                compare(self, f'rights-{mode}.txt', '\n\n'.join(told) + '\n')
            helm('uninstall', 'tairyo', '--namespace', NAMESPACE)

    def test_the_pods_fit_the_restricted_standard(self):
        values = ('--values', EVERYTHING, '--set', 'priorityClassName=,metrics.serviceMonitor.enabled=false,metrics.prometheusRule.enabled=false')
        self.install(*values)
        items = objects(*values)
        (deployment,) = of_kind(items, 'Deployment')
        (test,) = of_kind(items, 'Pod')
        operator_pod = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'fits', 'namespace': NAMESPACE}, 'spec': deployment['spec']['template']['spec']}
        for pod in (operator_pod, test):
            kubectl('create', '--dry-run=server', '--filename', '-', input=yaml.safe_dump(pod))
            refused = json.loads(json.dumps(pod))
            refused['spec']['containers'][0]['securityContext']['allowPrivilegeEscalation'] = True
            done = run('kubectl', 'create', '--dry-run=server', '--filename', '-', input=yaml.safe_dump(refused), check=False)
            self.assertIn('violates PodSecurity "restricted', done.stderr)

    def test_monitors_are_made_once_the_cluster_has_their_kinds(self):
        switches = ('--set', 'metrics.serviceMonitor.enabled=true,metrics.prometheusRule.enabled=true,metrics.dashboard.enabled=true')
        self.install(*switches)
        for name in ('servicemonitors', 'podmonitors', 'prometheusrules'):
            path = Path(os.environ['MONITORS']) / f'monitoring.coreos.com_{name}.yaml'
            kubectl('apply', '--server-side', '--filename', path)
            self.addCleanup(run, 'kubectl', 'delete', '--filename', path, check=False)
        for name in ('servicemonitors', 'prometheusrules'):
            eventually(name, lambda name=name: run('kubectl', 'get', name, check=False).returncode == 0)
        for version in (3, 4):
            with self.subTest(helm=version):
                helm('uninstall', 'tairyo', '--namespace', NAMESPACE, version=version)
                self.install(*switches, version=version)
                found = kubectl('get', 'servicemonitors,prometheusrules', '--namespace', NAMESPACE, '--output', 'name').split()
                self.assertEqual(found, ['servicemonitor.monitoring.coreos.com/tairyo', 'prometheusrule.monitoring.coreos.com/tairyo'])

    def test_an_operator_of_namespaces_runs_their_sites_with_rights_in_them_alone(self):
        self.install('--values', NAMESPACED)
        eventually('the kind', lambda: run('kubectl', 'get', 'wordpresssites', check=False).returncode == 0)
        for namespace in ('blogs', 'others'):
            apply(SITE.format(namespace=namespace))
        with operator(('--values', NAMESPACED)) as (address, log):
            done = check_installation(address)
            self.assertEqual(done.returncode, 0, done.stderr + log.read_text())
            default = '{.metadata.annotations.tairyo\\.dev/is-default-class}'
            self.assertEqual(kubectl('get', 'wordpressclass', 'local', '--output', f'jsonpath={default}'), 'true')
            try:
                eventually('the status of the site', lambda: site('blogs').get('status', {}).get('conditions'))
            except AssertionError:
                raise AssertionError(log.read_text()) from None
            self.assertIn('tairyo.dev/site', site('blogs')['metadata']['finalizers'])
            eventually('its Deployment or StatefulSet', lambda: kubectl('get', 'deployments,statefulsets', '--namespace', 'blogs', '--output', 'name'))
            self.assertNotIn('finalizers', site('others')['metadata'])
            self.assertNotIn('status', site('others'))
            self.assertNotIn('orbidden', log.read_text())
            # Every series that alerts and dashboard ask for is one that the operator has or gives later.
            with urllib.request.urlopen(f'http://{address}/metrics') as answer:
                exported = set(re.findall(r'^# TYPE (\S+)', answer.read().decode(), flags=re.MULTILINE))
            asked = re.findall(r'\b((?:tairyo|controller_runtime|workqueue|rest_client|leader_election|process)_\w+)\{', (CHART / 'files' / 'alerts.yaml').read_text() + (CHART / 'files' / 'dashboard.json').read_text())
            known = exported | {f'{name}{suffix}' for name in exported for suffix in ('_total', '_bucket', '_info')}
            self.assertEqual(sorted(set(asked) - known), [])

    def test_a_class_that_the_api_refuses_makes_the_installation_not_ready_and_is_named(self):
        wrong = ('--set', 'classes.local.spec.exposure.type=Gateway')
        self.install(*wrong)
        eventually('the kind', lambda: run('kubectl', 'get', 'wordpressclasses', check=False).returncode == 0)
        with operator(wrong) as (address, log):
            done = check_installation(address, seconds=5)
            self.assertEqual(done.returncode, 1, log.read_text())
            self.assertIn('failed to apply the class "local"', done.stderr)


if __name__ == '__main__':
    unittest.main()
