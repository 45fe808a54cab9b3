//! A subnet without a free address: what is to have one there is refused, or fails, and the count says how many there are.

use serde_json::json;

use super::Cloud;

/// A network with a subnet in which this many addresses are free, of the eleven that a /28 has.
fn nearly_full(cloud: &mut Cloud, free: usize) -> (String, String) {
    let vpc = cloud.vpc();
    cloud.gateway(&vpc);
    let subnet = cloud.subnet(&vpc, "10.0.0.0/28");
    for _ in free..11 {
        cloud.done("CreateNetworkInterface", json!({"SubnetId": subnet}));
    }
    assert_eq!(left(cloud, &subnet), free);
    (vpc, subnet)
}

/// How many addresses the subnet says are free.
fn left(cloud: &mut Cloud, subnet: &str) -> usize {
    let described = cloud.get("DescribeSubnets", json!({"SubnetIds": [subnet]}), "/Subnets/0/AvailableIpAddressCount");
    described.parse().expect("a number")
}

#[test]
fn a_nat_gateway_fails_and_leaves_its_elastic_address_free() {
    let mut cloud = Cloud::new();
    let (_, subnet) = nearly_full(&mut cloud, 0);
    let address = cloud.address();
    let gateway = cloud.nat_gateway(&subnet, &address);
    let which = json!({"NatGatewayIds": [gateway]});
    assert_eq!(cloud.get("DescribeNatGateways", which.clone(), "/NatGateways/0/State"), "pending");
    cloud.pass(90);
    let described = cloud.done("DescribeNatGateways", which.clone())["NatGateways"][0].clone();
    assert_eq!(described["State"], "failed");
    assert_eq!(described["FailureCode"], "InsufficientFreeAddressesInSubnet");
    assert_eq!(described["FailureMessage"], "Subnet has insufficient free addresses to create this NAT gateway");
    let shown = &described["NatGatewayAddresses"][0];
    assert_eq!((&shown["AllocationId"], &shown["Status"]), (&json!(address), &json!("failed")));
    assert!(shown["NetworkInterfaceId"].is_null() && shown["PrivateIp"].is_null(), "{shown}");
    cloud.done("ReleaseAddress", json!({"AllocationId": address}));
    cloud.pass(60 * 60);
    assert_eq!(cloud.refusal("DescribeNatGateways", which), "NatGatewayNotFound");
    let private = json!({"SubnetId": subnet, "ConnectivityType": "private"});
    let gateway = cloud.get("CreateNatGateway", private, "/NatGateway/NatGatewayId");
    cloud.pass(90);
    let which = json!({"NatGatewayIds": [gateway]});
    assert_eq!(cloud.get("DescribeNatGateways", which, "/NatGateways/0/State"), "failed");
    cloud.done("DeleteNatGateway", json!({"NatGatewayId": gateway}));
    cloud.pass(60);
    cloud.refuses([(
        "CreateNatGateway",
        json!({"SubnetId": subnet, "AllocationId": super::missing("eipalloc")}),
        "InvalidAllocationID.NotFound",
    )]);
}

#[test]
fn an_endpoint_is_refused_and_nothing_of_it_stays() {
    let mut cloud = Cloud::new();
    let (vpc, full) = nearly_full(&mut cloud, 0);
    let input = json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/28", "AvailabilityZone": "eu-central-1b"});
    let other = cloud.get("CreateSubnet", input, "/Subnet/SubnetId");
    let mut input = json!({"VpcId": vpc, "VpcEndpointType": "Interface", "PrivateDnsEnabled": false,
        "ServiceName": "com.amazonaws.eu-central-1.secretsmanager", "SubnetIds": [other, full]});
    assert_eq!(cloud.refusal("CreateVpcEndpoint", input.clone()), "InsufficientFreeAddressesInSubnet");
    assert_eq!(left(&mut cloud, &other), 11);
    input["SubnetIds"] = json!([other]);
    let endpoint = cloud.get("CreateVpcEndpoint", input, "/VpcEndpoint/VpcEndpointId");
    assert_eq!(left(&mut cloud, &other), 10);
    cloud.pass(60);
    let more = json!({"VpcEndpointId": endpoint, "AddSubnetIds": [full]});
    assert_eq!(cloud.refusal("ModifyVpcEndpoint", more), "InsufficientFreeAddressesInSubnet");
    cloud.done("DeleteVpcEndpoints", json!({"VpcEndpointIds": [endpoint]}));
    cloud.pass(60);
    assert_eq!(left(&mut cloud, &other), 11);
}

#[test]
fn another_services_interface_is_refused_in_all_of_its_subnets_or_none() {
    let mut cloud = Cloud::new();
    let (vpc, one) = nearly_full(&mut cloud, 1);
    let two = cloud.subnet(&vpc, "10.0.1.0/28");
    let subnets = [two.clone(), one.clone()];
    let now = cloud.now;
    let attach = |cloud: &mut Cloud, owner: &str| {
        let purpose = super::super::Purpose::of_service(owner, "RDSNetworkInterface", "amazon-rds");
        cloud.region.ec2.attach_interfaces(&purpose, &subnets, &[], now)
    };
    attach(&mut cloud, "first").unwrap();
    assert_eq!((left(&mut cloud, &one), left(&mut cloud, &two)), (0, 10));
    assert_eq!(attach(&mut cloud, "second").unwrap_err().code, "InsufficientFreeAddressesInSubnet");
    assert_eq!((left(&mut cloud, &one), left(&mut cloud, &two)), (0, 10));
    cloud.region.ec2.detach_interfaces("first");
    assert_eq!((left(&mut cloud, &one), left(&mut cloud, &two)), (1, 11));
}
