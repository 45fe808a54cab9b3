//! Reading parameters: one, several, a path, a history, and descriptions.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    filter::{self, Filter},
    name, not_found,
    parameter::Parameter,
    reference,
};
use crate::local::{
    fault::Fault,
    members::{Page, decode, page},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    name: String,
    names: Vec<String>,
    path: String,
    recursive: bool,
    with_decryption: bool,
    filters: Vec<Filter>,
    parameter_filters: Vec<Filter>,
    shared: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Input {
    fn page<T>(&self, items: Vec<T>, default: usize, key: impl Fn(&T) -> String) -> Result<Page<T>, Fault> {
        page(items, self.next_token.as_deref(), self.max_results.unwrap_or(default), key)
            .ok_or_else(|| Fault::new("InvalidNextToken", "The specified token isn't valid."))
    }
}

/// `GetResourcePolicies`: nothing is shared with other accounts here.
pub(super) fn get_resource_policies(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let arn = input["ResourceArn"].as_str().unwrap_or_default();
    if !ctx.region.ssm.parameters.values().any(|parameter| parameter.arn == arn) {
        return Err(Fault::new("ResourceNotFoundException", format!("Resource {arn} was not found.")));
    }
    Ok(json!({ "Policies": [] }))
}

pub(super) fn get_parameter(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if input.name.trim().contains(char::is_whitespace) {
        return Err(Fault::new("ValidationException", "Parameter names can't contain spaces between characters."));
    }
    Ok(json!({ "Parameter": read(ctx, &input.name, input.with_decryption)? }))
}

pub(super) fn get_parameters(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let mut met = BTreeSet::new();
    // What is asked for twice is answered once.
    for name in input.names.into_iter().filter(|name| met.insert(name.clone())) {
        match read(ctx, &name, input.with_decryption) {
            Ok(parameter) => found.push(parameter),
            Err(fault) if fault.code == "ValidationException" => return Err(fault),
            Err(_) => unknown.push(name),
        }
    }
    found.sort_by_key(|parameter| parameter["Name"].as_str().unwrap_or_default().to_owned());
    Ok(json!({ "Parameters": found, "InvalidParameters": unknown }))
}

/// One parameter by its name or ARN, with the version or label that may follow; or a secret, by its reference.
fn read(ctx: &mut Ctx<'_>, text: &str, decrypt: bool) -> Result<Value, Fault> {
    let text = text.trim();
    if let Some(secret) = reference::of(text) {
        return reference::read(ctx, text, secret, decrypt);
    }
    let (_, selector) = name::split_selector(text);
    let name = ctx.region.ssm.named(&text[..text.len() - selector.map_or(0, |selector| selector.len() + 1)]);
    let parameter = ctx.region.ssm.parameters.get(name).ok_or_else(|| not_found(name))?;
    let version = parameter.version(selector).ok_or_else(|| {
        Fault::new(
            "ParameterVersionNotFound",
            format!(
                "Systems Manager could not find version {} of {name}. Verify the version and try again.",
                selector.unwrap_or("1")
            ),
        )
    })?;
    Ok(parameter.value(version, selector, decrypt))
}

pub(super) fn get_parameters_by_path(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if !input.path.starts_with('/') {
        return Err(Fault::new(
            "ValidationException",
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward \
             slash \"/\".",
        ));
    }
    filter::check(&input.parameter_filters, &["Type", "KeyId", "Label"])?;
    let prefix = if input.path.ends_with('/') { input.path.clone() } else { format!("{}/", input.path) };
    let below = |parameter: &&Parameter| {
        parameter.name.strip_prefix(&prefix).is_some_and(|rest| input.recursive || !rest.contains('/'))
    };
    let found = ctx.region.ssm.parameters.values().filter(below);
    let found = found.filter(|parameter| filter::matches_all(parameter, &input.parameter_filters)).collect();
    let page = input.page(found, 10, |parameter: &&Parameter| parameter.name.clone())?;
    let label = filter::label(&input.parameter_filters);
    let value = |parameter: &Parameter| {
        let version = parameter.version(label)?;
        Some(parameter.value(version, label, input.with_decryption))
    };
    let parameters: Vec<Value> = page.items.into_iter().filter_map(value).collect();
    Ok(json!({ "Parameters": parameters, "NextToken": page.next }))
}

pub(super) fn get_parameter_history(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let parameter = ctx.region.ssm.find(&input.name)?;
    let page = input.page(parameter.versions().collect(), 50, |version| version.number.to_string())?;
    let show = |version: &super::parameter::Version| {
        let mut members = parameter.metadata(version);
        members["Value"] = json!(version.shown(input.with_decryption));
        members["Labels"] = json!(version.labels);
        members
    };
    let parameters: Vec<Value> = page.items.into_iter().map(show).collect();
    Ok(json!({ "Parameters": parameters, "NextToken": page.next }))
}

pub(super) fn describe_parameters(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    if !input.filters.is_empty() && !input.parameter_filters.is_empty() {
        return Err(Fault::new(
            "ValidationException",
            "You can use either Filters or ParameterFilters in a single request.",
        ));
    }
    filter::check(&input.parameter_filters, &["Name", "Type", "KeyId", "Path", "Tier", "DataType", "tag:"])?;
    let chosen = |parameter: &&Parameter| {
        !input.shared
            && filter::matches_all(parameter, &input.parameter_filters)
            && filter::matches_all_old(parameter, &input.filters)
    };
    let found = ctx.region.ssm.parameters.values().filter(chosen).collect();
    let page = input.page(found, 50, |parameter: &&Parameter| parameter.name.clone())?;
    let show = |parameter: &Parameter| {
        let mut members = parameter.metadata(&parameter.newest);
        members["ARN"] = json!(parameter.arn);
        members
    };
    let parameters: Vec<Value> = page.items.into_iter().map(show).collect();
    Ok(json!({ "Parameters": parameters, "NextToken": page.next }))
}
