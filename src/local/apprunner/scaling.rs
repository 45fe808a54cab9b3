//! Auto scaling configurations: revisions of a name, one of all being the default.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store, cut, invalid, not_found,
    revision::{Revision, check_count, resolve},
};
use crate::local::{
    fault::Fault,
    members::{Tag, decode, optional_time, time},
    pace::Millis,
    world::Ctx,
};

/// The name of the configuration that every region begins with. It can be treated like any other.
const PROVIDED: &str = "DefaultConfiguration";
/// The kind as it stands in ARNs.
const KIND: &str = "autoscalingconfiguration";

/// A configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Configuration {
    pub(super) revision: Revision,
    max_concurrency: u64,
    min_size: u64,
    max_size: u64,
    /// Taken by services that name none.
    is_default: bool,
}

impl Configuration {
    /// Whether it is the one that AWS provides.
    pub(super) fn is_provided(&self) -> bool {
        self.revision.name == PROVIDED && self.revision.number == 1 && self.revision.created_at == PROVIDED_AT
    }

    fn summary(&self, store: &Store) -> Value {
        json!({
            "AutoScalingConfigurationArn": self.revision.arn,
            "AutoScalingConfigurationName": self.revision.name,
            "AutoScalingConfigurationRevision": self.revision.number,
            // AWS writes this one small, whatever its model says.
            "Status": self.revision.status().to_ascii_lowercase(),
            "CreatedAt": time(self.revision.created_at),
            "HasAssociatedService": store.services.values()
                .any(|service| service.holds(|settings| settings.scaling == self.revision.arn)),
            "IsDefault": self.is_default,
        })
    }

    fn describe(&self, store: &Store) -> Value {
        let mut members = self.summary(store);
        members["Latest"] = json!(store.is_latest(&self.revision));
        members["MaxConcurrency"] = json!(self.max_concurrency);
        members["MinSize"] = json!(self.min_size);
        members["MaxSize"] = json!(self.max_size);
        members["DeletedAt"] = optional_time(self.revision.deleted_at);
        members
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    auto_scaling_configuration_name: Option<String>,
    auto_scaling_configuration_arn: String,
    max_concurrency: Option<u64>,
    min_size: Option<u64>,
    max_size: Option<u64>,
    tags: Vec<Tag>,
    latest_only: Option<bool>,
    delete_all_revisions: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn create_auto_scaling_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    provide_default(ctx);
    let name = input.auto_scaling_configuration_name.unwrap_or_default();
    let (min_size, max_size) = (input.min_size.unwrap_or(1), input.max_size.unwrap_or(25));
    if max_size < min_size {
        return Err(invalid(format!(
            "Auto scaling configuration is invalid: MaxSize {max_size} must not be less than MinSize {min_size}."
        )));
    }
    if max_size > 25 {
        return Err(invalid(format!(
            "Auto scaling configuration is invalid: MaxSize {max_size} must not be more than 25."
        )));
    }
    let store = &ctx.region.apprunner;
    let active = || store.scaling.values().filter(|known| known.revision.is_active() && !known.is_provided());
    let revisions = active().filter(|known| known.revision.name == name).count();
    if revisions == 0 {
        let names: std::collections::BTreeSet<&str> = active().map(|known| known.revision.name.as_str()).collect();
        check_count(names.len(), 10, "auto scaling configuration names")?;
    }
    check_count(revisions, 10, &format!("revisions of the auto scaling configuration {name}"))?;
    let revision = Revision::next(ctx, KIND, &name, input.tags)?;
    let max_concurrency = input.max_concurrency.unwrap_or(100);
    let configuration = Configuration { revision, max_concurrency, min_size, max_size, is_default: false };
    let arn = configuration.revision.arn.clone();
    ctx.region.apprunner.scaling.insert(arn.clone(), configuration);
    show(ctx, &arn)
}

pub(super) fn describe_auto_scaling_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let arn = find(ctx, &input.auto_scaling_configuration_arn)?;
    show(ctx, &arn)
}

pub(super) fn list_auto_scaling_configurations(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    provide_default(ctx);
    let store = &ctx.region.apprunner;
    let name = input.auto_scaling_configuration_name.as_deref();
    let latest_only = input.latest_only.unwrap_or(true);
    let chosen = store.scaling.values().filter(|known| {
        known.revision.is_active()
            && name.is_none_or(|name| name == known.revision.name)
            && (!latest_only || store.is_latest(&known.revision))
    });
    let page =
        cut(chosen.collect(), input.next_token.as_deref(), input.max_results, |known| known.revision.arn.clone())?;
    let list: Vec<Value> = page.items.into_iter().map(|known| known.summary(store)).collect();
    Ok(json!({ "AutoScalingConfigurationSummaryList": list, "NextToken": page.next }))
}

pub(super) fn list_services_for_auto_scaling_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let arn = find(ctx, &input.auto_scaling_configuration_arn)?;
    let services = ctx.region.apprunner.services.values();
    let using = services.filter(|service| service.holds(|settings| settings.scaling == arn));
    let arns = using.map(|service| service.arn.clone()).collect();
    let page = cut(arns, input.next_token.as_deref(), input.max_results, Clone::clone)?;
    Ok(json!({ "ServiceArnList": page.items, "NextToken": page.next }))
}

