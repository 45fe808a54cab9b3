//! EC2: VPCs and what is in them, one family of resources a file.
//!
//! - [`call`] decodes an input and honours client tokens; [`kind`] names ids and refuses wrong ones
//! - [`listing`] answers every `Describe…`: ids, filters and pages; [`view`] is what an answer is written from
//! - [`store`] holds what exists; [`tag`] holds the tags of all of it
//! - the rest: a family of resources each, with `create`, `delete`, `describe` and what else AWS has for it

mod address;
mod call;
mod cidr;
mod default_vpc;
mod dhcp_options;
mod endpoint;
mod endpoint_change;
mod endpoint_service;
mod internet_gateway;
mod kind;
mod listing;
mod nat_gateway;
mod nat_gateway_address;
mod nat_gateway_change;
mod network_acl;
mod network_interface;
mod network_interface_change;
mod network_interface_owner;
mod never;
mod permission;
mod prefix_list;
mod prefix_list_change;
mod private_address;
mod reach;
mod route;
mod route_table;
mod security_group;
mod security_group_rule;
mod security_group_vpc;
mod store;
mod subnet;
mod subnet_reservation;
mod tag;
mod view;
mod vpc;
mod vpc_cidr;
mod zone;

#[cfg(test)]
mod tests;

use super::service::{Action, Service};

pub(crate) use network_interface_owner::Purpose;
pub(crate) use store::Store;
pub(crate) use zone::{is_zone, names as zone_names, region_names};

/// The actions by name, each behind the decoding of its own input.
macro_rules! actions {
    ($($name:literal => $action:path),* $(,)?) => {
        &[$(($name, |ctx, input| call::answer(ctx, input, $action))),*]
    };
}

