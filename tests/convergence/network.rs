//! The cases of the network's kinds.

use aws_sdk_ec2::types::{AttributeBooleanValue, IpPermission, IpRange, UserIdGroupPair};
use futures::FutureExt;
use infra::{
    aws::Clients,
    engine::{
        Address, Anything, Desired, Kind, Live, Ref, Resource, Tags,
        plan::Action::{Replace, Update},
    },
    resources::{
        elastic_ip::ElasticIp,
        internet_gateway::InternetGateway,
        nat_gateway::NatGateway,
        route_table::{Route, RouteTable},
        security_group::{Rule, SecurityGroup},
        subnet::Subnet,
        vpc::Vpc,
        vpc_endpoint::{EndpointType, VpcEndpoint},
    },
};

use super::{Case, stage::Stage};

pub(super) fn network() -> Vpc {
    Vpc { cidr: "10.0.0.0/16".into(), dns_hostnames: true, dns_support: true }
}

pub(super) fn part(number: u8, zone: &str) -> Subnet {
    let vpc = Ref::to("main");
    let cidr = format!("10.0.{number}.0/24");
    Subnet { vpc, cidr, availability_zone: format!("us-east-1{zone}"), public_addresses: false }
}

fn off() -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(false).build()
}

pub(super) fn vpc() -> Case<Vpc> {
    Case::new("main", network())
        .change("dns_hostnames", Update, |vpc| vpc.dns_hostnames = false)
        .change("dns_support", Update, |vpc| vpc.dns_support = false)
        .change("cidr", Replace, |vpc| vpc.cidr = "10.1.0.0/16".into())
        .drift(
            "host names switched off",
            Update,
            act!(|aws, live| {
                aws.ec2.modify_vpc_attribute().vpc_id(&live.id).enable_dns_hostnames(off()).send().await.unwrap()
            }),
        )
}

pub(super) fn internet_gateway() -> Case<InternetGateway> {
    Case::new("main", InternetGateway { vpc: Ref::to("main"), attached: true })
        .around("main", network())
        .around("other", network())
        .change("vpc", Replace, |gateway| gateway.vpc = Ref::to("other"))
        // What is described is attached; detaching it is somebody else's deed.
        .fixed("attached")
        .drift(
            "detached",
            Update,
            act!(|aws, live| {
                let vpc = live.spec.vpc.as_value().unwrap();
                aws.ec2.detach_internet_gateway().internet_gateway_id(&live.id).vpc_id(vpc).send().await.unwrap()
            }),
        )
}

pub(super) fn subnet() -> Case<Subnet> {
    Case::new("one", part(1, "a"))
        .around("main", network())
        .around("other", network())
        .change("public_addresses", Update, |subnet| subnet.public_addresses = true)
        .change("cidr", Replace, |subnet| subnet.cidr = "10.0.2.0/24".into())
        // Both exist for a while, so the range has to change as well.
        .change("availability_zone", Replace, |subnet| {
            subnet.availability_zone = "us-east-1b".into();
            subnet.cidr = "10.0.3.0/24".into();
        })
        .change("vpc", Replace, |subnet| subnet.vpc = Ref::to("other"))
        .drift(
            "public addresses given",
            Update,
            act!(|aws, live| {
                let on = AttributeBooleanValue::builder().value(true).build();
                aws.ec2.modify_subnet_attribute().subnet_id(&live.id).map_public_ip_on_launch(on).send().await.unwrap()
            }),
        )
}

pub(super) fn elastic_ip() -> Case<ElasticIp> {
    Case::new("nat", ElasticIp {})
}

pub(super) fn nat_gateway() -> Case<NatGateway> {
    Case::new("one", NatGateway { subnet: Ref::to("one"), elastic_ip: Ref::to("one") })
        .around("main", network())
        .around("main", InternetGateway { vpc: Ref::to("main"), attached: true })
        .around("one", part(1, "a"))
        .around("two", part(2, "b"))
        .around("one", ElasticIp {})
        .around("two", ElasticIp {})
        .change("subnet", Replace, |gateway| gateway.subnet = Ref::to("two"))
        .change("elastic_ip", Replace, |gateway| gateway.elastic_ip = Ref::to("two"))
}

fn to<R: Resource>(destination: &str, target: &str) -> Route {
    Route { destination: destination.into(), target: Ref::<R>::to(target).erase() }
}

