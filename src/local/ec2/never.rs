//! Kinds of resources that nothing here can make: lists of them are empty, and their ids unknown. Tools ask
//! for them while they look at a VPC.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::{self, invalid, unsupported},
    kind,
    listing::{page_size, read_filters, unknown_filter},
};
use crate::local::{fault::Fault, world::Ctx};

/// The refusal of the id or name of what does not exist.
fn absent(id: &str, code: &str) -> Fault {
    let message = match code {
        "InvalidInstanceID.NotFound" if !kind::has_form("i", id) => {
            return Fault::new("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\""));
        }
        "InvalidVpcPeeringConnectionID.NotFound" if !kind::has_form("pcx", id) => {
            let message = format!("Invalid id: \"{id}\" (expecting \"pcx-...\")");
            return Fault::new("InvalidVpcPeeringConnectionId.Malformed", message);
        }
        "InvalidVolume.NotFound" if !kind::has_form("vol", id) => {
            return invalid(format!("Value ({id}) for parameter volumes is invalid. Expected: 'vol-...'."));
        }
        "InvalidInstanceID.NotFound" => format!("The instance ID '{id}' does not exist"),
        "InvalidVolume.NotFound" => format!("The volume '{id}' does not exist."),
        "InvalidSnapshot.NotFound" => format!("The snapshot '{id}' does not exist."),
        "InvalidAMIID.NotFound" => format!("The image id '[{id}]' does not exist"),
        "InvalidKeyPair.NotFound" => format!("The key pair '{id}' does not exist"),
        "InvalidVpcPeeringConnectionID.NotFound" => format!("The vpcPeeringConnection ID '{id}' does not exist"),
        "InvalidVpnGatewayID.NotFound" => format!("The vpnGateway ID '{id}' does not exist"),
        "InvalidVpnConnectionID.NotFound" => format!("The vpnConnection ID '{id}' does not exist"),
        "InvalidCustomerGatewayID.NotFound" => format!("The customerGateway ID '{id}' does not exist"),
        "InvalidTransitGatewayID.NotFound" => format!("Transit Gateway {id} was deleted or does not exist."),
        "InvalidAttachmentID.NotFound" => format!("The attachment ID '{id}' does not exist"),
        _ => format!("The ID '{id}' does not exist"),
    };
    Fault::new(code, message)
}

/// The prefixes of ids of what others make that can be tagged, and how AWS refuses one that does not exist.
const TAGGABLE: [(&str, &str); 9] = [
    ("i", "InvalidInstanceID.NotFound"),
    ("vol", "InvalidVolume.NotFound"),
    ("snap", "InvalidSnapshot.NotFound"),
    ("ami", "InvalidAMIID.NotFound"),
    ("pcx", "InvalidVpcPeeringConnectionID.NotFound"),
    ("vgw", "InvalidVpnGatewayID.NotFound"),
    ("vpn", "InvalidVpnConnectionID.NotFound"),
    ("cgw", "InvalidCustomerGatewayID.NotFound"),
    ("tgw", "InvalidTransitGatewayID.NotFound"),
];

/// Refuses the id of what nothing here can make.
pub(super) fn refuse_id(id: &str) -> Result<(), Fault> {
    let kind = TAGGABLE.iter().find(|(prefix, _)| kind::has_form(prefix, id));
    kind.map_or(Ok(()), |(_, code)| Err(absent(id, code)))
}

/// The filters that AWS's documentation has, below the member that lists the items; those of tags beside them. Where
/// it has none, any is taken.
const FILTERS: &str = include_str!("never_filters.txt");

/// The filters of one list.
fn filters_of(items: &str) -> Vec<&'static str> {
    let lines = FILTERS.lines().skip_while(|line| *line != items).skip(1);
    lines.take_while(|line| line.starts_with(' ')).flat_map(str::split_whitespace).collect()
}

/// Refuses what a describe call cannot ask for.
fn check(input: &Value, items: &str) -> Result<(), Fault> {
    let given = [&input["Filters"], &input["Filter"]].into_iter().find(|given| !given.is_null());
    let known = filters_of(items);
    for filter in read_filters(given.cloned().unwrap_or_else(|| json!([])))? {
        let name = filter.name.as_str();
        let of_tags = ["tag-key", "tag-value"].contains(&name) || name.starts_with("tag:");
        if !known.is_empty() && !known.contains(&name) && !of_tags {
            return Err(unknown_filter(name));
        }
    }
    // The model knows the bounds of the other lists.
    let most = match items {
        "Reservations" | "InstanceStatuses" => 1000,
        "Volumes" => usize::MAX,
        _ => return Ok(()),
    };
    if input["MaxResults"].is_null() { Ok(()) } else { page_size(&(5..=most), &input["MaxResults"]).map(drop) }
}

