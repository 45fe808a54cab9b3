//! Kinds of resources that nothing here can make: lists of them are empty, and their ids unknown. Tools ask
//! for them while they look at a VPC.

use serde::Deserialize;
use serde_json::{Value, json};

use super::kind;
use crate::local::{fault::Fault, world::Ctx};

/// The refusal of the id or name of what does not exist.
fn absent(id: &str, code: &str) -> Fault {
    Fault::new(code, format!("The ID '{id}' does not exist"))
}

/// The answer to a describe call: nothing, or the refusal of the first id in one of the members `ids`.
fn none(input: &Value, items: &str, ids: &[(&str, &str)]) -> Result<Value, Fault> {
    for (member, code) in ids {
        if let Some(id) = input[member].as_array().and_then(|ids| ids.first()).and_then(Value::as_str) {
            return Err(absent(id, code));
        }
    }
    Ok(json!({items: []}))
}

/// Describe calls: what lists them, what names one, and how AWS refuses the name of none.
macro_rules! none {
    ($($name:ident: $items:literal $(, $ids:literal => $code:literal)*;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            none(&input, $items, &[$(($ids, $code)),*])
        })*
    };
}

none! {
    instances: "Reservations", "InstanceIds" => "InvalidInstanceID.NotFound";
    instance_status: "InstanceStatuses", "InstanceIds" => "InvalidInstanceID.NotFound";
    key_pairs: "KeyPairs", "KeyNames" => "InvalidKeyPair.NotFound", "KeyPairIds" => "InvalidKeyPair.NotFound";
    peering_connections: "VpcPeeringConnections", "VpcPeeringConnectionIds" => "InvalidVpcPeeringConnectionID.NotFound";
    vpn_gateways: "VpnGateways", "VpnGatewayIds" => "InvalidVpnGatewayID.NotFound";
    vpn_connections: "VpnConnections", "VpnConnectionIds" => "InvalidVpnConnectionID.NotFound";
    egress_only_gateways: "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayIds" => "InvalidGatewayID.NotFound";
    carrier_gateways: "CarrierGateways", "CarrierGatewayIds" => "InvalidCarrierGatewayID.NotFound";
    transit_gateways: "TransitGateways", "TransitGatewayIds" => "InvalidTransitGatewayID.NotFound";
    transit_gateway_attachments: "TransitGatewayAttachments",
        "TransitGatewayAttachmentIds" => "InvalidTransitGatewayAttachmentID.NotFound";
    flow_logs: "FlowLogs", "FlowLogIds" => "InvalidFlowLogId.NotFound";
    address_transfers: "AddressTransfers", "AllocationIds" => "InvalidAddressID.NotFound";
    moving_addresses: "MovingAddressStatuses", "PublicIps" => "InvalidAddress.NotFound";
    ipv6_pools: "Ipv6Pools", "PoolIds" => "InvalidIpv6PoolId.NotFound";
    public_ipv4_pools: "PublicIpv4Pools", "PoolIds" => "InvalidPublicIpv4PoolID.NotFound";
    interface_permissions: "NetworkInterfacePermissions",
        "NetworkInterfacePermissionIds" => "InvalidPermissionID.NotFound";
    endpoint_associations: "VpcEndpointAssociations", "VpcEndpointIds" => "InvalidVpcEndpointId.NotFound";
    endpoint_connections: "VpcEndpointConnections";
    endpoint_notifications: "ConnectionNotificationSet";
    endpoint_services: "ServiceConfigurations", "ServiceIds" => "InvalidVpcEndpointServiceId.NotFound";
    block_exclusions: "VpcBlockPublicAccessExclusions",
        "ExclusionIds" => "InvalidVpcBlockPublicAccessExclusionId.NotFound";
    customer_gateways: "CustomerGateways", "CustomerGatewayIds" => "InvalidCustomerGatewayID.NotFound";
    transit_gateway_vpc_attachments: "TransitGatewayVpcAttachments",
        "TransitGatewayAttachmentIds" => "InvalidTransitGatewayAttachmentID.NotFound";
    transit_gateway_peering_attachments: "TransitGatewayPeeringAttachments",
        "TransitGatewayAttachmentIds" => "InvalidTransitGatewayAttachmentID.NotFound";
    transit_gateway_route_tables: "TransitGatewayRouteTables",
        "TransitGatewayRouteTableIds" => "InvalidRouteTableID.NotFound";
    client_vpn_endpoints: "ClientVpnEndpoints", "ClientVpnEndpointIds" => "InvalidClientVpnEndpointId.NotFound";
    launch_templates: "LaunchTemplates",
        "LaunchTemplateIds" => "InvalidLaunchTemplateId.NotFound",
        "LaunchTemplateNames" => "InvalidLaunchTemplateName.NotFoundException";
    volumes: "Volumes", "VolumeIds" => "InvalidVolume.NotFound";
    hosts: "Hosts", "HostIds" => "InvalidHostID.NotFound";
    placement_groups: "PlacementGroups",
        "GroupNames" => "InvalidPlacementGroup.Unknown",
        "GroupIds" => "InvalidPlacementGroup.Unknown";
    capacity_reservations: "CapacityReservations", "CapacityReservationIds" => "InvalidCapacityReservationId.NotFound";
    instance_connect_endpoints: "InstanceConnectEndpoints",
        "InstanceConnectEndpointIds" => "InvalidInstanceConnectEndpointId.NotFound";
    instance_profile_associations: "IamInstanceProfileAssociations",
        "AssociationIds" => "InvalidAssociationID.NotFound";
    insights_paths: "NetworkInsightsPaths", "NetworkInsightsPathIds" => "InvalidNetworkInsightsPathId.NotFound";
    ipams: "Ipams", "IpamIds" => "InvalidIpamId.NotFound";
    ipam_pools: "IpamPools", "IpamPoolIds" => "InvalidIpamPoolId.NotFound";
    mirror_sessions: "TrafficMirrorSessions", "TrafficMirrorSessionIds" => "InvalidTrafficMirrorSessionId.NotFound";
    mirror_targets: "TrafficMirrorTargets", "TrafficMirrorTargetIds" => "InvalidTrafficMirrorTargetId.NotFound";
}

