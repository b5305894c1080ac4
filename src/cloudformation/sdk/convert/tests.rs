use super::*;

const OURS: &str = "6b1e3c1e-g2-0123abcd-1";

fn event(token: Option<&str>, kind: &str) -> StackEvent {
    StackEvent {
        time: Timestamp::UNIX_EPOCH,
        token: token.map(Into::into),
        logical_id: "it".into(),
        physical_id: None,
        kind: kind.into(),
        status: "UPDATE_IN_PROGRESS".into(),
        reason: None,
    }
}

#[test]
fn pages_of_events_are_read_until_what_was_before_the_operation() {
    let (ours, resource) = (|| event(Some(OURS), STACK_TYPE), || event(Some(OURS), "AWS::S3::Bucket"));
    let other = |token| event(token, STACK_TYPE);
    // The newest is first. An operation may have come after ours, and one by hand has no token.
    assert!(!begins_within(&[other(Some("later")), resource()], Some(OURS)));
    assert!(!begins_within(&[other(Some("later")), ours(), resource(), ours()], Some(OURS)));
    assert!(begins_within(&[ours(), resource(), ours(), other(Some("earlier"))], Some(OURS)));
    assert!(begins_within(&[ours(), ours(), other(None)], Some(OURS)));
    assert!(!begins_within(&[other(Some("later")), other(Some("earlier"))], Some(OURS)), "it was not seen yet");
    assert!(!begins_within(&[ours(), other(Some("earlier"))], None), "without a token all are asked for");
}

#[test]
fn events_come_out_oldest_first_and_of_one_operation() {
    let newest_first =
        vec![event(Some("later"), "c"), event(Some(OURS), "b"), event(Some(OURS), "a"), event(None, "z")];
    let kinds = |events: Vec<StackEvent>| events.into_iter().map(|event| event.kind).collect::<Vec<_>>();
    assert_eq!(kinds(of_operation(newest_first.clone(), Some(OURS))), ["a", "b"]);
    assert_eq!(kinds(of_operation(newest_first, None)), ["z", "a", "b", "c"]);
}

#[test]
fn a_change_set_without_a_difference_is_no_failure() {
    let failed = |reason: &str| change_set_status(&aws::ChangeSetStatus::Failed, reason.into());
    let texts = [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ];
    for text in texts {
        assert_eq!(failed(text), ChangeSetStatus::Empty);
    }
    assert_eq!(failed("Transform failed"), ChangeSetStatus::Failed("Transform failed".into()));
    let pending = change_set_status(&aws::ChangeSetStatus::CreatePending, String::new());
    assert_eq!(pending, ChangeSetStatus::Creating);
    let deleting = change_set_status(&aws::ChangeSetStatus::DeleteInProgress, String::new());
    assert_eq!(deleting, ChangeSetStatus::Other("DELETE_IN_PROGRESS".into()));
}

#[test]
fn a_change_names_each_property_once_and_tags_are_none() {
    let target = |attribute, name: Option<&str>| {
        let target = aws::ResourceTargetDefinition::builder().attribute(attribute).set_name(name.map(Into::into));
        aws::ResourceChangeDetail::builder().target(target.build()).build()
    };
    let resource = aws::ResourceChange::builder()
        .action(aws::ChangeAction::Modify)
        .logical_resource_id("Cluster")
        .resource_type("AWS::RDS::DBCluster")
        .replacement(aws::Replacement::Conditional)
        .policy_action(aws::PolicyAction::ReplaceAndSnapshot)
        .details(target(aws::ResourceAttribute::Properties, Some("MasterUsername")))
        .details(target(aws::ResourceAttribute::Properties, Some("DatabaseName")))
        .details(target(aws::ResourceAttribute::Properties, Some("MasterUsername")))
        .details(target(aws::ResourceAttribute::Tags, None))
        .build();
    let found = change(&aws::Change::builder().resource_change(resource).build()).expect("it is a resource's");
    let expected = ResourceChange {
        action: "Modify".into(),
        logical_id: "Cluster".into(),
        kind: "AWS::RDS::DBCluster".into(),
        replacement: Some("Conditional".into()),
        policy_action: Some("ReplaceAndSnapshot".into()),
        properties: vec!["DatabaseName".into(), "MasterUsername".into()],
    };
    assert_eq!(found, expected);
}

#[test]
fn a_look_for_drift_is_told_apart_from_what_it_finds() {
    let look = |status: aws::StackDriftDetectionStatus| {
        let answer = DescribeStackDriftDetectionStatusOutput::builder().detection_status(status);
        drift(&answer.detection_status_reason("no right to read the bucket").build())
    };
    assert_eq!(look(aws::StackDriftDetectionStatus::DetectionInProgress), Drift::Detecting);
    assert_eq!(look(aws::StackDriftDetectionStatus::DetectionComplete), Drift::Found(BTreeMap::new()));
    let failed = Drift::Failed("no right to read the bucket".into());
    assert_eq!(look(aws::StackDriftDetectionStatus::DetectionFailed), failed);
    let resource = aws::StackResourceDrift::builder()
        .logical_resource_id("Bucket")
        .stack_resource_drift_status(aws::StackResourceDriftStatus::Modified)
        .build();
    assert_eq!(resource_drift(&resource), Some(("Bucket".into(), "MODIFIED".into())));
}

#[test]
fn a_stack_without_an_id_is_not_understood_and_without_outputs_has_none() {
    let time = DateTime::from_secs_and_nanos(1_764_000_000, 500_000_000);
    let builder = || {
        aws::Stack::builder()
            .stack_name("blog")
            .stack_status(aws::StackStatus::from("SOMETHING_NEW_IN_PROGRESS"))
            .creation_time(time)
    };
    assert!(matches!(stack(&builder().build()), Err(Error::Unknown(text)) if text.contains("StackId")));
    let found = stack(&builder().stack_id("arn").build()).expect("it is whole");
    assert_eq!(found.status, "SOMETHING_NEW_IN_PROGRESS", "a status that the SDK does not know comes out as it is");
    assert_eq!(found.created.to_string(), "2025-11-24T16:00:00.5Z");
    assert!(found.outputs.is_empty() && found.updated.is_none() && !found.termination_protection);
}

#[test]
fn parameters_have_a_value_or_keep_the_one_they_have() {
    let parameters = parameters(&[("A".to_owned(), "1".to_owned())].into(), &["B".to_owned()]);
    let shown: Vec<_> =
        parameters.iter().map(|it| (it.parameter_key(), it.parameter_value(), it.use_previous_value())).collect();
    assert_eq!(shown, [(Some("A"), Some("1"), None), (Some("B"), None, Some(true))]);
}

/// `ListStacks` is asked for every status in which AWS works. One that the SDK learns later shows here.
#[test]
fn every_status_in_progress_is_watched() {
    let known = aws::StackStatus::values().iter().filter(|status| status.ends_with("_IN_PROGRESS"));
    let known: BTreeSet<&str> = known.copied().filter(|status| *status != "REVIEW_IN_PROGRESS").collect();
    assert_eq!(IN_PROGRESS.iter().map(aws::StackStatus::as_str).collect::<BTreeSet<_>>(), known);
}
