//! Secondary addresses of NAT gateways, at AWS's own pace.

use serde_json::{Value, json};

use super::Cloud;
use crate::local::ec2::Store;

/// A gateway's addresses: where each is on its way, and its private IP where that is told.
fn told(cloud: &mut Cloud, nat: &str) -> Vec<(String, Option<String>)> {
    let answer = cloud.done("DescribeNatGateways", json!({"NatGatewayIds": [nat]}));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let addresses = answer["NatGateways"][0]["NatGatewayAddresses"].as_array().expect("addresses").iter();
    addresses.map(|one| (text(&one["Status"]).expect("a status"), text(&one["PrivateIp"]))).collect()
}

/// A gateway that is available, and its subnet.
fn available(cloud: &mut Cloud, connectivity: &str) -> (String, String) {
    let vpc = cloud.vpc();
    let subnet = cloud.subnet(&vpc, "10.0.0.0/24");
    let nat = match connectivity {
        "public" => {
            cloud.gateway(&vpc);
            let address = cloud.address();
            cloud.nat_gateway(&subnet, &address)
        }
        _ => {
            let input = json!({"SubnetId": subnet, "ConnectivityType": connectivity});
            cloud.get("CreateNatGateway", input, "/NatGateway/NatGatewayId")
        }
    };
    cloud.pass(90);
    (nat, subnet)
}

#[test]
fn one_change_of_a_gateways_addresses_at_a_time() {
    let mut cloud = Cloud::new();
    let (nat, subnet) = available(&mut cloud, "public");
    let (one, other) = (cloud.address(), cloud.address());
    let associate = |id: &str| json!({"NatGatewayId": nat, "AllocationIds": [id]});
    cloud.done("AssociateNatGatewayAddress", associate(&one));
    assert_eq!(told(&mut cloud, &nat)[1], ("associating".to_owned(), None));
    let fault = cloud.call("AssociateNatGatewayAddress", associate(&other)).unwrap_err();
    assert_eq!(fault.code, "OperationInProgress");
    assert_eq!(fault.message, format!("Service is currently ASSOCIATING the following EIPs: [{one}]."));
    assert_eq!(cloud.refusal("ReleaseAddress", json!({"AllocationId": one})), "InvalidIPAddress.InUse");
    cloud.pass(30);
    assert_eq!(told(&mut cloud, &nat)[1], ("succeeded".to_owned(), Some("10.0.0.5".to_owned())));

    let association = json!({"NatGatewayIds": [nat]});
    let association =
        cloud.get("DescribeNatGateways", association, "/NatGateways/0/NatGatewayAddresses/1/AssociationId");
    let away = json!({"NatGatewayId": nat, "AssociationIds": [association]});
    cloud.done("DisassociateNatGatewayAddress", away.clone());
    assert_eq!(cloud.refusal("DisassociateNatGatewayAddress", away), "OperationInProgress");
    cloud.pass(59);
    assert_eq!(told(&mut cloud, &nat)[1].0, "disassociating");
    assert_eq!(cloud.refusal("ReleaseAddress", json!({"AllocationId": one})), "InvalidIPAddress.InUse");
    // A gateway may be deleted while an address drains.
    cloud.done("DeleteNatGateway", json!({"NatGatewayId": nat}));
    cloud.pass(60);
    for address in [&one, &other] {
        cloud.done("ReleaseAddress", json!({"AllocationId": address}));
    }
    cloud.done("DeleteSubnet", json!({"SubnetId": subnet}));
}

