//! The JSON schema of a description, made from the types: strict for the checker, and with what overlays allow for editors.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::Stack;

/// The schema that the checker walks.
pub(super) static STRICT: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Stack).to_value());

/// What an editor shows beside a field; the rest is the field's type.
const SHOWN: &[&str] = &["title", "description", "default", "examples", "deprecated"];

/// The JSON schema for editors. A file may be a part of a description, so nothing is required; any value may come from the
/// environment, and `null` removes what a file below says.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = STRICT.clone();
    open(&mut schema);
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.values_mut().for_each(open);
    }
    schema["title"] = "Stack description of infra".into();
    schema["properties"]["extends"] = json!({
        "title": "extends",
        "description": "Files that this one goes over, relative to it: maps merge, lists are replaced, null removes.",
        "examples": ["base.yaml", ["base.yaml", "region.yaml"]],
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
    });
    // As in Compose files: a place for anchors.
    schema["patternProperties"] = json!({ "^x-": true });
    schema
}

/// Turns a type from what the checker wants at the end into what a file may say.
fn open(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("required");
    plain(map);
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        for (key, property) in properties {
            *property = field(property.take(), key);
        }
    }
    for inner in ["additionalProperties", "items"] {
        if let Some(value) = map.get_mut(inner).filter(|value| value.is_object()) {
            open(value);
        }
    }
}

/// A field: what is shown outside, and inside what may be written.
fn field(property: Value, key: &str) -> Value {
    let Value::Object(property) = property else { return property };
    let (mut shown, kind): (Map<String, Value>, Map<String, Value>) =
        property.into_iter().partition(|(key, _)| SHOWN.contains(&key.as_str()));
    let mut kind = Value::Object(kind);
    let is_single = !["array", "object"].iter().any(|container| kind["type"] == *container) && !is_section(&kind);
    open(&mut kind);
    let mut variants = vec![kind];
    if is_single {
        variants.push(json!({ "type": "string", "pattern": r"\$\{env:" }));
    }
    variants.push(json!({ "type": "null" }));
    shown.insert("title".to_owned(), key.into());
    shown.insert("anyOf".to_owned(), variants.into());
    shown.into()
}

/// Whether a type is a reference to one with fields.
fn is_section(kind: &Value) -> bool {
    let reference = kind.get("$ref").or_else(|| kind.get("anyOf")?.get(0)?.get("$ref")).and_then(Value::as_str);
    let name = reference.and_then(|reference| reference.rsplit('/').next());
    name.is_some_and(|name| STRICT["$defs"][name].get("properties").is_some())
}

/// Takes out what only the checker understands.
fn plain(map: &mut Map<String, Value>) {
    map.retain(|key, _| !key.starts_with("x-"));
    let own = |format: &str| format.starts_with("infra-") || format.starts_with("uint") || format == "double";
    if map.get("format").and_then(Value::as_str).is_some_and(own) {
        map.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_documented() {
        fn walk(schema: &Value, path: &str) {
            for (key, property) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{key}");
                assert!(
                    property["description"].as_str().is_some_and(|text| text.len() > 8),
                    "{path} is not documented"
                );
            }
            for word in schema["oneOf"].as_array().into_iter().flatten() {
                assert!(word["description"].is_string(), "{path}: {word} is not documented");
            }
        }
        walk(&STRICT, "");
        for (name, definition) in STRICT["$defs"].as_object().unwrap() {
            walk(definition, name);
        }
    }

    #[test]
    fn editors_get_no_words_of_our_own() {
        let text = json_schema().to_string();
        assert!(!text.contains("infra-") && !text.contains("\"x-") && !text.contains("\"required\""), "{text}");
    }

    #[test]
    fn a_section_as_editors_see_it() {
        insta::assert_json_snapshot!(json_schema()["$defs"]["Proxy"]);
    }
}
