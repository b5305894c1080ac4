"""The rules of health and the actions over all of their test data, by Argo CD's own program and without a cluster."""
import copy
import pathlib
import re
import tempfile
import unittest

import yaml

import argocd

KINDS = argocd.ROOT / "deploy/argocd/resource_customizations/tairyo.dev"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def read(path):
    """A YAML file."""
    return yaml.safe_load(path.read_text())


class Customizations(unittest.TestCase):
    """One test for each file of expectations."""

    def test_health(self):
        for kind in sorted(path.name for path in KINDS.iterdir()):
            tests = read(KINDS / kind / "health_test.yaml")["tests"]
            tested = {test["inputPath"] for test in tests}
            self.assertEqual(tested, {f"testdata/{path.name}" for path in (KINDS / kind / "testdata").iterdir()})
            for test in tests:
                with self.subTest(kind=kind, input=test["inputPath"]):
                    said = argocd.admin("health", KINDS / kind / test["inputPath"])
                    expected = test["healthStatus"]
                    self.assertEqual(said.stdout, f"STATUS: {expected['status']}\nMESSAGE: {expected['message']}\n", said.stderr)

    def test_an_object_that_says_nothing_is_waited_for(self):
        site = read(KINDS / "WordPressSite/testdata/served.yaml")
        empty = [copy.deepcopy(site) for _ in range(4)]
        empty[0]["status"] = {}
        empty[1]["status"]["conditions"] = []
        del empty[2]["spec"], empty[2]["status"]
        # A status without the generation that it speaks of may speak of any.
        del empty[3]["status"]["observedGeneration"]
        for document in empty:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                yaml.safe_dump(document, file)
                file.flush()
                said = argocd.admin("health", file.name)
                self.assertIn("STATUS: Progressing\n", said.stdout, said.stderr)

    def test_discovery(self):
        folder = KINDS / "WordPressSite/actions"
        for test in read(folder / "action_test.yaml")["discoveryTests"]:
            with self.subTest(input=test["inputPath"]):
                said = argocd.admin("list-actions", folder / test["inputPath"])
                found = dict(line.split() for line in said.stdout.splitlines()[1:])
                expected = {action["name"]: str(action["disabled"]).lower() for action in test["result"]}
                self.assertEqual(found, expected, said.stderr)

    def test_actions(self):
        folder = KINDS / "WordPressSite/actions"
        tests = read(folder / "action_test.yaml")["actionTests"]
        written = {path.parent.name for path in folder.glob("*/action.lua")}
        self.assertEqual({test["action"] for test in tests}, written)
        for test in tests:
            with self.subTest(**test):
                before = folder / test["inputPath"]
                run = lambda: argocd.action(before, test["action"], **test.get("parameters", {}))
                if "expectedErrorMessage" in test:
                    with self.assertRaisesRegex(ValueError, re.escape(test["expectedErrorMessage"])):
                        run()
                    continue
                changed = read(before)
                annotations = changed["metadata"].setdefault("annotations", {})
                for key, value in run().items():
                    if value is None:
                        del annotations[key]
                    else:
                        annotations[key] = "0001-01-01T00:00:00Z" if TIME.fullmatch(str(value)) else value
                self.assertEqual(changed, read(folder / test["expectedOutputPath"]))

    def test_the_snippet_is_what_the_files_say(self):
        data = read(pathlib.Path(argocd.CUSTOMIZATIONS))["data"]
        for kind in KINDS.iterdir():
            health = data[f"resource.customizations.health.tairyo.dev_{kind.name}"]
            self.assertEqual(health, (kind / "health.lua").read_text())
        actions = yaml.safe_load(data["resource.customizations.actions.tairyo.dev_WordPressSite"])
        folder = KINDS / "WordPressSite/actions"
        self.assertEqual(actions["discovery.lua"], (folder / "discovery.lua").read_text())
        for definition in actions["definitions"]:
            self.assertEqual(definition["action.lua"], (folder / definition["name"] / "action.lua").read_text())
