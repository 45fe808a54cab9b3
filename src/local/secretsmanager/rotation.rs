//! RotateSecret and CancelRotateSecret. Nothing calls a function for a rotation here, although functions run: so a secret never
//! gets one, and is refused in the words with which AWS refuses a function that it cannot call.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::local::{fault::Fault, members::decode, world::Ctx};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    secret_id: String,
    #[serde(rename = "RotationLambdaARN")]
    rotation_lambda_arn: Option<String>,
}

pub(super) fn rotate(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    ctx.region.secretsmanager.find_changing(&input.secret_id)?;
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

/// `CancelRotateSecret`: nothing is under way, and AWS takes that.
pub(super) fn cancel(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let secret = ctx.region.secretsmanager.find_changing(&input.secret_id)?;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}
