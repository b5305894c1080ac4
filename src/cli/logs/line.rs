//! One line of a log: what the kubelet and the program wrote, taken apart.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::output::{Paint, Tone};

/// Where a program writes its message.
const MESSAGES: [&str; 3] = ["message", "msg", "request"];
/// What says the time again, which the kubelet has said already.
const TIMES: [&str; 4] = ["timestamp", "time", "ts", "time_iso8601"];

/// What is told by the pod and the message, or for programs alone.
const NOISE: [&str; 3] = ["span", "spans", "target"];

/// Whether a line of the operator is about this site. The operator writes namespace and name beside each message.
pub(super) fn is_about(text: &str, namespace: &str, name: &str) -> bool {
    let has = |key: &str, value: &str| {
        text.contains(&format!("\"{key}\":\"{value}\""))
            || text.contains(&format!("{key}={value}"))
            || text.contains(&format!("{key}=\"{value}\""))
    };
    has("namespace", namespace) && has("name", name)
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    /// When the kubelet got it.
    pub time: Timestamp,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Such as `ERROR`, where the program says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What was said.
    pub message: String,
    /// What the program said beside the message.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl Line {
    /// Takes a line with the kubelet's time apart; `None` where it has no time.
    pub fn read(pod: &str, container: &str, text: &str) -> Option<Self> {
        let (time, said) = text.split_once(' ').unwrap_or((text, ""));
        let time = time.parse().ok()?;
        let mut line = Self {
            time,
            pod: pod.into(),
            container: container.into(),
            level: None,
            message: said.into(),
            fields: Map::new(),
        };
        if let Some(Value::Object(mut fields)) =
            said.starts_with('{').then(|| serde_json::from_str(said).ok()).flatten()
        {
            let mut take = |names: &[&str]| names.iter().find_map(|name| fields.remove(*name));
            let message = take(&MESSAGES);
            let level = take(&["level"]);
            take(&TIMES);
            line.message = message.map(plain).unwrap_or_default();
            line.level = level.map(|level| plain(level).to_uppercase());
            line.fields = fields;
        }
        Some(line)
    }

    /// The line for a person.
    pub fn text(&self, paint: Paint) -> String {
        let level = self.level.as_deref().unwrap_or_default();
        let tone = match level {
            "ERROR" | "CRITICAL" | "FATAL" => Tone::Bad,
            "WARN" | "WARNING" => Tone::Busy,
            _ => Tone::Plain,
        };
        let time = self.time.strftime("%H:%M:%S%.3f").to_string();
        let place = format!("{}/{}", self.pod, self.container);
        let mut text = format!("{} {}", paint.paint(&time, Tone::Faint), paint.paint(&place, Tone::Strong));
        if !level.is_empty() {
            text = format!("{text} {}", paint.paint(level, tone));
        }
        if !self.message.is_empty() {
            text = format!("{text} {}", paint.paint(&self.message, tone));
        }
        for (name, value) in self.fields.iter().filter(|(name, _)| !NOISE.contains(&name.as_str())) {
            text = format!("{text} {}", paint.paint(&format!("{name}={}", plain(value.clone())), Tone::Faint));
        }
        text + "\n"
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_of_the_operator_is_made_readable() {
        let text = r#"2026-01-02T03:04:05.123456789Z {"timestamp":"2026-01-02T03:04:05Z","level":"WARN","message":"Failed to publish","target":"tairyo::site","attempt":2}"#;
        let line = Line::read("tairyo-1", "operator", text).expect("it has a time");
        assert_eq!(line.text(Paint::PLAIN), "03:04:05.123 tairyo-1/operator WARN Failed to publish attempt=2\n");
    }

    #[test]
    fn a_site_of_the_same_name_in_another_namespace_is_another() {
        let text = r#"{"message":"is served","span":{"name":"blog","namespace":"shop"}}"#;
        assert!(is_about(text, "shop", "blog"));
        assert!(!is_about(text, "default", "blog"));
        assert!(!is_about(text, "shop", "log"));
    }

    #[test]
    fn other_lines_are_shown_as_they_are() {
        for said in ["[25-Nov] NOTICE: fpm is running", "{not json", ""] {
            let line = Line::read("p", "php", &format!("2026-01-02T03:04:05Z {said}")).expect("it has a time");
            assert_eq!((line.message.as_str(), line.level), (said, None));
        }
        assert_eq!(Line::read("p", "php", "no time at all"), None);
    }
}
