//! stack.example.yaml, made from the schema: every field with its documentation and its default.

use serde_json::{Map, Value};

use super::schema::STRICT;

/// What the example says where the default would be nothing, or would not do.
const SAID: &[(&str, &str)] = &[
    ("stack", "example"),
    ("migrations.folder", "example/drizzle/migrations"),
    ("service.image", "public.ecr.aws/aws-containers/hello-app-runner:latest"),
    ("service.local.command", "node server.mjs"),
    ("service.local.dir", "example/app"),
];

/// What an optional field could be, where its type does not say.
const FOR_EXAMPLE: &[(&str, &str)] = &[
    ("database.capacity.pause_after", "5 min"),
    ("proxy.max_idle", "45 %"),
    ("migrations.statement_timeout", "5 min"),
    ("migrations.lint.after", "0007_prices"),
    ("service.command", "node server.js"),
];

const HEAD: &str = "\
# yaml-language-server: $schema=stack.schema.json
# (the schema: `infra schema > stack.schema.json`)
#
# Every field of a stack description, each with its default. Only `stack` is required: without `database`, `proxy`,
# `migrations` or `service`, the stack has no such thing, and an empty section (`proxy: {}`) means all defaults.
# A line like `#region: …` shows a field that is left out.
#
# In any file:
#   extends: base.yaml         starts from base.yaml (or a list of files): maps merge, lists are replaced, null removes
#   image: ${env:IMAGE}        from the environment; ${env:IMAGE:-default} if it may be missing; $${ for a literal ${
#   x-anything: …              top-level keys that start with x- are yours, for example for YAML anchors
# On the command line: --set service.image=… overrides all files.
#
# `infra validate` finds every mistake in a description; `infra deploy --local stack.example.yaml` tries this one.
";

/// The whole file.
pub(super) fn text() -> String {
    let mut text = HEAD.to_owned();
    for (key, schema) in properties(&STRICT) {
        field(key, schema, "", 0, &mut text);
    }
    text
}

fn properties(schema: &'static Value) -> &'static Map<String, Value> {
    schema["properties"].as_object().expect("a section has properties")
}

fn field(key: &str, schema: &'static Value, above: &str, depth: usize, text: &mut String) {
    let path = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
    let indent = "  ".repeat(depth);
    text.push('\n');
    let definition = definition(schema);
    comment(schema, definition, &indent, text);
    if let Some(properties) = definition.and_then(|definition| definition["properties"].as_object()) {
        text.push_str(&format!("{indent}{key}:\n"));
        for (number, (key, schema)) in properties.iter().enumerate() {
            // No empty line between a section and its first field.
            let mut part = String::new();
            field(key, schema, &path, depth + 1, &mut part);
            text.push_str(if number == 0 { part.trim_start_matches('\n') } else { &part });
        }
        return;
    }
    let said = SAID.iter().find(|(field, _)| *field == path).map(|(_, value)| Value::from(*value));
    let line = match said.as_ref().or(schema.get("default")) {
        Some(value) => format!("{indent}{key}: {}\n", yaml(value)),
        None => {
            let shown = FOR_EXAMPLE.iter().find(|(field, _)| *field == path).map(|(_, value)| Value::from(*value));
            let shown =
                shown.or_else(|| schema["examples"].get(0).cloned()).unwrap_or_else(|| panic!("{path} has no example"));
            format!("{indent}#{key}: {}\n", yaml(&shown))
        }
    };
    text.push_str(&line);
}

/// The type behind a reference, or behind an optional one.
fn definition(schema: &'static Value) -> Option<&'static Value> {
    let reference = schema.get("$ref").or_else(|| schema["anyOf"].get(0)?.get("$ref"))?;
    STRICT["$defs"].get(reference.as_str()?.rsplit('/').next()?)
}

fn comment(schema: &Value, definition: Option<&Value>, indent: &str, text: &mut String) {
    let mut lines: Vec<String> = Vec::new();
    let mut paragraph = |words: &str, hanging: &str| {
        let mut line = String::new();
        for word in words.split_whitespace() {
            let width = indent.len() + 2 + line.chars().count() + 1 + word.chars().count();
            if width > 118 && !line.is_empty() {
                lines.push(std::mem::replace(&mut line, hanging.to_owned()));
            }
            if !line.trim().is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    };
    paragraph(schema["description"].as_str().unwrap_or_else(|| panic!("a field has no documentation: {schema}")), "");
    let items = schema
        .get("items")
        .and_then(|items| items.get("$ref"))
        .and_then(|r| r.as_str())
        .and_then(|r| r.rsplit('/').next());
    let words =
        definition.or(items.map(|name| &STRICT["$defs"][name])).and_then(|definition| definition["oneOf"].as_array());
    for word in words.into_iter().flatten() {
        let what = format!(
            "- {}: {}",
            word["const"].as_str().unwrap_or_default(),
            word["description"].as_str().unwrap_or_default()
        );
        paragraph(&what, "  ");
    }
    for line in lines {
        text.push_str(&format!("{indent}# {line}\n"));
    }
}

/// A value in flow style, with quotes only where they are needed.
fn yaml(value: &Value) -> String {
    match value {
        Value::String(text)
            if super::plain::taken_for(text).is_some() || text.is_empty() || text.starts_with(['%', '@', '#']) =>
        {
            format!("{text:?}")
        }
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(yaml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}: {}", yaml(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Number(number) => number.as_f64().map(|number| number.to_string()).unwrap_or_default(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Database, Migrations, Network, Proxy, Secret, Service, Sources, Stack, load};

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/stack.example.yaml");

    #[test]
    fn the_example_is_in_step_with_the_types() {
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            std::fs::write(FILE, text()).unwrap();
        }
        let file = std::fs::read_to_string(FILE).unwrap();
        assert!(
            file == text(),
            "stack.example.yaml is out of step with the types; UPDATE_EXAMPLE=1 cargo test --lib stack::example writes it"
        );
    }

    #[test]
    fn the_example_says_the_defaults() {
        let loaded = load(&Sources::new(FILE, &[])).unwrap_or_else(|invalid| panic!("{invalid}"));
        assert_eq!(loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
        let stack = loaded.description;
        assert_eq!(stack.network, Network::default());
        assert_eq!(stack.database, Some(Database::default()));
        assert_eq!(stack.secret, Secret::default());
        assert_eq!(stack.proxy, Some(Proxy::default()));
        let migrations = stack.migrations.clone().unwrap();
        assert_eq!(migrations, Migrations { folder: migrations.folder.clone(), ..typed(r"{}") });
        let service: Service = typed(r#"{"image": "public.ecr.aws/aws-containers/hello-app-runner:latest"}"#);
        let local = stack.service.as_ref().and_then(|service| service.local.clone());
        assert!(local.is_some(), "the example runs something");
        assert_eq!(stack.service, Some(Service { local, ..service }));
        let rest = Stack {
            ignore_tags: Vec::new(),
            network: Network::default(),
            database: None,
            secret: Secret::default(),
            proxy: None,
            migrations: None,
            service: None,
            ..stack
        };
        assert_eq!(rest, typed(r#"{"stack": "example"}"#));
    }

    fn typed<T: serde::de::DeserializeOwned>(json: &str) -> T {
        serde_json::from_str(json).unwrap()
    }
}
