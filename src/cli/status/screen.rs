//! The screen. A plain function from a site and its events to text.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;
use strum::IntoEnumIterator as _;

use super::View;
use super::next::next_action;
use crate::api::WordPressSiteStatus;
use crate::api::condition::{ConditionType, Reason};
use crate::api::status::UnitStatus;
use crate::cli::output::{Cell, Paint, Tone};
use crate::site::actions::suspended;

/// Blocks in a bar of progress.
const BAR: usize = 20;
/// More events than this are what `tairyo events` is for.
const EVENTS: usize = 5;

/// A bar of progress of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The resources that are done.
    pub done: usize,
    /// All of them.
    pub total: usize,
}

impl Bar {
    /// Such as `[#####...............] 3/12`.
    #[must_use]
    pub fn text(self) -> String {
        let filled = (self.done * BAR).checked_div(self.total).unwrap_or_default().min(BAR);
        format!("[{}{}] {}/{}", "#".repeat(filled), ".".repeat(BAR - filled), self.done, self.total)
    }
}

/// How a site is, on one screen.
#[must_use]
pub fn screen(view: &View, paint: Paint) -> String {
    let status = view.site.status.clone().unwrap_or_default();
    let mut screen = head(view, &status, paint);
    if !status.conditions.is_empty() {
        screen += "\n";
        screen += &parts(&status, view.now, paint);
    }
    if !status.units.is_empty() {
        screen += "\n";
        screen += &units(&status, view.now, paint);
    }
    if let Some(plan) = &status.plan {
        screen += &format!("\n{}\n", paint.paint("Waits for approval", Tone::Bad));
        screen += &paint.paragraph(&crate::cloudformation::guard::sentence(&plan.changes), 2);
    }
    if !status.dns_records.is_empty() {
        screen += "\n";
        let rows: Vec<[Cell; 4]> = status
            .dns_records
            .iter()
            .map(|it| {
                [it.name.clone().into(), it.kind.clone().into(), it.value.clone().into(), it.purpose.clone().into()]
            })
            .collect();
        screen += &paint.table(["DNS RECORD", "TYPE", "VALUE", "FOR"], &rows);
    }
    if !view.events.is_empty() {
        screen += "\n";
        screen += &events(view, paint);
    }
    screen += &format!("\n{}\n", paint.paint("Next", Tone::Strong));
    for line in next_action(&view.site, &status) {
        screen += &paint.paragraph(&line, 2);
    }
    screen
}

fn head(view: &View, status: &WordPressSiteStatus, paint: Paint) -> String {
    let name = format!("{}/{}", view.site.namespace().unwrap_or_default(), view.site.name_any());
    let (mut state, tone) = state(status);
    if suspended(&view.site.spec, view.site.annotations()).is_some() && state != "Suspended" {
        state += ", suspended";
    }
    let mut head = format!("{}  {}\n", paint.paint(&name, Tone::Strong), paint.paint(&state, tone));
    let mut facts = vec![status.url.clone().unwrap_or_else(|| view.site.spec.domains.join(", "))];
    facts.extend(status.class_name.as_ref().or(view.site.spec.class_name.as_ref()).map(|it| format!("class {it}")));
    let version = status.version.clone().unwrap_or_default();
    facts.extend(version.wordpress.map(|it| format!("WordPress {it}")));
    facts.extend(status.replicas.map(|it| format!("{it} {}", if it == 1 { "pod" } else { "pods" })));
    head += &paint.paragraph(&facts.join(", "), 0);
    head.extend(version.image.map(|it| paint.paragraph(&format!("image {it}"), 0)));
    let generation = view.site.metadata.generation;
    if status.observed_generation.is_some() && status.observed_generation < generation {
        let old = "The operator has not looked at the latest change of the spec yet.";
        head += &paint.paint(old, Tone::Busy);
        head.push('\n');
    }
    head
}

/// The word for the whole, and its tone.
fn state(status: &WordPressSiteStatus) -> (String, Tone) {
    let condition = |kind: ConditionType| find(status, kind).filter(|it| it.status == "True");
    if condition(ConditionType::Ready).is_some() {
        return ("Ready".into(), Tone::Good);
    }
    if let Some(stalled) = condition(ConditionType::Stalled) {
        return (format!("Stalled: {}", stalled.reason), Tone::Bad);
    }
    match (condition(ConditionType::Reconciling), find(status, ConditionType::Ready)) {
        (Some(reconciling), _) => (format!("Reconciling: {}", reconciling.reason), Tone::Busy),
        (None, Some(ready)) if ready.reason == Reason::Suspended.to_string() => ("Suspended".into(), Tone::Busy),
        (None, Some(ready)) => (format!("Not ready: {}", ready.reason), Tone::Busy),
        (None, None) => ("Not seen by the operator yet".into(), Tone::Busy),
    }
}

pub(super) fn find(status: &WordPressSiteStatus, kind: ConditionType) -> Option<&Condition> {
    let name: &str = kind.into();
    status.conditions.iter().find(|condition| condition.type_ == name)
}

