//! A resource that does as it is told: it takes as long, and fails, as its properties say.

use serde_json::{Value, json};
use tairyo::cloudformation::CloudFormation as _;
use tairyo::cloudformation::sdk::Sdk;

use super::harness::{stack, wait_for_status};

/// Runs as a process on this machine, so a file can open and close it.
const HANDLER: &str = r#"
import json, os, time, urllib.request

def handler(event, context):
    properties = event["ResourceProperties"]
    while properties.get("ShutBy") and os.path.exists(properties["ShutBy"]):
        time.sleep(0.02)
    fails = event["RequestType"] in properties.get("FailOn", "").split(",")
    if fails and properties.get("FailsBy"):
        fails = os.path.exists(properties["FailsBy"])
    answer = {
        "Status": "FAILED" if fails else "SUCCESS",
        "Reason": "the gate is told to fail",
        "PhysicalResourceId": "gate",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {},
    }
    body = json.dumps(answer).encode()
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})
    urllib.request.urlopen(request, timeout=5)
"#;

/// A file that shuts a gate until it is dropped or opened.
pub struct Bolt(std::path::PathBuf);

impl Bolt {
    pub fn new(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, "").expect("the file can be written");
        Self(path)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().expect("the path is text")
    }

    pub fn open(&self) {
        std::fs::remove_file(&self.0).expect("the file is there");
    }
}

impl Drop for Bolt {
    fn drop(&mut self) {
        // It may have been opened, and a failed test must not fail twice.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Makes the function behind gates in the adapter's account, and returns its ARN. Its name is the test's own: `MiniStack`
/// mixes up the processes of functions of one name in several accounts.
pub async fn function(adapter: &Sdk, test: &str) -> String {
    let template = json!({
        "Resources": {"Gate": {"Type": "AWS::Lambda::Function", "Properties": {
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Timeout": 120,
            "Role": "arn:aws:iam::000000000000:role/gate",
            "Code": {"ZipFile": HANDLER}
        }}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Gate", "Arn"]}}}
    });
    let name = format!("gate-{test}");
    adapter.create(&stack(&name, &template)).await.expect("the gate's stack can be created");
    wait_for_status(adapter, &name, "CREATE_COMPLETE").await.outputs["Arn"].clone()
}

/// A template with a queue, and after it a gate with these properties.
pub fn template(function: &str, properties: &Value) -> Value {
    let mut gate = json!({"ServiceToken": function});
    for (key, value) in properties.as_object().expect("properties are an object") {
        gate[key] = value.clone();
    }
    json!({"Resources": {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Gate": {"Type": "Custom::Gate", "DependsOn": "Queue", "Properties": gate}
    }})
}