#[test]
fn an_elastic_address_that_is_anothers_fails_and_is_forgotten() {
    let mut cloud = Cloud::new();
    let (nat, subnet) = available(&mut cloud, "public");
    let taken = cloud.address();
    let interface = json!({"SubnetId": subnet});
    let interface = cloud.get("CreateNetworkInterface", interface, "/NetworkInterface/NetworkInterfaceId");
    cloud.done("AssociateAddress", json!({"AllocationId": taken, "NetworkInterfaceId": interface}));
    cloud.done("AssociateNatGatewayAddress", json!({"NatGatewayId": nat, "AllocationIds": [taken]}));
    cloud.pass(30);
    let one = json!({"NatGatewayIds": [nat]});
    let path = "/NatGateways/0/NatGatewayAddresses/1/FailureMessage";
    let message = format!("Elastic IP address [{taken}] is already associated");
    assert_eq!(cloud.get("DescribeNatGateways", one, path), message);
    assert_eq!(told(&mut cloud, &nat)[0].0, "succeeded");
    // The private address is free again, and the failure no hindrance.
    let free = json!({"SubnetId": subnet, "PrivateIpAddress": "10.0.0.6"});
    cloud.done("CreateNetworkInterface", free);
    let another = cloud.address();
    cloud.done("AssociateNatGatewayAddress", json!({"NatGatewayId": nat, "AllocationIds": [another]}));
    cloud.pass(3600);
    assert_eq!(told(&mut cloud, &nat).len(), 2);
}

#[test]
fn a_refused_request_takes_no_address() {
    let mut cloud = Cloud::new();
    let (nat, subnet) = available(&mut cloud, "private");
    let reserved = json!({"SubnetId": subnet, "Cidr": "10.0.0.0/25", "ReservationType": "explicit"});
    cloud.done("CreateSubnetCidrReservation", reserved);
    let reserved = json!({"SubnetId": subnet, "Cidr": "10.0.0.128/25", "ReservationType": "explicit"});
    cloud.done("CreateSubnetCidrReservation", reserved);
    let count = json!({"NatGatewayId": nat, "PrivateIpAddressCount": 2});
    let named = |addresses: [&str; 2]| json!({"NatGatewayId": nat, "PrivateIpAddresses": addresses});
    cloud.refuses([
        ("AssignPrivateNatGatewayAddress", count, "InsufficientFreeAddressesInSubnet"),
        ("AssignPrivateNatGatewayAddress", named(["10.0.0.9", "10.0.0.4"]), "InvalidIPAddress.InUse"),
        ("AssignPrivateNatGatewayAddress", named(["10.0.0.9", "10.0.0.9"]), "InvalidParameterValue"),
    ]);
    assert_eq!(told(&mut cloud, &nat), [("succeeded".to_owned(), Some("10.0.0.4".to_owned()))]);
    let answer = cloud.done("AssignPrivateNatGatewayAddress", named(["10.0.0.9", "10.0.0.8"]));
    assert_eq!(answer["NatGatewayAddresses"].as_array().unwrap().len(), 2);
}

#[test]
fn a_gateway_that_is_not_available_keeps_its_addresses() {
    let mut cloud = Cloud::new();
    let (nat, subnet) = available(&mut cloud, "private");
    let input = json!({"SubnetId": subnet, "ConnectivityType": "private"});
    let pending = cloud.get("CreateNatGateway", input, "/NatGateway/NatGatewayId");
    cloud.done("DeleteNatGateway", json!({"NatGatewayId": nat}));
    for id in [pending, nat] {
        let one = json!({"NatGatewayId": id, "PrivateIpAddressCount": 1});
        assert_eq!(cloud.refusal("AssignPrivateNatGatewayAddress", one), "InvalidState");
    }
}

/// States were saved before there were secondary addresses.
#[test]
fn an_older_state_has_primary_addresses_alone() {
    let mut cloud = Cloud::new();
    let (nat, _) = available(&mut cloud, "public");
    let before = cloud.done("DescribeNatGateways", json!({"NatGatewayIds": [nat]}));
    let mut state = serde_json::to_value(&cloud.region.ec2).unwrap();
    let gateway = state["nat_gateways"][&nat].as_object_mut().unwrap();
    assert!(gateway.remove("secondary").is_some() && gateway.remove("stage").is_some());
    for address in state["addresses"].as_object_mut().unwrap().values_mut() {
        assert!(address["association"].as_object_mut().unwrap().remove("private_ip").is_some());
    }
    cloud.region.ec2 = serde_json::from_value::<Store>(state).unwrap();
    assert_eq!(cloud.done("DescribeNatGateways", json!({"NatGatewayIds": [nat]})), before);
}
