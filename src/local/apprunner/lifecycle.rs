//! The operations on a service: create, update, deploy, pause, resume, delete.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    AppService, Status, check, connector, invalid, not_found,
    service::{Awaits, Kind, Operation, Settings},
    settings, tag,
};
use crate::local::{
    fault::Fault,
    iam::service_linked,
    members::{Tag, decode, merge_tags, random_hex, random_text},
    world::Ctx,
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    service_name: String,
    service_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn create_service(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let Input { service_name: name, tags, .. } = decode(input.clone())?;
    tag::check(&tags)?;
    let store = &ctx.region.apprunner;
    let existing = || store.services.values().filter(|service| service.status != Status::Deleted);
    if existing().any(|service| service.name == name) {
        return Err(invalid(format!("Service with the provided name already exists: {name}.")));
    }
    super::revision::check_count(existing().count(), 30, "services")?;
    let settings = settings::desired(ctx, &input, None)?;
    check::check_roles(ctx, &settings)?;
    let id = random_hex(32);
    let host = random_text(10, b"abcdefghijkmnpqrstuvwxyz23456789");
    let mut service = AppService {
        arn: format!("arn:aws:apprunner:{}:{}:service/{name}/{id}", ctx.region_name, ctx.account),
        url: format!("{host}.{}.awsapprunner.com", ctx.region_name),
        name,
        id,
        created_at: ctx.now,
        updated_at: ctx.now,
        settings,
        ..AppService::default()
    };
    merge_tags(&mut service.tags, tags);
    let arn = service.arn.clone();
    ctx.region.apprunner.services.insert(arn.clone(), service);
    service_linked::provide(ctx, service_linked::OF_APP_RUNNER);
    let operation = start(ctx, &arn, Kind::Create, super::CREATE)?;
    answer(ctx, &arn, &operation)
}

/// What an update changes: it has to give one of them.
const UPDATED: &[&str] = &[
    "SourceConfiguration",
    "InstanceConfiguration",
    "AutoScalingConfigurationArn",
    "HealthCheckConfiguration",
    "NetworkConfiguration",
    "ObservabilityConfiguration",
];

pub(super) fn update_service(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let Input { service_arn, .. } = decode(input.clone())?;
    let allowed = [Status::Running, Status::Paused, Status::CreateFailed];
    let arn = require(ctx, &service_arn, &allowed, "RUNNING or PAUSED to be updated")?;
    if !UPDATED.iter().any(|member| !input[*member].is_null()) {
        return Err(invalid("No configurations provided in the UpdateService request."));
    }
    let before = service(ctx, &arn)?.settings.clone();
    let settings = settings::desired(ctx, &input, Some(&before))?;
    check::check_roles(ctx, &settings)?;
    let service = service(ctx, &arn)?;
    service.settings = settings;
    service.fallback = Some(before);
    let operation = start(ctx, &arn, Kind::Update, super::UPDATE)?;
    answer(ctx, &arn, &operation)
}

pub(super) fn start_deployment(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let Input { service_arn, .. } = decode(input)?;
    let arn = require(ctx, &service_arn, &[Status::Running], "RUNNING to be deployed")?;
    let operation = start(ctx, &arn, Kind::Deploy, super::UPDATE)?;
    Ok(json!({ "OperationId": operation }))
}

pub(super) fn pause_service(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let Input { service_arn, .. } = decode(input)?;
    let arn = require(ctx, &service_arn, &[Status::Running], "RUNNING to be paused")?;
    let operation = start(ctx, &arn, Kind::Pause, super::PAUSE)?;
    answer(ctx, &arn, &operation)
}

pub(super) fn resume_service(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let Input { service_arn, .. } = decode(input)?;
    let arn = require(ctx, &service_arn, &[Status::Paused], "PAUSED to be resumed")?;
    let operation = start(ctx, &arn, Kind::Resume, super::RESUME)?;
    answer(ctx, &arn, &operation)
}

pub(super) fn delete_service(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let Input { service_arn, .. } = decode(input)?;
    let allowed = [Status::Running, Status::Paused, Status::CreateFailed, Status::DeleteFailed];
    let arn = require(ctx, &service_arn, &allowed, "RUNNING, PAUSED, CREATE_FAILED or DELETE_FAILED to be deleted")?;
    if ctx.region.apprunner.has_ingress(&arn) {
        return Err(invalid(format!(
            "Service has a VPC ingress connection, which has to be deleted first. ARN: {arn}"
        )));
    }
    let operation = start(ctx, &arn, Kind::Delete, super::DELETE)?;
    answer(ctx, &arn, &operation)
}

/// The service that an ARN means, ready for an operation, or the refusal that names the state it is in.
fn require(ctx: &mut Ctx<'_>, arn: &str, allowed: &[Status], wanted: &str) -> Result<String, Fault> {
    let service = service(ctx, arn)?;
    if service.running_operation().is_none() && allowed.contains(&service.status) {
        return Ok(service.arn.clone());
    }
    Err(Fault::new(
        "InvalidStateException",
        format!("Service status must be {wanted}. The current status is {}. ARN: {arn}", service.status_text()),
    ))
}

fn service<'a>(ctx: &'a mut Ctx<'_>, arn: &str) -> Result<&'a mut AppService, Fault> {
    ctx.region.apprunner.find(arn)
}

/// Begins an operation and decides how it will end; gives its id.
pub(super) fn start(ctx: &mut Ctx<'_>, arn: &str, kind: Kind, duration: Duration) -> Result<String, Fault> {
    let paused = service(ctx, arn)?.status == Status::Paused;
    let starts_instances =
        matches!(kind, Kind::Create | Kind::Deploy | Kind::Resume) || kind == Kind::Update && !paused;
    if starts_instances {
        take_program(ctx, arn, kind)?;
    }
    let settings = service(ctx, arn)?.settings.clone();
    let foreseen = if starts_instances { check::foresee(ctx, &settings) } else { None };
    let mut failure = ctx.doom.take().or(foreseen);
    let mut takes = duration;
    if matches!(kind, Kind::Create | Kind::Update)
        && let Some(arn) = settings.connector()
    {
        match connector::use_first(ctx, arn) {
            Ok(true) => takes += super::FIRST_USE,
            Ok(false) => {}
            Err(full) => failure = failure.or(Some(full)),
        }
    }
    let (now, ends_at) = (ctx.now, ctx.pace.after(ctx.now, takes));
    let mut operation = Operation::new(kind, now, ends_at, failure.clone());
    let id = operation.id.clone();
    let service = service(ctx, arn)?;
    if settings.program.is_some() && failure.is_none() {
        operation.awaits = match kind {
            Kind::Pause | Kind::Delete => Some(Awaits::End),
            _ => starts_instances.then_some(Awaits::Start),
        };
    }
    if starts_instances && failure.is_none() {
        service.generation += 1;
    }
    service.operations.push(operation);
    log_start(ctx, arn, kind, &settings);
    Ok(id)
}

/// What was offered in the image's place is what is started now; a deployment that fails goes back to what ran before.
fn take_program(ctx: &mut Ctx<'_>, arn: &str, kind: Kind) -> Result<(), Fault> {
    let name = service(ctx, arn)?.name.clone();
    let program = ctx.region.apprunner.programs.get(&name).cloned();
    let service = service(ctx, arn)?;
    if kind == Kind::Deploy {
        service.fallback = Some(service.settings.clone());
    }
    service.settings.program = program;
    Ok(())
}

/// What App Runner logs when an operation begins.
fn log_start(ctx: &mut Ctx<'_>, arn: &str, kind: Kind, settings: &Settings) {
    let text = match kind {
        Kind::Create => "Service creation started.",
        Kind::Update => "Service update started.",
        Kind::Deploy => "Deployment started.",
        Kind::Pause => "Service pause started.",
        Kind::Resume => "Service resume started.",
        Kind::Delete => "Service deletion started.",
    };
    let now = ctx.now;
    ctx.region.apprunner.log(arn, now, text);
    if !matches!(kind, Kind::Create | Kind::Update | Kind::Deploy) {
        return;
    }
    let image = settings.source.0["ImageRepository"]["ImageIdentifier"].as_str().unwrap_or("the source code");
    ctx.region.apprunner.log(arn, now, &format!("Starting to pull {image}."));
}

/// The answer of most operations: the service under way, and the operation's id.
fn answer(ctx: &mut Ctx<'_>, arn: &str, operation: &str) -> Result<Value, Fault> {
    let store = &ctx.region.apprunner;
    let service = store.services.get(arn).ok_or_else(|| not_found("service", arn))?;
    let description = service.describe(store.scaling_summary(&service.settings.scaling));
    Ok(json!({ "Service": description, "OperationId": operation }))
}