pub(super) fn route_table() -> Case<RouteTable> {
    let routes = vec![to::<InternetGateway>("0.0.0.0/0", "main")];
    Case::new("one", RouteTable { vpc: Ref::to("main"), routes, subnets: vec![Ref::to("one")] })
        .around("main", network())
        .around("other", network())
        .around("main", InternetGateway { vpc: Ref::to("main"), attached: true })
        .around("one", part(1, "a"))
        .around("two", part(2, "b"))
        .around("nat", ElasticIp {})
        .around("nat", NatGateway { subnet: Ref::to("two"), elastic_ip: Ref::to("nat") })
        .around("spare", RouteTable { vpc: Ref::to("main"), routes: vec![], subnets: vec![] })
        .change("routes", Update, |table| {
            table.routes = vec![to::<NatGateway>("0.0.0.0/0", "nat"), to::<InternetGateway>("192.0.2.0/24", "main")];
        })
        .change("subnets", Update, |table| table.subnets = vec![Ref::to("two")])
        .change("vpc", Replace, |table| {
            *table = RouteTable { vpc: Ref::to("other"), routes: vec![], subnets: vec![] };
        })
        .drift(
            "a route deleted",
            Update,
            act!(|aws, live| {
                let call = aws.ec2.delete_route().route_table_id(&live.id).destination_cidr_block("0.0.0.0/0");
                call.send().await.unwrap()
            }),
        )
        .drift(
            "a route led elsewhere, and one added",
            Update,
            act!(|aws, live| {
                let gateways = aws.ec2.describe_nat_gateways().send().await.unwrap();
                let standing = gateways.nat_gateways().iter().find(|gateway| gateway.delete_time().is_none()).unwrap();
                let call = aws.ec2.replace_route().route_table_id(&live.id).destination_cidr_block("0.0.0.0/0");
                call.nat_gateway_id(standing.nat_gateway_id().unwrap()).send().await.unwrap();
                let call = aws.ec2.create_route().route_table_id(&live.id).destination_cidr_block("198.51.100.0/24");
                call.gateway_id(live.spec.routes[0].target.as_value().unwrap()).send().await.unwrap()
            }),
        )
        .drift(
            "the subnet taken away",
            Update,
            act!(|aws, live| {
                aws.ec2
                    .disassociate_route_table()
                    .association_id(association(aws, &live.id).await)
                    .send()
                    .await
                    .unwrap()
            }),
        )
        .drift(
            "the subnet moved to another table",
            Update,
            act!(|aws, live| {
                let tables = aws.ec2.describe_route_tables().send().await.unwrap();
                let spare = tables
                    .route_tables()
                    .iter()
                    .find(|table| table.tags().iter().any(|tag| tag.value() == Some("route-table/spare")));
                let spare = spare.unwrap().route_table_id().unwrap();
                let call = aws.ec2.replace_route_table_association().association_id(association(aws, &live.id).await);
                call.route_table_id(spare).send().await.unwrap()
            }),
        )
}

/// The id of a table's only association.
async fn association(aws: &Clients, table: &str) -> String {
    let tables = aws.ec2.describe_route_tables().route_table_ids(table).send().await.unwrap();
    tables.route_tables()[0].associations()[0].route_table_association_id().unwrap().to_owned()
}

pub(super) fn group(name: &str, ingress: Vec<Rule>, egress: Vec<Rule>) -> SecurityGroup {
    SecurityGroup { name: format!("case-{name}"), description: "A case".into(), vpc: Ref::to("main"), ingress, egress }
}

fn from(peer: Ref<Anything>, port: u16, description: &str) -> Rule {
    Rule::new("tcp", Some(port), peer, description)
}

pub(super) fn security_group() -> Case<SecurityGroup> {
    let peer = || Ref::<SecurityGroup>::to("peer").erase();
    Case::new("one", group("one", vec![from(peer(), 5432, "from the peer")], vec![]))
        .around("main", network())
        .around("other", network())
        .around("peer", group("peer", vec![], vec![]))
        .change("ingress", Update, |group| group.ingress[0].description = "from whom it may concern".into())
        .change("ingress", Update, |group| group.ingress[0].port = Some(5433))
        .change("ingress", Update, |group| group.ingress.push(from(Ref::value("10.0.0.0/16"), 443, "")))
        .change("egress", Update, |group| {
            let peer = Ref::<SecurityGroup>::to("peer").erase();
            group.egress = vec![Rule::new("-1", None, Ref::value("0.0.0.0/0"), "out"), from(peer, 5432, "")];
        })
        .change("name", Replace, |group| group.name = "case-another".into())
        // The name is unique in the VPC and both exist for a while.
        .change("description", Replace, |group| {
            group.name = "case-third".into();
            group.description = "Another case".into();
        })
        .change("vpc", Replace, |group| {
            group.vpc = Ref::to("other");
            group.ingress.clear();
            group.egress.clear();
        })
        .drift(
            "a range of ports opened to the world",
            Update,
            act!(|aws, live| {
                let world = IpRange::builder().cidr_ip("0.0.0.0/0").build();
                let range =
                    IpPermission::builder().ip_protocol("tcp").from_port(8000).to_port(9000).ip_ranges(world).build();
                let call = aws.ec2.authorize_security_group_ingress().group_id(&live.id).ip_permissions(range);
                call.send().await.unwrap()
            }),
        )
        .drift(
            "all rules revoked and everything let out",
            Update,
            act!(|aws, live| {
                let groups = aws.ec2.describe_security_groups().group_ids(&live.id).send().await.unwrap();
                let rules = groups.security_groups()[0].ip_permissions().to_vec();
                let call = aws.ec2.revoke_security_group_ingress().group_id(&live.id).set_ip_permissions(Some(rules));
                call.send().await.unwrap();
                let world = IpRange::builder().cidr_ip("0.0.0.0/0").build();
                let all = IpPermission::builder().ip_protocol("-1").ip_ranges(world).build();
                let call = aws.ec2.authorize_security_group_egress().group_id(&live.id).ip_permissions(all);
                call.send().await.unwrap()
            }),
        )
        .drift(
            "a rule described otherwise",
            Update,
            act!(|aws, live| {
                let groups = aws.ec2.describe_security_groups().group_ids(&live.id).send().await.unwrap();
                let mut rule = groups.security_groups()[0].ip_permissions()[0].clone();
                rule.user_id_group_pairs.as_mut().unwrap()[0].description = Some("by hand".into());
                let call = aws.ec2.update_security_group_rule_descriptions_ingress().group_id(&live.id);
                call.ip_permissions(rule).send().await.unwrap()
            }),
        )
}

