//! What somebody does behind the client's back: another call in the same account and region, right after the one that is struck.

use serde_json::{Map, Value, json};

use super::Effect;
use crate::{
    aws::is_reading,
    engine::identity,
    local::{
        fault::Fault,
        inventory::Item,
        model::{Kind, Model},
        protocol,
        service::{SERVICES, Service},
        world::Ctx,
    },
};

/// How what the inventory lists is deleted: service, kind, action, and the member that says which.
const DELETIONS: &[(&str, &str, &str, &str)] = &[
    ("ec2", "vpc", "DeleteVpc", "VpcId"),
    ("ec2", "subnet", "DeleteSubnet", "SubnetId"),
    ("ec2", "internet-gateway", "DeleteInternetGateway", "InternetGatewayId"),
    ("ec2", "nat-gateway", "DeleteNatGateway", "NatGatewayId"),
    ("ec2", "elastic-ip", "ReleaseAddress", "AllocationId"),
    ("ec2", "route-table", "DeleteRouteTable", "RouteTableId"),
    ("ec2", "security-group", "DeleteSecurityGroup", "GroupId"),
    ("ec2", "vpc-endpoint", "DeleteVpcEndpoints", "VpcEndpointIds"),
    ("rds", "db-subnet-group", "DeleteDBSubnetGroup", "DBSubnetGroupName"),
    ("rds", "db-cluster-parameter-group", "DeleteDBClusterParameterGroup", "DBClusterParameterGroupName"),
    ("rds", "db-cluster", "DeleteDBCluster", "DBClusterIdentifier"),
    ("rds", "db-instance", "DeleteDBInstance", "DBInstanceIdentifier"),
    ("rds", "db-proxy", "DeleteDBProxy", "DBProxyName"),
    ("apprunner", "service", "DeleteService", "ServiceArn"),
    ("apprunner", "vpc-connector", "DeleteVpcConnector", "VpcConnectorArn"),
    ("apprunner", "auto-scaling-configuration", "DeleteAutoScalingConfiguration", "AutoScalingConfigurationArn"),
    ("secretsmanager", "secret", "DeleteSecret", "SecretId"),
    ("iam", "role", "DeleteRole", "RoleName"),
    ("logs", "log-group", "DeleteLogGroup", "logGroupName"),
    ("lambda", "function", "DeleteFunction", "FunctionName"),
];

/// Does what `effect` says, if it is of this kind; the call that was made, and how it ended. AWS's own rules hold: what is in use
/// is refused to anybody.
pub(super) fn carry_out(effect: &Effect, ctx: &mut Ctx<'_>) -> Option<(String, Result<(), Fault>)> {
    let (call, input) = match effect {
        Effect::Drift { call, input } => (call.clone(), filled(input, ctx)),
        Effect::Vanish { what } => match found(what, ctx).and_then(|item| deletion(&item)) {
            Ok((call, input)) => (call, Ok(input)),
            Err(fault) => (format!("the deletion of {what}"), Err(fault)),
        },
        _ => return None,
    };
    let outcome = input.and_then(|input| make(&call, input, ctx));
    Some((call, outcome))
}

/// Says what is wrong with a call that is to be made later, if anything is.
pub(super) fn check(call: &str, input: &Value) -> Result<(), String> {
    let unknown = || format!("The local cloud has no call {call}: write service.Action, e.g. ec2.DeleteRoute.");
    let (service, action) = call.split_once('.').ok_or_else(unknown)?;
    if is_reading(action) {
        return Err(format!("{call} changes nothing, so nothing would drift."));
    }
    let (model, _) = provided(service, action).ok_or_else(unknown)?;
    let Value::Object(given) = input else {
        return Err(format!("The input of {call} is a JSON object, e.g. {{\"VpcId\": \"${{vpc/main}}\"}}."));
    };
    let members = model.operation(action).and_then(|operation| operation.input).map(|shape| &model.shape(shape).kind);
    let Some(Kind::Structure(members)) = members else { return Ok(()) };
    match given.keys().find(|name| members.iter().all(|member| member.name != **name)) {
        Some(name) => Err(format!("{call} has no parameter {name}.")),
        None => Ok(()),
    }
}