/// Calls about one that exists: what names it, and how AWS refuses the name of none.
macro_rules! unknown {
    ($($name:ident: $id:literal => $code:literal;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            Err(absent(input[$id].as_str().unwrap_or_default(), $code))
        })*
    };
}

unknown! {
    no_peering_connection: "VpcPeeringConnectionId" => "InvalidVpcPeeringConnectionID.NotFound";
    no_vpn_gateway: "VpnGatewayId" => "InvalidVpnGatewayID.NotFound";
    no_vpn_connection: "VpnConnectionId" => "InvalidVpnConnectionID.NotFound";
    no_egress_only_gateway: "EgressOnlyInternetGatewayId" => "InvalidGatewayID.NotFound";
    no_carrier_gateway: "CarrierGatewayId" => "InvalidCarrierGatewayID.NotFound";
    no_transit_gateway: "TransitGatewayId" => "InvalidTransitGatewayID.NotFound";
    no_endpoint_service: "ServiceId" => "InvalidVpcEndpointServiceId.NotFound";
}

/// `DescribeVpcClassicLink` and the like: AWS has ended EC2-Classic, and most of its regions never had it.
pub(super) fn classic_link(_: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    Err(Fault::new("UnsupportedOperation", "The functionality you requested is not available in this region."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attach {
    network_interface_id: String,
    instance_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Detach {
    attachment_id: String,
}

/// `DetachNetworkInterface`: only services have attached any, and those are theirs.
pub(super) fn detach_interface(ctx: &mut Ctx<'_>, Detach { attachment_id: id }: Detach) -> Result<Value, Fault> {
    if ctx.region.ec2.interfaces.values().any(|interface| interface.attachment_id().as_ref() == Some(&id)) {
        let message = "You are not allowed to manage 'ela-attach' attachments.";
        return Err(Fault::new("OperationNotPermitted", message));
    }
    Err(absent(&id, "InvalidAttachmentID.NotFound"))
}

/// `AttachNetworkInterface`: to an instance, of which there are none.
pub(super) fn attach_interface(ctx: &mut Ctx<'_>, input: Attach) -> Result<Value, Fault> {
    kind::NETWORK_INTERFACE.find(&ctx.region.ec2.interfaces, &input.network_interface_id)?;
    Err(absent(&input.instance_id, "InvalidInstanceID.NotFound"))
}

/// `DescribeStaleSecurityGroups`: rules grow stale with peering connections, of which there are none.
pub(super) fn stale_groups(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    kind::VPC.find(&ctx.region.ec2.vpcs, input["VpcId"].as_str().unwrap_or_default())?;
    Ok(json!({"StaleSecurityGroupSet": []}))
}

/// `DescribeVpcBlockPublicAccessOptions`: off, as in an account that never asked for it.
pub(super) fn block_options(ctx: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    let options = json!({"AwsAccountId": ctx.account, "AwsRegion": ctx.region_name, "State": "default-state",
        "InternetGatewayBlockMode": "off", "ManagedBy": "account", "ExclusionsAllowed": "allowed"});
    Ok(json!({"VpcBlockPublicAccessOptions": options}))
}
