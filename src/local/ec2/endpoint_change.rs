//! Changing and deleting VPC endpoints.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    endpoint::{State, check_policy, check_type},
    endpoint_service, kind,
};
use crate::local::{fault::Fault, world::Ctx};

/// How long AWS takes to delete an interface endpoint; a gateway's routes are gone at once.
const DELETION: Duration = Duration::from_secs(60);

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct ModifyVpcEndpoint {
    vpc_endpoint_id: String,
    reset_policy: bool,
    policy_document: Option<String>,
    add_route_table_ids: Vec<String>,
    remove_route_table_ids: Vec<String>,
    add_subnet_ids: Vec<String>,
    remove_subnet_ids: Vec<String>,
    add_security_group_ids: Vec<String>,
    remove_security_group_ids: Vec<String>,
    private_dns_enabled: Option<bool>,
}

/// `ModifyVpcEndpoint`
pub(super) fn modify(ctx: &mut Ctx<'_>, input: ModifyVpcEndpoint) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let id = input.vpc_endpoint_id;
    let endpoint = kind::ENDPOINT.find(&store.endpoints, &id)?;
    if matches!(endpoint.state, State::Deleting { .. }) {
        let message = format!("The Vpc Endpoint '{id}' is being deleted.");
        return Err(Fault::new("IncorrectState", message));
    }
    let tables = !input.add_route_table_ids.is_empty() || !input.remove_route_table_ids.is_empty();
    let lists = [
        &input.add_subnet_ids,
        &input.remove_subnet_ids,
        &input.add_security_group_ids,
        &input.remove_security_group_ids,
    ];
    let of_interface = lists.iter().any(|list| !list.is_empty()) || input.private_dns_enabled == Some(true);
    check_type(endpoint.is_gateway(), tables, of_interface)?;
    check_policy(input.policy_document.as_ref())?;
    let (vpc_id, service_name) = (endpoint.vpc_id.clone(), endpoint.service_name.clone());

    let new_tables = added(&endpoint.route_table_ids, input.add_route_table_ids);
    store.check_endpoint_tables(&vpc_id, &service_name, &new_tables, ctx.region_name)?;
    let mut subnet_ids = endpoint.subnet_ids.clone();
    subnet_ids.retain(|id| !input.remove_subnet_ids.contains(id));
    let new_subnets = added(&subnet_ids, input.add_subnet_ids);
    store.check_endpoint_subnets(&vpc_id, &subnet_ids, &new_subnets)?;
    let mut group_ids = endpoint.group_ids.clone();
    group_ids.retain(|id| !input.remove_security_group_ids.contains(id));
    group_ids.extend(added(&group_ids, input.add_security_group_ids));
    if !endpoint.is_gateway() {
        if group_ids.is_empty() {
            let message = "An endpoint of type Interface must have at least one security group.";
            return Err(Fault::new("InvalidParameter", message));
        }
        group_ids = store.groups_of_vpc(&vpc_id, group_ids)?;
    }
    if input.private_dns_enabled == Some(true) && !endpoint.private_dns {
        let service = endpoint_service::find(ctx.region_name, &service_name, "Interface")?;
        store.check_private_dns(&vpc_id, &service_name, &service.dns_name)?;
    }

    store.place_endpoint(&id, &new_subnets, ctx.now)?;
    store.regroup_interfaces(&id, &group_ids);
    let left = |interface: &super::network_interface::NetworkInterface| {
        interface.owner.as_ref() == Some(&id) && input.remove_subnet_ids.contains(&interface.subnet_id)
    };
    store.interfaces.retain(|_, interface| !left(interface));
    let endpoint = kind::ENDPOINT.find_mut(&mut store.endpoints, &id)?;
    endpoint.subnet_ids = subnet_ids;
    endpoint.subnet_ids.extend(new_subnets);
    endpoint.group_ids = group_ids;
    endpoint.route_table_ids.retain(|id| !input.remove_route_table_ids.contains(id));
    endpoint.route_table_ids.extend(new_tables);
    endpoint.private_dns = input.private_dns_enabled.unwrap_or(endpoint.private_dns);
    if input.policy_document.is_some() || input.reset_policy {
        endpoint.policy = input.policy_document;
    }
    Ok(json!({"Return": true}))
}

/// Those of `wanted` that are not there yet.
fn added(present: &[String], mut wanted: Vec<String>) -> Vec<String> {
    wanted.retain(|id| !present.contains(id));
    wanted
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteVpcEndpoints {
    vpc_endpoint_ids: Vec<String>,
}

/// `DeleteVpcEndpoints`: what cannot be deleted is listed in the answer, the rest is.
pub(super) fn delete(ctx: &mut Ctx<'_>, input: DeleteVpcEndpoints) -> Result<Value, Fault> {
    let until = ctx.pace.after(ctx.now, DELETION);
    let store = &mut ctx.region.ec2;
    let mut unsuccessful = Vec::new();
    for id in input.vpc_endpoint_ids {
        match kind::ENDPOINT.find_mut(&mut store.endpoints, &id) {
            Ok(endpoint) if endpoint.is_gateway() => store.forget_endpoint(&id),
            Ok(endpoint) if matches!(endpoint.state, State::Deleting { .. }) => {}
            Ok(endpoint) => {
                endpoint.private_dns = false;
                endpoint.state = State::Deleting { until };
            }
            Err(fault) => {
                unsuccessful.push(json!({"ResourceId": id, "Error": {"Code": fault.code, "Message": fault.message}}))
            }
        }
    }
    Ok(json!({"Unsuccessful": unsuccessful}))
}
