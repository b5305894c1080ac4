//! `tairyo explain`: what a reason means and what to do, without a cluster. The text is that of docs/reasons.md.

use std::str::FromStr as _;

use clap::Args;
use serde::Serialize;
use strum::IntoEnumIterator as _;

use super::output::{self, Output, OutputOptions, Paint, Tone};
use crate::api::condition::Reason;

/// The page that the documentation shows, too.
const PAGE: &str = include_str!("../../docs/reasons.md");

/// What a reason means.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  tairyo explain ApprovalRequired\n  tairyo explain approval\n  tairyo explain --list"
)]
pub struct Options {
    /// The reason as a condition shows it; upper and lower case are alike, and a part is enough
    #[arg(required_unless_present = "list")]
    reason: Option<String>,

    /// List all reasons
    #[arg(long, conflicts_with = "reason")]
    list: bool,

    #[command(flatten)]
    output: OutputOptions,
}

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such reason.
    #[error("failed to find the reason {asked:?}{}", suggestion(near))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// What may have been meant.
        near: Vec<String>,
    },
    /// The answer was not written.
    #[error(transparent)]
    Output(#[from] output::Error),
}

fn suggestion(near: &[String]) -> String {
    if near.is_empty() {
        return "; `tairyo explain --list` lists all of them".into();
    }
    format!("; did you mean {}?", near.join(", "))
}

/// What is known of a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    reason: String,
    needs_a_person: bool,
    text: String,
}

/// Explains.
pub fn run(options: &Options) -> Result<(), Error> {
    let output = Output::new(options.output.output);
    let Some(asked) = &options.reason else {
        let all: Vec<_> = Reason::iter().map(explanation).collect();
        return Ok(output.answer(&all, |paint| list(&all, paint))?);
    };
    let explanation = explanation(find(asked)?);
    Ok(output.answer(&explanation, |paint| screen(&explanation, paint))?)
}

/// The reason that is meant by `asked`.
fn find(asked: &str) -> Result<Reason, Error> {
    if let Ok(reason) = Reason::from_str(asked) {
        return Ok(reason);
    }
    let lower = asked.to_lowercase();
    let named = |reason: &Reason| reason.to_string().to_lowercase();
    if let Some(reason) = Reason::iter().find(|reason| named(reason) == lower) {
        return Ok(reason);
    }
    let parts: Vec<_> = Reason::iter().filter(|reason| !lower.is_empty() && named(reason).contains(&lower)).collect();
    if let [reason] = parts.as_slice() {
        return Ok(*reason);
    }
    let mut near: Vec<_> = Reason::iter()
        .map(|reason| (likeness(&reason.to_string(), &lower), reason))
        .filter(|(likeness, _)| *likeness > 0.85)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let near = parts.into_iter().chain(near.into_iter().map(|(_, reason)| reason));
    let mut suggestions: Vec<String> = Vec::new();
    for name in near.map(|reason| reason.to_string()) {
        if !suggestions.contains(&name) {
            suggestions.push(name);
        }
    }
    suggestions.truncate(6);
    Err(Error::Unknown { asked: asked.into(), near: suggestions })
}

/// How like `asked` is to the name as a whole, or to one of its words.
fn likeness(name: &str, asked: &str) -> f64 {
    let begins: Vec<_> = name.char_indices().filter(|(_, it)| it.is_uppercase()).map(|(place, _)| place).collect();
    let ends = begins.iter().skip(1).copied().chain([name.len()]);
    let words = begins.iter().zip(ends).map(|(begin, end)| &name[*begin..end]);
    words.chain([name]).map(|word| strsim::jaro_winkler(&word.to_lowercase(), asked)).fold(0.0, f64::max)
}

fn explanation(reason: Reason) -> Explanation {
    let text = section(&reason.to_string()).unwrap_or_default();
    Explanation { reason: reason.to_string(), needs_a_person: reason.needs_a_person(), text }
}

/// The text below the heading of `reason`.
fn section(reason: &str) -> Option<String> {
    let heading = format!("## {reason}");
    let lines = PAGE.lines().skip_while(|line| *line != heading).skip(1);
    let text: Vec<_> = lines.take_while(|line| !line.starts_with("# ") && !line.starts_with("## ")).collect();
    let text = text.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn screen(explanation: &Explanation, paint: Paint) -> String {
    let who = if explanation.needs_a_person {
        ("a person must act", Tone::Bad)
    } else {
        ("waiting may be enough", Tone::Faint)
    };
    format!(
        "{}  {}\n\n{}\n",
        paint.paint(&explanation.reason, Tone::Strong),
        paint.paint(who.0, who.1),
        explanation.text
    )
}

fn list(all: &[Explanation], paint: Paint) -> String {
    let first_sentence = |text: &str| {
        let paragraph = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        paragraph.split_inclusive(". ").next().unwrap_or_default().trim().to_owned()
    };
    let rows: Vec<_> = all.iter().map(|it| [it.reason.clone().into(), first_sentence(&it.text).into()]).collect();
    paint.table(["REASON", "MEANING"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_an_explanation_that_says_what_to_do() {
        for reason in Reason::iter() {
            let text = section(&reason.to_string()).unwrap_or_default();
            assert!(text.len() > 40, "{reason}: {text:?}");
            assert!(!text.contains("\n## "), "{reason} runs into the next section");
        }
    }

    #[test]
    fn case_and_a_part_that_only_one_reason_has_are_enough() {
        for asked in ["ApprovalRequired", "approvalrequired", "approval"] {
            assert_eq!(find(asked).expect(asked), Reason::ApprovalRequired);
        }
    }

    #[test]
    fn a_slip_of_the_keyboard_is_answered_with_what_was_meant() {
        let message = find("AprovalRequird").expect_err("there is none").to_string();
        assert!(message.contains("did you mean ApprovalRequired"), "{message}");
        let message = find("AwsUnavailible").expect_err("there is none").to_string();
        assert!(message.contains("AwsUnavailable"), "{message}");
        let message = find("aproval").expect_err("there is none").to_string();
        assert!(message.contains("ApprovalRequired"), "{message}");
        let message = find("zzz").expect_err("there is none").to_string();
        assert!(message.contains("tairyo explain --list"), "{message}");
    }
}
