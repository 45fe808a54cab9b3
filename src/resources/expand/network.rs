//! The network: VPC, subnets in three tiers, the ways in and out, and who may talk to whom.

use super::Expansion;
use crate::{
    engine::Ref,
    resources::{
        elastic_ip::ElasticIp,
        internet_gateway::InternetGateway,
        nat_gateway::NatGateway,
        proxy::PROXY_PORT,
        route_table::{Route, RouteTable},
        security_group::{Rule, SecurityGroup},
        subnet::Subnet,
        vpc::Vpc,
        vpc_endpoint::{EndpointType, VpcEndpoint},
    },
    stack::{EndpointService, Nat, NetworkTooSmall, SubnetPlan, Tier},
};

/// Endpoint services that take no private DNS names: what is reached by them has names of its own.
/// <https://docs.aws.amazon.com/apprunner/latest/dg/network-pl.html>
const WITHOUT_PRIVATE_DNS: &[&str] = &["apprunner.requests"];

const EVERYWHERE: &str = "0.0.0.0/0";

pub(super) fn vpc() -> Ref<Vpc> {
    Ref::to("main")
}

/// `private-1`: a subnet's name, its zone counted from 1.
fn subnet_name(plan: &SubnetPlan) -> String {
    format!("{}-{}", plan.tier.name(), plan.index + 1)
}

pub(super) fn subnets(plans: &[SubnetPlan], tier: Tier) -> Vec<Ref<Subnet>> {
    plans.iter().filter(|plan| plan.tier == tier).map(|plan| Ref::to(&subnet_name(plan))).collect()
}

