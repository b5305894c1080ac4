"""What the chart renders, and which values it refuses. No cluster."""

import os
import re
import tempfile
import unittest
from pathlib import Path

import yaml

from common import CHART, EVERYTHING, MONITORING, NAMESPACE, NAMESPACED, ROOT, helm, objects, of_kind, rendered, run

VALUES = {'the defaults': (), 'everything': ('--values', EVERYTHING), 'namespaces': ('--values', NAMESPACED)}
APIS = [argument for api in MONITORING for argument in ('--api-versions', api)]

# What is set, and what the error has to name.
REFUSED = {
    'replicaCuont=2': "'replicaCuont' not allowed",
    'image.tga=x': "at '/image': additional properties 'tga' not allowed",
    'image.digest=latest': "at '/image/digest'",
    'image.pullPolicy=Sometimes': "at '/image/pullPolicy'",
    'replicaCount=many': "at '/replicaCount'",
    'replicaCount=11': "at '/replicaCount'",
    'crds.create=perhaps': "at '/crds/create'",
    'crds.kep=true': "'kep' not allowed",
    'watch.namespaces={Blogs}': "at '/watch/namespaces/0'",
    'watch.namespaces=blogs': "at '/watch/namespaces'",
    'operator.logFormat=xml': "at '/operator/logFormat'",
    'operator.resyncMinutes=0': "at '/operator/resyncMinutes'",
    'aws.pollSeconds=601': "at '/aws/pollSeconds'",
    'extraEnv[0].vaule=x': "at '/extraEnv/0'",
    'tolerations[0].efect=NoSchedule': "'efect' not allowed",
    'resources.limit.memory=1Gi': "'limit' not allowed",
    'metrics.serviceMonitor.renderMode=maybe': "at '/metrics/serviceMonitor/renderMode'",
    'metrics.serviceMonitor.interval=soon': "at '/metrics/serviceMonitor/interval'",
    'networkPolicy.egress.ports={0}': "at '/networkPolicy/egress/ports/0'",
    'classes.local.spec.databse.provider=InCluster': "at '/classes/local/spec': additional properties 'databse' not allowed",
    'classes.aws.spec.database.provider=Dynamo': "at '/classes/aws/spec/database/provider'",
    'classes.other.create=true': "'other' not allowed",
    # What no schema can say.
    'operator.leaderElection=false,replicaCount=2': 'set replicaCount to 1 or leaderElection to true',
    'terminationGracePeriodSeconds=20': 'must be more than operator.shutdownGraceSeconds',
    'metrics.serviceMonitor.enabled=true,metrics.podMonitor.enabled=true': 'enable one of them',
    'classes.aws.create=true': 'classes.aws.create needs classes.aws.spec',
    'classes.aws.create=true,classes.aws.default=true,classes.aws.spec.media.provider=S3': 'two default classes are none',
    'metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.renderMode=failIfMissing': 'the cluster has no ServiceMonitor',
}


