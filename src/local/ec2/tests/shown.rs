//! Members that tools look for, or look for in vain.

use serde_json::{Value, json};

use super::Cloud;

#[test]
fn what_has_no_tags_says_so_only_where_aws_does() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    cloud.subnet(&vpc, "10.0.0.0/24");
    cloud.address();
    cloud.gateway(&vpc);
    for (action, items, tags) in [
        ("DescribeVpcs", "Vpcs", Value::Null),
        ("DescribeSubnets", "Subnets", Value::Null),
        ("DescribeSecurityGroups", "SecurityGroups", Value::Null),
        ("DescribeAddresses", "Addresses", Value::Null),
        ("DescribeRouteTables", "RouteTables", json!([])),
        ("DescribeNetworkAcls", "NetworkAcls", json!([])),
        ("DescribeInternetGateways", "InternetGateways", json!([])),
    ] {
        assert_eq!(cloud.done(action, json!({}))[items][0]["Tags"], tags, "{action}");
    }
    cloud.done("CreateTags", json!({"Resources": [vpc], "Tags": [{"Key": "a", "Value": "b"}]}));
    assert_eq!(cloud.get("DescribeVpcs", json!({}), "/Vpcs/0/Tags/0/Key"), "a");
}

#[test]
fn networks_tell_that_no_public_traffic_is_kept_away() {
    let mut cloud = Cloud::new();
    let made = cloud.done("CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"].clone();
    assert_eq!(made["Ipv6CidrBlockAssociationSet"], json!([]));
    cloud.subnet(made["VpcId"].as_str().unwrap(), "10.0.0.0/24");
    for (action, items) in [("DescribeVpcs", "Vpcs"), ("DescribeSubnets", "Subnets")] {
        let path = format!("/{items}/0/BlockPublicAccessStates/InternetGatewayBlockMode");
        assert_eq!(cloud.get(action, json!({}), &path), "off");
    }
    let path = "/AvailabilityZones/1/GroupLongName";
    assert_eq!(cloud.get("DescribeAvailabilityZones", json!({}), path), "Europe (Frankfurt) 1");
    let path = "/ServiceDetails/0/AvailabilityZoneIds";
    assert_eq!(cloud.get("DescribeVpcEndpointServices", json!({}), path), r#"["euc1-az2","euc1-az3","euc1-az1"]"#);
}

#[test]
fn an_interface_is_pending_at_first_and_a_gateways_is_amazons() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let own = cloud.done("CreateNetworkInterface", json!({"SubnetId": subnet}));
    assert_eq!(own["NetworkInterface"]["Status"], "pending");
    let one = json!({"NetworkInterfaceIds": [own["NetworkInterface"]["NetworkInterfaceId"]]});
    assert_eq!(cloud.get("DescribeNetworkInterfaces", one, "/NetworkInterfaces/0/Status"), "available");
    cloud.done("CreateNatGateway", json!({"SubnetId": subnet, "ConnectivityType": "private"}));
    let filter = json!({"Filters": [{"Name": "attachment.instance-owner-id", "Values": ["amazon-aws"]}]});
    assert_eq!(cloud.get("DescribeNetworkInterfaces", filter, "/NetworkInterfaces/0/InterfaceType"), "nat_gateway");
}

#[test]
fn every_private_address_has_a_name_in_its_regions_domain() {
    for (region, domain) in [("us-east-1", "ec2.internal"), ("eu-central-1", "eu-central-1.compute.internal")] {
        let mut cloud = Cloud::new();
        cloud.region_name = region;
        let vpc = cloud.vpc();
        let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
        let input = json!({"SubnetId": subnet, "SecondaryPrivateIpAddressCount": 1});
        let interface = cloud.done("CreateNetworkInterface", input)["NetworkInterface"].clone();
        let name = |last: u8| json!(format!("ip-10-0-0-{last}.{domain}"));
        assert_eq!(interface["PrivateDnsName"], name(4));
        for (index, last) in [(0, 4), (1, 5)] {
            assert_eq!(interface["PrivateIpAddresses"][index]["PrivateDnsName"], name(last), "{region}");
        }
    }
}

#[test]
fn a_route_may_name_a_nat_gateway_as_any_gateway() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let input = json!({"SubnetId": subnet, "ConnectivityType": "private"});
    let nat = cloud.get("CreateNatGateway", input, "/NatGateway/NatGatewayId");
    let table = cloud.get("CreateRouteTable", json!({"VpcId": vpc}), "/RouteTable/RouteTableId");
    let route = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": nat});
    cloud.done("CreateRoute", route.clone());
    cloud.done("ReplaceRoute", route);
    let routes =
        cloud.done("DescribeRouteTables", json!({"RouteTableIds": [table]}))["RouteTables"][0]["Routes"].clone();
    assert_eq!((&routes[1]["NatGatewayId"], &routes[1]["GatewayId"]), (&json!(nat), &Value::Null));
}

#[test]
fn a_groups_name_loses_the_spaces_at_its_end() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let id = cloud.group(&vpc, "web  ");
    let one = json!({"GroupIds": [id]});
    assert_eq!(cloud.get("DescribeSecurityGroups", one, "/SecurityGroups/0/GroupName"), "web");
    let again = json!({"VpcId": vpc, "GroupName": "web", "Description": "x"});
    assert_eq!(cloud.refusal("CreateSecurityGroup", again), "InvalidGroup.Duplicate");
}

#[test]
fn the_list_of_cloudfront_nearly_fills_a_group() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let group = cloud.group(&vpc, "web");
    let name = "com.amazonaws.global.cloudfront.origin-facing";
    let filter = json!({"Filters": [{"Name": "prefix-list-name", "Values": [name]}]});
    let list = cloud.get("DescribeManagedPrefixLists", filter, "/PrefixLists/0/PrefixListId");
    let rule = |port: u16| {
        let permission = json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port,
            "PrefixListIds": [{"PrefixListId": list}]});
        json!({"GroupId": group, "IpPermissions": [permission]})
    };
    cloud.done("AuthorizeSecurityGroupIngress", rule(443));
    let refusal = cloud.refusal("AuthorizeSecurityGroupIngress", rule(80));
    assert_eq!(refusal, "RulesPerSecurityGroupLimitExceeded");
}
