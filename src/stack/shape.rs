//! A piece of the schema, told by what the checker does with it.

use serde_json::{Map, Value};

use super::scalar::{Form, form};
use super::schema::STRICT;
use super::{
    AccountId, Acu, BackupWindow, Cidr, Cpu, DatabaseName, Duration, EndpointService, EngineVersion, Image, KmsKeyArn,
    Memory, Peer, Percent, PolicyArn, Region, SecretName, SecretReference, SqlName, StackName, UserName,
};

/// Every scalar type that a field can have, by the `format` in the schema.
const FORMS: &[Form] = &[
    form::<AccountId>(),
    form::<Acu>(),
    form::<BackupWindow>(),
    form::<Cidr>(),
    form::<Cpu>(),
    form::<DatabaseName>(),
    form::<Duration>(),
    form::<EndpointService>(),
    form::<EngineVersion>(),
    form::<Image>(),
    form::<KmsKeyArn>(),
    form::<Memory>(),
    form::<Peer>(),
    form::<Percent>(),
    form::<PolicyArn>(),
    form::<Region>(),
    form::<SecretName>(),
    form::<SecretReference>(),
    form::<SqlName>(),
    form::<StackName>(),
    form::<UserName>(),
];

pub(super) enum Shape {
    /// A section: known keys only.
    Section {
        properties: &'static Map<String, Value>,
        required: Vec<&'static str>,
    },
    /// Keys of the writer's choice, under a rule by name.
    Dictionary {
        values: &'static Value,
        keys: &'static str,
    },
    List(&'static Value),
    /// One of these words.
    Choice(Vec<&'static str>),
    /// A scalar with a form of its own, and the bounds of this field.
    Form {
        form: &'static Form,
        least: Option<&'static str>,
        most: Option<&'static str>,
        step: Option<&'static str>,
    },
    Truth,
    Whole {
        least: i64,
        most: i64,
    },
    Text {
        shortest: usize,
        longest: usize,
    },
    /// A path, relative to the file that says it.
    Path,
    /// A text, a number or a truth value, kept as its text.
    Loose,
}

impl Shape {
    /// The shape of a piece of our own schema; `None` is a gap in this file, which a test looks for.
    pub(super) fn of(schema: &'static Value) -> Option<Self> {
        let schema = resolve(schema);
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let required = schema.get("required").and_then(Value::as_array);
            let required = required.into_iter().flatten().filter_map(Value::as_str).collect();
            return Some(Self::Section { properties, required });
        }
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            return Some(Self::Dictionary { values, keys: text("x-keys")? });
        }
        if let Some(items) = schema.get("items") {
            return Some(Self::List(items));
        }
        if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
            return Some(Self::Choice(variants.iter().filter_map(|variant| variant.get("const")?.as_str()).collect()));
        }
        if schema.get("anyOf").is_some() {
            return Some(Self::Loose);
        }
        if text("format") == Some("infra-path") {
            return Some(Self::Path);
        }
        if let Some(form) = FORMS.iter().find(|form| Some(form.format) == text("format")) {
            return Some(Self::Form { form, least: text("x-minimum"), most: text("x-maximum"), step: text("x-step") });
        }
        let number = |key: &str| schema.get(key).and_then(Value::as_i64);
        let length =
            |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
        match kind(schema)? {
            "boolean" => Some(Self::Truth),
            "integer" => Some(Self::Whole { least: number("minimum")?, most: number("maximum")? }),
            "string" if text("format").is_none() => Some(Self::Text {
                shortest: length("minLength").unwrap_or(0),
                longest: length("maxLength").unwrap_or(usize::MAX),
            }),
            _ => None,
        }
    }

    /// What is wanted, for a message: "a list", "a whole number from 2 to 3".
    pub(super) fn wanted(&self) -> String {
        match self {
            Self::Section { .. } | Self::Dictionary { .. } => "a map of keys".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Form { form, .. } => format!("a value such as `{}`", form.examples.first().unwrap_or(&"")),
            Self::Truth => "true or false".to_owned(),
            Self::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Self::Text { .. } => "a text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Loose => "a text, a number, true or false".to_owned(),
        }
    }

    /// What to write instead, for a help line.
    pub(super) fn example(&self, key: &str) -> String {
        match self {
            Self::Section { properties, .. } => {
                format!(
                    "write its keys below it, indented: {}",
                    properties.keys().cloned().collect::<Vec<_>>().join(", ")
                )
            }
            Self::Dictionary { .. } => format!("write `{key}:` and below it, indented, a `NAME: value` for each"),
            Self::List(_) => format!("write `{key}: [one, other]`, or below it `- one` for each"),
            Self::Choice(words) => format!("write `{key}: {}`", words.join("`, or `")),
            Self::Form { form, .. } => format!("write it as in `{key}: {}`", form.examples.first().unwrap_or(&"")),
            Self::Truth => format!("write `{key}: true` or `{key}: false`"),
            Self::Whole { least, .. } => format!("write it as in `{key}: {least}`"),
            Self::Text { .. } | Self::Path | Self::Loose => format!("write `{key}: text`"),
        }
    }
}

/// Follows a reference, and takes an optional for what it is when it is there.
fn resolve(schema: &'static Value) -> &'static Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return STRICT.get("$defs").and_then(|defs| defs.get(name)).unwrap_or(schema);
    }
    let variants = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice);
    match variants {
        Some([some, none]) if none.get("type").and_then(Value::as_str) == Some("null") => resolve(some),
        _ => schema,
    }
}

/// The JSON type, `null` aside.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(schema: &'static Value, path: &str) {
        let shape = Shape::of(schema).unwrap_or_else(|| panic!("no shape for {path}: {schema}"));
        let check = |form: &Form, text: Option<&str>| text.map(|text| (form.check)(text).unwrap().unwrap());
        match shape {
            Shape::Section { properties, .. } => {
                properties.iter().for_each(|(key, value)| walk(value, &format!("{path}.{key}")))
            }
            Shape::Dictionary { values, .. } => walk(values, &format!("{path}.*")),
            Shape::List(items) => walk(items, &format!("{path}[]")),
            Shape::Choice(words) => assert!(!words.is_empty(), "{path}"),
            Shape::Form { form, least, most, step } => {
                check(form, step);
                assert!(check(form, least) <= check(form, most), "{path}");
            }
            _ => {}
        }
    }

    #[test]
    fn every_piece_of_the_schema_has_a_shape() {
        walk(&STRICT, "");
    }

    #[test]
    fn every_form_reads_its_own_examples() {
        for form in FORMS {
            for example in form.examples {
                assert!((form.check)(example).is_ok(), "{}: {example}", form.format);
            }
        }
    }
}
