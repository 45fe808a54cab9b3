//! Kinds of resources that nothing here can make: lists of them are empty, and their ids unknown. Tools ask
//! for them while they look at a VPC.

use serde_json::{Value, json};

use super::kind;
use crate::local::{fault::Fault, world::Ctx};

/// The answer to a describe call: nothing, or the refusal of the first id in the member `ids`.
fn none(input: &Value, items: &str, ids: &str, code: &str) -> Result<Value, Fault> {
    match input[ids].as_array().and_then(|ids| ids.first()).and_then(Value::as_str) {
        Some(id) => Err(Fault::new(code, format!("The ID '{id}' does not exist"))),
        None => Ok(json!({items: []})),
    }
}

/// Describe calls: what lists them, what names one, and how AWS refuses the name of none.
macro_rules! none {
    ($($name:ident: $items:literal, $ids:literal, $code:literal;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            none(&input, $items, $ids, $code)
        })*
    };
}

none! {
    instances: "Reservations", "InstanceIds", "InvalidInstanceID.NotFound";
    instance_status: "InstanceStatuses", "InstanceIds", "InvalidInstanceID.NotFound";
    key_pairs: "KeyPairs", "KeyNames", "InvalidKeyPair.NotFound";
    peering_connections: "VpcPeeringConnections", "VpcPeeringConnectionIds", "InvalidVpcPeeringConnectionID.NotFound";
    vpn_gateways: "VpnGateways", "VpnGatewayIds", "InvalidVpnGatewayID.NotFound";
    vpn_connections: "VpnConnections", "VpnConnectionIds", "InvalidVpnConnectionID.NotFound";
    egress_only_gateways: "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayIds", "InvalidGatewayID.NotFound";
    carrier_gateways: "CarrierGateways", "CarrierGatewayIds", "InvalidCarrierGatewayID.NotFound";
    transit_gateways: "TransitGateways", "TransitGatewayIds", "InvalidTransitGatewayID.NotFound";
    transit_gateway_attachments: "TransitGatewayAttachments", "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound";
    flow_logs: "FlowLogs", "FlowLogIds", "InvalidFlowLogId.NotFound";
    address_transfers: "AddressTransfers", "AllocationIds", "InvalidAddressID.NotFound";
    moving_addresses: "MovingAddressStatuses", "PublicIps", "InvalidAddress.NotFound";
    ipv6_pools: "Ipv6Pools", "PoolIds", "InvalidIpv6PoolId.NotFound";
    public_ipv4_pools: "PublicIpv4Pools", "PoolIds", "InvalidPublicIpv4PoolID.NotFound";
    interface_permissions: "NetworkInterfacePermissions", "NetworkInterfacePermissionIds",
        "InvalidPermissionID.NotFound";
    group_associations: "SecurityGroupVpcAssociations", "", "";
    endpoint_associations: "VpcEndpointAssociations", "VpcEndpointIds", "InvalidVpcEndpointId.NotFound";
    endpoint_connections: "VpcEndpointConnections", "", "";
    endpoint_notifications: "ConnectionNotificationSet", "", "";
    endpoint_services: "ServiceConfigurations", "ServiceIds", "InvalidVpcEndpointServiceId.NotFound";
    block_exclusions: "VpcBlockPublicAccessExclusions", "ExclusionIds", "InvalidVpcBlockPublicAccessExclusionId.NotFound";
}

/// `DescribeStaleSecurityGroups`: rules grow stale with peering connections, of which there are none.
pub(super) fn stale_groups(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    kind::VPC.find(&ctx.region.ec2.vpcs, input["VpcId"].as_str().unwrap_or_default())?;
    Ok(json!({"StaleSecurityGroupSet": []}))
}

/// `GetSubnetCidrReservations`
pub(super) fn reservations(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    kind::SUBNET.find(&ctx.region.ec2.subnets, input["SubnetId"].as_str().unwrap_or_default())?;
    Ok(json!({"SubnetIpv4CidrReservations": [], "SubnetIpv6CidrReservations": []}))
}

/// `DescribeVpcBlockPublicAccessOptions`: off, as in an account that never asked for it.
pub(super) fn block_options(ctx: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    let options = json!({"AwsAccountId": ctx.account, "AwsRegion": ctx.region_name, "State": "default-state",
        "InternetGatewayBlockMode": "off", "ManagedBy": "account", "ExclusionsAllowed": "allowed"});
    Ok(json!({"VpcBlockPublicAccessOptions": options}))
}
