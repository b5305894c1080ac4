"""Writes what is generated of the chart: its definitions, its schema, the table of its README, and deploy/base.

    charts/generate            write
    charts/generate --check    say what is stale, and fail

The documentation of a value is the comment above it in values.yaml; a line of it that begins with @schema is JSON schema
that the default does not say. Every object is closed unless its schema says otherwise, so that a typo fails.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / 'charts' / 'tairyo'
DEFINITIONS = ROOT / 'crds'
BASE = ROOT / 'deploy' / 'base'
MARK = re.compile(r'(<!-- values: .*? -->\n).*?(<!-- end of values -->\n)', re.DOTALL)


class Failed(Exception):
    """The sources are not as the generator needs them."""


def definition_schema(name):
    """The schema of the spec of a definition, closed as the API server closes it by pruning."""
    definition = yaml.safe_load((DEFINITIONS / f'{name}.yaml').read_text())
    schema = definition['spec']['versions'][0]['schema']['openAPIV3Schema']['properties']['spec']
    closed = close(schema)
    # What is needed depends on other values: a class that is not made needs nothing.
    closed.pop('required', None)
    return closed


def close(schema):
    """JSON schema as Helm reads it: without Kubernetes' own words, and closed."""
    kept = {key: value for key, value in schema.items() if not key.startswith('x-kubernetes-') and key not in ('default', 'description', 'nullable')}
    if schema.get('x-kubernetes-int-or-string'):
        kept['type'] = ['integer', 'string']
    if 'properties' in kept:
        kept['properties'] = {key: close(value) for key, value in kept['properties'].items()}
        if not schema.get('x-kubernetes-preserve-unknown-fields'):
            kept.setdefault('additionalProperties', False)
    for key in ('items', 'additionalProperties'):
        if isinstance(kept.get(key), dict):
            kept[key] = close(kept[key])
    if schema.get('nullable') and isinstance(kept.get('type'), str):
        kept['type'] = [kept['type'], 'null']
        if 'enum' in kept and None not in kept['enum']:
            kept['enum'] = [*kept['enum'], None]
    return kept


def comment_above(lines, line):
    """The comment that stands directly above a line: its text, and the schema in it."""
    text, schema = [], {}
    line -= 1
    while line >= 0 and lines[line].lstrip().startswith('#'):
        comment = lines[line].lstrip().lstrip('#').strip()
        if comment.startswith('@schema '):
            schema = json.loads(comment.removeprefix('@schema '))
        else:
            text.insert(0, comment)
        line -= 1
    return ' '.join(text), schema


TYPES = {'str': 'string', 'bool': 'boolean', 'int': 'integer', 'float': 'number', 'seq': 'array', 'map': 'object'}


def value_schema(node, lines, path):
    """The schema of a mapping's values, and the rows of the table."""
    properties, rows = {}, []
    for key, value in node.value:
        name = f'{path}{key.value}'
        text, given = comment_above(lines, key.start_mark.line)
        kind = TYPES.get(value.tag.rpartition(':')[2])
        if kind is None:
            raise Failed(f'{name}: a default has to be text, a number, true or false, a list or an object')
        schema = {'type': kind}
        group = kind == 'object' and value.value and not given
        if text:
            schema['description'] = text
        elif not group:
            raise Failed(f'{name}: has no comment that says what it is')
        if group:
            inner, below = value_schema(value, lines, f'{name}.')
            schema |= inner
            rows += below
        else:
            definition = given.pop('definition', None)
            schema |= definition_schema(definition) if definition else given
            if kind == 'object':
                schema.setdefault('additionalProperties', False)
                if schema['additionalProperties'] is False and 'properties' not in schema:
                    raise Failed(f'{name}: say in @schema which keys the object has')
            elif kind == 'array' and 'items' not in schema:
                raise Failed(f'{name}: say in @schema what the items are')
            rows.append((name, schema, yaml.safe_load(yaml.serialize(value)), text))
        properties[key.value] = schema
    return {'properties': properties, 'additionalProperties': False}, rows