pub(super) fn delete_auto_scaling_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let now = ctx.now;
    let arn = find(ctx, &input.auto_scaling_configuration_arn)?;
    let store = &mut ctx.region.apprunner;
    let is_family =
        store.scaling.get(&arn).is_some_and(|known| known.revision.is_family(&input.auto_scaling_configuration_arn));
    if input.delete_all_revisions && !is_family {
        return Err(invalid(format!(
            "DeleteAllRevisions needs a partial ARN that ends with the name of the auto scaling configuration. ARN: {}",
            input.auto_scaling_configuration_arn
        )));
    }
    let name = store.scaling.get(&arn).map(|known| known.revision.name.clone()).unwrap_or_default();
    let doomed: Vec<String> = store
        .scaling
        .values()
        .filter(|known| known.revision.arn == arn || input.delete_all_revisions && known.revision.name == name)
        .map(|known| known.revision.arn.clone())
        .collect();
    for arn in &doomed {
        if store.scaling.get(arn).is_some_and(|known| known.is_default) {
            return Err(invalid(format!("The default auto scaling configuration cannot be deleted. ARN: {arn}")));
        }
        let message = format!("Auto scaling configuration is being used by one or more services. ARN: {arn}");
        store.check_unused(&message, |settings| settings.scaling == *arn)?;
    }
    for arn in &doomed {
        if let Some(configuration) = store.scaling.get_mut(arn) {
            configuration.revision.deleted_at.get_or_insert(now);
        }
    }
    show(ctx, &arn)
}

pub(super) fn update_default_auto_scaling_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let arn = usable(ctx, &input.auto_scaling_configuration_arn)?;
    for known in ctx.region.apprunner.scaling.values_mut() {
        known.is_default = known.revision.arn == arn;
    }
    show(ctx, &arn)
}

/// When the configuration was made that every region begins with.
const PROVIDED_AT: Millis = 1_609_459_200_000;

/// Makes the configuration that every region begins with, once.
fn provide_default(ctx: &mut Ctx<'_>) {
    let arn = format!(
        "arn:aws:apprunner:{}:{}:{KIND}/{PROVIDED}/1/00000000000000000000000000000001",
        ctx.region_name, ctx.account
    );
    let store = &mut ctx.region.apprunner;
    store.revisions.entry(format!("{KIND}/{PROVIDED}")).or_insert(1);
    if std::mem::replace(&mut store.provided, true) || store.scaling.contains_key(&arn) {
        return;
    }
    let revision = Revision {
        arn: arn.clone(),
        name: PROVIDED.to_owned(),
        number: 1,
        created_at: PROVIDED_AT,
        ..Revision::default()
    };
    let provided = Configuration { revision, max_concurrency: 100, min_size: 1, max_size: 25, is_default: true };
    store.scaling.insert(arn, provided);
}

/// The full ARN of the configuration that `arn` means.
fn find(ctx: &mut Ctx<'_>, arn: &str) -> Result<String, Fault> {
    provide_default(ctx);
    let known = ctx.region.apprunner.scaling.values().map(|known| &known.revision);
    resolve(known, arn).ok_or_else(|| not_found("auto scaling configuration", arn))
}

/// The full ARN of a configuration that a service may use.
pub(super) fn usable(ctx: &mut Ctx<'_>, arn: &str) -> Result<String, Fault> {
    let found = find(ctx, arn).map_err(|_| invalid(format!("Auto scaling configuration ARN is invalid: {arn}")))?;
    match ctx.region.apprunner.scaling.get(&found) {
        Some(known) if known.revision.is_active() => Ok(found),
        _ => Err(invalid(format!("Auto scaling configuration ARN is invalid: {arn} is INACTIVE."))),
    }
}

/// The ARN of the configuration that services take which name none.
pub(super) fn default(ctx: &mut Ctx<'_>) -> String {
    provide_default(ctx);
    let known = ctx.region.apprunner.scaling.values().find(|known| known.is_default);
    known.map(|known| known.revision.arn.clone()).unwrap_or_default()
}

fn show(ctx: &Ctx<'_>, arn: &str) -> Result<Value, Fault> {
    let store = &ctx.region.apprunner;
    let known = store.scaling.get(arn).ok_or_else(|| not_found("auto scaling configuration", arn))?;
    Ok(json!({ "AutoScalingConfiguration": known.describe(store) }))
}

impl Store {
    /// The summary that stands in a service's description.
    pub(super) fn scaling_summary(&self, arn: &str) -> Value {
        self.scaling.get(arn).map_or_else(|| json!({ "AutoScalingConfigurationArn": arn }), |known| known.summary(self))
    }

    /// Whether a revision is the newest active one of its name.
    fn is_latest(&self, revision: &Revision) -> bool {
        let family =
            self.scaling.values().filter(|known| known.revision.name == revision.name && known.revision.is_active());
        family.map(|known| known.revision.number).max() == Some(revision.number) && revision.is_active()
    }
}
