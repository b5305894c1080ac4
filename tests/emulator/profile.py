"""The difference between a template of ours and what the emulator gets: exactly the resources of types that it does not know.

The production template knows nothing of an emulator. Between the operator and the emulator this profile takes out what
the emulator would refuse, and puts in a gate where a test has asked for one: a custom resource that takes as long as it
is told and fails when it is told, since an emulator is otherwise done before anybody can look.
"""

import json
from pathlib import Path

LACKS = json.loads((Path(__file__).parent.parent / "templates" / "emulator.json").read_text())
# What the emulator refuses with "Unrecognized resource types".
DROPPED_TYPES = frozenset(LACKS["missingTypes"])
GATE = "EmulatorGate"


def reduced(template: dict) -> tuple[dict, list[str]]:
    """The template without the resources of DROPPED_TYPES, and their logical ids."""
    dropped = sorted(name for name, it in template["Resources"].items() if it["Type"] in DROPPED_TYPES)
    kept = {}
    for name, resource in template["Resources"].items():
        if name in dropped:
            continue
        depends = resource.get("DependsOn")
        if depends is not None:
            left = [it for it in ([depends] if isinstance(depends, str) else depends) if it not in dropped]
            resource = {key: value for key, value in resource.items() if key != "DependsOn"}
            if left:
                resource["DependsOn"] = left
        kept[name] = resource
    return {**template, "Resources": kept}, dropped


def gated(template: dict, function: str, gate: dict) -> dict:
    """The template with a gate: `sleep` seconds, failing on the comma list `failOn` of Create, Update and Delete."""
    resource = {
        "Type": "Custom::EmulatorGate",
        "Properties": {
            "ServiceToken": function,
            "Sleep": str(gate.get("sleep", 0)),
            "FailOn": gate.get("failOn", ""),
            # Another value each time, so that every update passes the gate.
            "Turn": str(gate.get("turn", 0)),
        },
    }
    return {**template, "Resources": {**template["Resources"], GATE: resource}}


def transform(body: str, function: str, gate: dict | None) -> str:
    """What the emulator gets instead of the template `body`."""
    template, _ = reduced(json.loads(body))
    if gate is not None:
        template = gated(template, function, gate)
    return json.dumps(template, separators=(",", ":"))