def values():
    text = (CHART / 'values.yaml').read_text()
    schema, rows = value_schema(yaml.compose(text), text.splitlines(), '')
    # A chart that has this one as a part gives its parts this key.
    schema['properties']['global'] = {'type': 'object', 'description': 'Of the chart that has this one as a part.'}
    head = {'$schema': 'http://json-schema.org/draft-07/schema#', 'title': 'Values of the chart tairyo', 'type': 'object'}
    return head | schema, rows


def table(rows):
    lines = ['| Value | Default | What it is |', '|---|---|---|']
    for name, schema, default, text in rows:
        allowed = schema.get('enum')
        if allowed:
            text += f' Allowed: {", ".join(allowed)}.'
        elif 'minimum' in schema and 'maximum' in schema:
            text += f' Allowed: {schema["minimum"]} to {schema["maximum"]}.'
        shown = json.dumps(default, ensure_ascii=False)
        cells = (f'`{name}`', f'`{shown}`', text)
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join(lines) + '\n'


def readme(rows):
    text = (CHART / 'README.md').read_text()
    if not MARK.search(text):
        raise Failed('charts/tairyo/README.md has lost the marks that the table of values stands between')
    return MARK.sub(lambda found: f'{found[1]}{table(rows)}{found[2]}', text)


def base():
    """The operator as a kustomize base: a file for each template, without what only Helm needs to know."""
    rendered = subprocess.run(
        [os.environ['HELM'], 'template', 'tairyo', CHART, '--namespace', 'tairyo-system', '--skip-tests', '--values', CHART / 'ci' / 'base.yaml'],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    files = {}
    for document in re.split(r'^---\n', rendered, flags=re.MULTILINE):
        source = re.match(r'# Source: tairyo/templates/(\S+)\n', document)
        if not source or not re.search(r'^kind:', document, flags=re.MULTILINE):
            continue
        kept = [line.rstrip() for line in document.splitlines()[1:] if not re.match(r'\s+(helm\.sh/chart|app\.kubernetes\.io/managed-by: Helm)', line)]
        files.setdefault(source[1], []).append('\n'.join(kept).strip('\n') + '\n')
    return {name: '# Generated from charts/tairyo by `make generate`.\n' + '---\n'.join(documents) for name, documents in files.items()}


def generated():
    """All files that are generated, by path."""
    schema, rows = values()
    files = {CHART / 'files' / 'crds' / path.name: path.read_text() for path in sorted(DEFINITIONS.glob('*.yaml'))}
    files[CHART / 'values.schema.json'] = json.dumps(schema, indent=1, ensure_ascii=False) + '\n'
    files[CHART / 'README.md'] = readme(rows)
    return files


def versions():
    cargo = re.search(r'^version = "(.*)"', (ROOT / 'Cargo.toml').read_text(), flags=re.MULTILINE)[1]
    chart = yaml.safe_load((CHART / 'Chart.yaml').read_text())
    if (chart['version'], chart['appVersion']) != (cargo, cargo):
        raise Failed(f'version and appVersion of charts/tairyo/Chart.yaml have to be that of Cargo.toml, {cargo}')


def settle(files, check):
    """Writes the files, or gives those that are stale."""
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if not check:
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
    return stale


def main():
    check = sys.argv[1:] == ['--check']
    if sys.argv[1:] and not check:
        sys.exit(f'generate: there is no argument {sys.argv[1]!r}; allowed: --check')
    versions()
    stale = settle(generated(), check)
    # After the chart's own files, which it is rendered from.
    files = {BASE / name: text for name, text in base().items()}
    stale += settle(files, check)
    listed = yaml.safe_load((BASE / 'kustomization.yaml').read_text())['resources']
    if sorted(listed) != sorted(['namespace.yaml', *(path.name for path in files)]):
        raise Failed(f'the resources of deploy/base/kustomization.yaml have to be namespace.yaml and {", ".join(sorted(path.name for path in files))}')
    if check and stale:
        raise Failed('run `make generate`; stale: ' + ', '.join(str(path.relative_to(ROOT)) for path in stale))


if __name__ == '__main__':
    try:
        main()
    except Failed as error:
        sys.exit(f'generate: {error}')
