"""Writes JSON schemas for kubeconform: of a Kubernetes version from its swagger.json, and of definitions.

    schemas.py FOLDER SWAGGER.JSON DEFINITION.YAML...

They are made from the Kubernetes module itself, since the usual collection of them is a download of its own. They are
strict: a field that Kubernetes does not know is an error.
"""

import json
import sys
from pathlib import Path

import yaml

PREFIX = '#/definitions/'


def strict(schema):
    """The same schema, closed, with what OpenAPI 2 cannot say of numbers that may be text."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get('format') == 'int-or-string' or schema.get('x-kubernetes-int-or-string'):
        return {'type': ['string', 'integer']}
    # Names of properties may be any word, also those of JSON schema, so they are not looked at as such.
    result = {key: value if key == 'properties' else strict(value) for key, value in schema.items()}
    if 'properties' in schema:
        result['properties'] = {name: strict(value) for name, value in schema['properties'].items()}
        if not schema.get('x-kubernetes-preserve-unknown-fields'):
            result.setdefault('additionalProperties', False)
    return result


def references(schema):
    if isinstance(schema, dict):
        if isinstance(schema.get('$ref'), str):
            yield schema['$ref'].removeprefix(PREFIX)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def closure(name, definitions):
    """The definitions that one needs."""
    needed, open_names = {}, [name]
    while open_names:
        current = open_names.pop()
        if current not in needed:
            needed[current] = definitions[current]
            open_names.extend(references(definitions[current]))
    return needed


def file_name(group, version, kind):
    """As kubeconform asks for it: the kind, the first label of its group, and the version."""
    return '-'.join(part for part in (kind.lower(), group.split('.')[0], version) if part) + '.json'


def of_kubernetes(swagger):
    definitions = {name: strict(schema) for name, schema in json.loads(swagger.read_text())['definitions'].items()}
    definitions['io.k8s.apimachinery.pkg.api.resource.Quantity'] = {'type': ['string', 'number']}
    # A definition holds schemas, which hold schemas: whatever they are.
    for name in definitions:
        if name.endswith('.JSONSchemaProps'):
            definitions[name] = {'type': 'object'}
    for name, schema in definitions.items():
        kinds = schema.get('x-kubernetes-group-version-kind', [])
        if len(kinds) == 1:
            kind = kinds[0]
            yield file_name(kind['group'], kind['version'], kind['kind']), {'$ref': PREFIX + name, 'definitions': closure(name, definitions)}


def of_definition(path):
    for definition in yaml.safe_load_all(path.read_text()):
        spec = definition['spec']
        for version in spec['versions']:
            schema = strict(version['schema']['openAPIV3Schema'])
            schema['properties'] |= {'apiVersion': {'type': 'string'}, 'kind': {'type': 'string'}, 'metadata': {'type': 'object'}}
            yield file_name(spec['group'], version['name'], spec['names']['kind']), schema


def main():
    folder, swagger, *definitions = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    schemas = dict(of_kubernetes(swagger))
    for path in definitions:
        schemas.update(of_definition(path))
    for name, schema in schemas.items():
        (folder / name).write_text(json.dumps(schema))
    print(f'{len(schemas)} schemas in {folder}')


if __name__ == '__main__':
    main()
