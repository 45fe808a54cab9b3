//! VPC ingress connections: the way from a VPC, by an interface endpoint, to a service that the internet does not reach.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Store, cut, invalid, not_found, revision::check_count, tag};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, decode, merge_tags, optional_time, random_hex, random_text, time},
    pace::Millis,
    world::Ctx,
};

/// How long AWS takes for each change.
const CHANGE: Duration = Duration::from_secs(60);

/// A connection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Ingress {
    pub(super) arn: String,
    pub(super) name: String,
    account: String,
    service: String,
    domain: String,
    vpc: String,
    endpoint: String,
    created_at: Millis,
    pub(super) deleted_at: Option<Millis>,
    /// What it shows until then, and what after that.
    phase: (String, Millis, String),
    pub(super) tags: Tags,
}

impl Ingress {
    /// Moves it on if its time has come.
    pub(super) fn settle(&mut self, now: Millis) {
        if self.phase.1 <= now && self.phase.0 != self.phase.2 {
            self.phase.0.clone_from(&self.phase.2);
            if self.is_deleted() {
                self.deleted_at = Some(self.phase.1);
            }
        }
    }

    pub(super) fn status(&self) -> &str {
        &self.phase.0
    }

    pub(super) fn is_deleted(&self) -> bool {
        self.status() == "DELETED"
    }

    fn change(&mut self, ctx: &Ctx<'_>, status: &str, then: &str) {
        self.phase = (status.to_owned(), ctx.pace.after(ctx.now, CHANGE), then.to_owned());
    }

