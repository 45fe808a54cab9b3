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
const ELSEWHERE: &[&str] =
    &["FileSystemConfigs", "ImageConfig", "CapacityProviderConfig", "DurableConfig", "TenancyConfig"];

/// What a new function is set to where its creation says nothing else.
pub(super) fn defaults(name: &str) -> Map<String, Value> {
    let all = json!({
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
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
    if input["VpcConfig"]["Ipv6AllowedForDualStack"] == true {
        return Err(invalid(
            "Ipv6AllowedForDualStack needs subnets with IPv6 ranges, which the local cloud has none of.",
        ));
    }
    if let Some(arn) = input["CodeSigningConfigArn"].as_str() {
        let message =
            "The code signing configuration cannot be found. Check that the provided configuration is not deleted";
        return Err(Fault::new("CodeSigningConfigNotFoundException", format!("{message}: {arn}.")));
    }
    check::runtime(&input["Runtime"])?;
    settings.extend(SETTINGS.iter().filter_map(|name| Some(((*name).to_owned(), input.get(*name)?.clone()))));
    if let Some(layers) = input["Layers"].as_array() {
        check::layers(layers)?;
        let layers = layers.iter().map(|arn| json!({"Arn": arn, "CodeSize": 0})).collect();
        settings.insert("Layers".to_owned(), layers);
    }
    if let Some(apply) = input["SnapStart"]["ApplyOn"].as_str() {
        settings.insert("SnapStart".to_owned(), json!({"ApplyOn": apply, "OptimizationStatus": "Off"}));
    }
    if let Some(given) = input["LoggingConfig"].as_object() {
        let logging = logging(settings.get("LoggingConfig"), given)?;
        settings.insert("LoggingConfig".to_owned(), logging.into());
    }
    // Empty means none, which the API does not tell of.
    settings.retain(|name, value| match name.as_str() {
        "KMSKeyArn" => *value != "",
        "DeadLetterConfig" => value["TargetArn"].as_str().is_some_and(|arn| !arn.is_empty()),
        "Layers" => value.as_array().is_some_and(|layers| !layers.is_empty()),
        _ => true,
    });
    check::key(settings.get("KMSKeyArn"))?;
    check::environment(settings)?;
    check::snapshots(settings)?;
    check::limits(settings)
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

    #[test]
    fn what_is_kept_is_shown_and_what_is_empty_is_none() {
        let mut settings = defaults("one");
        take(&mut settings, &json!({"SnapStart": {"ApplyOn": "None"}})).unwrap();
        assert_eq!(settings["SnapStart"], json!({"ApplyOn": "None", "OptimizationStatus": "Off"}));
        let queue = json!({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-central-1:1:dead"}});
        take(&mut settings, &queue).unwrap();
        assert_eq!(settings["DeadLetterConfig"], queue["DeadLetterConfig"]);
        take(&mut settings, &json!({"DeadLetterConfig": {"TargetArn": ""}})).unwrap();
        assert!(!settings.contains_key("DeadLetterConfig"));
    }
}
