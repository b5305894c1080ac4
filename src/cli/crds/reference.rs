//! The reference of both kinds as Markdown, made from the definitions: what `kubectl explain` says, on one page.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

/// What is Kubernetes' own and documented there; its hundreds of fields would bury ours.
const OF_KUBERNETES: [&str; 5] =
    ["affinity", "matchExpressions", "tolerations", "topologySpreadConstraints", "valueFrom"];

/// The page.
#[must_use]
pub fn page(definitions: &[CustomResourceDefinition]) -> String {
    let mut page = String::from(
        "# API reference\n\nGenerated from the definitions by `make generate`. The same text is on every cluster: `kubectl explain \
         wordpresssite.spec`.\nA field in **bold** is required. `[]` is a list, `{}` a map. Rules are checked by the API server; its answer is the sentence that stands here.\n",
    );
    for definition in definitions {
        kind(&mut page, definition);
    }
    page
}

fn kind(page: &mut String, definition: &CustomResourceDefinition) {
    let names = &definition.spec.names;
    for version in &definition.spec.versions {
        let Some(schema) = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()) else {
            continue;
        };
        add(page, format_args!("\n## {}\n\n", names.kind));
        add(
            page,
            format_args!(
                "`{}/{}`, {}, short `{}`. {}\n",
                definition.spec.group,
                version.name,
                definition.spec.scope.to_lowercase(),
                names.short_names.iter().flatten().map(String::as_str).collect::<Vec<_>>().join("`, `"),
                schema.description.as_deref().unwrap_or_default()
            ),
        );
        rules(page, schema);
        for part in ["spec", "status"] {
            if let Some(schema) = schema.properties.as_ref().and_then(|properties| properties.get(part)) {
                add(page, format_args!("\n### {} {part}\n\n", names.kind));
                rules(page, schema);
                page.push_str("\n| Field | Type | What it is |\n|---|---|---|\n");
                fields(page, "", schema);
            }
        }
    }
}

/// The rules over several fields.
fn rules(page: &mut String, schema: &JSONSchemaProps) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        add(page, format_args!("- {}\n", said(rule.message.as_deref(), rule.message_expression.as_deref())));
    }
}

fn fields(page: &mut String, above: &str, schema: &JSONSchemaProps) {
    let required = schema.required.as_deref().unwrap_or_default();
    for (name, field) in schema.properties.iter().flatten() {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        let shown = if required.contains(name) { format!("**`{path}`**") } else { format!("`{path}`") };
        add(page, format_args!("| {shown} | {} | {} |\n", cell(&shape(field)), cell(&meaning(field))));
        if OF_KUBERNETES.contains(&name.as_str()) {
            continue;
        }
        fields(page, &path, field);
        if let Some(JSONSchemaPropsOrArray::Schema(item)) = &field.items {
            fields(page, &format!("{path}[]"), item);
        }
    }
}

fn shape(field: &JSONSchemaProps) -> String {
    if field.x_kubernetes_int_or_string == Some(true) {
        return "integer or string".into();
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &field.items {
        return format!("[]{}", shape(item));
    }
    let shape = field.type_.clone().unwrap_or_default();
    let map = shape == "object" && field.additional_properties.is_some();
    if map { "{}string".into() } else { shape }
}

/// The description, the values and bounds that are allowed, the default, the rules.
fn meaning(field: &JSONSchemaProps) -> String {
    let mut meaning = field.description.clone().unwrap_or_default();
    if let Some(values) = &field.enum_ {
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", plain(&value.0))).collect();
        add(&mut meaning, format_args!(" One of {}.", values.join(", ")));
    }
    match (field.minimum, field.maximum) {
        (Some(least), Some(most)) => add(&mut meaning, format_args!(" From {least} to {most}.")),
        (Some(least), None) => add(&mut meaning, format_args!(" At least {least}.")),
        (None, Some(most)) => add(&mut meaning, format_args!(" At most {most}.")),
        (None, None) => {}
    }
    if let Some(most) = field.max_items {
        add(&mut meaning, format_args!(" At most {most} entries."));
    }
    if let Some(default) = &field.default
        && !default.0.is_object()
    {
        add(&mut meaning, format_args!(" Default: `{}`.", plain(&default.0)));
    }
    for rule in field.x_kubernetes_validations.iter().flatten() {
        let said = said(rule.message.as_deref(), rule.message_expression.as_deref());
        add(&mut meaning, format_args!(" Rule: {said}."));
    }
    meaning
}

/// What the API server answers. Of a message that is computed, the literal that it begins with.
fn said(message: Option<&str>, expression: Option<&str>) -> String {
    let literal = || Some(expression?.split('\'').nth(1)?.trim_end_matches("; not: ").to_owned());
    message.map(str::to_owned).or_else(literal).unwrap_or_default()
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// In a table neither a line end nor a bar can stand.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::definitions;

    #[test]
    fn every_field_of_ours_has_a_line_with_its_meaning() {
        let page = page(&definitions());
        assert!(page.contains("| **`domains`** | []string | The site's domains."), "{page}");
        assert!(page.contains("| `web.pageCache.ttlSeconds` | integer |"));
        assert!(page.contains("From 1 to 86400. Default: `60`."));
        assert!(page.contains("One of `Retain`, `Snapshot`, `Delete`"));
        let without: Vec<_> = page.lines().filter(|line| line.starts_with('|') && line.ends_with("|  |")).collect();
        assert!(without.is_empty(), "without a meaning: {without:?}");
    }

    #[test]
    fn what_kubernetes_documents_is_one_line() {
        let page = page(&definitions());
        assert!(page.contains("| `web.affinity` | object |"));
        assert!(!page.contains("web.affinity.nodeAffinity"));
    }
}