class Render(unittest.TestCase):
    def test_both_helms_find_nothing_to_say_against_the_chart(self):
        for version in (3, 4):
            for name, values in VALUES.items():
                with self.subTest(helm=version, values=name):
                    helm('lint', '--strict', CHART, *values, version=version)

    def test_a_value_that_is_wrong_is_refused_and_named(self):
        for version in (3, 4):
            for value, named in REFUSED.items():
                with self.subTest(helm=version, value=value):
                    done = helm('template', 'tairyo', CHART, '--set', value, version=version, check=False)
                    self.assertNotEqual(done.returncode, 0, 'it was taken')
                    self.assertIn(named, done.stderr)

    def test_two_renders_are_the_same_to_the_byte_and_the_other_helm_makes_the_same_objects(self):
        for name, values in VALUES.items():
            with self.subTest(values=name):
                for version in (3, 4):
                    self.assertEqual(rendered(*values, version=version), rendered(*values, version=version))
                # They differ in blank lines and order alone.
                key = lambda item: (item['kind'], item['metadata'].get('namespace', ''), item['metadata']['name'])
                self.assertEqual(sorted(objects(*values), key=key), sorted(objects(*values, version=3), key=key))

    def test_nothing_is_a_hook_but_the_test(self):
        hooks = [item for item in objects('--values', EVERYTHING) if 'helm.sh/hook' in (item['metadata'].get('annotations') or {})]
        self.assertEqual([(item['kind'], item['metadata']['annotations']['helm.sh/hook']) for item in hooks], [('Pod', 'test')])

    def test_every_object_has_the_common_labels_and_annotations(self):
        for item in objects('--values', EVERYTHING, '--skip-tests'):
            if item['metadata']['name'] == 'tairyo-more':
                continue
            with self.subTest(kind=item['kind'], name=item['metadata']['name']):
                self.assertEqual(item['metadata']['labels']['team'], 'web')
                self.assertEqual(item['metadata']['annotations']['example.com/owner'], 'web')

    def test_definitions_are_those_of_the_code_and_are_kept(self):
        definitions = of_kind(objects(), 'CustomResourceDefinition')
        self.assertEqual(len(definitions), 2)
        for definition in definitions:
            name = definition['metadata']['name']
            self.assertEqual(definition['metadata']['annotations'], {'helm.sh/resource-policy': 'keep'})
            self.assertEqual(definition['spec'], yaml.safe_load((ROOT / 'crds' / f'{name}.yaml').read_text())['spec'])
        self.assertEqual(of_kind(objects('--set', 'crds.create=false'), 'CustomResourceDefinition'), [])
        for definition in of_kind(objects('--set', 'crds.keep=false'), 'CustomResourceDefinition'):
            self.assertNotIn('annotations', definition['metadata'])

    def test_an_image_is_taken_by_its_digest_where_there_is_one(self):
        (deployment,) = of_kind(objects('--values', EVERYTHING), 'Deployment')
        (container,) = deployment['spec']['template']['spec']['containers']
        image = f'registry.example.com/tairyo@sha256:{"0123456789abcdef" * 4}'
        self.assertEqual(container['image'], image)
        environment = {entry['name']: entry.get('value') for entry in container['env']}
        self.assertEqual(environment['TAIRYO_GATEWAY_IMAGE'], image)
        self.assertEqual(environment['TAIRYO_WORDPRESS_IMAGE'], 'localhost/tairyo-wordpress:0.1.0')
        self.assertEqual(environment['HTTPS_PROXY'], 'http://proxy.example.com:3128')

    def test_no_role_has_a_wildcard_or_may_list_secrets(self):
        for name, values in VALUES.items():
            for role in (item for item in objects(*values) if item['kind'] in ('Role', 'ClusterRole')):
                for rule in role['rules']:
                    with self.subTest(values=name, role=role['metadata']['name'], rule=rule):
                        self.assertNotIn('*', [*rule['apiGroups'], *rule['resources'], *rule['verbs']])
                        if 'secrets' in rule['resources']:
                            self.assertEqual(rule['verbs'], ['get', 'create', 'patch', 'delete'])
                        if 'leases' in rule['resources']:
                            self.assertTrue(rule.get('resourceNames') == ['tairyo-operator'] or rule['verbs'] == ['create'])

    def test_with_namespaces_no_cluster_role_knows_secrets_or_anything_of_a_site(self):
        items = objects('--values', NAMESPACED)
        own = [role for role in of_kind(items, 'ClusterRole') if role['metadata']['name'] == 'tairyo-system-tairyo']
        self.assertEqual(
            sorted({resource for role in own for rule in role['rules'] for resource in rule['resources']}),
            ['customresourcedefinitions', 'wordpressclasses'])
        for role in of_kind(items, 'ClusterRole'):
            self.assertNotIn('secrets', [resource for rule in role['rules'] for resource in rule['resources']])
        with_secrets = [role['metadata']['namespace'] for role in of_kind(items, 'Role') if any('secrets' in rule['resources'] for rule in role['rules'])]
        self.assertEqual(with_secrets, ['blogs', 'shops'])

    def test_what_the_cluster_has_no_kind_for_is_left_out_or_written_as_the_values_say(self):
        for switch, kind in (('serviceMonitor', 'ServiceMonitor'), ('podMonitor', 'PodMonitor'), ('prometheusRule', 'PrometheusRule')):
            enabled = ('--set', f'metrics.{switch}.enabled=true')
            always = ('--set', f'metrics.{switch}.renderMode=alwaysRender')
            for arguments, expected in (((), 0), (enabled, 0), ((*enabled, *APIS), 1), ((*enabled, *always), 1), (always, 0), (APIS, 0)):
                with self.subTest(kind=kind, arguments=arguments):
                    self.assertEqual(len(of_kind(objects(*arguments), kind)), expected)

    def test_a_disruption_budget_comes_with_a_second_replica(self):
        for replicas, expected in ((1, 0), (2, 1)):
            self.assertEqual(len(of_kind(objects('--set', f'replicaCount={replicas}'), 'PodDisruptionBudget')), expected)

    def test_the_default_class_is_the_sample(self):
        (classes,) = of_kind(objects(), 'ConfigMap')
        local = yaml.safe_load(classes['data']['local.yaml'])
        sample = yaml.safe_load((ROOT / 'deploy' / 'samples' / 'class-local.yaml').read_text())
        self.assertEqual(local['spec'], sample['spec'])
        self.assertEqual(local['metadata']['annotations'], sample['metadata']['annotations'])


