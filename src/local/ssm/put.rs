//! PutParameter and the deletions.

use std::mem;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    name, not_found,
    parameter::{Parameter, Version},
};
use crate::local::{
    fault::Fault,
    kms,
    members::{Sealed, Tag, decode, merge_tags, random_text},
    sts,
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    name: String,
    description: Option<String>,
    value: Sealed<String>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    key_id: Option<String>,
    overwrite: bool,
    allowed_pattern: Option<String>,
    tags: Vec<Tag>,
    tier: Option<String>,
    policies: Option<String>,
    data_type: Option<String>,
}

pub(super) fn put_parameter(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    check(&input)?;
    // Spaces around it are nobody's; an ARN is no name for what is put.
    let name = input.name.trim().to_owned();
    name::check(&name)?;
    let known = ctx.region.ssm.parameters.get(&name);
    let kind = check_known(&input, known)?;
    check_data(&input, &kind)?;
    let number = known.map_or(1, |parameter| parameter.newest.number + 1);
    let before = known.map(|parameter| &parameter.newest);
    let tier = tier(&input, before.map(|version| version.tier.as_str()))?;
    let version = Version {
        number,
        cipher: (kind == "SecureString").then(|| random_text(160, CIPHER)),
        key_id: (kind == "SecureString").then(|| input.key_id.unwrap_or_else(|| "alias/aws/ssm".to_owned())),
        value: input.value,
        description: input.description.or_else(|| before.and_then(|version| version.description.clone())),
        allowed_pattern: input.allowed_pattern.filter(|pattern| !pattern.is_empty()),
        tier: tier.clone(),
        data_type: input.data_type.filter(|data| !data.is_empty()).unwrap_or_else(|| "text".to_owned()),
        labels: Vec::new(),
        modified_at: ctx.now,
        modified_by: sts::caller(ctx.account),
    };
    let arn = name::arn(ctx, &name);
    if let Some(parameter) = ctx.region.ssm.parameters.get_mut(&name) {
        parameter.succeed(version)?;
    } else {
        let mut parameter = Parameter { arn, name: name.clone(), kind, newest: version, ..Parameter::default() };
        merge_tags(&mut parameter.tags, input.tags);
        ctx.region.ssm.parameters.insert(name, parameter);
    }
    Ok(json!({ "Version": number, "Tier": tier }))
}

impl Parameter {
    /// Puts a new version in force; of a hundred the oldest gives way, unless it has a label.
    fn succeed(&mut self, version: Version) -> Result<(), Fault> {
        if self.earlier.len() >= 99 {
            let oldest = &self.earlier[0];
            if !oldest.labels.is_empty() {
                return Err(Fault::new(
                    "ParameterMaxVersionLimitExceeded",
                    format!(
                        "You attempted to create a new version of {}. The oldest version, version {}, can't be deleted \
                         because it has a label associated with it.",
                        self.name, oldest.number
                    ),
                ));
            }
            self.earlier.remove(0);
        }
        self.earlier.push(mem::replace(&mut self.newest, version));
        Ok(())
    }
}

const CIPHER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What is wrong with a call whatever exists.
fn check(input: &Input) -> Result<(), Fault> {
    let invalid = |message: &str| Err(Fault::new("ValidationException", message));
    if input.value.0.is_empty() {
        return invalid("The value of a parameter can't be empty.");
    }
    if input.value.0.contains("{{") {
        return invalid("Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.");
    }
    if input.overwrite && !input.tags.is_empty() {
        return invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
             overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        );
    }
    if let Some(key) = input.key_id.as_deref().filter(|key| !kms::is_key(key)) {
        return Err(Fault::new("InvalidKeyId", format!("The query key ID isn't valid: {key}.")));
    }
    if let Some(pattern) = input.allowed_pattern.as_ref().filter(|pattern| !pattern.is_empty()) {
        check_pattern(pattern, &input.value.0)?;
    }
    if input.policies.as_ref().is_some_and(|policies| !matches!(policies.trim(), "" | "[]" | "[{}]")) {
        return Err(Fault::new(
            "InvalidPolicyTypeException",
            "The local cloud does not keep parameter policies; leave Policies out.",
        ));
    }
    super::label::check_tags(&input.tags)
}

