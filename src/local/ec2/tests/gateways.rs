//! Internet gateways, addresses, NAT gateways and network interfaces.

use serde_json::json;

use super::{Cloud, missing};
use crate::local::{ec2::Purpose, pace::Pace};

/// A VPC with a subnet, an internet gateway and an address.
fn network(cloud: &mut Cloud) -> (String, String, String, String) {
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let gateway = cloud.gateway(&vpc);
    (vpc, subnet, gateway, cloud.address())
}

fn state(cloud: &mut Cloud, nat: &str) -> String {
    cloud.get("DescribeNatGateways", json!({"NatGatewayIds": [nat]}), "/NatGateways/0/State")
}

#[test]
fn a_nat_gateway_comes_and_goes_slowly() {
    let mut cloud = Cloud::new();
    let (_, subnet, _, address) = network(&mut cloud);
    let nat = cloud.nat_gateway(&subnet, &address);
    assert_eq!(state(&mut cloud, &nat), "pending");
    let one = json!({"NatGatewayIds": [nat]});
    let path = "/NatGateways/0/NatGatewayAddresses/0/Status";
    assert_eq!(cloud.get("DescribeNatGateways", one, path), "associating");
    cloud.pass(89);
    assert_eq!(state(&mut cloud, &nat), "pending");
    cloud.pass(1);
    assert_eq!(state(&mut cloud, &nat), "available");
    cloud.done("DeleteNatGateway", json!({"NatGatewayId": nat}));
    assert_eq!(state(&mut cloud, &nat), "deleting");
    assert_eq!(cloud.refusal("DeleteSubnet", json!({"SubnetId": subnet})), "DependencyViolation");
    assert_eq!(cloud.refusal("ReleaseAddress", json!({"AllocationId": address})), "InvalidIPAddress.InUse");
    cloud.pass(60);
    assert_eq!(state(&mut cloud, &nat), "deleted");
    assert_eq!(cloud.refusal("DeleteNatGateway", json!({"NatGatewayId": nat})), "NatGatewayNotFound");
    assert!(!cloud.inventory().contains(&"nat-gateway"));
    cloud.done("ReleaseAddress", json!({"AllocationId": address}));
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
    cloud.pass(3600);
    assert_eq!(cloud.refusal("DescribeNatGateways", json!({"NatGatewayIds": [nat]})), "NatGatewayNotFound");
}

#[test]
fn at_instant_pace_only_the_answer_itself_says_pending() {
    let mut cloud = Cloud::new();
    cloud.pace = Pace::Instant;
    let (_, subnet, _, address) = network(&mut cloud);
    let answer = cloud.done("CreateNatGateway", json!({"SubnetId": subnet, "AllocationId": address}));
    assert_eq!(answer["NatGateway"]["State"], "pending");
    let nat = answer["NatGateway"]["NatGatewayId"].as_str().unwrap();
    assert_eq!(state(&mut cloud, nat), "available");
    cloud.done("DeleteNatGateway", json!({"NatGatewayId": nat}));
    assert_eq!(state(&mut cloud, nat), "deleted");
}

#[test]
fn a_nat_gateway_that_cannot_work_fails_when_it_should_be_available() {
    let mut cloud = Cloud::new();
    let (_, subnet, _, address) = network(&mut cloud);
    cloud.nat_gateway(&subnet, &address);
    let second = cloud.nat_gateway(&subnet, &address);
    let lonely_vpc = cloud.get("CreateVpc", json!({"CidrBlock": "10.9.0.0/16"}), "/Vpc/VpcId");
    let lonely_subnet = cloud.subnet(&lonely_vpc, "10.9.0.0/24");
    let lonely_address = cloud.address();
    let lonely = cloud.nat_gateway(&lonely_subnet, &lonely_address);
    cloud.pass(90);
    for (nat, code) in [(second, "Resource.AlreadyAssociated"), (lonely, "Gateway.NotAttached")] {
        let one = json!({"NatGatewayIds": [nat]});
        assert_eq!(cloud.get("DescribeNatGateways", one.clone(), "/NatGateways/0/State"), "failed");
        assert_eq!(cloud.get("DescribeNatGateways", one.clone(), "/NatGateways/0/FailureCode"), code);
        cloud.done("DeleteNatGateway", json!({"NatGatewayId": nat}));
        assert_eq!(cloud.get("DescribeNatGateways", one.clone(), "/NatGateways/0/FailureCode"), code);
        let path = "/NatGateways/0/NatGatewayAddresses/0/Status";
        assert_eq!(cloud.get("DescribeNatGateways", one, path), "failed");
    }
    cloud.done("ReleaseAddress", json!({"AllocationId": lonely_address}));
    cloud.done("DeleteSubnet", json!({"SubnetId": lonely_subnet}));
}