    fn describe(&self) -> Value {
        json!({
            "VpcIngressConnectionArn": self.arn, "VpcIngressConnectionName": self.name, "ServiceArn": self.service,
            "AccountId": self.account, "DomainName": self.domain, "Status": self.status(),
            "IngressVpcConfiguration": {"VpcId": self.vpc, "VpcEndpointId": self.endpoint},
            "CreatedAt": time(self.created_at), "DeletedAt": optional_time(self.deleted_at),
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    vpc_ingress_connection_arn: String,
    vpc_ingress_connection_name: String,
    service_arn: String,
    ingress_vpc_configuration: Vpc,
    filter: Filter,
    tags: Vec<Tag>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Vpc {
    vpc_id: String,
    vpc_endpoint_id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    service_arn: Option<String>,
    vpc_endpoint_id: Option<String>,
}

/// The endpoint is one for App Runner's requests, in the VPC that is named.
fn check_vpc(ctx: &Ctx<'_>, vpc: &Vpc) -> Result<(), Fault> {
    let Some((in_vpc, service)) = ctx.region.ec2.interface_endpoint(&vpc.vpc_endpoint_id) else {
        return Err(invalid(format!("VPC endpoint ID is invalid: {} does not exist.", vpc.vpc_endpoint_id)));
    };
    if in_vpc != vpc.vpc_id {
        return Err(invalid(format!("VPC endpoint {} is not in the VPC {}.", vpc.vpc_endpoint_id, vpc.vpc_id)));
    }
    let wanted = format!("com.amazonaws.{}.apprunner.requests", ctx.region_name);
    if service != wanted {
        return Err(invalid(format!("VPC endpoint {} is for {service}, and not for {wanted}.", vpc.vpc_endpoint_id)));
    }
    Ok(())
}

pub(super) fn create_vpc_ingress_connection(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::check(&input.tags)?;
    let name = input.vpc_ingress_connection_name;
    let service = ctx.region.apprunner.find(&input.service_arn)?;
    if service.settings.network["IngressConfiguration"]["IsPubliclyAccessible"] != json!(false) {
        return Err(invalid(format!(
            "Service is publicly accessible, so that it takes no VPC ingress connection: {}",
            service.arn
        )));
    }
    let service = service.arn.clone();
    check_vpc(ctx, &input.ingress_vpc_configuration)?;
    let there = || ctx.region.apprunner.ingress.values().filter(|one| !one.is_deleted());
    if there().any(|one| one.name == name) {
        return Err(invalid(format!("VpcIngressConnection with the provided name already exists: {name}.")));
    }
    check_count(there().filter(|one| one.service == service).count(), 1, "VPC ingress connections of a service")?;
    let host = random_text(10, b"abcdefghijkmnpqrstuvwxyz23456789");
    let mut ingress = Ingress {
        arn: format!(
            "arn:aws:apprunner:{}:{}:vpcingressconnection/{name}/{}",
            ctx.region_name,
            ctx.account,
            random_hex(32)
        ),
        name,
        account: ctx.account.to_owned(),
        service,
        domain: format!("{host}.{}.awsapprunner.com", ctx.region_name),
        vpc: input.ingress_vpc_configuration.vpc_id,
        endpoint: input.ingress_vpc_configuration.vpc_endpoint_id,
        created_at: ctx.now,
        ..Ingress::default()
    };
    merge_tags(&mut ingress.tags, input.tags);
    ingress.change(ctx, "PENDING_CREATION", "AVAILABLE");
    let output = ingress.describe();
    ctx.region.apprunner.ingress.insert(ingress.arn.clone(), ingress);
    Ok(json!({ "VpcIngressConnection": output }))
}

/// The connection that a call means.
fn find(store: &Store, arn: &str) -> Result<Ingress, Fault> {
    store.ingress.get(arn).cloned().ok_or_else(|| not_found("VPC ingress connection", arn))
}

/// The same, and in one of the states that the call wants.
fn settled(store: &Store, arn: &str, allowed: &[&str]) -> Result<Ingress, Fault> {
    let ingress = find(store, arn)?;
    if allowed.contains(&ingress.status()) {
        return Ok(ingress);
    }
    let message = format!(
        "VPC ingress connection status must be {}. It is {}. ARN: {arn}",
        allowed.join(" or "),
        ingress.status()
    );
    Err(Fault::new("InvalidStateException", message))
}

pub(super) fn update_vpc_ingress_connection(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let mut ingress = settled(&ctx.region.apprunner, &input.vpc_ingress_connection_arn, &["AVAILABLE"])?;
    check_vpc(ctx, &input.ingress_vpc_configuration)?;
    ingress.vpc = input.ingress_vpc_configuration.vpc_id;
    ingress.endpoint = input.ingress_vpc_configuration.vpc_endpoint_id;
    ingress.change(ctx, "PENDING_UPDATE", "AVAILABLE");
    let output = ingress.describe();
    ctx.region.apprunner.ingress.insert(ingress.arn.clone(), ingress);
    Ok(json!({ "VpcIngressConnection": output }))
}

pub(super) fn delete_vpc_ingress_connection(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let mut ingress = settled(&ctx.region.apprunner, &input.vpc_ingress_connection_arn, &["AVAILABLE"])?;
    ingress.change(ctx, "PENDING_DELETION", "DELETED");
    let output = ingress.describe();
    ctx.region.apprunner.ingress.insert(ingress.arn.clone(), ingress);
    Ok(json!({ "VpcIngressConnection": output }))
}

pub(super) fn describe_vpc_ingress_connection(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let ingress = find(&ctx.region.apprunner, &input.vpc_ingress_connection_arn)?;
    Ok(json!({ "VpcIngressConnection": ingress.describe() }))
}

pub(super) fn list_vpc_ingress_connections(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let Filter { service_arn, vpc_endpoint_id } = input.filter;
    let chosen = ctx.region.apprunner.ingress.values().filter(|one| {
        !one.is_deleted()
            && service_arn.as_ref().is_none_or(|arn| *arn == one.service)
            && vpc_endpoint_id.as_ref().is_none_or(|id| *id == one.endpoint)
    });
    let page = cut(chosen.collect(), input.next_token.as_deref(), input.max_results, |one| one.arn.clone())?;
    let summary = |one: &Ingress| json!({ "VpcIngressConnectionArn": one.arn, "ServiceArn": one.service });
    let list: Vec<Value> = page.items.into_iter().map(summary).collect();
    Ok(json!({ "VpcIngressConnectionSummaryList": list, "NextToken": page.next }))
}

impl Store {
    /// Whether a service has a connection that is still there.
    pub(super) fn has_ingress(&self, service: &str) -> bool {
        self.ingress.values().any(|one| one.service == service && !one.is_deleted())
    }
}
