//! VPC endpoints, their services, and prefix lists.

use serde_json::{Value, json};

use super::{Cloud, missing};

const SECRETS: &str = "com.amazonaws.eu-central-1.secretsmanager";
const S3: &str = "com.amazonaws.eu-central-1.s3";

/// A VPC with DNS names, and a subnet in it.
fn network(cloud: &mut Cloud) -> (String, String) {
    let vpc = cloud.vpc();
    cloud.done("ModifyVpcAttribute", json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": true}}));
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    (vpc, subnet)
}

fn interface(vpc: &str, subnet: &str) -> Value {
    json!({"VpcId": vpc, "ServiceName": SECRETS, "VpcEndpointType": "Interface", "SubnetIds": [subnet]})
}

fn state(cloud: &mut Cloud) -> String {
    cloud.get("DescribeVpcEndpoints", json!({}), "/VpcEndpoints/0/State")
}

#[test]
fn an_interface_endpoint_comes_and_goes_slowly() {
    let mut cloud = Cloud::new();
    let (vpc, subnet) = network(&mut cloud);
    let id = cloud.get("CreateVpcEndpoint", interface(&vpc, &subnet), "/VpcEndpoint/VpcEndpointId");
    assert_eq!(state(&mut cloud), "pending");
    cloud.pass(60);
    assert_eq!(state(&mut cloud), "available");
    assert_eq!(cloud.get("DescribeVpcEndpoints", json!({}), "/VpcEndpoints/0/Groups/0/GroupName"), "default");
    cloud.done("DeleteVpcEndpoints", json!({"VpcEndpointIds": [id]}));
    assert_eq!(state(&mut cloud), "deleting");
    assert_eq!(cloud.refusal("DeleteSubnet", json!({"SubnetId": subnet})), "DependencyViolation");
    let change = json!({"VpcEndpointId": id, "ResetPolicy": true});
    assert_eq!(cloud.refusal("ModifyVpcEndpoint", change), "IncorrectState");
    cloud.pass(60);
    assert_eq!(cloud.count("DescribeVpcEndpoints", json!({}), "VpcEndpoints"), 0);
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
}

#[test]
fn a_gateway_endpoint_is_a_route() {
    let mut cloud = Cloud::new();
    let (vpc, _) = network(&mut cloud);
    let table = cloud.get("CreateRouteTable", json!({"VpcId": vpc}), "/RouteTable/RouteTableId");
    let input = json!({"VpcId": vpc, "ServiceName": S3, "RouteTableIds": [table]});
    let id = cloud.get("CreateVpcEndpoint", input.clone(), "/VpcEndpoint/VpcEndpointId");
    let lists = json!({"Filters": [{"Name": "prefix-list-name", "Values": [S3]}]});
    let list = cloud.get("DescribePrefixLists", lists, "/PrefixLists/0/PrefixListId");
    let tables = json!({"RouteTableIds": [table]});
    let route = cloud.done("DescribeRouteTables", tables.clone())["RouteTables"][0]["Routes"][1].clone();
    assert_eq!(route["GatewayId"], json!(id));
    assert_eq!(route["DestinationPrefixListId"], json!(list));
    assert_eq!(cloud.refusal("CreateVpcEndpoint", input), "RouteAlreadyExists");
    cloud.done("ModifyVpcEndpoint", json!({"VpcEndpointId": id, "RemoveRouteTableIds": [table]}));
    let routes = cloud.done("DescribeRouteTables", tables)["RouteTables"][0]["Routes"].clone();
    assert_eq!(routes.as_array().unwrap().len(), 1);
    cloud.done("DeleteVpcEndpoints", json!({"VpcEndpointIds": [id]}));
    assert!(!cloud.inventory().contains(&"vpc-endpoint"));
}

#[test]
fn endpoints_are_refused_in_aws_words() {
    let mut cloud = Cloud::new();
    let (vpc, subnet) = network(&mut cloud);
    cloud.done("CreateVpcEndpoint", interface(&vpc, &subnet));
    let twin = cloud.subnet(&vpc, "10.0.1.0/24");
    let plain = cloud.get("CreateVpc", json!({"CidrBlock": "10.7.0.0/16"}), "/Vpc/VpcId");
    let stranger = cloud.subnet(&plain, "10.7.0.0/24");
    let with = |member: &str, value: Value| {
        let mut input = interface(&vpc, &subnet);
        input["PrivateDnsEnabled"] = json!(false);
        input[member] = value;
        input
    };
    let gateway = |service: &str| json!({"VpcId": vpc, "ServiceName": service});
    cloud.refuses([
        ("CreateVpcEndpoint", interface(&vpc, &subnet), "InvalidParameter"),
        ("CreateVpcEndpoint", interface(&plain, &stranger), "InvalidParameter"),
        ("CreateVpcEndpoint", gateway(SECRETS), "InvalidParameter"),
        ("CreateVpcEndpoint", gateway("com.amazonaws.eu-central-1.nothing"), "InvalidServiceName"),
        ("CreateVpcEndpoint", gateway("com.amazonaws.us-east-1.s3"), "InvalidServiceName"),
        ("CreateVpcEndpoint", with("VpcId", json!(missing("vpc"))), "InvalidVpcID.NotFound"),
        ("CreateVpcEndpoint", with("SubnetIds", json!([missing("subnet")])), "InvalidSubnetID.NotFound"),
        ("CreateVpcEndpoint", with("SubnetIds", json!([stranger])), "InvalidParameter"),
        ("CreateVpcEndpoint", with("SubnetIds", json!([subnet, twin])), "DuplicateSubnetsInSameZone"),
        ("CreateVpcEndpoint", with("SecurityGroupIds", json!([missing("sg")])), "InvalidGroup.NotFound"),
        ("CreateVpcEndpoint", with("RouteTableIds", json!([missing("rtb")])), "InvalidParameter"),
        ("CreateVpcEndpoint", with("PolicyDocument", json!("{")), "InvalidPolicyDocument"),
        ("CreateVpcEndpoint", with("IpAddressType", json!("dualstack")), "UnsupportedOperation"),
        ("ModifyVpcEndpoint", json!({"VpcEndpointId": missing("vpce")}), "InvalidVpcEndpointId.NotFound"),
        ("DescribeVpcEndpointServices", json!({"ServiceNames": ["x"]}), "InvalidServiceName"),
    ]);
    assert_eq!(cloud.count("DescribeVpcEndpoints", json!({}), "VpcEndpoints"), 1);
}

#[test]
fn subnets_and_groups_of_an_endpoint_change() {
    let mut cloud = Cloud::new();
    let (vpc, subnet) = network(&mut cloud);
    let input = json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "eu-central-1b"});
    let second = cloud.get("CreateSubnet", input, "/Subnet/SubnetId");
    let group = cloud.group(&vpc, "endpoint");
    let id = cloud.get("CreateVpcEndpoint", interface(&vpc, &subnet), "/VpcEndpoint/VpcEndpointId");
    let default = cloud.get("DescribeVpcEndpoints", json!({}), "/VpcEndpoints/0/Groups/0/GroupId");
    cloud.done(
        "ModifyVpcEndpoint",
        json!({
            "VpcEndpointId": id,
            "AddSubnetIds": [second],
            "RemoveSubnetIds": [subnet],
            "AddSecurityGroupIds": [group],
            "RemoveSecurityGroupIds": [default],
        }),
    );
    let shown = cloud.done("DescribeVpcEndpoints", json!({}))["VpcEndpoints"][0].clone();
    assert_eq!(shown["SubnetIds"], json!([second]));
    assert_eq!(shown["NetworkInterfaceIds"].as_array().unwrap().len(), 1);
    assert_eq!(cloud.get("DescribeNetworkInterfaces", json!({}), "/NetworkInterfaces/0/Groups/0/GroupId"), group);
    let none = json!({"VpcEndpointId": id, "RemoveSecurityGroupIds": [group]});
    assert_eq!(cloud.refusal("ModifyVpcEndpoint", none), "InvalidParameter");
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
}

