//! Moments: RFC 3339 text inside, on the wire sometimes seconds since the Unix epoch.

use jiff::Timestamp;
use serde_json::{Number, Value};

/// A moment as text on the wire (ISO 8601, or epoch seconds as some clients send) → RFC 3339.
pub(super) fn from_text(text: &str) -> Option<Value> {
    let moment = text.parse::<Timestamp>().ok().or_else(|| from_seconds(text.parse().ok()?))?;
    Some(Value::String(moment.to_string()))
}

/// A moment as a JSON value on the wire → RFC 3339.
pub(super) fn from_json(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => from_text(text),
        Value::Number(seconds) => Some(Value::String(from_seconds(seconds.as_f64()?)?.to_string())),
        _ => None,
    }
}

fn from_seconds(seconds: f64) -> Option<Timestamp> {
    if !seconds.is_finite() {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float too large becomes the largest integer, which jiff refuses"
    )]
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
}

/// RFC 3339 → epoch seconds with milliseconds, as the JSON protocols want them.
pub(super) fn to_seconds(text: &str) -> Option<Value> {
    let moment: Timestamp = text.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era are far below 2^53")]
    Number::from_f64(moment.as_millisecond() as f64 / 1000.0).map(Value::Number)
}

/// RFC 3339 → the form that AWS writes in XML: with milliseconds, or in `whole` seconds, as IAM and STS do.
pub(super) fn to_text(text: &str, whole: bool) -> Option<String> {
    let moment: Timestamp = text.parse().ok()?;
    let form = if whole { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%3fZ" };
    Some(moment.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moments_pass_in_every_form() {
        for text in ["2026-11-23T06:40:00Z", "2026-11-23T07:40:00+01:00", "1795416000", "1795416000.0"] {
            assert_eq!(from_text(text), Some(json!("2026-11-23T06:40:00Z")), "{text}");
        }
        assert_eq!(from_json(&json!(1795416000.25)), Some(json!("2026-11-23T06:40:00.25Z")));
        assert_eq!(to_seconds("2026-11-23T06:40:00.25Z"), Some(json!(1795416000.25)));
        assert_eq!(to_text("2026-11-23T06:40:00Z", false).unwrap(), "2026-11-23T06:40:00.000Z");
        assert_eq!(to_text("2026-11-23T06:40:00.999Z", true).unwrap(), "2026-11-23T06:40:00Z");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "yesterday", "NaN", "inf", "1e300", "2026-13-01T00:00:00Z"] {
            assert_eq!(from_text(text), None, "{text}");
        }
        assert_eq!(from_json(&json!(true)), None);
    }
}
