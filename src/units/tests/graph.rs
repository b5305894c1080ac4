//! Which stack comes when.

use std::collections::BTreeMap;

use strum::IntoEnumIterator as _;

use super::requests::{outputs, scale, small, stack, standard};
use crate::units::graph::{Missing, desired, needs};
use crate::units::request::Request;
use crate::units::{Unit, graph};

#[test]
fn every_unit_comes_after_what_it_needs() {
    for request in [small(), standard(), scale()] {
        let order: Vec<_> = desired(&request, &BTreeMap::new()).into_iter().map(|(unit, _)| unit).collect();
        for (place, unit) in order.iter().enumerate() {
            for needed in needs(*unit, &request) {
                assert!(order[..place].contains(&needed), "{unit} comes before {needed}");
            }
        }
    }
}

#[test]
fn a_unit_that_needs_outputs_waits_for_them_and_the_others_do_not() {
    let stacks: BTreeMap<_, _> = desired(&scale(), &BTreeMap::new()).into_iter().collect();
    let missing = |unit: Unit| stacks[&unit].as_ref().err().cloned();
    assert_eq!(missing(Unit::Network), None);
    assert_eq!(missing(Unit::Identity), None);
    assert_eq!(missing(Unit::Certificate), None);
    let network_and_identity = Some(Missing::Units(vec![Unit::Network, Unit::Identity]));
    assert_eq!(missing(Unit::Data), network_and_identity);
    assert_eq!(missing(Unit::Search), network_and_identity);
    assert_eq!(missing(Unit::Media), Some(Missing::Units(vec![Unit::Identity])));
    assert_eq!(missing(Unit::Edge), Some(Missing::Units(vec![Unit::Identity, Unit::Certificate, Unit::Media])));
}

#[test]
fn a_stack_in_a_network_that_exists_waits_for_no_network() {
    assert_eq!(needs(Unit::Data, &standard()), [Unit::Identity]);
}

#[test]
fn the_edge_waits_for_the_way_into_the_cluster() {
    let mut request = standard();
    request.edge.as_mut().expect("a standard site has one").origin_host = None;
    let edge = desired(&request, &outputs()).into_iter().find(|(unit, _)| *unit == Unit::Edge);
    assert_eq!(edge.map(|(_, stack)| stack), Some(Err(Missing::OriginHost)));
}

#[test]
fn an_issuer_that_could_be_more_than_text_makes_no_role() {
    let mut request = small();
    request.pod_identity = crate::units::request::PodIdentity::WebIdentity {
        provider_arn: "arn:aws:iam::123456789012:oidc-provider/${AWS::AccountId}".into(),
    };
    let identity = desired(&request, &outputs()).into_iter().find(|(unit, _)| *unit == Unit::Identity);
    assert_eq!(identity.map(|(_, stack)| stack), Some(Err(Missing::Issuer)));
}

#[test]
fn media_is_made_without_the_distribution_and_takes_it_later() {
    let mut early = outputs();
    early.remove(&Unit::Edge);
    let media = |outputs| {
        let all = desired(&standard(), outputs);
        all.into_iter().find_map(|(unit, stack)| (unit == Unit::Media).then_some(stack)).and_then(Result::ok)
    };
    let (before, after) = (media(&early).expect("media needs no edge"), media(&outputs()).expect("media is complete"));
    assert_eq!(before.parameters["DistributionArn"], "");
    assert_eq!(after.parameters["DistributionArn"], "arn:aws:cloudfront::123456789012:distribution/E0AA");
    assert_ne!(before.digest, after.digest);
}

/// Otherwise each of the two would make the other change for ever.
#[test]
fn the_edge_does_not_depend_on_what_media_takes_of_it() {
    let mut early = outputs();
    early.remove(&Unit::Edge);
    let edge = |outputs| desired(&standard(), outputs).into_iter().find(|(unit, _)| *unit == Unit::Edge);
    assert_eq!(edge(&early), edge(&outputs()));
}

#[test]
fn a_stack_that_lacks_an_output_is_not_there_yet() {
    let mut incomplete = outputs();
    incomplete.get_mut(&Unit::Identity).expect("there is one").remove("RoleName");
    let data = desired(&small(), &incomplete).into_iter().find(|(unit, _)| *unit == Unit::Data);
    assert_eq!(data.map(|(_, stack)| stack), Some(Err(Missing::Units(vec![Unit::Identity]))));
}

#[test]
fn every_template_has_the_outputs_that_are_promised() {
    for unit in Unit::iter() {
        let template = stack(&scale(), unit).template;
        let mut promised: Vec<_> = graph::outputs(unit).iter().map(|name| (*name).to_owned()).collect();
        promised.push("Revision".into());
        promised.sort();
        assert_eq!(super::walk::section(&template, "Outputs").into_iter().collect::<Vec<_>>(), promised, "{unit}");
    }
}

#[test]
fn the_certificate_is_where_cloudfront_looks_for_it_and_everything_else_is_in_the_region() {
    for unit in Unit::iter() {
        let region = if unit == Unit::Certificate { "us-east-1" } else { "ap-northeast-1" };
        assert_eq!(stack(&scale(), unit).region, region, "{unit}");
    }
}

#[test]
fn a_stack_has_the_tags_of_its_owner_and_of_its_class() {
    let tags = stack(&scale(), Unit::Data).tags;
    assert_eq!(tags["team"], "web");
    assert_eq!(tags["tairyo.dev/unit"], "data");
    assert_eq!(tags["tairyo.dev/site-uid"], "6b1e3c1e-6f0a-4f5e-9a53-0d8d2a7c5b11");
}

#[test]
fn a_next_generation_changes_the_secret_that_is_sent_for_one_that_was_accepted_before() {
    let edge = |generation| {
        let mut request = standard();
        request.edge.as_mut().expect("a standard site has one").origin_secret_generation = generation;
        stack(&request, Unit::Edge).template
    };
    let secrets = |template: &serde_json::Value| -> Vec<String> {
        let all = super::walk::section(template, "Resources");
        all.into_iter().filter(|id| id.starts_with("OriginSecret")).collect()
    };
    let (before, after) = (edge(3), edge(4));
    assert_eq!(secrets(&before), ["OriginSecret3", "OriginSecret4"]);
    assert_eq!(secrets(&after), ["OriginSecret4", "OriginSecret5"]);
    let sent = |template: &serde_json::Value| {
        let origin = &template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]["Origins"][0];
        super::walk::references(&origin["OriginCustomHeaders"]).names.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(sent(&before), ["OriginSecret3"]);
    assert_eq!(sent(&after), ["OriginSecret4"]);
}

#[test]
fn the_same_site_makes_the_same_stacks() {
    let once = |request: &Request| desired(request, &outputs());
    assert_eq!(once(&scale()), once(&scale()));
}