#[test]
fn what_cannot_be_deleted_is_listed() {
    let mut cloud = Cloud::new();
    let answer = cloud.done("DeleteVpcEndpoints", json!({"VpcEndpointIds": [missing("vpce")]}));
    assert_eq!(answer["Unsuccessful"][0]["Error"]["Code"], "InvalidVpcEndpointId.NotFound");
}

#[test]
fn the_names_of_an_endpoint_stand_in_hosted_zones() {
    let mut cloud = Cloud::new();
    let (vpc, subnet) = network(&mut cloud);
    let made = cloud.done("CreateVpcEndpoint", interface(&vpc, &subnet));
    let entries = made["VpcEndpoint"]["DnsEntries"].as_array().unwrap();
    let zones: Vec<&str> = entries.iter().map(|entry| entry["HostedZoneId"].as_str().unwrap()).collect();
    let [own, of_zone, of_service] = zones[..] else { panic!("{entries:?}") };
    assert!(own.starts_with('Z') && own == of_zone, "{zones:?}");
    assert_ne!(own, of_service, "the service's own name stands in a zone of the VPC alone");
}

#[test]
fn the_names_of_an_endpoint_are_for_ipv4_and_the_whole_vpc() {
    let mut cloud = Cloud::new();
    let (vpc, subnet) = network(&mut cloud);
    let mut input = interface(&vpc, &subnet);
    input["DnsOptions"] = json!({"DnsRecordIpType": "dualstack"});
    assert_eq!(cloud.refusal("CreateVpcEndpoint", input.clone()), "UnsupportedOperation");
    input["DnsOptions"] = json!({"DnsRecordIpType": "ipv4"});
    let id = cloud.get("CreateVpcEndpoint", input, "/VpcEndpoint/VpcEndpointId");
    let change = |options| json!({"VpcEndpointId": id, "DnsOptions": options});
    cloud.done("ModifyVpcEndpoint", change(json!({"PrivateDnsOnlyForInboundResolverEndpoint": false})));
    let inbound = change(json!({"PrivateDnsOnlyForInboundResolverEndpoint": true}));
    assert_eq!(cloud.refusal("ModifyVpcEndpoint", inbound), "UnsupportedOperation");
}
