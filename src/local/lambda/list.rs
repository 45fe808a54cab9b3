//! Functions looked at and listed, and their tags.

use serde_json::{Value, json};

use super::{NEWEST, function::Function, invalid, name};
use crate::local::{fault::Fault, members::page, world::Ctx};

/// How many a page has.
const PAGE: usize = 50;

/// As a call asks for it: one that names the version is told of it by that name.
fn described(function: &Function, input: &Value) -> Result<Value, Fault> {
    let mut described = function.described();
    if let Some(version) = name::version(input)? {
        described["FunctionArn"] = format!("{}:{version}", function.arn).into();
    }
    Ok(described)
}

pub(super) fn get_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    described(name::find(ctx, &input)?, &input)
}

pub(super) fn get(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let function = name::find(ctx, &input)?;
    Ok(json!({
        "Configuration": described(function, &input)?,
        // AWS's is a link into a store of its own, which the local cloud does not have.
        "Code": {"RepositoryType": "S3", "SourceKMSKeyArn": function.source_key},
        "Tags": Some(&function.tags).filter(|tags| !tags.is_empty()),
    }))
}

/// A page of functions.
fn paged(
    all: Vec<&Function>,
    input: &Value,
    shown: fn(&Function) -> Value,
) -> Result<(Vec<Value>, Option<String>), Fault> {
    let limit = input["MaxItems"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).min(PAGE);
    let page = page(all, input["Marker"].as_str(), limit, |function| function.name.clone());
    let page = page.ok_or_else(|| invalid("Invalid marker"))?;
    Ok((page.items.into_iter().map(shown).collect(), page.next))
}

/// The newest version, which is the only one here.
fn newest(function: &Function) -> Value {
    let mut newest = function.listed();
    newest.insert("FunctionArn".to_owned(), format!("{}:{NEWEST}", function.arn).into());
    newest.into()
}

pub(super) fn list(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let versions = input["FunctionVersion"] == "ALL";
    let all: Vec<&Function> = match input["MasterRegion"].as_str() {
        Some(_) if !versions => return Err(invalid("FunctionVersion must be ALL where MasterRegion is given.")),
        // What CloudFront has taken from another region: there is none of that.
        Some(region) if region != "ALL" => Vec::new(),
        _ => ctx.region.lambda.functions.values().collect(),
    };
    let shown = if versions { newest } else { |function: &Function| function.listed().into() };
    let (functions, next) = paged(all, &input, shown)?;
    Ok(json!({"Functions": functions, "NextMarker": next}))
}

/// `ListVersionsByFunction`
pub(super) fn versions(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let function = &*name::find(ctx, &input)?;
    let (versions, next) = paged(vec![function], &input, newest)?;
    Ok(json!({"Versions": versions, "NextMarker": next}))
}

pub(super) fn tag(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    name::find_tagged(ctx, &input)?.retag(&input["Tags"])?;
    Ok(Value::Null)
}

pub(super) fn untag(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    name::find_tagged(ctx, &input)?.untag(&input["TagKeys"]);
    Ok(Value::Null)
}

pub(super) fn list_tags(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    Ok(json!({"Tags": name::find_tagged(ctx, &input)?.tags}))
}
