//! Kinds of resources that nothing here can make: lists of them are empty, and their ids unknown. Tools ask
//! for them while they look at a VPC.

use serde_json::{Value, json};

use crate::local::{fault::Fault, world::Ctx};

/// The answer to a describe call: nothing, or the refusal of the first id in the member `ids`.
fn none(input: &Value, items: &str, ids: &str, code: &str) -> Result<Value, Fault> {
    match input[ids].as_array().and_then(|ids| ids.first()).and_then(Value::as_str) {
        Some(id) => Err(Fault::new(code, format!("The ID '{id}' does not exist"))),
        None => Ok(json!({items: []})),
    }
}

/// `DescribeInstances`
pub(super) fn instances(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    none(&input, "Reservations", "InstanceIds", "InvalidInstanceID.NotFound")
}

/// `DescribeVpcPeeringConnections`
pub(super) fn peering_connections(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    none(&input, "VpcPeeringConnections", "VpcPeeringConnectionIds", "InvalidVpcPeeringConnectionID.NotFound")
}

/// `DescribeVpnGateways`
pub(super) fn vpn_gateways(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    none(&input, "VpnGateways", "VpnGatewayIds", "InvalidVpnGatewayID.NotFound")
}

/// `DescribeEgressOnlyInternetGateways`
pub(super) fn egress_only_gateways(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    none(&input, "EgressOnlyInternetGateways", "EgressOnlyInternetGatewayIds", "InvalidGatewayID.NotFound")
}

/// `DescribeTransitGateways`
pub(super) fn transit_gateways(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    none(&input, "TransitGateways", "TransitGatewayIds", "InvalidTransitGatewayID.NotFound")
}

/// `DescribeFlowLogs`
pub(super) fn flow_logs(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    none(&input, "FlowLogs", "FlowLogIds", "InvalidFlowLogId.NotFound")
}