fn parts(status: &WordPressSiteStatus, now: Timestamp, paint: Paint) -> String {
    let summary = [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled];
    let known = ConditionType::iter().filter(|kind| !summary.contains(kind)).filter_map(|kind| find(status, kind));
    // What a later version knows is shown, too.
    let unknown = status.conditions.iter().filter(|it| it.type_.parse::<ConditionType>().is_err());
    let row = |condition: &Condition| {
        let stuck = condition.reason.parse::<Reason>().is_ok_and(Reason::needs_a_person);
        let (word, tone) = match condition.status.as_str() {
            "True" => ("ok", Tone::Good),
            "False" if stuck => ("failed", Tone::Bad),
            "False" => ("busy", Tone::Busy),
            _ => ("waits", Tone::Faint),
        };
        [
            condition.type_.trim_end_matches("Ready").into(),
            Cell::new(word, tone),
            Cell::new(&condition.reason, tone),
            since(condition.last_transition_time.0, now).into(),
            condition.message.clone().into(),
        ]
    };
    let rows: Vec<_> = known.chain(unknown).map(row).collect();
    paint.table(["PART", "STATE", "REASON", "SINCE", "MESSAGE"], &rows)
}

fn units(status: &WordPressSiteStatus, now: Timestamp, paint: Paint) -> String {
    let row = |unit: &UnitStatus| {
        let stack = unit.status.clone().unwrap_or_else(|| "not begun".into());
        let tone = match &unit.failure {
            Some(_) => Tone::Bad,
            None if stack.ends_with("_IN_PROGRESS") => Tone::Busy,
            None if stack.contains("FAILED") || stack.contains("ROLLBACK") => Tone::Bad,
            None if stack.ends_with("_COMPLETE") => Tone::Good,
            None => Tone::Faint,
        };
        let count = |number: i32| usize::try_from(number).unwrap_or_default();
        let bar = unit.progress.as_ref().map(|it| Bar { done: count(it.done), total: count(it.total) }.text());
        let about = match (&unit.failure, &unit.progress) {
            (Some(failure), _) => format!("{} {}: {}", failure.kind, failure.resource, failure.reason),
            (None, Some(progress)) => progress.current.clone().unwrap_or_default(),
            (None, None) => String::new(),
        };
        [
            unit.name.clone().into(),
            Cell::new(stack, tone),
            bar.unwrap_or_default().into(),
            took(unit, status, now).into(),
            about.into(),
        ]
    };
    let rows: Vec<_> = status.units.iter().map(row).collect();
    paint.table(["UNIT", "STACK", "PROGRESS", "TOOK", "ABOUT"], &rows)
}

/// How long the last operation took, or has taken so far.
fn took(unit: &UnitStatus, status: &WordPressSiteStatus, now: Timestamp) -> String {
    let begun = unit.operation.as_ref().and_then(|it| it.time.parse::<Timestamp>().ok());
    let Some(begun) = begun else { return String::new() };
    if unit.status.as_deref().is_some_and(|it| it.ends_with("_IN_PROGRESS")) {
        return format!("{} so far", duration(now.duration_since(begun).as_secs()));
    }
    let failed = unit.failure.as_ref().and_then(|it| it.time.parse::<Timestamp>().ok());
    let ready = unit
        .name
        .parse()
        .ok()
        .and_then(|unit| find(status, crate::site::managed::condition(unit)))
        .filter(|condition| condition.status == "True")
        .map(|condition| condition.last_transition_time.0);
    // A condition that did not change since before the operation says nothing about when it ended.
    let ended = failed.or(ready).filter(|ended| *ended >= begun);
    ended.map(|ended| duration(ended.duration_since(begun).as_secs())).unwrap_or_default()
}

fn events(view: &View, paint: Paint) -> String {
    let newest = view.events.iter().rev().take(EVENTS);
    let row = |event: &k8s_openapi::api::events::v1::Event| {
        let warning = event.type_.as_deref() == Some("Warning");
        [
            crate::cli::events::time(event).map(|time| since(time, view.now)).unwrap_or_default().into(),
            Cell::new(event.reason.clone().unwrap_or_default(), if warning { Tone::Bad } else { Tone::Plain }),
            event.note.clone().unwrap_or_default().into(),
        ]
    };
    let rows: Vec<_> = newest.map(row).collect();
    paint.table(["AGO", "EVENT", "NOTE"], &rows)
}

/// How long ago `time` was.
fn since(time: Timestamp, now: Timestamp) -> String {
    duration(now.duration_since(time).as_secs())
}

/// Seconds in the two largest units: `45s`, `12m5s`, `3h`, `2d4h`.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let units = [("d", seconds / 86_400), ("h", seconds / 3600 % 24), ("m", seconds / 60 % 60), ("s", seconds % 60)];
    let Some(first) = units.iter().position(|(_, number)| *number > 0) else { return "0s".into() };
    // Nobody asks for the seconds of a day.
    let largest = units[first..].iter().take(2).filter(|(_, number)| *number > 0);
    largest.fold(String::new(), |text, (unit, number)| text + &number.to_string() + unit)
}
