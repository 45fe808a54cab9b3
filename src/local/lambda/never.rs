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
    provisioned: "ProvisionedConcurrencyConfigs";
    event_sources: "EventSourceMappings";
    layers: "Layers";
    layer_versions: "LayerVersions";
    signing_configurations: "CodeSigningConfigs";
}

fn missing(message: impl Into<String>) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

/// Whether the function is there. Some calls say of one that is not only that what they are about is not.
fn is_there(ctx: &mut Ctx<'_>, input: &Value) -> Result<bool, Fault> {
    match function(ctx, input) {
        Ok(_) => Ok(true),
        Err(fault) if fault.message.starts_with("Function not found: ") => Ok(false),
        Err(fault) => Err(fault),
    }
}

/// The ARN that a call means, of something that is not there.
fn arn(ctx: &Ctx<'_>, input: &Value) -> Result<String, Fault> {
    Ok(name::arn(ctx, name::meant(input)?.as_str()))
}

/// `ListFunctionUrlConfigs`
pub(super) fn urls(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if is_there(ctx, &input)? { Ok(json!({"FunctionUrlConfigs": []})) } else { Err(missing("Function does not exist")) }
}

/// `ListFunctionEventInvokeConfigs`
pub(super) fn invoke_configurations(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if is_there(ctx, &input)? {
        Ok(json!({"FunctionEventInvokeConfigs": []}))
    } else {
        Err(missing("The function doesn't exist."))
    }
}

/// What is there once for a function that has it, and is not there.
pub(super) fn absent(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    is_there(ctx, &input)?;
    Err(missing("The resource you requested does not exist."))
}

/// `RemovePermission`
pub(super) fn permission(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if is_there(ctx, &input)? {
        Err(missing("No policy is associated with the given resource."))
    } else {
        Err(missing(format!("No policy found for: {}", arn(ctx, &input)?)))
    }
}

/// `GetAlias`
pub(super) fn alias(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    is_there(ctx, &input)?;
    let name = input["Name"].as_str().unwrap_or_default();
    Err(missing(format!("Cannot find alias arn: {}:{name}", arn(ctx, &input)?)))
}

/// `GetFunctionEventInvokeConfig` and `DeleteFunctionEventInvokeConfig`
pub(super) fn invoke_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    is_there(ctx, &input)?;
    let version = name::version(&input)?.unwrap_or(NEWEST);
    Err(missing(format!("The function {}:{version} doesn't have an EventInvokeConfig", arn(ctx, &input)?)))
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

#[cfg(test)]
mod tests {
    use super::{super::SERVICE, *};
    use crate::local::members::testing::Cloud;

    #[test]
    fn of_a_function_that_is_not_there_each_call_says_what_aws_says() {
        let mut cloud = Cloud::new();
        let arn = "arn:aws:lambda:eu-central-1:000000000000:function:nobody";
        for (action, more, message) in [
            ("GetPolicy", json!({}), "The resource you requested does not exist.".to_owned()),
            ("GetFunctionUrlConfig", json!({}), "The resource you requested does not exist.".to_owned()),
            ("RemovePermission", json!({"StatementId": "x"}), format!("No policy found for: {arn}")),
            ("GetAlias", json!({"Name": "live"}), format!("Cannot find alias arn: {arn}:live")),
            (
                "GetFunctionEventInvokeConfig",
                json!({"Qualifier": "7"}),
                format!("The function {arn}:7 doesn't have an EventInvokeConfig"),
            ),
            ("ListFunctionEventInvokeConfigs", json!({}), "The function doesn't exist.".to_owned()),
            ("ListFunctionUrlConfigs", json!({}), "Function does not exist".to_owned()),
            ("GetFunctionConcurrency", json!({}), format!("Function not found: {arn}")),
        ] {
            let mut input = more;
            input["FunctionName"] = json!("nobody");
            let fault = cloud.call(&SERVICE, action, input.clone()).unwrap_err();
            assert_eq!((fault.code.as_str(), fault.message), ("ResourceNotFoundException", message), "{action}");
            input["FunctionName"] = json!(arn.replace("eu-central-1", "us-east-1"));
            let elsewhere = cloud.call(&SERVICE, action, input).unwrap_err();
            assert!(elsewhere.message.contains("are not reachable in this region"), "{elsewhere}");
        }
    }
}