#[test]
fn a_private_nat_gateway_needs_neither_address_nor_internet() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let input = json!({"SubnetId": subnet, "ConnectivityType": "private"});
    let nat = cloud.get("CreateNatGateway", input, "/NatGateway/NatGatewayId");
    cloud.pass(90);
    assert_eq!(state(&mut cloud, &nat), "available");
}

#[test]
fn a_client_token_makes_one_gateway() {
    let mut cloud = Cloud::new();
    let (_, subnet, _, address) = network(&mut cloud);
    let other = cloud.address();
    let input = json!({"SubnetId": subnet, "AllocationId": address, "ClientToken": "once"});
    let first = cloud.get("CreateNatGateway", input.clone(), "/NatGateway/NatGatewayId");
    assert_eq!(cloud.get("CreateNatGateway", input, "/NatGateway/NatGatewayId"), first);
    let changed = json!({"SubnetId": subnet, "AllocationId": other, "ClientToken": "once"});
    assert_eq!(cloud.refusal("CreateNatGateway", changed), "IdempotentParameterMismatch");
    assert_eq!(cloud.count("DescribeNatGateways", json!({}), "NatGateways"), 1);
}

#[test]
fn gateways_and_addresses_are_refused_in_aws_words() {
    let mut cloud = Cloud::new();
    let (vpc, subnet, gateway, address) = network(&mut cloud);
    let spare = cloud.get("CreateInternetGateway", json!({}), "/InternetGateway/InternetGatewayId");
    cloud.nat_gateway(&subnet, &address);
    let attachment = |gateway: &str, vpc: &str| json!({"InternetGatewayId": gateway, "VpcId": vpc});
    cloud.refuses([
        ("AttachInternetGateway", attachment(&gateway, &vpc), "Resource.AlreadyAssociated"),
        ("AttachInternetGateway", attachment(&spare, &vpc), "InvalidParameterValue"),
        ("AttachInternetGateway", attachment(&spare, &missing("vpc")), "InvalidVpcID.NotFound"),
        ("AttachInternetGateway", attachment(&missing("igw"), &vpc), "InvalidInternetGatewayID.NotFound"),
        ("DetachInternetGateway", attachment(&spare, &vpc), "Gateway.NotAttached"),
        ("DetachInternetGateway", attachment(&gateway, &vpc), "DependencyViolation"),
        ("DeleteInternetGateway", json!({"InternetGatewayId": gateway}), "DependencyViolation"),
        ("ReleaseAddress", json!({"AllocationId": address}), "InvalidIPAddress.InUse"),
        ("ReleaseAddress", json!({"AllocationId": missing("eipalloc")}), "InvalidAllocationID.NotFound"),
        ("ReleaseAddress", json!({}), "MissingParameter"),
        ("DescribeAddresses", json!({"PublicIps": ["192.0.2.1"]}), "InvalidAddress.NotFound"),
        ("AllocateAddress", json!({"Domain": "standard"}), "InvalidParameterValue"),
        ("CreateNatGateway", json!({"SubnetId": subnet}), "MissingParameter"),
        ("CreateNatGateway", json!({"AllocationId": address}), "MissingParameter"),
        (
            "CreateNatGateway",
            json!({"SubnetId": subnet, "AllocationId": address, "ConnectivityType": "private"}),
            "InvalidParameterCombination",
        ),
        (
            "CreateNatGateway",
            json!({"SubnetId": missing("subnet"), "AllocationId": address}),
            "InvalidSubnetID.NotFound",
        ),
        (
            "CreateNatGateway",
            json!({"SubnetId": subnet, "AllocationId": missing("eipalloc")}),
            "InvalidAllocationID.NotFound",
        ),
    ]);
}

