//! Everything of EC2 that exists in one region of one account, and how it changes by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    address::Address,
    call::Token,
    dhcp_options::DhcpOptions,
    endpoint::Endpoint,
    internet_gateway::InternetGateway,
    kind::{self, Kind},
    nat_gateway::NatGateway,
    network_acl::NetworkAcl,
    network_interface::NetworkInterface,
    prefix_list::PrefixList,
    route_table::RouteTable,
    security_group::SecurityGroup,
    subnet::Subnet,
    subnet_reservation::SubnetReservation,
    tag::Tags,
    vpc::Vpc,
};
use crate::local::{inventory::Item, pace::Millis};

/// What exists, by id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    pub(super) vpcs: BTreeMap<String, Vpc>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(super) subnet_reservations: BTreeMap<String, SubnetReservation>,
    pub(super) internet_gateways: BTreeMap<String, InternetGateway>,
    pub(super) addresses: BTreeMap<String, Address>,
    pub(super) nat_gateways: BTreeMap<String, NatGateway>,
    pub(super) route_tables: BTreeMap<String, RouteTable>,
    pub(super) security_groups: BTreeMap<String, SecurityGroup>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) interfaces: BTreeMap<String, NetworkInterface>,
    /// Those that customers manage.
    pub(super) prefix_lists: BTreeMap<String, PrefixList>,
    /// Those that users made, and default ones that were changed.
    pub(super) network_acls: BTreeMap<String, NetworkAcl>,
    /// Those that users made.
    pub(super) dhcp_options: BTreeMap<String, DhcpOptions>,
    /// The region's default ones, as soon as there has been a VPC.
    pub(super) default_dhcp_options_id: String,
    /// The tags of everything, by the resource's id.
    pub(super) tags: BTreeMap<String, Tags>,
    /// The moment up to which everything has moved on.
    #[serde(skip)]
    pub(super) settled: Millis,
    /// What was asked for under client tokens.
    pub(super) tokens: BTreeMap<String, Token>,
}

impl Store {
    /// Moves every resource whose time has come into its next state.
    pub(crate) fn settle(&mut self, now: Millis) {
        self.settled = now;
        self.settle_nat_gateways(now);
        self.settle_endpoints(now);
        self.settle_interfaces(now);
        self.settle_group_associations(now);
        self.settle_prefix_lists(now);
    }

    /// Whether there is a resource with this id.
    pub(super) fn exists(&self, id: &str) -> bool {
        let Ok(kind) = kind::of(id) else { return false };
        match kind.prefix {
            "vpc" => self.vpcs.contains_key(id),
            "subnet" => self.subnets.contains_key(id),
            "scr" => self.subnet_reservations.contains_key(id),
            "igw" => self.internet_gateways.contains_key(id),
            "eipalloc" => self.addresses.contains_key(id),
            "nat" => self.nat_gateways.contains_key(id),
            "rtb" => self.route_tables.contains_key(id),
            "sg" => self.security_groups.contains_key(id),
            "sgr" => self.security_groups.values().any(|group| group.rules.iter().any(|rule| rule.rule_id == id)),
            "vpce" => self.endpoints.contains_key(id),
            "eni" => self.interfaces.contains_key(id),
            "acl" => self.network_acls.contains_key(id) || self.vpcs.values().any(|vpc| vpc.network_acl_id == id),
            "pl" => self.prefix_lists.contains_key(id),
            "dopt" => self.has_dhcp_options(id),
            _ => false,
        }
    }

    /// Every resource that somebody made. Not what a VPC brings along, not gateways that are only still
    /// listed as deleted, and not the interfaces that another resource keeps for itself.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut add = |kind: &'static Kind, ids: Vec<(&String, &str)>| {
            items.extend(ids.into_iter().map(|(id, state)| self.item(kind, id, state)));
        };
        add(&kind::VPC, self.vpcs.keys().map(|id| (id, "available")).collect());
        add(&kind::SUBNET, self.subnets.keys().map(|id| (id, "available")).collect());
        add(&kind::INTERNET_GATEWAY, self.internet_gateways.keys().map(|id| (id, "exists")).collect());
        add(&kind::ADDRESS, self.addresses.keys().map(|id| (id, "exists")).collect());
        let gateways = self.nat_gateways.iter().filter(|(_, gateway)| !gateway.is_deleted());
        add(&kind::NAT_GATEWAY, gateways.map(|(id, gateway)| (id, gateway.state_name())).collect());
        let tables = self.route_tables.iter().filter(|(_, table)| table.main.is_none());
        add(&kind::ROUTE_TABLE, tables.map(|(id, _)| (id, "exists")).collect());
        add(&kind::DHCP_OPTIONS, self.dhcp_options.keys().map(|id| (id, "exists")).collect());
        let lists: Vec<(&String, String)> = self.prefix_lists.iter().map(|(id, list)| (id, list.state())).collect();
        add(&kind::PREFIX_LIST, lists.iter().map(|(id, state)| (*id, state.as_str())).collect());
        add(&kind::NETWORK_ACL, self.made_acls().map(|id| (id, "exists")).collect());
        let groups = self.security_groups.iter().filter(|(_, group)| !group.is_default());
        add(&kind::SECURITY_GROUP, groups.map(|(id, _)| (id, "exists")).collect());
        add(&kind::ENDPOINT, self.endpoints.iter().map(|(id, endpoint)| (id, endpoint.state_name())).collect());
        let interfaces = self.interfaces.iter().filter(|(_, one)| one.owner.is_none() || one.gone_at.is_some());
        add(&kind::NETWORK_INTERFACE, interfaces.map(|(id, interface)| (id, interface.status())).collect());
        items
    }

    fn item(&self, kind: &'static Kind, id: &str, state: &str) -> Item {
        let tags = self.tags.get(id).cloned().unwrap_or_default();
        let group_name = self.security_groups.get(id).map(|group| group.group_name.clone());
        let list_name = self.prefix_lists.get(id).map(|list| list.name.clone());
        Item {
            service: "ec2",
            kind: if kind.prefix == "nat" { "nat-gateway" } else { kind.resource_type },
            id: id.to_owned(),
            name: group_name.or(list_name).or_else(|| tags.get("Name").cloned()).unwrap_or_default(),
            state: state.to_owned(),
            tags,
        }
    }
}
