//! Every rule takes what it allows, and refuses the rest with a message that says what is allowed.

use std::fmt::Write as _;

use kube::api::{DeleteParams, DynamicObject, PostParams};
use kube::core::response::StatusCause;
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use super::fixture::{Case, Fixture, Refusal, cases, holds, merge, minimal};
use super::schema::{Definition, Rule, definitions, rules};
use super::server::{self, Server};

#[test]
fn the_server_takes_every_object_that_the_rules_allow() {
    server::with(async |server| {
        let mut surprises = String::new();
        for definition in definitions() {
            for case in cases(&definition) {
                for fixture in &case.passing {
                    match submit(server, &definition, &case, fixture).await {
                        Err(error) => writeln!(surprises, "{}: refused: {error}", fixture.name),
                        // The server drops a field that the schema does not have, and takes the rest.
                        Ok(taken) if !holds(&taken, &fixture.patch) => {
                            writeln!(surprises, "{}: taken without some of its fields, as: {taken}", fixture.name)
                        }
                        Ok(_) => Ok(()),
                    }
                    .expect("a string can be written to");
                }
            }
        }
        assert!(surprises.is_empty(), "these must be taken:\n{surprises}");
    });
}

#[test]
fn the_server_refuses_every_object_that_a_rule_forbids_and_says_what_is_allowed() {
    server::with(async |server| {
        let mut surprises = String::new();
        for definition in definitions() {
            for case in cases(&definition) {
                for (fixture, refusal) in &case.failing {
                    let answer = submit(server, &definition, &case, fixture).await;
                    if let Some(surprise) = surprise(answer, refusal) {
                        writeln!(surprises, "{}: {surprise}", fixture.name).expect("a string can be written to");
                    }
                }
            }
        }
        assert!(surprises.is_empty(), "these must be refused by their rule, and by it alone:\n{surprises}");
    });
}

#[test]
fn every_rule_has_a_fixture_that_it_refuses() {
    let mut untested = Vec::new();
    for definition in definitions() {
        let cases = cases(&definition);
        let refusals: Vec<_> = cases.iter().flat_map(|case| &case.failing).map(|(_, refusal)| refusal).collect();
        let rules = rules(&definition).into_iter();
        let open = rules.filter(|rule| !refusals.iter().any(|refusal| refuses(rule, refusal)));
        untested.extend(open.map(|rule| format!("{}: {rule}", definition.kind)));
    }
    assert!(untested.is_empty(), "no failing fixture in tests/fixtures/api provokes:\n{}", untested.join("\n"));
}

#[test]
fn every_directory_of_fixtures_tests_one_rule_of_the_schema_both_ways() {
    for definition in definitions() {
        let rules = rules(&definition);
        for case in cases(&definition) {
            assert!(!case.passing.is_empty(), "{}: there is no pass.yaml", case.name);
            let mut tested = case.failing.iter().map(|(fixture, refusal)| {
                let rule = rules.iter().find(|rule| refuses(rule, refusal));
                rule.unwrap_or_else(|| panic!("{}: its head names no rule of the schema", fixture.name))
            });
            let first = tested.next().unwrap_or_else(|| panic!("{}: there is no fail.yaml", case.name));
            assert!(tested.all(|rule| rule == first), "{}: its fixtures name several rules", case.name);
        }
    }
}

/// Whether the head of a fixture means `rule`: several CEL rules of one field are told apart by their messages.
fn refuses(rule: &Rule, refusal: &Refusal) -> bool {
    let says_so = rule.message.as_ref().is_none_or(|message| refusal.expect.starts_with(message.as_str()));
    rule.path == refusal.path && rule.keyword == refusal.keyword && says_so
}

/// Sends what the fixture says; what a rule about changes looks at is there before.
async fn submit(
    server: &Server,
    definition: &Definition,
    case: &Case,
    fixture: &Fixture,
) -> Result<Value, kube::Error> {
    let api = server.api(definition);
    let Some(before) = &case.before else {
        let object = object(merge(minimal(definition), &fixture.patch));
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        return api.create(&dry_run, &object).await.map(value);
    };
    let mut before = object(merge(minimal(definition), before));
    if !definition.namespaced {
        // Tests run at the same time, and only their namespaces keep them apart.
        before.metadata.name = Some(server.namespace.clone());
    }
    let before = api.create(&PostParams::default(), &before).await;
    let before = before.unwrap_or_else(|error| panic!("{}: before.yaml is refused: {error}", case.name));
    let name = before.name_any();
    let after = object(merge(value(before), &fixture.patch));
    let answer = replace(&api, case, &name, &after).await;
    api.delete(&name, &DeleteParams::default()).await.expect("an object can be deleted");
    answer
}

async fn replace(
    api: &Api<DynamicObject>,
    case: &Case,
    name: &str,
    after: &DynamicObject,
) -> Result<Value, kube::Error> {
    if case.is_of_status() {
        api.replace_status(name, &PostParams::default(), after).await.map(value)
    } else {
        api.replace(name, &PostParams::default(), after).await.map(value)
    }
}

fn value(object: DynamicObject) -> Value {
    serde_json::to_value(object).expect("an object is JSON")
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).expect("the fixture is an object")
}

/// What is wrong with the server's answer to an object that must be refused.
fn surprise(answer: Result<Value, kube::Error>, refusal: &Refusal) -> Option<String> {
    let status = match answer {
        Ok(_) => return Some("taken".into()),
        Err(kube::Error::Api(status)) if status.reason == "Invalid" => status,
        Err(error) => return Some(format!("not refused as invalid: {error}")),
    };
    let mut causes = status.details.map(|details| details.causes).unwrap_or_default();
    // Where a bound is broken, the server leaves the CEL rules out and says so.
    causes.retain(|cause| !cause.message.contains("some validation rules were not checked"));
    let (expected, others): (Vec<_>, Vec<_>) =
        causes.iter().partition(|cause| is_at(cause, &refusal.path) && cause.message.contains(&refusal.expect));
    let also = refusal.also.as_deref();
    let others_are_right = others.iter().all(|cause| also.is_some_and(|also| cause.message.contains(also)));
    // An `also` that no longer comes is as wrong as a reason that nobody expects.
    let is_right = expected.len() == 1 && others_are_right && others.is_empty() == also.is_none();
    (!is_right).then(|| format!("refused with: {}", status.message))
}

fn is_at(cause: &StatusCause, path: &str) -> bool {
    // A rule of the whole object is reported at no field.
    if path == "object" {
        return cause.field == "<nil>";
    }
    let mut field = String::new();
    let mut in_index = false;
    for character in cause.field.chars() {
        in_index = (in_index || character == '[') && character != ']';
        if !in_index || character == '[' {
            field.push(character);
        }
    }
    // The schema has `{}` where the server has the key of a value.
    field.starts_with(path.split("{}").next().unwrap_or(path))
}
