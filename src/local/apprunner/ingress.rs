//! VPC ingress connections. None can be made here, so none is ever found.

use serde::Deserialize;
use serde_json::{Value, json};

use super::not_found;
use crate::local::{fault::Fault, members::decode, world::Ctx};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    vpc_ingress_connection_arn: String,
}

pub(super) fn describe_vpc_ingress_connection(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    Err(not_found("VPC ingress connection", &input.vpc_ingress_connection_arn))
}

pub(super) fn list_vpc_ingress_connections(_: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    decode::<Value>(input)?;
    Ok(json!({ "VpcIngressConnectionSummaryList": [] }))
}
