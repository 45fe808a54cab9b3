//! Route tables, routes and associations.

use serde_json::{Value, json};

use super::{Cloud, missing};

fn table(cloud: &mut Cloud, vpc: &str) -> String {
    cloud.get("CreateRouteTable", json!({"VpcId": vpc}), "/RouteTable/RouteTableId")
}

fn main_of(cloud: &mut Cloud, vpc: &str) -> Value {
    let filters = json!([{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]);
    cloud.done("DescribeRouteTables", json!({"Filters": filters}))["RouteTables"][0].clone()
}

fn routes(cloud: &mut Cloud, table: &str) -> Value {
    cloud.done("DescribeRouteTables", json!({"RouteTableIds": [table]}))["RouteTables"][0]["Routes"].clone()
}

#[test]
fn routes_are_made_replaced_and_deleted() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let gateway = cloud.gateway(&vpc);
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let address = cloud.address();
    let nat = cloud.nat_gateway(&subnet, &address);
    let table = table(&mut cloud, &vpc);
    let to = |member: &str, id: &str| json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", member: id});
    cloud.done("CreateRoute", to("GatewayId", &gateway));
    assert_eq!(cloud.refusal("CreateRoute", to("NatGatewayId", &nat)), "RouteAlreadyExists");
    cloud.done("ReplaceRoute", to("NatGatewayId", &nat));
    let local = json!({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
    let mut default =
        json!({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": nat, "Origin": "CreateRoute", "State": "active"});
    assert_eq!(routes(&mut cloud, &table), json!([local, default]));
    cloud.done("DeleteNatGateway", json!({"NatGatewayId": nat}));
    default["State"] = json!("blackhole");
    assert_eq!(routes(&mut cloud, &table), json!([local, default]));
    cloud.done("DeleteRoute", json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}));
    assert_eq!(routes(&mut cloud, &table), json!([local]));
}

#[test]
fn routes_are_refused_in_aws_words() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let gateway = cloud.gateway(&vpc);
    let loose = cloud.get("CreateInternetGateway", json!({}), "/InternetGateway/InternetGatewayId");
    let table = table(&mut cloud, &vpc);
    let to =
        |cidr: &str, member: &str, id: &str| json!({"RouteTableId": table, "DestinationCidrBlock": cidr, member: id});
    cloud.refuses([
        ("CreateRoute", to("0.0.0.0/0", "GatewayId", &missing("igw")), "InvalidGatewayID.NotFound"),
        ("CreateRoute", to("0.0.0.0/0", "GatewayId", &loose), "InvalidParameterValue"),
        ("CreateRoute", to("0.0.0.0/0", "NatGatewayId", &missing("nat")), "InvalidNatGatewayID.NotFound"),
        ("CreateRoute", to("0.0.0.0/0", "TransitGatewayId", "tgw-1"), "UnsupportedOperation"),
        ("CreateRoute", to("10.0.3.0/24", "GatewayId", &gateway), "InvalidParameterValue"),
        ("CreateRoute", to("everywhere", "GatewayId", &gateway), "InvalidParameterValue"),
        ("CreateRoute", json!({"RouteTableId": table, "GatewayId": gateway}), "MissingParameter"),
        ("CreateRoute", json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}), "MissingParameter"),
        (
            "CreateRoute",
            json!({"RouteTableId": missing("rtb"), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}),
            "InvalidRouteTableID.NotFound",
        ),
        (
            "CreateRoute",
            json!({"RouteTableId": table, "DestinationPrefixListId": "pl-00000000", "GatewayId": gateway}),
            "InvalidPrefixListID.NotFound",
        ),
        ("ReplaceRoute", to("0.0.0.0/0", "GatewayId", &gateway), "InvalidParameterValue"),
        ("DeleteRoute", json!({"RouteTableId": table, "DestinationCidrBlock": "10.0.0.0/16"}), "InvalidParameterValue"),
        ("DeleteRoute", json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}), "InvalidRoute.NotFound"),
    ]);
}