pub(super) fn vpc_endpoint() -> Case<VpcEndpoint> {
    let endpoint = VpcEndpoint {
        vpc: Ref::to("main"),
        service: "secretsmanager".into(),
        endpoint_type: EndpointType::Interface,
        subnets: vec![Ref::to("one")],
        security_groups: vec![Ref::to("one")],
        route_tables: vec![],
        private_dns: true,
        policy: String::new(),
    };
    let table = RouteTable { vpc: Ref::to("main"), routes: vec![], subnets: vec![] };
    Case::new("one", endpoint)
        .around("main", network())
        .around("other", network())
        .around("one", part(1, "a"))
        .around("two", part(2, "a"))
        .around("three", part(3, "b"))
        .around("one", group("one", vec![], vec![]))
        .around("two", group("two", vec![], vec![]))
        .around("one", table.clone())
        .around("two", table)
        // The first two lie in one zone, where an endpoint has one subnet at a time.
        .change("subnets", Update, |endpoint| endpoint.subnets = vec![Ref::to("two"), Ref::to("three")])
        .change("security_groups", Update, |endpoint| endpoint.security_groups = vec![Ref::to("two")])
        .change("private_dns", Update, |endpoint| endpoint.private_dns = false)
        .change("service", Replace, |endpoint| endpoint.service = "ecr.api".into())
        .change("endpoint_type", Replace, |endpoint| {
            endpoint.service = "s3".into();
            endpoint.endpoint_type = EndpointType::Gateway;
            endpoint.subnets.clear();
            endpoint.security_groups.clear();
            endpoint.route_tables = vec![Ref::to("one")];
        })
        .change("route_tables", Update, |endpoint| endpoint.route_tables = vec![Ref::to("two")])
        .change("vpc", Replace, |endpoint| {
            endpoint.vpc = Ref::to("other");
            endpoint.route_tables.clear();
        })
        .fixed("policy")
        .drift(
            "everything forbidden",
            Update,
            act!(|aws, live| {
                let policy = r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#;
                let call = aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&live.id).policy_document(policy);
                call.send().await.unwrap()
            }),
        )
        .drift(
            "its usual name taken away",
            Update,
            act!(|aws, live| {
                let call = aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&live.id).private_dns_enabled(false);
                call.send().await.unwrap()
            }),
        )
        .drift(
            "a subnet added",
            Update,
            act!(|aws, live| {
                let subnets = aws.ec2.describe_subnets().send().await.unwrap();
                let three = subnets.subnets().iter().find(|subnet| subnet.cidr_block() == Some("10.0.3.0/24")).unwrap();
                let call = aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(&live.id);
                call.add_subnet_ids(three.subnet_id().unwrap()).send().await.unwrap()
            }),
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_point_at_each_other_are_destroyed() {
    let kinds = vec![Kind::of::<Vpc>(), Kind::of::<SecurityGroup>()];
    let stage = Stage::start(kinds).await;
    let to_two = from(Ref::<SecurityGroup>::to("two").erase(), 5432, "");
    let none = Tags::new();
    let desired = [
        Desired::new("main", network(), &none),
        Desired::new("one", group("one", vec![to_two], vec![]), &none),
        Desired::new("two", group("two", vec![], vec![]), &none),
    ];
    stage.deploy(&desired, "created").await;
    let id = async |name| stage.live::<SecurityGroup>(&Address::new(SecurityGroup::KIND, name)).await.unwrap().id;
    let one = UserIdGroupPair::builder().group_id(id("one").await).build();
    let rule = IpPermission::builder().ip_protocol("tcp").from_port(1).to_port(2).user_id_group_pairs(one).build();
    let call = stage.aws.ec2.authorize_security_group_ingress().group_id(id("two").await).ip_permissions(rule);
    call.send().await.unwrap();
    stage.deploy(&[], "destroyed").await;
    assert_eq!(stage.inventory(), Vec::<String>::new(), "nothing is left behind");
    stage.cloud.stop().await;
}