fn provided(service: &str, action: &str) -> Option<(&'static Model, &'static Service)> {
    let service = SERVICES.iter().copied().find(|one| one.name == service)?;
    service.actions.iter().find(|(name, _)| *name == action)?;
    Some((Model::of(service.name)?, service))
}

fn make(call: &str, input: Value, ctx: &mut Ctx<'_>) -> Result<(), Fault> {
    let missing = || Fault::new("InvalidAction", format!("The local cloud has no call {call}."));
    let (service, action) = call.split_once('.').ok_or_else(missing)?;
    let (model, service) = provided(service, action).ok_or_else(missing)?;
    let operation = model.operation(action).ok_or_else(missing)?;
    let input = protocol::checked(service.name, model, operation, input)?;
    let (_, act) = service.actions.iter().find(|(name, _)| *name == action).ok_or_else(missing)?;
    act(ctx, input).map(|_| ())
}

/// The input, with ids in place of addresses.
fn filled(input: &Value, ctx: &Ctx<'_>) -> Result<Value, Fault> {
    Ok(match input {
        Value::String(text) => match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(what) => Value::String(found(what, ctx)?.id),
            None => input.clone(),
        },
        Value::Array(list) => Value::Array(list.iter().map(|one| filled(one, ctx)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let one = |(name, value): (&String, &Value)| Ok((name.clone(), filled(value, ctx)?));
            Value::Object(members.iter().map(one).collect::<Result<Map<_, _>, Fault>>()?)
        }
        _ => input.clone(),
    })
}

/// What carries this address, or is called by this id.
fn found(what: &str, ctx: &Ctx<'_>) -> Result<Item, Fault> {
    let is = |item: &Item| item.id == what || item.tags.get(identity::ADDRESS).is_some_and(|address| address == what);
    let mut all = ctx.region.inventory().into_iter().chain(ctx.iam.inventory());
    all.find(is).ok_or_else(|| Fault::new("NothingThere", format!("Nothing here is at {what}.")))
}

fn deletion(item: &Item) -> Result<(String, Value), Fault> {
    let known = DELETIONS.iter().find(|(service, kind, ..)| (*service, *kind) == (item.service, item.kind));
    let (service, kind, action, member) = known.ok_or_else(|| {
        Fault::new("InvalidAction", format!("Nothing is known of how a {} {} is deleted.", item.service, item.kind))
    })?;
    // Roles and log groups are called by their names.
    let which = if ["role", "log-group"].contains(kind) { &item.name } else { &item.id };
    let mut input = json!({ *member: which });
    match *kind {
        "vpc-endpoint" => input[*member] = json!([which]),
        "db-cluster" => input["SkipFinalSnapshot"] = json!(true),
        "secret" => input["ForceDeleteWithoutRecovery"] = json!(true),
        _ => {}
    }
    Ok((format!("{service}.{action}"), input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deletion_is_a_call_that_there_is() {
        for (service, kind, action, member) in DELETIONS {
            check(&format!("{service}.{action}"), &json!({ *member: "x" }))
                .unwrap_or_else(|error| panic!("{kind}: {error}"));
        }
    }

    #[test]
    fn what_could_never_be_done_is_refused() {
        let cases = [
            ("ec2.DescribeVpcs", json!({}), "changes nothing"),
            ("ec2.DeleteVpcs", json!({}), "no call"),
            ("DeleteVpc", json!({}), "service.Action"),
            ("ec2.DeleteVpc", json!({"Vpc": "vpc-1"}), "no parameter Vpc"),
            ("ec2.DeleteVpc", json!("vpc-1"), "JSON object"),
        ];
        for (call, input, part) in cases {
            let said = check(call, &input).unwrap_err();
            assert!(said.contains(part), "{call} {input}: {said}");
        }
    }
}
