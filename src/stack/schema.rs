//! The JSON schema of a description, made from the types.

use std::sync::LazyLock;

use serde_json::Value;

use super::Stack;

/// The schema that the checker walks.
pub(super) static STRICT: LazyLock<Value> = LazyLock::new(|| schemars::schema_for!(Stack).to_value());

/// The JSON schema for editors.
#[must_use]
pub fn json_schema() -> Value {
    STRICT.clone()
}

#[cfg(test)]
mod tests {
    #[test]
    fn dump() {
        println!("{}", serde_json::to_string_pretty(&super::json_schema()).unwrap());
    }
}
