//! VPC endpoints: interfaces in subnets that lead to a service, or routes to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{self, unsupported},
    endpoint_service, kind,
    listing::Listing,
    network_interface_owner::Purpose,
    prefix_list,
    tag::{self, TagSpecification},
    view::{View, timestamp},
};
use crate::local::{fault::Fault, hosted_zones, pace::Millis, world::Ctx};

/// How long AWS takes to make an interface endpoint; a gateway's routes are there at once.
const CREATION: Duration = Duration::from_secs(60);

/// What an interface endpoint without a policy of its own allows.
const FULL_ACCESS: &str = r#"{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}]}"#;
/// The same of a gateway endpoint, of which AWS tells the language's version.
const FULL_ACCESS_OF_GATEWAY: &str =
    r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// A VPC endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(super) vpc_endpoint_id: String,
    pub(super) vpc_id: String,
    pub(super) service_name: String,
    /// `Interface` or `Gateway`.
    pub(super) endpoint_type: String,
    pub(super) state: State,
    pub(super) policy: Option<String>,
    pub(super) private_dns: bool,
    /// An interface endpoint's subnets, each with an interface.
    pub(super) subnet_ids: Vec<String>,
    pub(super) group_ids: Vec<String>,
    /// A gateway endpoint's tables.
    pub(super) route_table_ids: Vec<String>,
    pub(super) created_at: Millis,
    client_token: Option<String>,
}

impl Store {
    /// The VPC and the service of an interface endpoint that is there.
    pub(crate) fn interface_endpoint(&self, id: &str) -> Option<(&str, &str)> {
        let endpoint = self.endpoints.get(id).filter(|one| one.endpoint_type == "Interface")?;
        Some((&endpoint.vpc_id, &endpoint.service_name))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    Pending { until: Millis },
    Available,
    Deleting { until: Millis },
}

impl Endpoint {
    /// The state in the API's words.
    pub(super) fn state_name(&self) -> &'static str {
        match self.state {
            State::Pending { .. } => "pending",
            State::Available => "available",
            State::Deleting { .. } => "deleting",
        }
    }

    pub(super) fn is_gateway(&self) -> bool {
        self.endpoint_type == "Gateway"
    }

    fn default_policy(&self) -> &'static str {
        if self.is_gateway() { FULL_ACCESS_OF_GATEWAY } else { FULL_ACCESS }
    }

    fn show(&self, view: &View<'_>) -> Value {
        let groups = self.group_ids.iter().map(|id| {
            let name = view.store.security_groups.get(id).map(|group| group.group_name.as_str());
            json!({"GroupId": id, "GroupName": name})
        });
        let interfaces = view.store.interfaces_of(&self.vpc_endpoint_id).map(|one| one.network_interface_id.as_str());
        json!({
            "VpcEndpointId": self.vpc_endpoint_id,
            "VpcEndpointType": self.endpoint_type,
            "VpcId": self.vpc_id,
            "ServiceName": self.service_name,
            "ServiceRegion": view.region,
            "State": self.state_name(),
            "PolicyDocument": self.policy.as_deref().unwrap_or(self.default_policy()),
            "RouteTableIds": self.route_table_ids,
            "SubnetIds": self.subnet_ids,
            "Groups": groups.collect::<Vec<_>>(),
            "IpAddressType": "ipv4",
            "DnsOptions": if self.is_gateway() { Value::Null } else { json!({"DnsRecordIpType": "ipv4"}) },
            "PrivateDnsEnabled": self.private_dns,
            "RequesterManaged": false,
            "NetworkInterfaceIds": interfaces.collect::<Vec<_>>(),
            "DnsEntries": self.dns_entries(view),
            "CreationTimestamp": timestamp(self.created_at),
            "OwnerId": view.account,
            "Tags": view.tags(&self.vpc_endpoint_id),
        })
    }

    /// The names that lead to an interface endpoint: its own, one a zone, and the service's if it takes that over.
    fn dns_entries(&self, view: &View<'_>) -> Vec<Value> {
        let Ok(service) = endpoint_service::find(view.region, &self.service_name, "Interface") else {
            return Vec::new();
        };
        if self.is_gateway() {
            return Vec::new();
        }
        let own = format!("{}-{}", self.vpc_endpoint_id, &self.vpc_endpoint_id[self.vpc_endpoint_id.len() - 8..]);
        let suffix = service.dns_name.replace(".amazonaws.com", ".vpce.amazonaws.com");
        let zones = self.subnet_ids.iter().filter_map(|id| view.store.subnet(id)).map(|one| &one.availability_zone);
        let entry = |name: String, zone: &str| json!({"DnsName": name, "HostedZoneId": zone});
        let public = hosted_zones::of_endpoints(view.region);
        let mut entries = vec![entry(format!("{own}.{suffix}"), &public)];
        entries.extend(zones.map(|zone| entry(format!("{own}-{zone}.{suffix}"), &public)));
        if self.private_dns {
            entries.push(entry(service.dns_name, &hosted_zones::made_up(&self.vpc_endpoint_id)));
        }
        entries
    }
}