/// The service's actions.
static ACTIONS: &[(&str, Action)] = actions! {
    "CreateVpc" => vpc::create,
    "CreateDefaultVpc" => default_vpc::create,
    "CreateDefaultSubnet" => default_vpc::create_subnet,
    "DeleteVpc" => vpc::delete,
    "DescribeVpcs" => vpc::describe,
    "DescribeVpcAttribute" => vpc::describe_attribute,
    "ModifyVpcAttribute" => vpc::modify_attribute,
    "ModifyVpcTenancy" => vpc::modify_tenancy,
    "AssociateVpcCidrBlock" => vpc_cidr::associate,
    "DisassociateVpcCidrBlock" => vpc_cidr::disassociate,
    "CreateDhcpOptions" => dhcp_options::create,
    "DeleteDhcpOptions" => dhcp_options::delete,
    "DescribeDhcpOptions" => dhcp_options::describe,
    "AssociateDhcpOptions" => dhcp_options::associate,
    "DescribeNetworkAcls" => network_acl::describe,
    "CreateNetworkAcl" => network_acl::create,
    "DeleteNetworkAcl" => network_acl::delete,
    "CreateNetworkAclEntry" => network_acl::create_entry,
    "ReplaceNetworkAclEntry" => network_acl::replace_entry,
    "DeleteNetworkAclEntry" => network_acl::delete_entry,
    "ReplaceNetworkAclAssociation" => network_acl::replace_association,
    "CreateSubnet" => subnet::create,
    "DeleteSubnet" => subnet::delete,
    "DescribeSubnets" => subnet::describe,
    "ModifySubnetAttribute" => subnet::modify_attribute,
    "CreateSubnetCidrReservation" => subnet_reservation::create,
    "DeleteSubnetCidrReservation" => subnet_reservation::delete,
    "GetSubnetCidrReservations" => subnet_reservation::list,
    "CreateInternetGateway" => internet_gateway::create,
    "DeleteInternetGateway" => internet_gateway::delete,
    "DescribeInternetGateways" => internet_gateway::describe,
    "AttachInternetGateway" => internet_gateway::attach,
    "DetachInternetGateway" => internet_gateway::detach,
    "AllocateAddress" => address::allocate,
    "ReleaseAddress" => address::release,
    "DescribeAddresses" => address::describe,
    "DescribeAddressesAttribute" => address::describe_attribute,
    "ModifyAddressAttribute" => address::modify_attribute,
    "ResetAddressAttribute" => address::reset_attribute,
    "AssociateAddress" => address::associate,
    "DisassociateAddress" => address::disassociate,
    "CreateNatGateway" => nat_gateway::create,
    "DeleteNatGateway" => nat_gateway::delete,
    "DescribeNatGateways" => nat_gateway::describe,
    "AssociateNatGatewayAddress" => nat_gateway_change::associate,
    "DisassociateNatGatewayAddress" => nat_gateway_change::disassociate,
    "AssignPrivateNatGatewayAddress" => nat_gateway_change::assign,
    "UnassignPrivateNatGatewayAddress" => nat_gateway_change::unassign,
    "CreateRouteTable" => route_table::create,
    "DeleteRouteTable" => route_table::delete,
    "DescribeRouteTables" => route_table::describe,
    "AssociateRouteTable" => route_table::associate,
    "DisassociateRouteTable" => route_table::disassociate,
    "ReplaceRouteTableAssociation" => route_table::replace_association,
    "CreateRoute" => route::create,
    "DeleteRoute" => route::delete,
    "ReplaceRoute" => route::replace,
    "CreateSecurityGroup" => security_group::create,
    "DeleteSecurityGroup" => security_group::delete,
    "DescribeSecurityGroups" => security_group::describe,
    "DescribeSecurityGroupReferences" => security_group::describe_references,
    "GetSecurityGroupsForVpc" => security_group::for_vpc,
    "ValidateSecurityGroupQuotasForInterface" => never::for_services_alone,
    "AssociateSecurityGroupVpc" => security_group_vpc::associate,
    "DisassociateSecurityGroupVpc" => security_group_vpc::disassociate,
    "DescribeSecurityGroupVpcAssociations" => security_group_vpc::describe,
    "AuthorizeSecurityGroupIngress" => security_group_rule::authorize_ingress,
    "AuthorizeSecurityGroupEgress" => security_group_rule::authorize_egress,
    "RevokeSecurityGroupIngress" => security_group_rule::revoke_ingress,
    "RevokeSecurityGroupEgress" => security_group_rule::revoke_egress,
    "DescribeSecurityGroupRules" => security_group_rule::describe,
    "ModifySecurityGroupRules" => security_group_rule::modify,
    "UpdateSecurityGroupRuleDescriptionsIngress" => security_group_rule::describe_ingress_anew,
    "UpdateSecurityGroupRuleDescriptionsEgress" => security_group_rule::describe_egress_anew,
    "CreateVpcEndpoint" => endpoint::create,
    "DeleteVpcEndpoints" => endpoint_change::delete,
    "DescribeVpcEndpoints" => endpoint::describe,
    "ModifyVpcEndpoint" => endpoint_change::modify,
    "DescribeVpcEndpointServices" => endpoint_service::describe,
    "DescribeManagedPrefixLists" => prefix_list::describe_managed,
    "CreateManagedPrefixList" => prefix_list_change::create,
    "ModifyManagedPrefixList" => prefix_list_change::modify,
    "RestoreManagedPrefixListVersion" => prefix_list_change::restore,
    "DeleteManagedPrefixList" => prefix_list_change::delete,
    "GetManagedPrefixListAssociations" => prefix_list::associations,
    "DescribePrefixLists" => prefix_list::describe,
    "GetManagedPrefixListEntries" => prefix_list::entries,
    "CreateNetworkInterface" => network_interface::create,
    "DeleteNetworkInterface" => network_interface::delete,
    "DescribeNetworkInterfaces" => network_interface::describe,
    "DescribeNetworkInterfaceAttribute" => network_interface_change::describe,
    "ModifyNetworkInterfaceAttribute" => network_interface_change::modify,
    "ResetNetworkInterfaceAttribute" => network_interface_change::reset,
    "AssignPrivateIpAddresses" => network_interface_change::assign,
    "UnassignPrivateIpAddresses" => network_interface_change::unassign,
    "DescribeAvailabilityZones" => zone::describe,
    "DescribeRegions" => zone::describe_regions,
    "DescribeAccountAttributes" => zone::describe_account_attributes,
    "DescribeInstances" => never::instances,
    "DescribeInstanceStatus" => never::instance_status,
    "DescribeKeyPairs" => never::key_pairs,
    "DescribeVpnConnections" => never::vpn_connections,
    "DescribeCarrierGateways" => never::carrier_gateways,
    "DescribeTransitGatewayAttachments" => never::transit_gateway_attachments,
    "DescribeAddressTransfers" => never::address_transfers,
    "DescribeMovingAddresses" => never::moving_addresses,
    "DescribeIpv6Pools" => never::ipv6_pools,
    "DescribePublicIpv4Pools" => never::public_ipv4_pools,
    "DescribeNetworkInterfacePermissions" => never::interface_permissions,
    "DescribeStaleSecurityGroups" => never::stale_groups,
    "DescribeVpcEndpointAssociations" => never::endpoint_associations,
    "DescribeVpcEndpointConnections" => never::endpoint_connections,
    "DescribeVpcEndpointConnectionNotifications" => never::endpoint_notifications,
    "DescribeVpcEndpointServiceConfigurations" => never::endpoint_services,
    "DescribeVpcBlockPublicAccessExclusions" => never::block_exclusions,
    "DescribeVpcBlockPublicAccessOptions" => never::block_options,
    "DescribeVpcPeeringConnections" => never::peering_connections,
    "DescribeVpnGateways" => never::vpn_gateways,
    "DescribeEgressOnlyInternetGateways" => never::egress_only_gateways,
    "DescribeTransitGateways" => never::transit_gateways,
    "DescribeFlowLogs" => never::flow_logs,
    "DescribeCustomerGateways" => never::customer_gateways,
    "DescribeTransitGatewayVpcAttachments" => never::transit_gateway_vpc_attachments,
    "DescribeTransitGatewayPeeringAttachments" => never::transit_gateway_peering_attachments,
    "DescribeTransitGatewayRouteTables" => never::transit_gateway_route_tables,
    "DescribeClientVpnEndpoints" => never::client_vpn_endpoints,
    "DescribeLaunchTemplates" => never::launch_templates,
    "DescribeVolumes" => never::volumes,
    "DescribeHosts" => never::hosts,
    "DescribePlacementGroups" => never::placement_groups,
    "DescribeCapacityReservations" => never::capacity_reservations,
    "DescribeInstanceConnectEndpoints" => never::instance_connect_endpoints,
    "DescribeIamInstanceProfileAssociations" => never::instance_profile_associations,
    "DescribeNetworkInsightsPaths" => never::insights_paths,
    "DescribeIpams" => never::ipams,
    "DescribeIpamPools" => never::ipam_pools,
    "DescribeTrafficMirrorSessions" => never::mirror_sessions,
    "DescribeTrafficMirrorTargets" => never::mirror_targets,
    "AcceptVpcPeeringConnection" => never::no_peering_connection,
    "RejectVpcPeeringConnection" => never::no_peering_connection,
    "DeleteVpcPeeringConnection" => never::no_peering_connection,
    "ModifyVpcPeeringConnectionOptions" => never::no_peering_connection,
    "AttachVpnGateway" => never::no_vpn_gateway,
    "DetachVpnGateway" => never::no_vpn_gateway,
    "DeleteVpnGateway" => never::no_vpn_gateway,
    "DeleteVpnConnection" => never::no_vpn_connection,
    "ModifyVpnConnection" => never::no_vpn_connection,
    "DeleteEgressOnlyInternetGateway" => never::no_egress_only_gateway,
    "DeleteCarrierGateway" => never::no_carrier_gateway,
    "DeleteTransitGateway" => never::no_transit_gateway,
    "ModifyTransitGateway" => never::no_transit_gateway,
    "DescribeVpcEndpointServicePermissions" => never::no_endpoint_service,
    "ModifyVpcEndpointServicePermissions" => never::no_endpoint_service,
    "ModifyVpcEndpointServiceConfiguration" => never::no_endpoint_service,
    "AttachNetworkInterface" => never::attach_interface,
    "DetachNetworkInterface" => never::detach_interface,
    "DescribeByoipCidrs" => never::byoip_cidrs,
    "DescribeRouteServers" => never::route_servers,
    "DescribeRouteServerEndpoints" => never::route_server_endpoints,
    "DescribeRouteServerPeers" => never::route_server_peers,
    "DescribeSecondaryInterfaces" => never::secondary_interfaces,
    "DescribeSecondaryNetworks" => never::secondary_networks,
    "DescribeSecondarySubnets" => never::secondary_subnets,
    "DescribeTrunkInterfaceAssociations" => never::trunk_associations,
    "DescribeVpcEncryptionControls" => never::encryption_controls,
    "ModifyVpcEncryptionControl" => never::no_encryption_control,
    "DeleteVpcEncryptionControl" => never::no_encryption_control,
    "ModifyVpcBlockPublicAccessOptions" => never::modify_block_options,
    "ModifyVpcBlockPublicAccessExclusion" => never::no_block_exclusion,
    "DeleteVpcBlockPublicAccessExclusion" => never::no_block_exclusion,
    "AcceptVpcEndpointConnections" => never::no_endpoint_service,
    "RejectVpcEndpointConnections" => never::no_endpoint_service,
    "ModifyVpcEndpointServicePayerResponsibility" => never::no_endpoint_service,
    "StartVpcEndpointServicePrivateDnsVerification" => never::no_endpoint_service,
    "DeleteVpcEndpointServiceConfigurations" => never::delete_endpoint_services,
    "ModifyVpcEndpointConnectionNotification" => never::no_endpoint_notification,
    "DeleteVpcEndpointConnectionNotifications" => never::delete_endpoint_notifications,
    "DeleteFlowLogs" => never::delete_flow_logs,
    "DeleteNetworkInterfacePermission" => never::no_interface_permission,
    "DeletePublicIpv4Pool" => never::no_public_ipv4_pool,
    "ProvisionPublicIpv4PoolCidr" => never::no_public_ipv4_pool,
    "DeprovisionPublicIpv4PoolCidr" => never::no_public_ipv4_pool,
    "GetAssociatedIpv6PoolCidrs" => never::no_ipv6_pool,
    "UnassignIpv6Addresses" => never::unassign_ipv6,
    "EnableVgwRoutePropagation" => never::propagation,
    "DisableVgwRoutePropagation" => never::propagation,
    "ModifyPrivateDnsNameOptions" => never::no_instance,
    "DescribeVpcClassicLink" => never::classic_link,
    "DescribeClassicLinkInstances" => never::classic_link,
    "AttachClassicLinkVpc" => never::classic_link,
    "DetachClassicLinkVpc" => never::classic_link,
    "MoveAddressToVpc" => never::classic_link,
    "RestoreAddressToClassic" => never::classic_link,
    "DescribeVpcClassicLinkDnsSupport" => never::classic_link,
    "EnableVpcClassicLink" => never::classic_link,
    "EnableVpcClassicLinkDnsSupport" => never::classic_link,
    "DisableVpcClassicLink" => never::classic_link,
    "DisableVpcClassicLinkDnsSupport" => never::classic_link,
    "CreateTags" => tag::create,
    "DeleteTags" => tag::delete,
    "DescribeTags" => tag::describe,
};

/// The service.
pub(crate) static SERVICE: Service = Service { name: "ec2", actions: ACTIONS, runs: &[] };
