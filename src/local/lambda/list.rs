//! Functions looked at and listed, and their tags.

use serde_json::{Value, json};

use super::{NEWEST, function::Function, invalid};
use crate::local::{fault::Fault, members::page, world::Ctx};

/// How many a page has.
const PAGE: usize = 50;

pub(super) fn get_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    Ok(ctx.region.lambda.find(&input)?.described())
}

pub(super) fn get(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let function = ctx.region.lambda.find(&input)?;
    Ok(json!({
        "Configuration": function.described(),
        // AWS's is a link into a store of its own, which the local cloud does not have.
        "Code": {"RepositoryType": "S3"},
        "Tags": function.tags,
    }))
}

pub(super) fn list(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let limit = input["MaxItems"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).min(PAGE);
    let all: Vec<&Function> = ctx.region.lambda.functions.values().collect();
    let page = page(all, input["Marker"].as_str(), limit, |function| function.name.clone());
    let page = page.ok_or_else(|| invalid("Invalid marker"))?;
    let functions: Vec<Value> = page.items.into_iter().map(|function| function.listed().into()).collect();
    Ok(json!({"Functions": functions, "NextMarker": page.next}))
}

/// `ListVersionsByFunction`: the newest one, for none is published here.
pub(super) fn versions(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let function = ctx.region.lambda.find(&input)?;
    let mut newest = function.listed();
    newest.insert("FunctionArn".to_owned(), format!("{}:{NEWEST}", function.arn).into());
    Ok(json!({"Versions": [newest]}))
}

pub(super) fn tag(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    ctx.region.lambda.find_tagged(&input)?.retag(&input["Tags"])?;
    Ok(Value::Null)
}

pub(super) fn untag(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let function = ctx.region.lambda.find_tagged(&input)?;
    for key in input["TagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        function.tags.remove(key);
    }
    Ok(Value::Null)
}

pub(super) fn list_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    Ok(json!({"Tags": ctx.region.lambda.find_tagged(&input)?.tags}))
}
