//! A service as App Runner describes it, in the terms of the spec, and what its operations tell of it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use aws_sdk_apprunner::types::{
    OperationStatus, OperationSummary, OperationType, Service as Found, ServiceStatus, ServiceSummary,
};
use futures::future::try_join;

use super::{HealthCheck, Service, logs};
use crate::{
    aws::{Clients, Result, each, tags, unless_gone},
    engine::{Anything, Live, Phase, Ref, Scope},
};

pub(super) async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Service>>> {
    let pages = scope.aws.apprunner.list_services().into_paginator().send().try_collect().await?;
    let summaries = pages.into_iter().flat_map(|page| page.service_summary_list);
    let ours = summaries.filter(|service| scope.is_named(service.service_name()));
    // The list has only names and states, and says DELETED for a while of what is gone.
    let there = ours.filter(|service| service.status() != Some(&ServiceStatus::Deleted));
    let found = each(there.map(|summary| one(summary, scope))).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn one(summary: ServiceSummary, scope: &Scope<'_>) -> Result<Option<Live<Service>>> {
    let Some(arn) = summary.service_arn() else { return Ok(None) };
    // First of all: another stack's costs this one call.
    let tags = tags::of_apprunner(scope.aws, arn).await?;
    let Some(address) = scope.address::<Service>(&tags, arn) else { return Ok(None) };
    let describe = async { unless_gone(scope.aws.apprunner.describe_service().service_arn(arn).send().await) };
    let (answer, operation) = try_join(describe, operation(scope.aws, arn)).await?;
    let Some(service) = answer.and_then(|answer| answer.service) else { return Ok(None) };
    if *service.status() == ServiceStatus::Deleted {
        return Ok(None);
    }
    let mut phase = phase(&service, operation.as_ref());
    let mut setback = setback(&service, operation.as_ref());
    if let (Some(reason), Some(operation)) = (failure(&mut phase, &mut setback), &operation) {
        reason.push_str(&logs::of(scope.aws, &service, operation).await);
    }
    let live = Live::new(address, arn, spec(&service))
        .output("arn", Some(arn))
        .output("name", Some(service.service_name()))
        .output("url", service.service_url().map(url))
        .tags(tags)
        .created(Some(service.created_at().secs()))
        .phase(phase)
        .setback(setback);
    Ok(Some(live))
}

/// Where the service answers. Nobody certifies `localhost`, and nothing but this machine is reached by it.
fn url(host: &str) -> String {
    let name = host.split(':').next().unwrap_or_default();
    let scheme = if name == "localhost" || name.ends_with(".localhost") { "http" } else { "https" };
    format!("{scheme}://{host}")
}

/// The text that says what went wrong, if something did.
fn failure<'a>(phase: &'a mut Phase, setback: &'a mut Option<String>) -> Option<&'a mut String> {
    match phase {
        Phase::Failed(why) => Some(why),
        _ => setback.as_mut(),
    }
}

/// The latest operation: nothing else tells a deletion from a deployment, or that an update was taken back.
async fn operation(aws: &Clients, arn: &str) -> Result<Option<OperationSummary>> {
    let call = || aws.apprunner.list_operations().service_arn(arn).max_results(20);
    let Some(first) = unless_gone(call().send().await)? else { return Ok(None) };
    let mut operations = first.operation_summary_list.unwrap_or_default();
    // App Runner lists them from new to old, and promises no order; a service that lives for long has many pages.
    if first.next_token.is_some() && !operations.is_sorted_by_key(|operation| Reverse(begun(operation))) {
        let pages = unless_gone(call().into_paginator().send().try_collect().await)?.unwrap_or_default();
        operations = pages.into_iter().flat_map(|page| page.operation_summary_list.unwrap_or_default()).collect();
    }
    Ok(operations.into_iter().max_by_key(begun))
}

fn begun(operation: &OperationSummary) -> Option<(i64, u32)> {
    operation.started_at().map(|at| (at.secs(), at.subsec_nanos()))
}

fn phase(service: &Found, operation: Option<&OperationSummary>) -> Phase {
    let kind = operation.and_then(|operation| operation.r#type());
    match service.status() {
        // A paused service is whole and can be resumed: see the attribute `running`.
        ServiceStatus::Running => Phase::Ready,
        status @ ServiceStatus::Paused => Phase::Stopped(status.to_string()),
        ServiceStatus::OperationInProgress if kind == Some(&OperationType::DeleteService) => {
            Phase::Deleting(word(operation))
        }
        ServiceStatus::OperationInProgress => Phase::Changing(word(operation)),
        status => Phase::Failed(format!("its state is {status}; {}", story(service, operation))),
    }
}

/// What an operation in progress does, in App Runner's words.
fn word(operation: Option<&OperationSummary>) -> String {
    let Some(kind) = operation.and_then(|operation| operation.r#type()) else {
        return "OPERATION_IN_PROGRESS".to_owned();
    };
    match operation.and_then(|operation| operation.status()) {
        Some(status @ OperationStatus::RollbackInProgress) => format!("{kind}, {status}"),
        _ => kind.to_string(),
    }
}

/// A service whose update fails runs on as it was before; only the operation tells.
fn setback(service: &Found, operation: Option<&OperationSummary>) -> Option<String> {
    use OperationStatus::{Failed, RollbackFailed, RollbackSucceeded};
    use OperationType::{ResumeService, StartDeployment, UpdateService};
    let operation = operation.filter(|_| *service.status() != ServiceStatus::OperationInProgress)?;
    let changed = matches!(operation.r#type()?, UpdateService | StartDeployment | ResumeService);
    let failed = matches!(operation.status()?, Failed | RollbackFailed | RollbackSucceeded);
    (changed && failed).then(|| story(service, Some(operation)))
}

/// What the operation came to, and where App Runner and the application wrote about it.
fn story(service: &Found, operation: Option<&OperationSummary>) -> String {
    let ended = operation.and_then(|operation| {
        let (kind, status) = (operation.r#type()?, operation.status()?);
        Some(format!("its operation {kind} ({}) is {status}. ", operation.id().unwrap_or("without id")))
    });
    let logs = format!("/aws/apprunner/{}/{}", service.service_name(), service.service_id());
    format!(
        "{}The reason is in the CloudWatch log group {logs}/service, and what the application said in {logs}/application",
        ended.unwrap_or_default()
    )
}

fn spec(service: &Found) -> Service {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let source = service.source_configuration();
    let repository = source.and_then(|source| source.image_repository());
    let image = repository.and_then(|repository| repository.image_configuration());
    let access = source.and_then(|source| source.authentication_configuration()?.access_role_arn());
    let instance = service.instance_configuration();
    let network = service.network_configuration();
    let scaling = service.auto_scaling_configuration_summary();
    Service {
        name: service.service_name().to_owned(),
        image: text(repository.map(|repository| repository.image_identifier())),
        repository_type: text(repository.map(|repository| repository.image_repository_type().as_str())),
        access_role: access.map(Ref::value),
        auto_deployments: source.and_then(|source| source.auto_deployments_enabled()).unwrap_or_default(),
        port: image.and_then(|image| image.port()?.parse().ok()).unwrap_or_default(),
        command: image.and_then(|image| image.start_command()).filter(|command| !command.is_empty()).map(str::to_owned),
        cpu: units(instance.and_then(|instance| instance.cpu()).unwrap_or_default()),
        memory: units(instance.and_then(|instance| instance.memory()).unwrap_or_default()),
        instance_role: Ref::value(text(instance.and_then(|instance| instance.instance_role_arn()))),
        connector: network.and_then(|network| network.egress_configuration()?.vpc_connector_arn()).map(Ref::value),
        auto_scaling: Ref::value(text(scaling.and_then(|scaling| scaling.auto_scaling_configuration_arn()))),
        env: values(image.and_then(|image| image.runtime_environment_variables())),
        secrets: values(image.and_then(|image| image.runtime_environment_secrets())),
        health_check: health_check(service),
        // While an operation runs, it is on its way to running.
        running: *service.status() != ServiceStatus::Paused,
        public: network
            .and_then(|network| network.ingress_configuration())
            .is_none_or(|ingress| ingress.is_publicly_accessible()),
        ip_address_type: network
            .and_then(|network| network.ip_address_type())
            .map_or("IPV4", |it| it.as_str())
            .to_owned(),
        observability: service.observability_configuration().is_some_and(|traces| traces.observability_enabled()),
    }
}

fn values(map: Option<&HashMap<String, String>>) -> BTreeMap<String, Ref<Anything>> {
    map.into_iter().flatten().map(|(name, value)| (name.clone(), Ref::value(value))).collect()
}

fn health_check(service: &Found) -> HealthCheck {
    let check = service.health_check_configuration();
    HealthCheck {
        protocol: check.and_then(|check| check.protocol()).map_or("TCP", |protocol| protocol.as_str()).to_owned(),
        path: check.and_then(|check| check.path()).map(str::to_owned),
        interval_seconds: check.and_then(|check| check.interval()).unwrap_or_default(),
        timeout_seconds: check.and_then(|check| check.timeout()).unwrap_or_default(),
        healthy_threshold: check.and_then(|check| check.healthy_threshold()).unwrap_or_default(),
        unhealthy_threshold: check.and_then(|check| check.unhealthy_threshold()).unwrap_or_default(),
    }
}

/// App Runner takes and gives both forms: `0.5 vCPU` is 512, `2 GB` is 2048.
fn units(text: &str) -> String {
    let whole = text.strip_suffix("vCPU").or_else(|| text.strip_suffix("GB"));
    let thousands = whole.and_then(|number| number.trim().parse::<f64>().ok());
    thousands.map_or_else(|| text.to_owned(), |number| (number * 1024.0).to_string())
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    fn found(status: ServiceStatus) -> Found {
        Found::builder()
            .service_name("shop-service")
            .service_id("8fe1")
            .service_arn("arn:aws:apprunner:us-east-1:1:service/shop-service/8fe1")
            .created_at(DateTime::from_secs(0))
            .updated_at(DateTime::from_secs(0))
            .status(status)
            .build()
            .unwrap()
    }

    fn ended(kind: OperationType, status: OperationStatus) -> OperationSummary {
        OperationSummary::builder().id("op-1").r#type(kind).status(status).build()
    }

    #[test]
    fn states() {
        let deleting = ended(OperationType::DeleteService, OperationStatus::InProgress);
        let updating = ended(OperationType::UpdateService, OperationStatus::InProgress);
        let busy = found(ServiceStatus::OperationInProgress);
        assert_eq!(phase(&found(ServiceStatus::Running), None), Phase::Ready);
        assert_eq!(phase(&busy, Some(&deleting)), Phase::Deleting("DELETE_SERVICE".into()));
        assert_eq!(phase(&busy, Some(&updating)), Phase::Changing("UPDATE_SERVICE".into()));
        assert_eq!(phase(&busy, None), Phase::Changing("OPERATION_IN_PROGRESS".into()));
        let back = ended(OperationType::UpdateService, OperationStatus::RollbackInProgress);
        assert_eq!(phase(&busy, Some(&back)), Phase::Changing("UPDATE_SERVICE, ROLLBACK_IN_PROGRESS".into()));
        let paused = found(ServiceStatus::Paused);
        assert_eq!((phase(&paused, None), spec(&paused).running), (Phase::Stopped("PAUSED".into()), false));
    }

    #[test]
    fn a_failed_creation_says_where_to_look() {
        let failed = ended(OperationType::CreateService, OperationStatus::Failed);
        let Phase::Failed(why) = phase(&found(ServiceStatus::CreateFailed), Some(&failed)) else {
            panic!("a failed creation is failed")
        };
        for word in ["CREATE_FAILED", "CREATE_SERVICE (op-1) is FAILED", "/aws/apprunner/shop-service/8fe1/application"]
        {
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn an_update_that_was_taken_back_is_told() {
        use {OperationStatus::*, OperationType::*};
        let told = |kind, status| setback(&found(ServiceStatus::Running), Some(&ended(kind, status)));
        for status in [Failed, RollbackFailed, RollbackSucceeded] {
            assert!(told(UpdateService, status.clone()).is_some_and(|why| why.contains(status.as_str())), "{status}");
        }
        assert_eq!(told(UpdateService, Succeeded), None);
        assert_eq!(told(CreateService, Failed), None);
        let on_its_way = ended(UpdateService, RollbackInProgress);
        assert_eq!(setback(&found(ServiceStatus::OperationInProgress), Some(&on_its_way)), None);
    }

    #[test]
    fn a_service_on_this_machine_has_no_certificate() {
        assert_eq!(url("abc.us-east-1.awsapprunner.com"), "https://abc.us-east-1.awsapprunner.com");
        assert_eq!(url("localhost:8080"), "http://localhost:8080");
    }

    #[test]
    fn both_forms_of_numbers_are_one() {
        for (given, units_) in
            [("1024", "1024"), ("1 vCPU", "1024"), ("0.25 vCPU", "256"), ("2 GB", "2048"), ("0.5 GB", "512")]
        {
            assert_eq!(units(given), units_);
        }
    }

    #[test]
    fn what_is_left_out_is_a_value_where_its_removal_must_show() {
        let shown = serde_json::to_value(spec(&found(ServiceStatus::Running))).unwrap();
        assert_eq!((&shown["command"], &shown["connector"]), (&"".into(), &"DEFAULT".into()));
    }
}