#[test]
fn traffic_between_subnets_may_go_through_a_nat_gateway_or_an_interface() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    cloud.subnet(&vpc, "10.0.1.0/24");
    let gateway = cloud.gateway(&vpc);
    let nat = json!({"SubnetId": subnet, "ConnectivityType": "private"});
    let nat = cloud.get("CreateNatGateway", nat, "/NatGateway/NatGatewayId");
    let path = "/NetworkInterface/NetworkInterfaceId";
    let interface = cloud.get("CreateNetworkInterface", json!({"SubnetId": subnet}), path);
    let table = table(&mut cloud, &vpc);
    let to =
        |cidr: &str, member: &str, id: &str| json!({"RouteTableId": table, "DestinationCidrBlock": cidr, member: id});
    for (member, id) in [("NatGatewayId", &nat), ("NetworkInterfaceId", &interface)] {
        cloud.done("CreateRoute", to("10.0.1.0/24", member, id));
        cloud.done("DeleteRoute", json!({"RouteTableId": table, "DestinationCidrBlock": "10.0.1.0/24"}));
        cloud.refuses([
            ("CreateRoute", to("10.0.1.0/25", member, id), "InvalidParameterValue"),
            ("CreateRoute", to("10.0.2.0/24", member, id), "InvalidParameterValue"),
            ("CreateRoute", to("10.0.0.0/16", member, id), "RouteAlreadyExists"),
        ]);
    }
    assert_eq!(cloud.refusal("CreateRoute", to("10.0.1.0/24", "GatewayId", &gateway)), "InvalidParameterValue");
}

#[test]
fn a_subnet_has_one_table() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let (first, second) = (table(&mut cloud, &vpc), table(&mut cloud, &vpc));
    let association = |table: &str| json!({"RouteTableId": table, "SubnetId": subnet});
    let id = cloud.get("AssociateRouteTable", association(&first), "/AssociationId");
    assert_eq!(cloud.get("AssociateRouteTable", association(&first), "/AssociationId"), id);
    assert_eq!(cloud.refusal("AssociateRouteTable", association(&second)), "Resource.AlreadyAssociated");
    assert_eq!(cloud.refusal("DeleteRouteTable", json!({"RouteTableId": first})), "DependencyViolation");
    let moved = json!({"AssociationId": id, "RouteTableId": second});
    let id = cloud.get("ReplaceRouteTableAssociation", moved, "/NewAssociationId");
    cloud.done("DeleteRouteTable", json!({"RouteTableId": first}));
    cloud.done("DisassociateRouteTable", json!({"AssociationId": id}));
    assert_eq!(cloud.refusal("DisassociateRouteTable", json!({"AssociationId": id})), "InvalidAssociationID.NotFound");
    cloud.done("AssociateRouteTable", association(&second));
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
    cloud.done("DeleteRouteTable", json!({"RouteTableId": second}));
}

#[test]
fn another_table_can_become_the_main_one() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let old = main_of(&mut cloud, &vpc);
    let id = old["Associations"][0]["RouteTableAssociationId"].clone();
    let new = table(&mut cloud, &vpc);
    let other_vpc = cloud.get("CreateVpc", json!({"CidrBlock": "10.7.0.0/16"}), "/Vpc/VpcId");
    let elsewhere = table(&mut cloud, &other_vpc);
    cloud.refuses([
        ("DisassociateRouteTable", json!({"AssociationId": id}), "InvalidParameterValue"),
        ("DeleteRouteTable", json!({"RouteTableId": old["RouteTableId"]}), "DependencyViolation"),
        (
            "ReplaceRouteTableAssociation",
            json!({"AssociationId": id, "RouteTableId": elsewhere}),
            "InvalidParameterValue",
        ),
    ]);
    cloud.done("ReplaceRouteTableAssociation", json!({"AssociationId": id, "RouteTableId": new}));
    assert_eq!(main_of(&mut cloud, &vpc)["RouteTableId"], json!(new));
    cloud.done("DeleteRouteTable", json!({"RouteTableId": old["RouteTableId"]}));
    cloud.done("DeleteVpc", json!({"VpcId": vpc}));
}

#[test]
fn a_client_token_makes_one_table() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let input = json!({"VpcId": vpc, "ClientToken": "once"});
    let first = cloud.get("CreateRouteTable", input.clone(), "/RouteTable/RouteTableId");
    assert_eq!(cloud.get("CreateRouteTable", input.clone(), "/RouteTable/RouteTableId"), first);
    cloud.done("DeleteRouteTable", json!({"RouteTableId": first}));
    assert_ne!(cloud.get("CreateRouteTable", input, "/RouteTable/RouteTableId"), first);
}