/// Refuses a value that is none of its data type. Whether there is an image of the id, nobody here knows.
fn check_data(input: &Input, kind: &str) -> Result<(), Fault> {
    let value = &input.value.0;
    let (wanted, fits) = match input.data_type.as_deref() {
        None | Some("text" | "") => return Ok(()),
        Some("aws:ec2:image") => ("String", is_image(value)),
        Some("aws:ssm:integration") => {
            ("SecureString", serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object()))
        }
        Some(other) => {
            let message =
                format!("The following data type is not supported: {other} (Data type names are all lowercase.)");
            return Err(Fault::new("ValidationException", message));
        }
    };
    let data = input.data_type.as_deref().unwrap_or_default();
    if kind != wanted {
        let message = format!("The data type {data} is only supported for parameters of the type {wanted}.");
        return Err(Fault::new("ValidationException", message));
    }
    if fits {
        return Ok(());
    }
    Err(Fault::new("ValidationException", format!("The parameter's value is not valid for the data type {data}.")))
}

/// Whether this has the form of an image's id, e.g. `ami-12345678`.
fn is_image(value: &str) -> bool {
    let digits = value.strip_prefix("ami-").unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A value has to match the pattern that it is given together with.
fn check_pattern(pattern: &str, value: &str) -> Result<(), Fault> {
    let regex = Regex::new(pattern).map_err(|_| {
        Fault::new(
            "InvalidAllowedPatternException",
            format!("The AllowedPattern {pattern} is not a valid regular expression."),
        )
    })?;
    if regex.is_match(value) {
        return Ok(());
    }
    Err(Fault::new(
        "ParameterPatternMismatchException",
        format!("Parameter value can't be validated against the allowed pattern {pattern}."),
    ))
}

/// Checks a call against what exists under the name, and settles the parameter's type.
fn check_known(input: &Input, known: Option<&Parameter>) -> Result<String, Fault> {
    let Some(parameter) = known else {
        return input.kind.clone().ok_or_else(|| {
            Fault::new("ValidationException", "A parameter type is required when you create a parameter.")
        });
    };
    if !input.overwrite {
        return Err(Fault::new(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    match &input.kind {
        Some(kind) if *kind != parameter.kind => Err(Fault::new(
            "HierarchyTypeMismatchException",
            format!(
                "Parameter Store doesn't support changing the type of {} from {} to {kind}.",
                parameter.name, parameter.kind
            ),
        )),
        _ => Ok(parameter.kind.clone()),
    }
}

/// The tier of a new version: as asked for, as before, or as its size wants it.
fn tier(input: &Input, before: Option<&str>) -> Result<String, Fault> {
    let size = input.value.0.len();
    let invalid = |message: String| Err(Fault::new("ValidationException", message));
    let tier = match (input.tier.as_deref(), before) {
        (Some("Intelligent-Tiering"), _) if size > 4096 => "Advanced",
        (Some("Intelligent-Tiering"), before) => before.unwrap_or("Standard"),
        (Some("Standard"), Some("Advanced")) => {
            return invalid(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the \
                            advanced-parameter tier to the standard-parameter tier."
                    .to_owned(),
            );
        }
        (Some(tier), _) => tier,
        (None, before) => before.unwrap_or("Standard"),
    };
    let limit = if tier == "Advanced" { 8192 } else { 4096 };
    if size > limit {
        return invalid(format!(
            "{tier} tier parameters support a maximum parameter value of {limit} characters. To create a larger parameter \
             value, upgrade the parameter to use the advanced-parameter tier."
        ));
    }
    Ok(tier.to_owned())
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct DeleteInput {
    name: String,
    names: Vec<String>,
}

pub(super) fn delete_parameter(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: DeleteInput = decode(input)?;
    let name = ctx.region.ssm.named(&input.name);
    ctx.region.ssm.parameters.remove(name).ok_or_else(|| not_found(name))?;
    Ok(json!({}))
}

pub(super) fn delete_parameters(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: DeleteInput = decode(input)?;
    let store = &mut ctx.region.ssm;
    let (deleted, unknown): (Vec<String>, Vec<String>) = input.names.into_iter().partition(|name| {
        let key = store.named(name);
        store.parameters.remove(key).is_some()
    });
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": unknown }))
}
