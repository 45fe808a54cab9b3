//! What a function is set to: the members that the API takes, keeps and gives back.

use serde_json::{Map, Value, json};

use super::{check, invalid};
use crate::local::fault::Fault;

/// What the API takes and gives back as it is.
const SETTINGS: &[&str] = &[
    "Role",
    "Handler",
    "Runtime",
    "Description",
    "Timeout",
    "MemorySize",
    "Environment",
    "DeadLetterConfig",
    "KMSKeyArn",
    "TracingConfig",
    "EphemeralStorage",
];

/// What the local cloud has nothing for.
const ELSEWHERE: &[&str] = &["FileSystemConfigs", "ImageConfig", "CapacityProviderConfig", "DurableConfig"];

/// What a new function is set to where its creation says nothing else.
pub(super) fn defaults(name: &str) -> Map<String, Value> {
    let all = json!({
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
    });
    all.as_object().cloned().unwrap_or_default()
}

/// Takes what an input sets.
pub(super) fn take(settings: &mut Map<String, Value>, input: &Value) -> Result<(), Fault> {
    if let Some(name) = ELSEWHERE
        .iter()
        .find(|name| input[**name].as_array().map_or(input[**name].is_object(), |list| !list.is_empty()))
    {
        return Err(invalid(format!("{name} is not supported by the local cloud.")));
    }
    settings.extend(SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), input.get(*name)?.clone()))));
    if let Some(layers) = input["Layers"].as_array() {
        check::layers(layers)?;
        let layers = layers.iter().map(|arn| json!({"Arn": arn, "CodeSize": 0})).collect();
        settings.insert("Layers".to_owned(), layers);
    }
    if let Some(given) = input["LoggingConfig"].as_object() {
        let logging = logging(settings.get("LoggingConfig"), given)?;
        settings.insert("LoggingConfig".to_owned(), logging.into());
    }
    // Empty means none, which the API does not tell of.
    settings.retain(|name, value| match name.as_str() {
        "KMSKeyArn" => *value != "",
        "Layers" => value.as_array().is_some_and(|layers| !layers.is_empty()),
        _ => true,
    });
    check::environment(settings)?;
    check::timeout(settings)
}

/// What is logged, and where: what is not given stays as it was. Levels are there with the format JSON only, and `INFO` where
/// none is chosen.
fn logging(so_far: Option<&Value>, given: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    const LEVELS: [&str; 2] = ["ApplicationLogLevel", "SystemLogLevel"];
    let mut all = so_far.and_then(Value::as_object).cloned().unwrap_or_default();
    all.extend(given.clone());
    if all.get("LogFormat").is_some_and(|format| format == "JSON") {
        for level in LEVELS {
            all.entry(level).or_insert_with(|| "INFO".into());
        }
    } else if LEVELS.iter().any(|level| given.contains_key(*level)) {
        return Err(invalid(
            "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or change the \
             LogFormat to \"JSON\" and try again.",
        ));
    } else {
        all.retain(|name, _| !LEVELS.contains(&name.as_str()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_logged_only_that_changes_which_is_given() {
        let mut settings = defaults("one");
        for (given, expected) in [
            (json!({"LogGroup": "cool"}), json!({"LogFormat": "Text", "LogGroup": "cool"})),
            (
                json!({"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}),
                json!({"LogFormat": "JSON", "LogGroup": "cool", "ApplicationLogLevel": "INFO", "SystemLogLevel": "DEBUG"}),
            ),
            (
                json!({"ApplicationLogLevel": "WARN"}),
                json!({"LogFormat": "JSON", "LogGroup": "cool", "ApplicationLogLevel": "WARN", "SystemLogLevel": "DEBUG"}),
            ),
            (json!({"LogFormat": "Text"}), json!({"LogFormat": "Text", "LogGroup": "cool"})),
        ] {
            take(&mut settings, &json!({ "LoggingConfig": given })).unwrap();
            assert_eq!(settings["LoggingConfig"], expected);
        }
        let level = json!({"LoggingConfig": {"ApplicationLogLevel": "WARN"}});
        assert!(take(&mut settings, &level).unwrap_err().message.starts_with("LogLevel is not supported"));
    }
}
