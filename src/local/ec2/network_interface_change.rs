//! Changes of a network interface: its attributes, and further private addresses.

use std::net::Ipv4Addr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{self, Flag, combination, invalid},
    kind,
    network_interface::NetworkInterface,
    private_address::{check_number, check_within},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// A text in the form of the `Modify…Attribute` calls.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Text {
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    network_interface_id: String,
    description: Option<Text>,
    groups: Option<Vec<String>>,
    source_dest_check: Option<Flag>,
}

/// `ModifyNetworkInterfaceAttribute`: one attribute at a time.
pub(super) fn modify(ctx: &mut Ctx<'_>, input: Modify) -> Result<Value, Fault> {
    let given = [input.description.is_some(), input.groups.is_some(), input.source_dest_check.is_some()];
    match given.into_iter().filter(|given| *given).count() {
        0 => return Err(call::missing("description, groups or sourceDestCheck")),
        1 => {}
        _ => {
            return Err(combination(
                "Fields for multiple attribute types specified: description, groups, sourceDestCheck",
            ));
        }
    }
    let store = &mut ctx.region.ec2;
    let interface = kind::NETWORK_INTERFACE.find(&store.interfaces, &input.network_interface_id)?;
    interface.refuse_if_managed()?;
    let groups = match input.groups {
        Some(groups) if groups.is_empty() => return Err(call::missing("groups")),
        Some(groups) => Some(store.groups_of_vpc(&interface.vpc_id.clone(), groups)?),
        None => None,
    };
    let interface = kind::NETWORK_INTERFACE.find_mut(&mut store.interfaces, &input.network_interface_id)?;
    if let Some(text) = input.description {
        interface.description = text.value;
    }
    if let Some(groups) = groups {
        interface.group_ids = groups;
    }
    if let Some(flag) = input.source_dest_check {
        interface.unchecked = !flag.value;
    }
    Ok(json!({"Return": true}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Reset {
    network_interface_id: String,
    source_dest_check: Option<String>,
}

/// `ResetNetworkInterfaceAttribute`: the check of source and destination, which is on by default.
pub(super) fn reset(ctx: &mut Ctx<'_>, input: Reset) -> Result<Value, Fault> {
    let interface = kind::NETWORK_INTERFACE.find_mut(&mut ctx.region.ec2.interfaces, &input.network_interface_id)?;
    interface.refuse_if_managed()?;
    if input.source_dest_check.is_none() {
        return Err(call::missing("sourceDestCheck"));
    }
    interface.unchecked = false;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    network_interface_id: String,
    attribute: Option<String>,
}

/// `DescribeNetworkInterfaceAttribute`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Describe) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let interface = kind::NETWORK_INTERFACE.find(&view.store.interfaces, &input.network_interface_id)?;
    let shown = interface.show(&view);
    let mut answer = json!({"NetworkInterfaceId": input.network_interface_id});
    match input.attribute.as_deref() {
        Some("description") => answer["Description"] = json!({"Value": shown["Description"]}),
        Some("groupSet") => answer["Groups"] = shown["Groups"].clone(),
        Some("sourceDestCheck") => answer["SourceDestCheck"] = json!({"Value": shown["SourceDestCheck"]}),
        Some("attachment") => answer["Attachment"] = shown["Attachment"].clone(),
        Some(other) => return Err(invalid(format!("Value ({other}) for parameter attribute is invalid."))),
        None => return Err(call::missing("attribute")),
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Assign {
    network_interface_id: String,
    #[serde(default)]
    private_ip_addresses: Vec<Ipv4Addr>,
    secondary_private_ip_address_count: Option<usize>,
    #[serde(default)]
    allow_reassignment: bool,
}

/// `AssignPrivateIpAddresses`: an elastic address goes with the private one to which it leads.
pub(super) fn assign(ctx: &mut Ctx<'_>, input: Assign) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let id = &input.network_interface_id;
    let interface = kind::NETWORK_INTERFACE.find(&store.interfaces, id)?;
    interface.refuse_if_managed()?;
    let (subnet_id, vpc_id) = (interface.subnet_id.clone(), interface.vpc_id.clone());
    let count = match (input.private_ip_addresses.len(), input.secondary_private_ip_address_count) {
        (0, Some(count)) if count > 0 => count,
        (0, _) => return Err(call::missing("privateIpAddresses or secondaryPrivateIpAddressCount")),
        (_, Some(_)) => {
            return Err(combination(
                "The parameters privateIpAddresses and secondaryPrivateIpAddressCount exclude each other.",
            ));
        }
        (_, None) => 0,
    };
    let had = interface.private_addresses().filter(|one| !input.private_ip_addresses.contains(one)).count();
    check_number(had.saturating_add(input.private_ip_addresses.len()).saturating_add(count))?;
    let subnet = kind::SUBNET.find(&store.subnets, &subnet_id)?;
    for wanted in &input.private_ip_addresses {
        check_within(subnet, *wanted)?;
        if store.is_taken(&vpc_id, *wanted) && !input.allow_reassignment {
            return Err(invalid(format!(
                "[{wanted}] cannot be assigned: it is assigned to another network interface, and reassignment is not allowed"
            )));
        }
    }
    let mut assigned = Vec::new();
    for wanted in input.private_ip_addresses {
        if store.interfaces.values().any(|one| one.vpc_id == vpc_id && one.private_ip == wanted) {
            return Err(invalid(format!("[{wanted}] is the primary address of a network interface.")));
        }
        let has = |one: &&mut NetworkInterface| one.vpc_id == vpc_id && one.secondary.contains(&wanted);
        if let Some(other) = store.interfaces.values_mut().find(has) {
            other.secondary.retain(|address| *address != wanted);
            let from = other.network_interface_id.clone();
            store.remap(&from, wanted, id);
        }
        kind::NETWORK_INTERFACE.find_mut(&mut store.interfaces, id)?.secondary.push(wanted);
        assigned.push(wanted);
    }
    for _ in 0..count {
        let free = store.free_address(kind::SUBNET.find(&store.subnets, &subnet_id)?)?;
        kind::NETWORK_INTERFACE.find_mut(&mut store.interfaces, id)?.secondary.push(free);
        assigned.push(free);
    }
    let assigned = assigned.iter().map(|address| json!({"PrivateIpAddress": address.to_string()}));
    Ok(json!({"NetworkInterfaceId": id, "AssignedPrivateIpAddresses": assigned.collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Unassign {
    network_interface_id: String,
    #[serde(default)]
    private_ip_addresses: Vec<Ipv4Addr>,
}

/// `UnassignPrivateIpAddresses`: an elastic address that leads to one of them leads nowhere afterwards.
pub(super) fn unassign(ctx: &mut Ctx<'_>, input: Unassign) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let interface = kind::NETWORK_INTERFACE.find_mut(&mut store.interfaces, &input.network_interface_id)?;
    interface.refuse_if_managed()?;
    let strange = input.private_ip_addresses.iter().find(|address| !interface.secondary.contains(address));
    if let Some(address) = strange {
        return Err(invalid(format!(
            "Some of [{address}] are not assigned to interface {}",
            input.network_interface_id
        )));
    }
    interface.secondary.retain(|address| !input.private_ip_addresses.contains(address));
    for address in &input.private_ip_addresses {
        store.unmap_at(&input.network_interface_id, *address);
    }
    Ok(json!({}))
}