#[test]
fn another_services_interface_holds_its_subnet_and_groups() {
    let mut cloud = Cloud::new();
    let (vpc, subnet, _, _) = network(&mut cloud);
    let group = cloud.group(&vpc, "db");
    let owner = "arn:aws:rds:eu-central-1:123456789012:db:one";
    let now = cloud.now;
    let attach = |cloud: &mut Cloud| {
        let groups = [group.clone()];
        let purpose = Purpose::of_service(owner, "RDSNetworkInterface", "amazon-rds");
        cloud.region.ec2.attach_interface(&purpose, &subnet, &groups, now).unwrap()
    };
    let interface = attach(&mut cloud);
    let held = [
        ("DeleteSubnet", json!({"SubnetId": subnet}), "DependencyViolation"),
        ("DeleteSecurityGroup", json!({"GroupId": group}), "DependencyViolation"),
        ("DeleteNetworkInterface", json!({"NetworkInterfaceId": interface}), "InvalidParameterValue"),
    ];
    cloud.refuses(held.clone());
    assert_eq!(cloud.get("DescribeSubnets", json!({}), "/Subnets/0/AvailableIpAddressCount"), "250");
    assert!(!cloud.inventory().contains(&"network-interface"), "it belongs to its owner");
    cloud.region.ec2.linger(60_000);
    cloud.region.ec2.detach_interfaces(owner);
    cloud.refuses(held);
    assert!(cloud.inventory().contains(&"network-interface"), "it outlives its owner");
    cloud.pass(60);
    assert_eq!(cloud.count("DescribeNetworkInterfaces", json!({}), "NetworkInterfaces"), 0);
    attach(&mut cloud);
    cloud.region.ec2.detach_interfaces(owner);
    cloud.done("DeleteSecurityGroup", json!({"GroupId": group}));
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
}

#[test]
fn a_gateways_interface_that_lingers_holds_the_address_until_it_is_gone() {
    let mut cloud = Cloud::new();
    let (_, subnet, _, address) = network(&mut cloud);
    let input = json!({"SubnetId": subnet, "AllocationId": address});
    let gateway = cloud.get("CreateNatGateway", input, "/NatGateway/NatGatewayId");
    cloud.pass(90);
    cloud.region.ec2.linger(60_000);
    cloud.done("DeleteNatGateway", json!({"NatGatewayId": gateway}));
    cloud.pass(60);
    let release = json!({"AllocationId": address});
    assert_eq!(cloud.refusal("ReleaseAddress", release.clone()), "InvalidIPAddress.InUse");
    cloud.pass(60);
    cloud.done("ReleaseAddress", release);
}

#[test]
fn an_interface_of_ones_own_takes_an_address() {
    let mut cloud = Cloud::new();
    let (_, subnet, _, address) = network(&mut cloud);
    let input = json!({"SubnetId": subnet, "PrivateIpAddress": "10.0.0.77"});
    let interface = cloud.get("CreateNetworkInterface", input.clone(), "/NetworkInterface/NetworkInterfaceId");
    assert_eq!(cloud.refusal("CreateNetworkInterface", input), "InvalidIPAddress.InUse");
    let outside = json!({"SubnetId": subnet, "PrivateIpAddress": "10.0.1.4"});
    assert_eq!(cloud.refusal("CreateNetworkInterface", outside), "InvalidParameterValue");
    let both = json!({"AllocationId": address, "NetworkInterfaceId": interface});
    let association = cloud.get("AssociateAddress", both.clone(), "/AssociationId");
    // Once more is no other association, and to another interface it goes unless it may not.
    assert_eq!(cloud.get("AssociateAddress", both, "/AssociationId"), association);
    let other =
        cloud.get("CreateNetworkInterface", json!({"SubnetId": subnet}), "/NetworkInterface/NetworkInterfaceId");
    let mut away = json!({"AllocationId": address, "NetworkInterfaceId": other, "AllowReassociation": false});
    assert_eq!(cloud.refusal("AssociateAddress", away.clone()), "Resource.AlreadyAssociated");
    away.as_object_mut().unwrap().shift_remove("AllowReassociation");
    let moved = cloud.get("AssociateAddress", away, "/AssociationId");
    assert_ne!(moved, association);
    let told = json!({"AllocationIds": [address]});
    assert_eq!(cloud.get("DescribeAddresses", told, "/Addresses/0/NetworkInterfaceId"), other);
    let ip = cloud.get("DescribeAddresses", json!({"AllocationIds": [address]}), "/Addresses/0/PublicIp");
    let by_ip = json!({"PublicIp": ip, "NetworkInterfaceId": other});
    assert_eq!(cloud.get("AssociateAddress", by_ip, "/AssociationId"), moved, "the same by its public address");
    cloud.refuses([
        ("AssociateAddress", json!({"PublicIp": ip, "InstanceId": "i-12345678"}), "InvalidInstanceID.NotFound"),
        ("AssociateAddress", json!({"PublicIp": "9.9.9.9", "NetworkInterfaceId": other}), "InvalidAddress.NotFound"),
    ]);
    cloud.done("DisassociateAddress", json!({"AssociationId": moved}));
    cloud.done("DeleteNetworkInterface", json!({"NetworkInterfaceId": interface}));
    cloud.done("DeleteNetworkInterface", json!({"NetworkInterfaceId": other}));
    cloud.done("ReleaseAddress", json!({"AllocationId": address}));
}

