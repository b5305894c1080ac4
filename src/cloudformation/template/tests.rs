use super::*;

fn template(fate: Fate) -> Template {
    let mut builder = TemplateBuilder::new("A bucket.");
    let name = builder.parameter("Name", Kind::OptionalName, "x");
    let named = builder.is_set("IsNamed", &name);
    let properties = object! {"BucketName": Value::only_if(&named, Value::from(&name))};
    let bucket = builder.resource("Bucket", Resource::new("AWS::S3::Bucket", properties).fates(fate, fate).protected());
    builder.output("BucketName", &bucket);
    builder.finish()
}

#[test]
fn the_digest_is_in_the_output_and_in_the_name_of_a_resource() {
    let revised = template(Fate::Retain).revise(&BTreeMap::new());
    assert_eq!(revised.template["Outputs"]["Revision"]["Value"], json!(revised.digest));
    let handle = &revised.template["Resources"][format!("Revision{}", revised.digest)];
    assert_eq!(handle["Type"], json!("AWS::CloudFormation::WaitConditionHandle"));
}

#[test]
fn a_change_of_attributes_alone_changes_a_resource() {
    let tags = BTreeMap::new();
    let (before, after) = (template(Fate::Retain).revise(&tags), template(Fate::Delete).revise(&tags));
    let ids =
        |revised: &Revised| revised.template["Resources"].as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
    assert_ne!(ids(&before), ids(&after));
}

#[test]
fn a_change_of_tags_changes_the_digest() {
    let tags = BTreeMap::from([("team".to_owned(), "web".to_owned())]);
    assert_ne!(template(Fate::Retain).revise(&tags).digest, template(Fate::Retain).revise(&BTreeMap::new()).digest);
}

#[test]
fn the_value_of_a_parameter_is_in_the_digest_and_not_in_the_template() {
    let build = |value: &str| {
        let mut builder = TemplateBuilder::new("Nothing.");
        builder.parameter("Name", Kind::Name, value);
        builder.finish()
    };
    let (one, other) = (build("one"), build("other"));
    assert_eq!(one.clone().into_json(""), other.clone().into_json(""));
    assert_ne!(one.revise(&BTreeMap::new()).digest, other.revise(&BTreeMap::new()).digest);
}

#[test]
fn what_holds_data_cannot_be_replaced_or_removed_by_an_update() {
    let policy = template(Fate::Retain).revise(&BTreeMap::new()).stack_policy.expect("the bucket is protected");
    let deny = &policy["Statement"][1];
    assert_eq!(deny["Effect"], json!("Deny"));
    assert_eq!(deny["Action"], json!(["Update:Replace", "Update:Delete"]));
    assert_eq!(deny["Resource"], json!(["LogicalResourceId/Bucket"]));
}
