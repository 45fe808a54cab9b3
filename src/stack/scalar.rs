//! Values that are one YAML scalar with a form or unit of their own ("30 min", "10.0.0.0/16"): read, written and described once.

use serde_json::Value;

/// A value written as one YAML scalar. `read` is the only way in, so a value of the type is always valid.
pub(crate) trait Scalar: Sized {
    /// The JSON schema's `format`; the checker finds the reader by it.
    const FORMAT: &'static str;
    /// Values as they are written, for the schema's `examples` and for the errors.
    const EXAMPLES: &'static [&'static str];
    /// Whether a bare YAML number is accepted too (`min: 0.5`).
    const BARE_NUMBER: bool = false;
    /// A regular expression for editors; the reader is what decides.
    const PATTERN: &'static str;

    /// The value, or what is wrong.
    fn read(text: &str) -> Result<Self, Wrong>;
    /// The canonical form; reading it again gives the same value.
    fn write(&self) -> String;
    /// The size in base units where two values can be compared with the schema's `x-minimum`, `x-maximum` and `x-step`.
    fn quantity(&self) -> Option<u64> {
        None
    }
}

/// Why a text is not a value of the type wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {advice}")]
pub struct Wrong {
    /// What is wrong, with the text in it.
    pub what: String,
    /// What to write instead.
    pub advice: String,
}

pub(crate) fn wrong(what: impl Into<String>, advice: impl Into<String>) -> Wrong {
    Wrong { what: what.into(), advice: advice.into() }
}

/// The schema of a scalar type.
pub(crate) fn schema<S: Scalar>() -> schemars::Schema {
    let kind = if S::BARE_NUMBER { serde_json::json!(["number", "string"]) } else { serde_json::json!("string") };
    schemars::json_schema!({ "type": kind, "format": S::FORMAT, "pattern": S::PATTERN, "examples": S::EXAMPLES })
}

/// What the checker needs to know of a scalar type, with the type itself erased.
pub(crate) struct Form {
    pub(crate) format: &'static str,
    pub(crate) examples: &'static [&'static str],
    pub(crate) bare_number: bool,
    /// The quantity if there is one, or what is wrong.
    pub(crate) check: fn(&str) -> Result<Option<u64>, Wrong>,
}

/// The erased form of a scalar type.
pub(crate) const fn form<S: Scalar>() -> Form {
    Form {
        format: S::FORMAT,
        examples: S::EXAMPLES,
        bare_number: S::BARE_NUMBER,
        check: |text| S::read(text).map(|value| value.quantity()),
    }
}

/// The text of a scalar as serde met it.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// serde, schemars and formatting for scalar types, all from `Scalar`.
macro_rules! scalar {
    ($($type:ident),+ $(,)?) => {$(
        impl std::str::FromStr for $type {
            type Err = $crate::stack::Wrong;
            fn from_str(text: &str) -> Result<Self, $crate::stack::Wrong> {
                <Self as $crate::stack::scalar::Scalar>::read(text)
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::stack::scalar::Scalar::write(self))
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use $crate::stack::scalar::Scalar;
                match self.write().parse::<f64>() {
                    Ok(number) if Self::BARE_NUMBER => serializer.serialize_f64(number),
                    _ => serializer.collect_str(self),
                }
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(deserializer)?;
                let text = $crate::stack::scalar::text(&value)
                    .ok_or_else(|| serde::de::Error::custom("a text or a number is wanted here"))?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::stack::scalar::schema::<Self>()
            }
        }
    )+};
}
pub(crate) use scalar;
