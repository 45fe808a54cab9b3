//! Observability configurations: revisions of a name.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store, cut, invalid, not_found,
    revision::{Revision, check_count, resolve},
};
use crate::local::{
    fault::Fault,
    members::{Tag, decode, optional_time, time},
    world::Ctx,
};

/// A configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    pub(super) revision: Revision,
    trace: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    observability_configuration_name: Option<String>,
    observability_configuration_arn: String,
    trace_configuration: Value,
    tags: Vec<Tag>,
    latest_only: Option<bool>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn create_observability_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let name = input.observability_configuration_name.unwrap_or_default();
    if name == "DefaultConfiguration" {
        return Err(invalid(format!("The observability configuration name {name} is reserved.")));
    }
    let known = ctx.region.apprunner.observability.values();
    let revisions = known.filter(|known| known.revision.is_active() && known.revision.name == name).count();
    check_count(revisions, 10, &format!("revisions of the observability configuration {name}"))?;
    let revision = Revision::next(ctx, "observabilityconfiguration", &name, input.tags)?;
    let arn = revision.arn.clone();
    let configuration = Configuration { revision, trace: input.trace_configuration };
    ctx.region.apprunner.observability.insert(arn.clone(), configuration);
    show(ctx, &arn)
}

pub(super) fn describe_observability_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let arn = find(ctx, &input.observability_configuration_arn)?;
    show(ctx, &arn)
}

pub(super) fn list_observability_configurations(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let store = &ctx.region.apprunner;
    let name = input.observability_configuration_name.as_deref();
    let latest_only = input.latest_only.unwrap_or(true);
    let chosen = store.observability.values().filter(|known| {
        known.revision.is_active()
            && name.is_none_or(|name| name == known.revision.name)
            && (!latest_only || store.is_latest_observability(&known.revision))
    });
    let page =
        cut(chosen.collect(), input.next_token.as_deref(), input.max_results, |known| known.revision.arn.clone())?;
    let summary = |known: &Configuration| {
        json!({
            "ObservabilityConfigurationArn": known.revision.arn,
            "ObservabilityConfigurationName": known.revision.name,
            "ObservabilityConfigurationRevision": known.revision.number,
        })
    };
    let list: Vec<Value> = page.items.into_iter().map(summary).collect();
    Ok(json!({ "ObservabilityConfigurationSummaryList": list, "NextToken": page.next }))
}

pub(super) fn delete_observability_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let arn = find(ctx, &input.observability_configuration_arn)?;
    let store = &mut ctx.region.apprunner;
    let message = format!("Observability configuration is being used by one or more services. ARN: {arn}");
    store.check_unused(&message, |settings| {
        settings.observability["ObservabilityConfigurationArn"].as_str() == Some(&arn)
    })?;
    if let Some(configuration) = store.observability.get_mut(&arn) {
        configuration.revision.deleted_at.get_or_insert(now);
    }
    show(ctx, &arn)
}

/// A service's wish for tracing, with the full ARN of an active configuration.
pub(super) fn wanted(ctx: &Ctx<'_>, given: &Value) -> Result<Value, Fault> {
    if given["ObservabilityEnabled"] != true {
        return Ok(json!({ "ObservabilityEnabled": false }));
    }
    let arn = given["ObservabilityConfigurationArn"].as_str();
    let arn = arn.ok_or_else(|| invalid("ObservabilityEnabled true needs an ObservabilityConfigurationArn."))?;
    let full = find(ctx, arn).map_err(|_| invalid(format!("Observability configuration ARN is invalid: {arn}")))?;
    if ctx.region.apprunner.observability.get(&full).is_none_or(|known| !known.revision.is_active()) {
        return Err(invalid(format!("Observability configuration ARN is invalid: {arn} is INACTIVE.")));
    }
    Ok(json!({ "ObservabilityEnabled": true, "ObservabilityConfigurationArn": full }))
}

fn find(ctx: &Ctx<'_>, arn: &str) -> Result<String, Fault> {
    let known = ctx.region.apprunner.observability.values().map(|known| &known.revision);
    resolve(known, arn).ok_or_else(|| not_found("observability configuration", arn))
}

fn show(ctx: &Ctx<'_>, arn: &str) -> Result<Value, Fault> {
    let store = &ctx.region.apprunner;
    let known = store.observability.get(arn).ok_or_else(|| not_found("observability configuration", arn))?;
    Ok(json!({ "ObservabilityConfiguration": {
        "ObservabilityConfigurationArn": known.revision.arn,
        "ObservabilityConfigurationName": known.revision.name,
        "TraceConfiguration": known.trace,
        "ObservabilityConfigurationRevision": known.revision.number,
        "Latest": store.is_latest_observability(&known.revision),
        "Status": known.revision.status(),
        "CreatedAt": time(known.revision.created_at),
        "DeletedAt": optional_time(known.revision.deleted_at),
    } }))
}

impl Store {
    fn is_latest_observability(&self, revision: &Revision) -> bool {
        let active = self.observability.values().map(|known| &known.revision).filter(|known| known.is_active());
        let newest = active.filter(|known| known.name == revision.name).map(|known| known.number).max();
        newest == Some(revision.number) && revision.is_active()
    }
}
