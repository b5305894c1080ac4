"""The function behind the gate; it runs in the emulator. It takes its time, and fails when it is told to."""

import json
import time
import urllib.request


def handler(event, context):
    properties = event["ResourceProperties"]
    time.sleep(float(properties.get("Sleep", 0)))
    fails = event["RequestType"] in properties.get("FailOn", "").split(",")
    answer = {
        "Status": "FAILED" if fails else "SUCCESS",
        "Reason": "the gate was told to fail" if fails else "",
        "PhysicalResourceId": event.get("PhysicalResourceId", "gate"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {},
    }
    request = urllib.request.Request(
        event["ResponseURL"], data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    urllib.request.urlopen(request, timeout=10)
