//! What every call has in common: decoding, client tokens, and the refusals that many share.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Store, kind::Kind};
use crate::local::{fault::Fault, world::Ctx};

/// Answers one action on its own input type.
///
/// An input type lists every parameter that the action honours and refuses all others, so that nothing is
/// answered with success although it was ignored.
pub(super) fn answer<I: DeserializeOwned>(
    ctx: &mut Ctx<'_>,
    input: Value,
    action: fn(&mut Ctx<'_>, I) -> Result<Value, Fault>,
) -> Result<Value, Fault> {
    let input = serde_json::from_value(input).map_err(|error| undecodable(&error))?;
    action(ctx, input)
}

/// The model has let the input pass, so what does not decode is a parameter unknown here.
fn undecodable(error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    match message.split('`').nth(1) {
        Some(parameter) => unsupported(parameter),
        None => Fault::new("InvalidParameterValue", message),
    }
}

/// A boolean in the form of the `Modify…Attribute` calls.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Flag {
    #[serde(default)]
    pub(super) value: bool,
}

/// Refuses a parameter or a use of it that AWS has and the local cloud has not.
pub(super) fn unsupported(parameter: &str) -> Fault {
    Fault::new("UnsupportedOperation", format!("The local cloud does not support the parameter {parameter}."))
}

/// Refuses a call that lacks `parameter`, named in AWS's lower camel case.
pub(super) fn missing(parameter: &str) -> Fault {
    Fault::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
}

/// Refuses the value of a parameter.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterValue", message)
}

/// Refuses parameters that exclude each other.
pub(super) fn combination(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterCombination", message)
}

/// Refuses to delete what others still need.
pub(super) fn in_use(kind: &Kind, id: &str) -> Fault {
    let message = format!("The {} '{id}' has dependencies and cannot be deleted.", kind.thing());
    Fault::new("DependencyViolation", message)
}

/// The first call under a client token: what it asked for and what it made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Token {
    request: Value,
    made: String,
}

/// A client token within the action it was used for: tokens of different actions do not meet.
fn scoped(kind: &Kind, token: &str) -> String {
    format!("{}/{token}", kind.resource_type)
}

/// Makes a resource of this kind, unless an earlier call with the same token has made it; gives its id.
pub(super) fn once<I: Serialize>(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    token: Option<&String>,
    input: &I,
    make: impl FnOnce(&mut Ctx<'_>) -> Result<String, Fault>,
) -> Result<String, Fault> {
    if let Some(token) = token.filter(|token| token.len() > 64 || !token.is_ascii()) {
        return Err(invalid(format!(
            "Value ({token}) for parameter clientToken is invalid. A client token has at most 64 ASCII characters."
        )));
    }
    if let Some(id) = repeated(&ctx.region.ec2, kind, token, input)? {
        return Ok(id);
    }
    let id = make(ctx)?;
    remember(&mut ctx.region.ec2, kind, token, input, &id);
    Ok(id)
}

/// The id that an earlier call with this token made, as long as it exists.
///
/// # Errors
/// The earlier call had other parameters.
fn repeated<I: Serialize>(
    store: &Store,
    kind: &Kind,
    token: Option<&String>,
    input: &I,
) -> Result<Option<String>, Fault> {
    let Some(earlier) = token.and_then(|token| store.tokens.get(&scoped(kind, token))) else { return Ok(None) };
    if !store.exists(&earlier.made) {
        return Ok(None);
    }
    if earlier.request == request(input) {
        return Ok(Some(earlier.made.clone()));
    }
    let message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).";
    Err(Fault::new("IdempotentParameterMismatch", message))
}

/// Keeps what a call with a client token asked for and made.
fn remember<I: Serialize>(store: &mut Store, kind: &Kind, token: Option<&String>, input: &I, made: &str) {
    if let Some(token) = token {
        // A token is good for as long as what it made.
        let mut tokens = std::mem::take(&mut store.tokens);
        tokens.retain(|_, earlier| store.exists(&earlier.made));
        store.tokens = tokens;
        store.tokens.insert(scoped(kind, token), Token { request: request(input), made: made.to_owned() });
    }
}

/// The parameters, in the form in which two calls are compared.
fn request<I: Serialize>(input: &I) -> Value {
    serde_json::to_value(input).unwrap_or_default()
}
