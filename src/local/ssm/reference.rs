//! Secrets as parameters: `/aws/reference/secretsmanager/NAME` is read from Secrets Manager.

use serde_json::{Value, json};

use crate::local::{fault::Fault, secretsmanager, world::Ctx};

const PREFIX: &str = "/aws/reference/secretsmanager/";

/// What a parameter's name refers to in Secrets Manager, if it does: a secret, and behind a colon a version or a stage.
pub(super) fn of(name: &str) -> Option<&str> {
    name.strip_prefix(PREFIX)
}

/// The secret as a parameter.
pub(super) fn read(ctx: &mut Ctx<'_>, name: &str, reference: &str, decrypt: bool) -> Result<Value, Fault> {
    if !decrypt {
        let message = "WithDecryption flag must be True for retrieving a Secret Manager secret.";
        return Err(Fault::new("ValidationException", message));
    }
    let (secret, selector) = match reference.split_once(':') {
        Some((secret, selector)) => (secret, Some(selector)),
        None => (reference, None),
    };
    let is_version = |text: &str| text.len() == 36 && text.matches('-').count() == 4;
    let (version, stage) = match selector {
        Some(text) if is_version(text) => (Some(text), None),
        other => (None, other),
    };
    let input = json!({ "SecretId": secret, "VersionId": version, "VersionStage": stage });
    let found = secretsmanager::get_secret_value(ctx, input).map_err(|fault| {
        let message = match fault.code.as_str() {
            "ResourceNotFoundException" => format!("Secret {name} not found."),
            _ => fault.message.clone(),
        };
        let told = format!("An error occurred ({}) when referencing Secrets Manager: {message}", fault.code);
        Fault::new("ParameterNotFound", told)
    })?;
    let source = json!({
        "ARN": found["ARN"],
        "name": found["Name"],
        "versionId": found["VersionId"],
        "secretString": found["SecretString"],
        "versionStages": found["VersionStages"],
        "createdDate": found["CreatedDate"],
    });
    let bare = name.strip_suffix(&format!(":{}", selector.unwrap_or_default())).unwrap_or(name);
    Ok(json!({
        "Name": bare,
        "Type": "SecureString",
        "Value": found["SecretString"],
        "Version": 0,
        "Selector": selector.map(|selector| format!(":{selector}")),
        "SourceResult": source.to_string(),
        "LastModifiedDate": found["CreatedDate"],
        "ARN": found["ARN"],
        "DataType": "text",
    }))
}