class Schemas(unittest.TestCase):
    def test_kubernetes_of_three_versions_knows_every_field(self):
        folders = sorted(Path(os.environ['SCHEMAS']).iterdir())
        self.assertEqual(len(folders), 3)
        for name, values in VALUES.items():
            text = rendered(*values)
            classes = [text for item in of_kind(list(yaml.safe_load_all(text)), 'ConfigMap') for key, text in item['data'].items() if key in ('local.yaml', 'aws.yaml')]
            for folder in folders:
                with self.subTest(values=name, version=folder.name), tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
                    file.write('\n---\n'.join([text, *classes]))
                    file.flush()
                    location = f'{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json'
                    done = run(os.environ['KUBECONFORM'], '-strict', '-summary', '-schema-location', location, file.name)
                    self.assertRegex(done.stdout, r'Invalid: 0, Errors: 0, Skipped: 0')

    def test_a_field_that_kubernetes_does_not_know_would_be_found(self):
        folder = sorted(Path(os.environ['SCHEMAS']).iterdir())[0]
        wrong = rendered('--show-only', 'templates/deployment.yaml').replace('revisionHistoryLimit', 'revisionHistoryLimits')
        location = f'{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json'
        done = run(os.environ['KUBECONFORM'], '-strict', '-schema-location', location, input=wrong, check=False)
        self.assertIn('revisionHistoryLimits', done.stdout)


class Alerts(unittest.TestCase):
    def setUp(self):
        self.file = CHART / 'files' / 'alerts.yaml'
        self.rules = yaml.safe_load(self.file.read_text())['groups'][0]['rules']

    def test_prometheus_takes_the_rules(self):
        run(os.environ['PROMTOOL'], 'check', 'rules', '--lint=all', '--lint-fatal', self.file)

    def test_the_rules_fire_when_they_should_and_only_then(self):
        run(os.environ['PROMTOOL'], 'test', 'rules', ROOT / 'tests' / 'chart' / 'alerts.test.yaml')

    def test_every_rule_has_a_runbook_and_every_runbook_a_rule(self):
        page = (ROOT / 'docs' / 'runbooks.md').read_text()
        self.assertEqual(re.findall(r'^## (Tairyo\w+)$', page, flags=re.MULTILINE), [rule['alert'] for rule in self.rules])
        for rule in self.rules:
            self.assertEqual(rule['annotations']['runbook_url'].split('#')[1], rule['alert'].lower())

    def test_the_rules_of_an_installation_look_at_its_own_job(self):
        arguments = ('--namespace', 'elsewhere', '--set', 'fullnameOverride=other,metrics.prometheusRule.enabled=true,metrics.prometheusRule.renderMode=alwaysRender,metrics.prometheusRule.runbookURL=https://example.com/runbooks')
        (rule,) = of_kind(objects(*arguments), 'PrometheusRule')
        text = yaml.safe_dump(rule['spec'], width=1000)
        self.assertNotIn('tairyo-system', text)
        self.assertNotIn('tairyo.dev', text)
        for written in rule['spec']['groups'][0]['rules']:
            self.assertIn('job="other",namespace="elsewhere"', written['expr'])
            self.assertTrue(written['annotations']['runbook_url'].startswith('https://example.com/runbooks#'))


class Generated(unittest.TestCase):
    def test_what_is_generated_is_not_stale(self):
        run(ROOT / 'charts' / 'generate', '--check')


if __name__ == '__main__':
    unittest.main()