impl Store {
    /// Moves endpoints on.
    pub(super) fn settle_endpoints(&mut self, now: Millis) {
        for endpoint in self.endpoints.values_mut() {
            if matches!(endpoint.state, State::Pending { until } if until <= now) {
                endpoint.state = State::Available;
            }
        }
        let is_gone = |endpoint: &&Endpoint| matches!(endpoint.state, State::Deleting { until } if until <= now);
        let gone: Vec<String> =
            self.endpoints.values().filter(is_gone).map(|endpoint| endpoint.vpc_endpoint_id.clone()).collect();
        for id in gone {
            self.forget_endpoint(&id);
        }
    }

    /// Removes an endpoint and what it keeps.
    pub(super) fn forget_endpoint(&mut self, id: &str) {
        self.detach_interfaces(id);
        self.endpoints.remove(id);
        self.tags.remove(id);
    }

    /// Refuses subnets outside the VPC, or two in one zone; `present` are those that the endpoint has.
    pub(super) fn check_endpoint_subnets(
        &self,
        vpc_id: &str,
        present: &[String],
        added: &[String],
    ) -> Result<(), Fault> {
        let mut zones: Vec<&str> =
            present.iter().filter_map(|id| self.subnet(id)).map(|one| one.availability_zone.as_str()).collect();
        for id in added {
            let subnet = kind::SUBNET.find(&self.subnets, id)?;
            if subnet.vpc_id != vpc_id {
                let message = format!("Subnet {id} does not belong to the VPC {vpc_id}");
                return Err(Fault::new("InvalidParameter", message));
            }
            if zones.contains(&subnet.availability_zone.as_str()) {
                let message = format!("Found another VPC endpoint subnet in the availability zone of {id}");
                return Err(Fault::new("DuplicateSubnetsInSameZone", message));
            }
            zones.push(&subnet.availability_zone);
        }
        Ok(())
    }

    /// Refuses tables outside the VPC, or with a route to the service already.
    pub(super) fn check_endpoint_tables(
        &self,
        vpc_id: &str,
        service_name: &str,
        added: &[String],
        region: &str,
    ) -> Result<(), Fault> {
        for id in added {
            if kind::ROUTE_TABLE.find(&self.route_tables, id)?.vpc_id != vpc_id {
                let message = format!("Route table {id} does not belong to the VPC {vpc_id}");
                return Err(Fault::new("InvalidParameter", message));
            }
            let mut others = self.endpoints.values().filter(|one| one.service_name == service_name);
            if others.any(|one| one.route_table_ids.contains(id)) {
                let list = prefix_list::of_service(region, service_name).map(|list| list.id).unwrap_or_default();
                let message = format!("route table {id} already has a route with destination-prefix-list-id {list}");
                return Err(Fault::new("RouteAlreadyExists", message));
            }
        }
        Ok(())
    }

