//! What a function has none of here. Tools that look at a function ask for it all the same.

use serde_json::{Value, json};

use super::{NEWEST, function::Function, name};
use crate::local::{fault::Fault, world::Ctx};

/// The function that a call is about, or none where it names none and does not have to.
fn function<'a>(ctx: &'a mut Ctx<'_>, input: &Value) -> Result<Option<&'a Function>, Fault> {
    match input["FunctionName"].as_str() {
        Some(_) => name::find(ctx, input).map(|function| Some(&*function)),
        None => Ok(None),
    }
}

/// Lists without anything in them, under the member's name; a function that is named has to exist.
macro_rules! none {
    ($($name:ident: $member:literal;)*) => {
        $(pub(super) fn $name(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            function(ctx, &input)?;
            Ok(json!({ $member: [] }))
        })*
    };
}

none! {
    aliases: "Aliases";
    urls: "FunctionUrlConfigs";
    invoke_configurations: "FunctionEventInvokeConfigs";
    provisioned: "ProvisionedConcurrencyConfigs";
    event_sources: "EventSourceMappings";
    layers: "Layers";
    layer_versions: "LayerVersions";
    signing_configurations: "CodeSigningConfigs";
}

/// What is there once for a function that has it, and is not there.
pub(super) fn absent(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    function(ctx, &input)?;
    Err(Fault::new("ResourceNotFoundException", "The resource you requested does not exist."))
}

/// `GetAlias`
pub(super) fn alias(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let name = input["Name"].as_str().unwrap_or_default();
    let arn = function(ctx, &input)?.map(|function| function.arn.clone()).unwrap_or_default();
    Err(Fault::new("ResourceNotFoundException", format!("Cannot find alias arn: {arn}:{name}")))
}

/// `GetFunctionEventInvokeConfig` and `DeleteFunctionEventInvokeConfig`
pub(super) fn invoke_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let arn = function(ctx, &input)?.map(|function| function.arn.clone()).unwrap_or_default();
    let message = format!("The function {arn}:{NEWEST} doesn't have an EventInvokeConfig");
    Err(Fault::new("ResourceNotFoundException", message))
}

/// `GetFunctionConcurrency`, `GetFunctionCodeSigningConfig`: empty answers where nothing is set.
pub(super) fn unset(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    function(ctx, &input)?;
    Ok(json!({}))
}

/// `DeleteFunctionConcurrency`, `DeleteFunctionCodeSigningConfig`: what is not set can be taken away in AWS too.
pub(super) fn remove(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    function(ctx, &input)?;
    Ok(Value::Null)
}

/// `GetRuntimeManagementConfig`: as a function begins.
pub(super) fn runtime_updates(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let arn = function(ctx, &input)?.map(|function| format!("{}:{NEWEST}", function.arn));
    Ok(json!({ "UpdateRuntimeOn": "Auto", "FunctionArn": arn }))
}

/// `GetFunctionRecursionConfig`: as a function begins.
pub(super) fn recursion(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    function(ctx, &input)?;
    Ok(json!({ "RecursiveLoop": "Terminate" }))
}