impl Expansion<'_> {
    pub(super) fn network(&mut self) -> Result<(), NetworkTooSmall> {
        let network = &self.description.network;
        let plans = network.subnets()?;
        self.add("main", Vpc { cidr: network.cidr.to_string(), dns_hostnames: true, dns_support: true });
        self.add("main", InternetGateway { vpc: vpc(), attached: true });
        for plan in &plans {
            let zone = self.facts.zones.get(plan.index).cloned().unwrap_or_default();
            let subnet = Subnet {
                vpc: vpc(),
                cidr: plan.cidr.to_string(),
                availability_zone: zone,
                public_addresses: plan.tier == Tier::Public,
            };
            self.add(&subnet_name(plan), subnet);
        }
        self.ways_out(&plans);
        self.security_groups(&plans);
        self.endpoints(&plans);
        Ok(())
    }

    /// NAT gateways and route tables. A private subnet has a table of its own, so that one NAT gateway
    /// can become one a zone without moving a subnet.
    fn ways_out(&mut self, plans: &[SubnetPlan]) {
        let zones = usize::from(self.description.network.zones);
        let nats = match self.description.network.nat {
            Nat::None => 0,
            Nat::One => 1,
            Nat::PerZone => zones,
        };
        for zone in 1..=nats {
            let name = zone.to_string();
            self.add(&format!("nat-{name}"), ElasticIp {});
            let subnet = Ref::to(&format!("public-{name}"));
            self.add(&name, NatGateway { subnet, elastic_ip: Ref::to(&format!("nat-{name}")) });
        }
        let internet = Route { destination: EVERYWHERE.to_owned(), target: Ref::<InternetGateway>::to("main").erase() };
        let public = RouteTable { vpc: vpc(), routes: vec![internet], subnets: subnets(plans, Tier::Public) };
        self.add("public", public);
        for zone in 1..=zones {
            let nat = (nats > 0).then(|| Ref::<NatGateway>::to(&zone.min(nats).to_string()).erase());
            let routes = nat.map(|target| Route { destination: EVERYWHERE.to_owned(), target }).into_iter().collect();
            let name = format!("private-{zone}");
            self.add(&name, RouteTable { vpc: vpc(), routes, subnets: vec![Ref::to(&name)] });
        }
        self.add("isolated", RouteTable { vpc: vpc(), routes: vec![], subnets: subnets(plans, Tier::Isolated) });
    }

    /// app → proxy → database on the database's port, and nothing else.
    fn security_groups(&mut self, plans: &[SubnetPlan]) {
        let port = self.description.database.as_ref().map(|database| database.port);
        let proxy = self.description.proxy.is_some();
        if self.description.service.is_some() {
            let out = Rule::new("-1", None, Ref::value(EVERYWHERE), "to the proxy and the internet");
            // A VPC connector needs a set of groups that no other has, so its replacement, with another zone's subnet
            // in it, has to come with another group.
            let name = format!("app-{}-zones", self.description.network.zones);
            self.group_named("app", &name, "The service", vec![], vec![out]);
        }
        let runner = self.has_runner();
        if runner {
            let within = Ref::value(self.description.network.cidr.to_string());
            let out = vec![
                Rule::new("tcp", Some(PROXY_PORT), within, "to the proxy"),
                Rule::new("tcp", Some(443), Ref::value(EVERYWHERE), "to the Secrets Manager"),
            ];
            self.group(super::runner::NAME, "The function that applies the migrations", vec![], out);
        }
        let Some(port) = port else { return };
        if proxy {
            let app = Rule::new("tcp", Some(PROXY_PORT), Ref::<SecurityGroup>::to("app").erase(), "from the service");
            let mut ingress: Vec<Rule> = self.description.service.iter().map(|_| app.clone()).collect();
            if runner {
                let function = Ref::<SecurityGroup>::to(super::runner::NAME).erase();
                ingress.push(Rule::new("tcp", Some(PROXY_PORT), function, "from the migrations"));
            }
            let others = self.description.proxy.iter().flat_map(|proxy| &proxy.allow_from);
            ingress.extend(
                others.map(|peer| Rule::new("tcp", Some(PROXY_PORT), Ref::value(peer.as_str()), "proxy.allow_from")),
            );
            let isolated = plans.iter().filter(|plan| plan.tier == Tier::Isolated);
            let egress = isolated
                .map(|plan| Rule::new("tcp", Some(port), Ref::value(plan.cidr.to_string()), "to the database"))
                .collect();
            self.group("proxy", "The RDS Proxy", ingress, egress);
        }
        let from_proxy = Rule::new("tcp", Some(port), Ref::<SecurityGroup>::to("proxy").erase(), "from the proxy");
        let ingress = self.description.proxy.iter().map(|_| from_proxy.clone()).collect();
        self.group("database", "The Aurora cluster", ingress, vec![]);
    }

    fn group(&mut self, name: &str, description: &str, ingress: Vec<Rule>, egress: Vec<Rule>) {
        self.group_named(name, name, description, ingress, egress);
    }

    fn group_named(&mut self, at: &str, name: &str, description: &str, ingress: Vec<Rule>, egress: Vec<Rule>) {
        let group =
            SecurityGroup { name: self.named(name), description: description.to_owned(), vpc: vpc(), ingress, egress };
        self.add(at, group);
    }

    fn endpoints(&mut self, plans: &[SubnetPlan]) {
        let services = &self.description.network.endpoints;
        if services.iter().any(|service| !service.is_gateway()) {
            let vpc_range = Ref::value(self.description.network.cidr.to_string());
            let ingress = vec![Rule::new("tcp", Some(443), vpc_range, "from the VPC")];
            self.group("endpoints", "The interface endpoints", ingress, vec![]);
        }
        for service in services {
            let endpoint = if service.is_gateway() { self.gateway(service) } else { interface(service, plans) };
            self.add(&service.as_str().replace('.', "-"), endpoint);
        }
    }

    fn gateway(&self, service: &EndpointService) -> VpcEndpoint {
        let private = (1..=self.description.network.zones).map(|zone| format!("private-{zone}"));
        let tables = private.chain(["isolated".to_owned()]).map(|name| Ref::to(&name)).collect();
        VpcEndpoint {
            vpc: vpc(),
            service: service.as_str().to_owned(),
            endpoint_type: EndpointType::Gateway,
            subnets: vec![],
            security_groups: vec![],
            route_tables: tables,
            private_dns: false,
            policy: String::new(),
        }
    }
}

fn interface(service: &EndpointService, plans: &[SubnetPlan]) -> VpcEndpoint {
    VpcEndpoint {
        vpc: vpc(),
        service: service.as_str().to_owned(),
        endpoint_type: EndpointType::Interface,
        subnets: subnets(plans, Tier::Private),
        security_groups: vec![Ref::to("endpoints")],
        route_tables: vec![],
        private_dns: !WITHOUT_PRIVATE_DNS.contains(&service.as_str()),
        policy: String::new(),
    }
}