/// The answer to a describe call: nothing, or the refusal of the first id in one of the members `ids`.
fn none(input: &Value, items: &str, ids: &[(&str, &str)]) -> Result<Value, Fault> {
    check(input, items)?;
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
    byoip_cidrs: "ByoipCidrs";
    route_servers: "RouteServers", "RouteServerIds" => "InvalidRouteServerId.NotFound";
    route_server_endpoints: "RouteServerEndpoints", "RouteServerEndpointIds" => "InvalidRouteServerEndpointId.NotFound";
    route_server_peers: "RouteServerPeers", "RouteServerPeerIds" => "InvalidRouteServerPeerId.NotFound";
    secondary_interfaces: "SecondaryInterfaces", "SecondaryInterfaceIds" => "InvalidSecondaryInterfaceId.NotFound";
    secondary_networks: "SecondaryNetworks", "SecondaryNetworkIds" => "InvalidSecondaryNetworkId.NotFound";
    secondary_subnets: "SecondarySubnets", "SecondarySubnetIds" => "InvalidSecondarySubnetId.NotFound";
    trunk_associations: "InterfaceAssociations", "AssociationIds" => "InvalidAssociationID.NotFound";
    encryption_controls: "VpcEncryptionControls",
        "VpcEncryptionControlIds" => "InvalidVpcEncryptionControlId.NotFound";
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
    no_endpoint_notification: "ConnectionNotificationId" => "InvalidConnectionNotification";
    no_interface_permission: "NetworkInterfacePermissionId" => "InvalidPermissionID.NotFound";
    no_public_ipv4_pool: "PoolId" => "InvalidPublicIpv4PoolID.NotFound";
    no_ipv6_pool: "PoolId" => "InvalidIpv6PoolId.NotFound";
    no_block_exclusion: "ExclusionId" => "InvalidVpcBlockPublicAccessExclusionId.NotFound";
    no_encryption_control: "VpcEncryptionControlId" => "InvalidVpcEncryptionControlId.NotFound";
    no_instance: "InstanceId" => "InvalidInstanceID.NotFound";
}

/// Deletions of several at once: each that does not exist is told in the answer, and none refuses the call.
macro_rules! unsuccessful {
    ($($name:ident: $ids:literal => $code:literal;)*) => {
        $(pub(super) fn $name(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
            let told = |id: &str| {
                let Fault { code, message, .. } = absent(id, $code);
                json!({"ResourceId": id, "Error": {"Code": code, "Message": message}})
            };
            let ids = input[$ids].as_array().into_iter().flatten().filter_map(Value::as_str);
            Ok(json!({"Unsuccessful": ids.map(told).collect::<Vec<_>>()}))
        })*
    };
}

unsuccessful! {
    delete_flow_logs: "FlowLogIds" => "InvalidFlowLogId.NotFound";
    delete_endpoint_services: "ServiceIds" => "InvalidVpcEndpointService.NotFound";
    delete_endpoint_notifications: "ConnectionNotificationIds" => "InvalidConnectionNotification";
}

/// `DescribeVpcEndpointConnectionNotifications`: one is named outside of a list.
pub(super) fn endpoint_notifications(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    if input["ConnectionNotificationId"].is_string() {
        return no_endpoint_notification(ctx, input);
    }
    Ok(json!({"ConnectionNotificationSet": []}))
}

/// `EnableVgwRoutePropagation` and `DisableVgwRoutePropagation`: from a virtual private gateway, of which there are none.
pub(super) fn propagation(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let text = |member: &str| input[member].as_str().unwrap_or_default();
    kind::ROUTE_TABLE.find(&ctx.region.ec2.route_tables, text("RouteTableId"))?;
    Err(absent(text("GatewayId"), "InvalidVpnGatewayID.NotFound"))
}

/// `UnassignIpv6Addresses`: no interface has any.
pub(super) fn unassign_ipv6(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let id = input["NetworkInterfaceId"].as_str().unwrap_or_default();
    kind::NETWORK_INTERFACE.find(&ctx.region.ec2.interfaces, id)?;
    let all = ["Ipv6Addresses", "Ipv6Prefixes"].into_iter().filter_map(|member| input[member].as_array()).flatten();
    match all.filter_map(Value::as_str).next() {
        Some(address) => Err(invalid(format!("Some of [{address}] are not assigned to interface {id}"))),
        None => Err(call::missing("ipv6Addresses")),
    }
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

/// `ModifyVpcBlockPublicAccessOptions`: to leave it off is all that can be asked for.
pub(super) fn modify_block_options(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    match input["InternetGatewayBlockMode"].as_str() {
        Some("off") => block_options(ctx, input),
        _ => Err(unsupported("InternetGatewayBlockMode")),
    }
}

/// `ValidateSecurityGroupQuotasForInterface`, which AWS lets only its own services call.
pub(super) fn for_services_alone(_: &mut Ctx<'_>, _: Value) -> Result<Value, Fault> {
    Err(Fault::new("UnauthorizedOperation", "You are not authorized to perform this operation.").with_status(403))
}
