//! YAML with the line of every field.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A value whose parts know their lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Null, a boolean, a number or a string.
    Scalar(Value),
    /// A list.
    List(Vec<Spanned<Node>>),
    /// A map; keys know their lines as well.
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Node {
    /// The same without lines.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Scalar(value) => value.clone(),
            Self::List(items) => items.iter().map(|item| item.value.json()).collect(),
            Self::Map(members) => Value::Object(
                members.iter().map(|(key, node)| (key.value.clone(), node.value.json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// The member called `name`.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Spanned<Node>> {
        let Self::Map(members) = self else { return None };
        members.iter().find(|(key, _)| key.value == name).map(|(_, node)| node)
    }
}

/// The line of the field at `path`, such as `spec.domains[0]`; of what it would stand in where there is no such field.
pub(super) fn line(root: &Spanned<Node>, path: &str) -> u64 {
    let mut line = root.referenced.line();
    let mut node = root;
    for step in steps(path) {
        match (&node.value, step) {
            (Node::Map(members), Step::Name(name)) => {
                let Some((key, value)) = members.iter().find(|(key, _)| key.value == name) else { return line };
                line = key.referenced.line();
                node = value;
            }
            (Node::List(items), Step::Index(index)) => {
                let Some(item) = items.get(index) else { return line };
                line = item.referenced.line();
                node = item;
            }
            _ => return line,
        }
    }
    line
}

#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// The steps of `spec.domains[0]`. A key in brackets, as in `labels["a.b"]`, is one step.
fn steps(path: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inner, behind) = after.split_once(']').unwrap_or((after, ""));
            let key = inner.trim_matches('"');
            steps.push(key.parse().map_or(Step::Name(key), Step::Index));
            rest = behind.strip_prefix('.').unwrap_or(behind);
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end > 0 {
            steps.push(Step::Name(&rest[..end]));
        }
        rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
    }
    steps
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value, a list or a map with names")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        // JSON has no infinity; the schema refuses null then, in the right line.
        Ok(Node::Scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Node::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "kind: X\nspec:\n  domains: [a, b]\n  web:\n    env:\n      - name: A\n        value: 1\n";

    #[test]
    fn every_field_knows_its_line_and_what_is_missing_has_that_of_its_parent() {
        let node: Spanned<Node> = serde_saphyr::from_str(TEXT).expect("it is YAML");
        for (path, expected) in [
            ("kind", 1),
            ("spec", 2),
            ("spec.domains[1]", 3),
            ("spec.web.env[0].value", 7),
            ("spec.web.replicas", 4),
            ("spec.title", 2),
            ("nothing", 1),
        ] {
            assert_eq!(line(&node, path), expected, "{path}");
        }
    }

    #[test]
    fn nothing_of_a_document_is_lost() {
        let text = "a: null\nb: [1, -2, 2.5, true, 'x']\nc: {d: {}}\n";
        let node: Spanned<Node> = serde_saphyr::from_str(text).expect("it is YAML");
        let value: Value = serde_saphyr::from_str(text).expect("it is YAML");
        assert_eq!(node.value.json(), value);
    }

    #[test]
    fn a_key_with_dots_is_one_step_in_brackets() {
        assert_eq!(steps("a[\"b.c\"].d[2]"), [Step::Name("a"), Step::Name("b.c"), Step::Name("d"), Step::Index(2)]);
    }
}