    /// Refuses private DNS where the VPC has no DNS, or another endpoint has taken the name over.
    pub(super) fn check_private_dns(&self, vpc_id: &str, service_name: &str, dns_name: &str) -> Result<(), Fault> {
        let vpc = kind::VPC.find(&self.vpcs, vpc_id)?;
        if !vpc.dns_support || !vpc.dns_hostnames {
            let message = format!(
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc_id}"
            );
            return Err(Fault::new("InvalidParameter", message));
        }
        let mut others = self.endpoints.values().filter(|one| one.vpc_id == vpc_id && one.private_dns);
        if others.any(|one| one.service_name == service_name) {
            let message = format!(
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {dns_name} in the VPC {vpc_id}"
            );
            return Err(Fault::new("InvalidParameter", message));
        }
        Ok(())
    }

    /// Gives an interface endpoint its interfaces in `subnet_ids`, or in none of them where one is full.
    pub(super) fn place_endpoint(&mut self, id: &str, subnet_ids: &[String], now: Millis) -> Result<(), Fault> {
        let group_ids = kind::ENDPOINT.find(&self.endpoints, id)?.group_ids.clone();
        let description = format!("VPC Endpoint Interface {id}");
        let purpose = Purpose {
            owner: id,
            description: &description,
            requester: "amazon-vpc-endpoint",
            interface_type: "vpc_endpoint",
        };
        self.check_room(subnet_ids)?;
        for subnet_id in subnet_ids {
            self.make_interface(&purpose, subnet_id, group_ids.clone(), now)?;
        }
        Ok(())
    }
}

/// Refuses a policy that is no JSON object.
pub(super) fn check_policy(policy: Option<&String>) -> Result<(), Fault> {
    let is_object = |text: &String| serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object());
    if policy.is_none_or(is_object) {
        return Ok(());
    }
    Err(Fault::new("InvalidPolicyDocument", "The policy document is not valid JSON."))
}

/// Refuses parameters of the other type of endpoint.
pub(super) fn check_type(is_gateway: bool, tables: bool, interface_parameters: bool) -> Result<(), Fault> {
    let message = match (is_gateway, tables, interface_parameters) {
        (false, true, _) => "Route table IDs are not supported for endpoints of type Interface.",
        (true, _, true) => {
            "Subnet IDs, security group IDs and private DNS are not supported for endpoints of type Gateway."
        }
        _ => return Ok(()),
    };
    Err(Fault::new("InvalidParameter", message))
}

/// Which names lead to an interface endpoint. Only what every endpoint has is there: names for IPv4, for the whole VPC.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct DnsOptions {
    dns_record_ip_type: Option<String>,
    private_dns_only_for_inbound_resolver_endpoint: bool,
}

