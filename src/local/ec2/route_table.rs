//! Route tables and their associations with subnets. Every VPC has a main one, for subnets without any.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{self, in_use, invalid, missing},
    kind,
    listing::Listing,
    route::{self, Route},
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// A route table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RouteTable {
    pub(super) route_table_id: String,
    pub(super) vpc_id: String,
    /// The id of its association as the VPC's main table.
    pub(super) main: Option<String>,
    /// Subnets by the id of the association.
    pub(super) associations: BTreeMap<String, String>,
    /// The routes that were made; the local ones and those of gateway endpoints follow from elsewhere.
    pub(super) routes: Vec<Route>,
    client_token: Option<String>,
}

/// A fresh id of an association.
fn association_id() -> String {
    kind::new_id("rtbassoc")
}

impl RouteTable {
    fn new(vpc_id: &str) -> Self {
        Self {
            route_table_id: kind::ROUTE_TABLE.new_id(),
            vpc_id: vpc_id.to_owned(),
            main: None,
            associations: BTreeMap::new(),
            routes: Vec::new(),
            client_token: None,
        }
    }

    /// The table that a new VPC brings along.
    pub(super) fn main(vpc_id: &str) -> Self {
        Self { main: Some(association_id()), ..Self::new(vpc_id) }
    }

    fn show(&self, view: &View<'_>) -> Value {
        let association = |id: &str, subnet_id: Option<&String>| {
            json!({
                "RouteTableAssociationId": id,
                "RouteTableId": self.route_table_id,
                "SubnetId": subnet_id,
                "Main": subnet_id.is_none(),
                "AssociationState": {"State": "associated"},
            })
        };
        let associations = self.main.iter().map(|id| association(id, None));
        let associations =
            associations.chain(self.associations.iter().map(|(id, subnet)| association(id, Some(subnet))));
        json!({
            "RouteTableId": self.route_table_id,
            "VpcId": self.vpc_id,
            "OwnerId": view.account,
            "Associations": associations.collect::<Vec<_>>(),
            "Routes": route::show_all(self, view),
            "PropagatingVgws": [],
            "Tags": view.tags(&self.route_table_id),
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateRouteTable {
    vpc_id: String,
    client_token: Option<String>,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateRouteTable`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateRouteTable) -> Result<Value, Fault> {
    let id = call::once(ctx, &kind::ROUTE_TABLE, input.client_token.as_ref(), &input, |ctx| {
        let store = &mut ctx.region.ec2;
        kind::VPC.find(&store.vpcs, &input.vpc_id)?;
        let tags = tag::given(&input.tag_specifications, &kind::ROUTE_TABLE)?;
        let table = RouteTable { client_token: input.client_token.clone(), ..RouteTable::new(&input.vpc_id) };
        let id = table.route_table_id.clone();
        store.tag(&id, tags);
        store.route_tables.insert(id.clone(), table);
        Ok(id)
    })?;
    let view = View::of(ctx);
    let table = kind::ROUTE_TABLE.find(&view.store.route_tables, &id)?;
    Ok(json!({"RouteTable": table.show(&view), "ClientToken": table.client_token}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteRouteTable {
    route_table_id: String,
}

/// `DeleteRouteTable`: refused while subnets use it, or the VPC does as its main one.
pub(super) fn delete(ctx: &mut Ctx<'_>, DeleteRouteTable { route_table_id }: DeleteRouteTable) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let table = kind::ROUTE_TABLE.find(&store.route_tables, &route_table_id)?;
    if table.main.is_some() || !table.associations.is_empty() {
        return Err(in_use(&kind::ROUTE_TABLE, &route_table_id));
    }
    for endpoint in store.endpoints.values_mut() {
        endpoint.route_table_ids.retain(|id| *id != route_table_id);
    }
    store.route_tables.remove(&route_table_id);
    store.tags.remove(&route_table_id);
    Ok(json!({}))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct Associate {
    route_table_id: String,
    subnet_id: Option<String>,
}

/// `AssociateRouteTable`, with a subnet.
pub(super) fn associate(ctx: &mut Ctx<'_>, input: Associate) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let Associate { route_table_id, subnet_id } = input;
    let subnet_id = subnet_id.ok_or_else(|| missing("subnetId"))?;
    let table = kind::ROUTE_TABLE.find(&store.route_tables, &route_table_id)?;
    let subnet = kind::SUBNET.find(&store.subnets, &subnet_id)?;
    if table.vpc_id != subnet.vpc_id {
        let message = format!("Route table {route_table_id} and subnet {subnet_id} belong to different networks");
        return Err(invalid(message));
    }
    let present = store.route_tables.values().find_map(|table| {
        let mut associations = table.associations.iter();
        associations.find(|(_, subnet)| **subnet == subnet_id).map(|(id, _)| (table.route_table_id.clone(), id.clone()))
    });
    let id = match present {
        // The same association again is the association that is there.
        Some((table, id)) if table == route_table_id => id,
        Some(_) => {
            let message = format!(
                "the specified association for route table {route_table_id} conflicts with an existing association"
            );
            return Err(Fault::new("Resource.AlreadyAssociated", message));
        }
        None => {
            let id = association_id();
            let table = kind::ROUTE_TABLE.find_mut(&mut store.route_tables, &route_table_id)?;
            table.associations.insert(id.clone(), subnet_id);
            id
        }
    };
    Ok(json!({"AssociationId": id, "AssociationState": {"State": "associated"}}))
}

/// The table that has an association, and whether as the main one.
fn associated<'a>(store: &'a mut Store, id: &str) -> Result<(&'a mut RouteTable, bool), Fault> {
    for table in store.route_tables.values_mut() {
        let is_main = table.main.as_deref() == Some(id);
        if is_main || table.associations.contains_key(id) {
            return Ok((table, is_main));
        }
    }
    Err(Fault::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Disassociate {
    association_id: String,
}

/// `DisassociateRouteTable`: the subnet falls back to the main table.
pub(super) fn disassociate(ctx: &mut Ctx<'_>, Disassociate { association_id }: Disassociate) -> Result<Value, Fault> {
    let (table, is_main) = associated(&mut ctx.region.ec2, &association_id)?;
    if is_main {
        return Err(invalid(format!("cannot disassociate the main route table association {association_id}")));
    }
    table.associations.remove(&association_id);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReplaceAssociation {
    association_id: String,
    route_table_id: String,
}

/// `ReplaceRouteTableAssociation`: moves a subnet to another table, or makes another table the main one.
pub(super) fn replace_association(ctx: &mut Ctx<'_>, input: ReplaceAssociation) -> Result<Value, Fault> {
    let ReplaceAssociation { association_id: old, route_table_id } = input;
    let store = &mut ctx.region.ec2;
    let wanted = kind::ROUTE_TABLE.find(&store.route_tables, &route_table_id)?.vpc_id.clone();
    let (table, is_main) = associated(store, &old)?;
    if table.vpc_id != wanted {
        let message = format!("Route table {route_table_id} and association {old} belong to different networks");
        return Err(invalid(message));
    }
    let subnet_id = table.associations.remove(&old);
    table.main.take_if(|_| is_main);
    let table = kind::ROUTE_TABLE.find_mut(&mut store.route_tables, &route_table_id)?;
    let new = association_id();
    match subnet_id {
        Some(subnet_id) => drop(table.associations.insert(new.clone(), subnet_id)),
        None => table.main = Some(new.clone()),
    }
    Ok(json!({"NewAssociationId": new, "AssociationState": {"State": "associated"}}))
}

static ROUTE_TABLES: Listing = Listing {
    kind: &kind::ROUTE_TABLE,
    items: "RouteTables",
    ids: "RouteTableIds",
    id: "RouteTableId",
    filters: &[
        ("association.main", "Associations.Main"),
        ("association.route-table-association-id", "Associations.RouteTableAssociationId"),
        ("association.route-table-id", "Associations.RouteTableId"),
        ("association.subnet-id", "Associations.SubnetId"),
        ("association.gateway-id", "Associations.GatewayId"),
        ("owner-id", "OwnerId"),
        ("route-table-id", "RouteTableId"),
        ("route.destination-cidr-block", "Routes.DestinationCidrBlock"),
        ("route.destination-ipv6-cidr-block", "Routes.DestinationIpv6CidrBlock"),
        ("route.destination-prefix-list-id", "Routes.DestinationPrefixListId"),
        ("route.egress-only-internet-gateway-id", "Routes.EgressOnlyInternetGatewayId"),
        ("route.gateway-id", "Routes.GatewayId"),
        ("route.instance-id", "Routes.InstanceId"),
        ("route.nat-gateway-id", "Routes.NatGatewayId"),
        ("route.network-interface-id", "Routes.NetworkInterfaceId"),
        ("route.origin", "Routes.Origin"),
        ("route.state", "Routes.State"),
        ("route.transit-gateway-id", "Routes.TransitGatewayId"),
        ("route.vpc-peering-connection-id", "Routes.VpcPeeringConnectionId"),
        ("vpc-id", "VpcId"),
    ],
};

/// `DescribeRouteTables`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    ROUTE_TABLES.answer(&view, input, view.store.route_tables.values().map(|table| table.show(&view)))
}
