//! Roles that AWS's services make for themselves.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Role, Usage, no_such};
use crate::local::{
    fault::Fault,
    members::{decode, random_uuid},
    world::Ctx,
};

/// A service that may have a role of its own: its principal, the role's name, its policy's name.
const SERVICES: &[(&str, &str, &str)] = &[
    ("apprunner.amazonaws.com", OF_APP_RUNNER, "AppRunnerServiceRolePolicy"),
    ("networking.apprunner.amazonaws.com", OF_APP_RUNNER_NETWORKING, "AppRunnerNetworkingServiceRolePolicy"),
    ("rds.amazonaws.com", OF_RDS, "AmazonRDSServiceRolePolicy"),
    ("ecs.amazonaws.com", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"),
    (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
    ),
    (
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
    ),
    (
        "rds.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_RDSCluster",
        "AWSApplicationAutoscalingRDSClusterPolicy",
    ),
];

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    #[serde(rename = "AWSServiceName")]
    service: String,
    description: Option<String>,
    custom_suffix: Option<String>,
    role_name: String,
    deletion_task_id: String,
}

pub(super) fn create_service_linked_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let Some((principal, name, policy)) = SERVICES.iter().find(|(principal, ..)| *principal == input.service) else {
        return Err(Fault::new(
            "InvalidInput",
            format!("Service Linked Roles are not supported for {} in the local cloud.", input.service),
        ));
    };
    if input.custom_suffix.is_some() {
        return Err(Fault::new("InvalidInput", format!("Custom suffix is not allowed for {principal}")));
    }
    if ctx.iam.roles.contains_key(*name) {
        return Err(Fault::new(
            "InvalidInput",
            format!("Service role name {name} has been taken in this account, please try a different suffix."),
        ));
    }
    Ok(json!({ "Role": make(ctx, principal, name, policy, input.description).details() }))
}

/// The role of RDS.
pub(crate) const OF_RDS: &str = "AWSServiceRoleForRDS";

/// The role of App Runner, for its services.
pub(crate) const OF_APP_RUNNER: &str = "AWSServiceRoleForAppRunner";

/// The role of App Runner's network, for VPC connectors.
pub(crate) const OF_APP_RUNNER_NETWORKING: &str = "AWSServiceRoleForAppRunnerNetworking";

/// Makes a service's role if there is none, as the service itself does when it first needs it.
pub(crate) fn provide(ctx: &mut Ctx<'_>, name: &str) {
    let known = SERVICES.iter().find(|(_, known, _)| *known == name && !ctx.iam.roles.contains_key(name));
    if let Some((principal, name, policy)) = known {
        make(ctx, principal, name, policy, None);
    }
}

fn make<'a>(
    ctx: &'a mut Ctx<'_>,
    principal: &str,
    name: &str,
    policy: &str,
    description: Option<String>,
) -> &'a mut Role {
    let path = format!("/aws-service-role/{principal}/");
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": principal }, "Action": "sts:AssumeRole" }],
    });
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{name}", ctx.account),
        name: name.to_owned(),
        id: format!("AROA{}", super::role::random_id()),
        path,
        trust_document: trust.to_string(),
        trust_policy: trust,
        description,
        created_at: ctx.now,
        assumable_at: ctx.now,
        attached: vec![format!("arn:aws:iam::aws:policy/aws-service-role/{policy}")],
        ..Role::default()
    };
    let place = ctx.iam.roles.entry(name.to_owned());
    place.insert_entry(role).into_mut()
}

pub(super) fn delete_service_linked_role(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let role = ctx.iam.find_role(&input.role_name)?;
    if !role.is_service_linked() {
        return Err(Fault::new("InvalidInput", format!("The role {} is not service-linked.", role.name)));
    }
    let task = format!("task{}{}/{}", role.path, role.name, random_uuid());
    let done_at = ctx.pace.after(ctx.now, Duration::from_secs(5));
    ctx.iam.deletions.insert(task.clone(), (input.role_name, done_at));
    Ok(json!({ "DeletionTaskId": task }))
}

pub(super) fn get_service_linked_role_deletion_status(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let task = ctx.iam.deletions.get(&input.deletion_task_id);
    let (_, done_at) = task.ok_or_else(|| no_such(format!("Deletion task {} not found.", input.deletion_task_id)))?;
    if let Some(users) = ctx.iam.refused_deletions.get(&input.deletion_task_id) {
        let usage = |usage: &Usage| json!({ "Region": usage.region, "Resources": usage.resources });
        let usages: Vec<Value> = users.iter().map(usage).collect();
        let why = "The role cannot be deleted, because resources of the service still use it.";
        return Ok(json!({ "Status": "FAILED", "Reason": { "Reason": why, "RoleUsageList": usages } }));
    }
    Ok(json!({ "Status": if *done_at <= ctx.now { "SUCCEEDED" } else { "IN_PROGRESS" } }))
}
