//! The fixtures: small patches onto a minimal object.

use std::path::Path;

use serde_json::Value;

use super::schema::{Definition, root};

/// What is tested of one rule: a directory.
pub struct Case {
    /// The name of the directory.
    pub name: String,
    /// The object before the change, for a rule about changes.
    pub before: Option<Value>,
    /// Objects that the server must take.
    pub passing: Vec<Fixture>,
    /// Objects that the server must refuse.
    pub failing: Vec<(Fixture, Refusal)>,
}

/// One file.
pub struct Fixture {
    /// The path in `tests/fixtures/api`.
    pub name: String,
    /// What differs from the minimal object or from the object before.
    pub patch: Value,
}

/// What the head of a failing fixture says.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The field whose rule refuses.
    pub path: String,
    /// The keyword of the rule.
    pub keyword: String,
    /// A part of the server's message.
    pub expect: String,
    /// A part of what another rule says of the same value, where no value breaks the one rule alone.
    pub also: Option<String>,
}

impl Case {
    /// Whether the object is written through its status subresource.
    pub fn is_of_status(&self) -> bool {
        self.failing.iter().any(|(_, refusal)| refusal.path.starts_with("status"))
    }
}

/// The minimal object of the kind.
pub fn minimal(definition: &Definition) -> Value {
    read(&root().join("tests/fixtures/api").join(&definition.plural).join("minimal.yaml"))
}

/// All cases of the kind.
pub fn cases(definition: &Definition) -> Vec<Case> {
    let directory = root().join("tests/fixtures/api").join(&definition.plural);
    let directories = list(&directory).into_iter().filter(|name| directory.join(name).is_dir());
    directories.map(|name| case(&directory.join(&name), format!("{}/{name}", definition.plural))).collect()
}

fn case(directory: &Path, name: String) -> Case {
    let mut case = Case { name, before: None, passing: Vec::new(), failing: Vec::new() };
    for file in list(directory) {
        let path = directory.join(&file);
        let fixture = Fixture { name: format!("{}/{file}", case.name), patch: read(&path) };
        match file.strip_suffix(".yaml").and_then(|it| it.split('-').next()) {
            Some("before") => case.before = Some(fixture.patch),
            Some("pass") => case.passing.push(fixture),
            Some("fail") => case.failing.push((fixture, refusal(&path))),
            _ => {
                panic!("{}: allowed are before.yaml, pass.yaml, pass-*.yaml, fail.yaml and fail-*.yaml", path.display())
            }
        }
    }
    case
}

fn refusal(path: &Path) -> Refusal {
    let text = std::fs::read_to_string(path).expect("a fixture can be read");
    let mut lines = text.lines();
    let mut head = |start: &str| {
        lines
            .next()
            .and_then(|line| line.strip_prefix(start))
            .unwrap_or_else(|| panic!("{}: the first lines must be `# rule: …` and `# expect: …`", path.display()))
    };
    let (rule, expect) = (head("# rule: "), head("# expect: ").to_owned());
    let (field, keyword) = rule.split_once(' ').expect("a rule is a path and a keyword");
    let also = lines.next().and_then(|line| line.strip_prefix("# also: ")).map(str::to_owned);
    Refusal { path: field.into(), keyword: keyword.into(), expect, also }
}

fn list(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().expect("the fixtures can be listed");
    let mut names: Vec<_> =
        entries.map(|it| it.expect("the fixtures can be listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a fixture can be read");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `object` with `patch` merged into it as by RFC 7386: null removes.
pub fn merge(mut object: Value, patch: &Value) -> Value {
    merge_into(&mut object, patch);
    object
}

fn merge_into(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(serde_json::Map::new());
    }
    let Some(fields) = object.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(name);
        } else {
            merge_into(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Whether `object` has everything of `patch`: more in an object is fine, as a default makes it.
pub fn holds(object: &Value, patch: &Value) -> bool {
    match (object, patch) {
        (_, Value::Null) => true,
        (Value::Object(object), Value::Object(patch)) => {
            patch.iter().all(|(name, value)| value.is_null() || object.get(name).is_some_and(|it| holds(it, value)))
        }
        (Value::Array(items), Value::Array(patch)) => {
            items.len() == patch.len() && items.iter().zip(patch).all(|(item, patch)| holds(item, patch))
        }
        _ => object == patch,
    }
}
