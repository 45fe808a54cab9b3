//! Changing and deleting VPC endpoints.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Store,
    call::unsupported,
    endpoint::{DnsOptions, Endpoint, State, check_policy, check_type},
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
    ip_address_type: Option<String>,
    dns_options: DnsOptions,
}

/// What an endpoint is to have, once all of it was checked.
struct Change {
    new_tables: Vec<String>,
    new_subnets: Vec<String>,
    group_ids: Vec<String>,
}

impl ModifyVpcEndpoint {
    /// Refuses what the endpoint cannot become.
    fn check(&self, store: &Store, region: &str) -> Result<Change, Fault> {
        let endpoint = kind::ENDPOINT.find(&store.endpoints, &self.vpc_endpoint_id)?;
        if matches!(endpoint.state, State::Deleting { .. }) {
            let message = format!("The Vpc Endpoint '{}' is being deleted.", self.vpc_endpoint_id);
            return Err(Fault::new("IncorrectState", message));
        }
        if self.ip_address_type.as_deref().is_some_and(|wanted| wanted != "ipv4") {
            return Err(unsupported("IpAddressType"));
        }
        self.dns_options.check()?;
        let tables = [&self.add_route_table_ids, &self.remove_route_table_ids];
        let interface_lists = [
            &self.add_subnet_ids,
            &self.remove_subnet_ids,
            &self.add_security_group_ids,
            &self.remove_security_group_ids,
        ];
        let of_interface =
            interface_lists.iter().any(|list| !list.is_empty()) || self.private_dns_enabled == Some(true);
        check_type(endpoint.is_gateway(), tables.iter().any(|list| !list.is_empty()), of_interface)?;
        check_policy(self.policy_document.as_ref())?;

        let Endpoint { vpc_id, service_name, .. } = endpoint;
        let new_tables = without(&self.add_route_table_ids, &endpoint.route_table_ids);
        store.check_endpoint_tables(vpc_id, service_name, &new_tables, region)?;
        let kept_subnets = without(&endpoint.subnet_ids, &self.remove_subnet_ids);
        let new_subnets = without(&self.add_subnet_ids, &kept_subnets);
        store.check_endpoint_subnets(vpc_id, &kept_subnets, &new_subnets)?;
        if self.private_dns_enabled == Some(true) && !endpoint.private_dns {
            let service = endpoint_service::find(region, service_name, "Interface")?;
            store.check_private_dns(vpc_id, service_name, &service.dns_name)?;
        }
        Ok(Change { new_tables, new_subnets, group_ids: self.groups(store, endpoint)? })
    }

    /// The groups that the endpoint is to have.
    fn groups(&self, store: &Store, endpoint: &Endpoint) -> Result<Vec<String>, Fault> {
        let mut group_ids = without(&endpoint.group_ids, &self.remove_security_group_ids);
        group_ids.extend(without(&self.add_security_group_ids, &group_ids));
        if endpoint.is_gateway() {
            return Ok(group_ids);
        }
        if group_ids.is_empty() {
            let message = "An endpoint of type Interface must have at least one security group.";
            return Err(Fault::new("InvalidParameter", message));
        }
        store.groups_of_vpc(&endpoint.vpc_id, group_ids)
    }
}

/// `ModifyVpcEndpoint`
pub(super) fn modify(ctx: &mut Ctx<'_>, input: ModifyVpcEndpoint) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let id = &input.vpc_endpoint_id;
    let change = input.check(store, ctx.region_name)?;
    store.place_endpoint(id, &change.new_subnets, ctx.now)?;
    store.regroup_interfaces(id, &change.group_ids);
    store.interfaces.retain(|_, interface| {
        interface.owner.as_ref() != Some(id) || !input.remove_subnet_ids.contains(&interface.subnet_id)
    });
    let endpoint = kind::ENDPOINT.find_mut(&mut store.endpoints, id)?;
    endpoint.subnet_ids.retain(|id| !input.remove_subnet_ids.contains(id));
    endpoint.subnet_ids.extend(change.new_subnets);
    endpoint.group_ids = change.group_ids;
    endpoint.route_table_ids.retain(|id| !input.remove_route_table_ids.contains(id));
    endpoint.route_table_ids.extend(change.new_tables);
    endpoint.private_dns = input.private_dns_enabled.unwrap_or(endpoint.private_dns);
    if input.policy_document.is_some() || input.reset_policy {
        endpoint.policy = input.policy_document;
    }
    Ok(json!({"Return": true}))
}

/// Those of `ids` that are not among `others`.
fn without(ids: &[String], others: &[String]) -> Vec<String> {
    ids.iter().filter(|id| !others.contains(id)).cloned().collect()
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
