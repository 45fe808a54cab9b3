//! RotateSecret and CancelRotateSecret. A secret of RDS is rotated by RDS. Nothing calls a function for a rotation here,
//! although functions run: so no other secret gets one, and is refused in the words with which AWS refuses a function that it
//! cannot call.

use serde::Deserialize;
use serde_json::{Value, json};

use super::secret::{CURRENT, PENDING};
use crate::local::{fault::Fault, members::decode, rds, world::Ctx};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    secret_id: String,
    #[serde(rename = "RotationLambdaARN")]
    rotation_lambda_arn: Option<String>,
    rotate_immediately: Option<bool>,
    rotation_rules: Option<Value>,
}

pub(super) fn rotate(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    if secret.owning_service.is_some() {
        return rotate_managed(ctx, &input);
    }
    Err(match input.rotation_lambda_arn {
        None => {
            Fault::new("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
        }
        Some(arn) => Fault::new(
            "AccessDeniedException",
            format!(
                "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants \
                 access to the principal secretsmanager.amazonaws.com. (The local cloud rotates no secrets, and so does not \
                 call {arn})"
            ),
        ),
    })
}

/// It is the service that a secret belongs to which rotates it.
fn rotate_managed(ctx: &mut Ctx<'_>, input: &Input) -> Result<Value, Fault> {
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    if input.rotation_lambda_arn.is_some() {
        secret.check_unmanaged()?;
    }
    if let Some(rules) = &input.rotation_rules {
        check_rules(rules)?;
    }
    if input.rotate_immediately != Some(false) {
        // What keeps the cluster from it is told in the Secrets Manager's terms.
        rds::rotate_master_secret(ctx, &arn)
            .map_err(|refused| Fault::new("InvalidRequestException", refused.message))?;
    }
    let secret = ctx.region.secretsmanager.find(&arn)?;
    if let Some(rules) = &input.rotation_rules {
        secret.rotation_rules = Some(rules.clone());
    }
    let version = secret.staged(PENDING).or_else(|| secret.staged(CURRENT)).map(|(id, _)| id.clone());
    Ok(json!({ "ARN": arn, "Name": name, "VersionId": version }))
}

/// Refuses a schedule that says two things, or nothing.
fn check_rules(rules: &Value) -> Result<(), Fault> {
    let has = |member: &str| rules.get(member).is_some_and(|value| !value.is_null());
    match (has("AutomaticallyAfterDays"), has("ScheduleExpression")) {
        (true, true) => Err(Fault::new(
            "InvalidParameterException",
            "You can't specify both AutomaticallyAfterDays and ScheduleExpression in RotationRules.",
        )),
        (false, false) => Err(Fault::new(
            "InvalidParameterException",
            "You must specify either AutomaticallyAfterDays or ScheduleExpression in RotationRules.",
        )),
        _ => Ok(()),
    }
}

/// `CancelRotateSecret`: nothing is under way, and AWS takes that.
pub(super) fn cancel(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_own(&input.secret_id)?;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}