impl DnsOptions {
    /// Refuses what is not there.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self.dns_record_ip_type.as_deref() {
            None | Some("ipv4") if self.private_dns_only_for_inbound_resolver_endpoint => {
                Err(unsupported("DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint"))
            }
            None | Some("ipv4") => Ok(()),
            Some(_) => Err(unsupported("DnsOptions.DnsRecordIpType")),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateVpcEndpoint {
    vpc_id: String,
    vpc_endpoint_type: Option<String>,
    service_name: String,
    policy_document: Option<String>,
    route_table_ids: Vec<String>,
    subnet_ids: Vec<String>,
    security_group_ids: Vec<String>,
    private_dns_enabled: Option<bool>,
    ip_address_type: Option<String>,
    dns_options: DnsOptions,
    client_token: Option<String>,
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateVpcEndpoint`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateVpcEndpoint) -> Result<Value, Fault> {
    let id = call::once(ctx, &kind::ENDPOINT, input.client_token.as_ref(), &input, |ctx| {
        let until = ctx.pace.after(ctx.now, CREATION);
        make(&mut ctx.region.ec2, &input, ctx.region_name, ctx.now, until)
    })?;
    let view = View::of(ctx);
    let endpoint = kind::ENDPOINT.find(&view.store.endpoints, &id)?;
    Ok(json!({"VpcEndpoint": endpoint.show(&view), "ClientToken": endpoint.client_token}))
}

/// Checks the parameters and makes the endpoint.
fn make(
    store: &mut Store,
    input: &CreateVpcEndpoint,
    region: &str,
    now: Millis,
    until: Millis,
) -> Result<String, Fault> {
    let endpoint_type = input.vpc_endpoint_type.as_deref().unwrap_or("Gateway");
    if input.ip_address_type.as_deref().is_some_and(|wanted| wanted != "ipv4") {
        return Err(unsupported("IpAddressType"));
    }
    input.dns_options.check()?;
    kind::VPC.find(&store.vpcs, &input.vpc_id)?;
    let service = endpoint_service::find(region, &input.service_name, endpoint_type)?;
    let is_gateway = endpoint_type == "Gateway";
    let of_interface =
        !input.subnet_ids.is_empty() || !input.security_group_ids.is_empty() || input.private_dns_enabled == Some(true);
    check_type(is_gateway, !input.route_table_ids.is_empty(), of_interface)?;
    store.check_endpoint_tables(&input.vpc_id, &input.service_name, &input.route_table_ids, region)?;
    store.check_endpoint_subnets(&input.vpc_id, &[], &input.subnet_ids)?;
    let private_dns = !is_gateway && input.private_dns_enabled.unwrap_or(true);
    if private_dns {
        store.check_private_dns(&input.vpc_id, &input.service_name, &service.dns_name)?;
    }
    check_policy(input.policy_document.as_ref())?;
    let tags = tag::given(&input.tag_specifications, &kind::ENDPOINT)?;
    let group_ids = match is_gateway {
        true => Vec::new(),
        false => store.groups_of_vpc(&input.vpc_id, input.security_group_ids.clone())?,
    };
    let id = kind::ENDPOINT.new_id();
    let endpoint = Endpoint {
        vpc_endpoint_id: id.clone(),
        vpc_id: input.vpc_id.clone(),
        service_name: input.service_name.clone(),
        endpoint_type: endpoint_type.to_owned(),
        state: if is_gateway { State::Available } else { State::Pending { until } },
        policy: input.policy_document.clone(),
        private_dns,
        subnet_ids: input.subnet_ids.clone(),
        group_ids,
        route_table_ids: input.route_table_ids.clone(),
        created_at: now,
        client_token: input.client_token.clone(),
    };
    store.endpoints.insert(id.clone(), endpoint);
    if let Err(fault) = store.place_endpoint(&id, &input.subnet_ids, now) {
        store.forget_endpoint(&id);
        return Err(fault);
    }
    store.tag(&id, tags);
    Ok(id)
}

static ENDPOINTS: Listing = Listing {
    kind: &kind::ENDPOINT,
    items: "VpcEndpoints",
    ids: "VpcEndpointIds",
    id: "VpcEndpointId",
    filters: &[
        ("ip-address-type", "IpAddressType"),
        ("service-name", "ServiceName"),
        ("service-region", "ServiceRegion"),
        ("vpc-endpoint-id", "VpcEndpointId"),
        ("vpc-endpoint-state", "State"),
        ("vpc-endpoint-type", "VpcEndpointType"),
        ("vpc-id", "VpcId"),
    ],
};

/// `DescribeVpcEndpoints`
pub(super) fn describe(ctx: &mut Ctx<'_>, mut input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    // Who asks for more gets a thousand.
    if input["MaxResults"].as_u64().is_some_and(|size| size > 1000) {
        input["MaxResults"] = json!(1000);
    }
    ENDPOINTS.answer(&view, input, view.store.endpoints.values().map(|endpoint| endpoint.show(&view)))
}
