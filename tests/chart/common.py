"""What the tests of the chart share: programs, renders, and comparison with committed files."""

import os
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / 'charts' / 'tairyo'
NAMESPACE = 'tairyo-system'
# Every switch on, and everything that can be given.
EVERYTHING = CHART / 'ci' / 'everything.yaml'
NAMESPACED = CHART / 'ci' / 'namespaced.yaml'
MONITORING = ['monitoring.coreos.com/v1/ServiceMonitor', 'monitoring.coreos.com/v1/PodMonitor', 'monitoring.coreos.com/v1/PrometheusRule']


def run(*command, check=True, **options):
    """Runs a command; what it wrote is shown where it fails and must not."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if check and done.returncode:
        raise AssertionError(f'{" ".join(str(part) for part in command)}\n{done.stdout}{done.stderr}')
    return done


def helm(*arguments, version=4, **options):
    return run(os.environ['HELM' if version == 4 else 'HELM3'], *arguments, **options)


def rendered(*arguments, version=4):
    """The text of a render."""
    return helm('template', 'tairyo', CHART, '--namespace', NAMESPACE, *arguments, version=version).stdout


def objects(*arguments, version=4):
    return [item for item in yaml.safe_load_all(rendered(*arguments, version=version)) if item]


def of_kind(items, kind):
    return [item for item in items if item['kind'] == kind]


def compare(test, name, text):
    """Compares with a committed file, or writes it where TAIRYO_WRITE_SNAPSHOTS is set."""
    path = ROOT / 'tests' / 'chart' / 'snapshots' / name
    if os.environ.get('TAIRYO_WRITE_SNAPSHOTS'):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    test.assertEqual(path.read_text(), text, f'{path} differs; TAIRYO_WRITE_SNAPSHOTS=1 tests/chart/run writes it')