#[test]
fn an_interface_begins_with_several_addresses() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let addresses = |cloud: &mut Cloud, more: serde_json::Value| {
        let mut input = json!({"SubnetId": subnet});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = cloud.done("CreateNetworkInterface", input);
        let of = |one: &serde_json::Value| one["PrivateIpAddress"].as_str().unwrap().to_owned();
        let all = made["NetworkInterface"]["PrivateIpAddresses"].as_array().unwrap();
        (all[0]["Primary"] == true, all.iter().map(of).collect::<Vec<_>>())
    };
    let named = json!({"PrivateIpAddresses": [
        {"PrivateIpAddress": "10.0.0.51", "Primary": false}, {"PrivateIpAddress": "10.0.0.50", "Primary": true}]});
    assert_eq!(addresses(&mut cloud, named), (true, vec!["10.0.0.50".to_owned(), "10.0.0.51".to_owned()]));
    let counted = json!({"PrivateIpAddress": "10.0.0.60", "SecondaryPrivateIpAddressCount": 2});
    let expected = ["10.0.0.60", "10.0.0.4", "10.0.0.5"].map(str::to_owned).to_vec();
    assert_eq!(addresses(&mut cloud, counted), (true, expected));
    let primary = json!([{"PrivateIpAddress": "10.0.0.70", "Primary": true}]);
    cloud.refuses([
        (
            "CreateNetworkInterface",
            json!({"SubnetId": subnet, "PrivateIpAddress": "10.0.0.71", "PrivateIpAddresses": primary}),
            "InvalidParameterCombination",
        ),
        (
            "CreateNetworkInterface",
            json!({"SubnetId": subnet, "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.51"}]}),
            "InvalidIPAddress.InUse",
        ),
    ]);
}

#[test]
fn an_interface_has_so_many_addresses_and_no_more() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/20");
    let counted = |count: u64| json!({"SubnetId": subnet, "SecondaryPrivateIpAddressCount": count});
    for count in [50, 2_000_000_000, 9_000_000_000_000_000_000] {
        assert_eq!(cloud.refusal("CreateNetworkInterface", counted(count)), "PrivateIpAddressLimitExceeded");
    }
    let id = cloud.get("CreateNetworkInterface", counted(48), "/NetworkInterface/NetworkInterfaceId");
    let more = |count: u64| json!({"NetworkInterfaceId": id, "SecondaryPrivateIpAddressCount": count});
    assert_eq!(cloud.refusal("AssignPrivateIpAddresses", more(2)), "PrivateIpAddressLimitExceeded");
    cloud.done("AssignPrivateIpAddresses", more(1));
    let named = json!({"NetworkInterfaceId": id, "PrivateIpAddresses": ["10.0.1.7"], "AllowReassignment": true});
    assert_eq!(cloud.refusal("AssignPrivateIpAddresses", named), "PrivateIpAddressLimitExceeded");
}

#[test]
fn a_subnet_runs_out_of_addresses() {
    let mut cloud = Cloud::new();
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/28");
    for _ in 0..11 {
        cloud.done("CreateNetworkInterface", json!({"SubnetId": subnet}));
    }
    let refusal = cloud.refusal("CreateNetworkInterface", json!({"SubnetId": subnet}));
    assert_eq!(refusal, "InsufficientFreeAddressesInSubnet");
    assert_eq!(cloud.get("DescribeSubnets", json!({}), "/Subnets/0/AvailableIpAddressCount"), "0");
}
