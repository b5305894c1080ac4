"""What the emulator gets of each golden template is that template without the resources of the named types, and nothing else.

usage: test_profile.py FOLDER...    with templates as *.json
"""

import json
import sys
import unittest
from pathlib import Path

import profile

TEMPLATES = [path for folder in sys.argv[1:] for path in sorted(Path(folder).rglob("*.json"))]


class Profile(unittest.TestCase):
    def test_only_the_named_types_are_taken_out(self):
        self.assertTrue(TEMPLATES, "no templates were given")
        dropped_somewhere = False
        for path in TEMPLATES:
            template = json.loads(path.read_text())
            before = json.dumps(template, sort_keys=True)
            reduced, dropped = profile.reduced(template)
            self.assertEqual(before, json.dumps(template, sort_keys=True), f"{path}: the template itself was changed")
            expected = {name for name, it in template["Resources"].items() if it["Type"] in profile.DROPPED_TYPES}
            self.assertEqual(set(dropped), expected, path)
            dropped_somewhere = dropped_somewhere or bool(expected)
            for key in template.keys() | reduced.keys():
                if key != "Resources":
                    self.assertEqual(reduced.get(key), template.get(key), f"{path}: {key}")
            self.assertEqual(set(reduced["Resources"]), set(template["Resources"]) - expected, path)
            for name, resource in reduced["Resources"].items():
                wanted = dict(template["Resources"][name])
                depends = wanted.pop("DependsOn", [])
                left = [it for it in ([depends] if isinstance(depends, str) else depends) if it not in expected]
                got = dict(resource)
                got_depends = got.pop("DependsOn", [])
                self.assertEqual(got, wanted, f"{path}: {name}")
                self.assertEqual([got_depends] if isinstance(got_depends, str) else got_depends, left, f"{path}: {name}")
        self.assertTrue(dropped_somewhere, "no golden template has anything that the emulator lacks: drop the profile")

    def test_a_gate_is_one_more_resource(self):
        template = json.loads(TEMPLATES[0].read_text())
        gated = profile.gated(template, "arn", {"sleep": 1})
        self.assertEqual(set(gated["Resources"]) - set(template["Resources"]), {profile.GATE})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
