//! Routes of a table: one target a destination.

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Store,
    call::{combination, invalid, missing},
    cidr, kind, prefix_list,
    route_table::RouteTable,
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// A route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Route {
    destination: Destination,
    target: Target,
}

impl Route {
    /// Everything, through an internet gateway.
    pub(super) fn to_the_internet(internet_gateway_id: String) -> Self {
        let destination = Destination::Ipv4(Ipv4Net::default());
        Self { destination, target: Target::InternetGateway(internet_gateway_id) }
    }

    /// Whether it is about the addresses of this prefix list.
    pub(super) fn leads_to_list(&self, id: &str) -> bool {
        matches!(&self.destination, Destination::PrefixList(list) if list == id)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Destination {
    Ipv4(Ipv4Net),
    Ipv6(Ipv6Net),
    PrefixList(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Target {
    InternetGateway(String),
    NatGateway(String),
    NetworkInterface(String),
}

impl Destination {
    /// The one destination that a request names.
    fn read(
        ipv4: Option<String>,
        ipv6: Option<String>,
        prefix_list: Option<String>,
        store: &Store,
        region: &str,
    ) -> Result<Self, Fault> {
        match (ipv4, ipv6, prefix_list) {
            (Some(text), None, None) => {
                let net: Result<Ipv4Net, _> = text.parse();
                let message = || {
                    invalid(format!(
                        "Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."
                    ))
                };
                Ok(Self::Ipv4(net.map_err(|_| message())?.trunc()))
            }
            (None, Some(text), None) => Ok(Self::Ipv6(cidr::ipv6(&text)?)),
            (None, None, Some(id)) => {
                store.check_prefix_list(region, &id)?;
                Ok(Self::PrefixList(id))
            }
            (None, None, None) => Err(missing("destinationCidrBlock")),
            _ => Err(combination(
                "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId",
            )),
        }
    }

    /// The name in messages.
    fn text(&self) -> String {
        match self {
            Self::Ipv4(net) => net.to_string(),
            Self::Ipv6(net) => net.to_string(),
            Self::PrefixList(id) => id.clone(),
        }
    }

    /// The member of requests and answers.
    fn member(&self) -> &'static str {
        match self {
            Self::Ipv4(_) => "DestinationCidrBlock",
            Self::Ipv6(_) => "DestinationIpv6CidrBlock",
            Self::PrefixList(_) => "DestinationPrefixListId",
        }
    }
}

/// One route as it is shown.
fn show(destination: (&str, String), target: (&str, &str), origin: &str, is_active: bool) -> Value {
    let mut route = Map::new();
    route.insert(destination.0.to_owned(), json!(destination.1));
    route.insert(target.0.to_owned(), json!(target.1));
    route.insert("Origin".to_owned(), json!(origin));
    route.insert("State".to_owned(), json!(if is_active { "active" } else { "blackhole" }));
    Value::Object(route)
}

/// Every route of a table: the local ones, those that were made, those of gateway endpoints.
pub(super) fn show_all(table: &RouteTable, view: &View<'_>) -> Vec<Value> {
    let store = view.store;
    let blocks = store.vpcs.get(&table.vpc_id).into_iter().flat_map(|vpc| &vpc.cidr_blocks);
    let local = blocks.map(|block| {
        show(("DestinationCidrBlock", block.cidr.to_string()), ("GatewayId", "local"), "CreateRouteTable", true)
    });
    let made = table.routes.iter().map(|route| {
        let target = match &route.target {
            Target::InternetGateway(id) => ("GatewayId", id.as_str()),
            Target::NatGateway(id) => ("NatGatewayId", id.as_str()),
            Target::NetworkInterface(id) => ("NetworkInterfaceId", id.as_str()),
        };
        let destination = (route.destination.member(), route.destination.text());
        show(destination, target, "CreateRoute", store.leads_somewhere(&route.target, &table.vpc_id))
    });
    let endpoints = store.endpoints.values().filter(|one| one.route_table_ids.contains(&table.route_table_id));
    let of_endpoints = endpoints.filter_map(|endpoint| {
        let list = prefix_list::of_service(view.region, &endpoint.service_name)?;
        let target = ("GatewayId", endpoint.vpc_endpoint_id.as_str());
        Some(show(("DestinationPrefixListId", list.id), target, "CreateRoute", true))
    });
    local.chain(made).chain(of_endpoints).collect()
}

impl Store {
    /// Whether a route to `target` is active; otherwise it is a black hole.
    fn leads_somewhere(&self, target: &Target, vpc_id: &str) -> bool {
        match target {
            Target::InternetGateway(id) => {
                self.internet_gateways.get(id).is_some_and(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id))
            }
            Target::NatGateway(id) => self.nat_gateways.get(id).is_some_and(|gateway| gateway.carries_traffic()),
            Target::NetworkInterface(id) => self.interfaces.contains_key(id),
        }
    }

    /// Refuses a route to addresses of the VPC itself, unless it leads to the whole of a subnet by way of what may look at
    /// the traffic between subnets.
    fn check_within_vpc(&self, net: Ipv4Net, target: &Target, vpc_id: &str) -> Result<(), Fault> {
        let vpc = kind::VPC.find(&self.vpcs, vpc_id)?;
        if !vpc.contains(net) {
            return Ok(());
        }
        let is_subnet = |net| self.subnets.values().any(|subnet| subnet.vpc_id == vpc_id && subnet.cidr == net);
        match target {
            Target::InternetGateway(_) => Err(invalid(format!(
                "The destination CIDR block {net} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
            ))),
            _ if vpc.has_block(net) || is_subnet(net) => Ok(()),
            _ => Err(invalid(format!(
                "The destination CIDR block {net} is more specific than one of this VPC's CIDR blocks, and is not the whole CIDR block of one of its subnets."
            ))),
        }
    }

    /// Whether a route has this interface as its target.
    pub(super) fn routes_lead_to(&self, network_interface_id: &str) -> bool {
        let mut routes = self.route_tables.values().flat_map(|table| &table.routes);
        routes.any(|route| matches!(&route.target, Target::NetworkInterface(id) if id == network_interface_id))
    }

    /// The target that a request names, if the table's VPC can reach it.
    fn target(&self, input: &PutRoute, vpc_id: &str) -> Result<Target, Fault> {
        let given = (&input.gateway_id, &input.nat_gateway_id, &input.network_interface_id);
        let (target, what, its_vpc) = match given {
            (Some(id), None, None) => {
                let absent = || {
                    let message = format!("The gateway ID '{id}' does not exist");
                    Fault::new("InvalidGatewayID.NotFound", message)
                };
                let gateway = self.internet_gateways.get(id).ok_or_else(absent)?;
                (Target::InternetGateway(id.clone()), "network gateway", gateway.vpc_id.as_deref())
            }
            (None, Some(id), None) => {
                let absent = || {
                    let message = format!("The natGateway ID '{id}' does not exist");
                    Fault::new("InvalidNatGatewayID.NotFound", message)
                };
                let gateway = self.nat_gateways.get(id).filter(|one| one.carries_traffic()).ok_or_else(absent)?;
                (Target::NatGateway(id.clone()), "NAT gateway", Some(gateway.vpc_id.as_str()))
            }
            (None, None, Some(id)) => {
                let interface = kind::NETWORK_INTERFACE.find(&self.interfaces, id)?;
                (Target::NetworkInterface(id.clone()), "interface", Some(interface.vpc_id.as_str()))
            }
            (None, None, None) => {
                let message = "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId";
                return Err(Fault::new("MissingParameter", message));
            }
            _ => return Err(combination("A route has exactly one target.")),
        };
        if its_vpc != Some(vpc_id) {
            let table = &input.route_table_id;
            let id = given.0.as_ref().or(given.1.as_ref()).or(given.2.as_ref()).map_or("", String::as_str);
            return Err(invalid(format!("route table {table} and {what} {id} belong to different networks")));
        }
        Ok(target)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct PutRoute {
    route_table_id: String,
    destination_cidr_block: Option<String>,
    destination_ipv6_cidr_block: Option<String>,
    destination_prefix_list_id: Option<String>,
    gateway_id: Option<String>,
    nat_gateway_id: Option<String>,
    network_interface_id: Option<String>,
}

impl PutRoute {
    /// The route that the request describes. A NAT gateway may be named as any gateway is.
    fn read(&mut self, store: &Store, region: &str) -> Result<Route, Fault> {
        if self.nat_gateway_id.is_none() {
            self.nat_gateway_id = self.gateway_id.take_if(|id| id.starts_with("nat-"));
        }
        let table = kind::ROUTE_TABLE.find(&store.route_tables, &self.route_table_id)?;
        let destination = Destination::read(
            self.destination_cidr_block.clone(),
            self.destination_ipv6_cidr_block.clone(),
            self.destination_prefix_list_id.clone(),
            store,
            region,
        )?;
        let target = store.target(self, &table.vpc_id)?;
        if let Destination::Ipv4(net) = destination {
            store.check_within_vpc(net, &target, &table.vpc_id)?;
        }
        Ok(Route { destination, target })
    }
}

/// `CreateRoute`
pub(super) fn create(ctx: &mut Ctx<'_>, mut input: PutRoute) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let route = input.read(store, ctx.region_name)?;
    let table = kind::ROUTE_TABLE.find_mut(&mut store.route_tables, &input.route_table_id)?;
    let vpc = kind::VPC.find(&store.vpcs, &table.vpc_id)?;
    let is_local = matches!(route.destination, Destination::Ipv4(net) if vpc.has_block(net));
    if is_local || table.routes.iter().any(|present| present.destination == route.destination) {
        let message = format!("The route identified by {} already exists.", route.destination.text());
        return Err(Fault::new("RouteAlreadyExists", message));
    }
    table.routes.push(route);
    Ok(json!({"Return": true}))
}

/// `ReplaceRoute`
pub(super) fn replace(ctx: &mut Ctx<'_>, mut input: PutRoute) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let route = input.read(store, ctx.region_name)?;
    let table = kind::ROUTE_TABLE.find_mut(&mut store.route_tables, &input.route_table_id)?;
    let Some(present) = table.routes.iter_mut().find(|present| present.destination == route.destination) else {
        let text = route.destination.text();
        let message = format!("There is no route defined for '{text}' in the route table. Use CreateRoute instead.");
        return Err(invalid(message));
    };
    *present = route;
    Ok(json!({}))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct DeleteRoute {
    route_table_id: String,
    destination_cidr_block: Option<String>,
    destination_ipv6_cidr_block: Option<String>,
    destination_prefix_list_id: Option<String>,
}

/// `DeleteRoute`
pub(super) fn delete(ctx: &mut Ctx<'_>, input: DeleteRoute) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let DeleteRoute { route_table_id, .. } = input;
    kind::ROUTE_TABLE.find(&store.route_tables, &route_table_id)?;
    let destination = Destination::read(
        input.destination_cidr_block,
        input.destination_ipv6_cidr_block,
        input.destination_prefix_list_id,
        store,
        ctx.region_name,
    )?;
    let table = kind::ROUTE_TABLE.find_mut(&mut store.route_tables, &route_table_id)?;
    if let Some(position) = table.routes.iter().position(|route| route.destination == destination) {
        table.routes.remove(position);
        return Ok(json!({}));
    }
    let text = destination.text();
    if let Destination::Ipv4(net) = destination {
        let vpc = kind::VPC.find(&store.vpcs, &table.vpc_id)?;
        if vpc.has_block(net) {
            return Err(invalid(format!("cannot remove local route {text} in route table {route_table_id}")));
        }
    }
    let member = match destination {
        Destination::Ipv4(_) => "destination-cidr-block",
        Destination::Ipv6(_) => "destination-ipv6-cidr-block",
        Destination::PrefixList(_) => "destination-prefix-list-id",
    };
    let message = format!("no route with {member} {text} in route table {route_table_id}");
    Err(Fault::new("InvalidRoute.NotFound", message))
}
