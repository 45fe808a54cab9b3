//! Attribute values as text.

use std::time::Duration;

use console::style;
use serde_json::Value;

use crate::engine::reference;

/// One attribute's value on one line; what is not known yet says which output of what it will be.
pub fn text(value: &Value) -> String {
    if let Some((address, output)) = reference::read(value) {
        let what = if output == "id" { address.to_string() } else { format!("{address} {output}") };
        return format!("{what} {}", style("(known after deploy)").dim());
    }
    if reference::is_untold(value) {
        return "(not known)".to_owned();
    }
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", ")),
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let members = map.iter().filter(|(_, value)| !value.is_null());
            format!(
                "{{{}}}",
                members.map(|(key, value)| format!("{key}: {}", text(value))).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}

/// A time as people say it: `0.4 s`, `42 s`, `3 min 05 s`, `1 h 02 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `1 resource`, `2 resources`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values() {
        console::set_colors_enabled(false);
        let cases = [
            (json!("a"), "a"),
            (json!(""), "\"\""),
            (json!(["a", 1]), "[a, 1]"),
            (json!({"a": 1, "b": null}), "{a: 1}"),
            (json!({"$ref": "vpc/main", "output": "id"}), "vpc/main (known after deploy)"),
            (json!({"$ref": "proxy/database", "output": "endpoint"}), "proxy/database endpoint (known after deploy)"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn durations() {
        let cases = [(420, "0.4 s"), (42_000, "42 s"), (185_000, "3 min 05 s"), (3_720_000, "1 h 02 min")];
        for (millis, expected) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }
}
