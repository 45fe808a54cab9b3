//! Internet gateways, each attached to one VPC or none.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{in_use, invalid},
    kind,
    listing::Listing,
    tag::{self, TagSpecification},
    view::View,
};
use crate::local::{fault::Fault, world::Ctx};

/// An internet gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InternetGateway {
    pub(super) internet_gateway_id: String,
    /// The VPC that it is attached to.
    pub(super) vpc_id: Option<String>,
}

impl InternetGateway {
    fn show(&self, view: &View<'_>) -> Value {
        let attachments = self.vpc_id.iter().map(|vpc_id| json!({"VpcId": vpc_id, "State": "available"}));
        json!({
            "InternetGatewayId": self.internet_gateway_id,
            "OwnerId": view.account,
            "Attachments": attachments.collect::<Vec<_>>(),
            "Tags": view.tags(&self.internet_gateway_id),
        })
    }
}

impl Store {
    /// Whether the VPC has a way to the internet.
    pub(crate) fn has_internet_gateway(&self, vpc_id: &str) -> bool {
        self.internet_gateways.values().any(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct CreateInternetGateway {
    tag_specifications: Vec<TagSpecification>,
}

/// `CreateInternetGateway`
pub(super) fn create(ctx: &mut Ctx<'_>, input: CreateInternetGateway) -> Result<Value, Fault> {
    let tags = tag::given(&input.tag_specifications, &kind::INTERNET_GATEWAY)?;
    let store = &mut ctx.region.ec2;
    let id = kind::INTERNET_GATEWAY.new_id();
    store.tag(&id, tags);
    let gateway = InternetGateway { internet_gateway_id: id.clone(), vpc_id: None };
    store.internet_gateways.insert(id.clone(), gateway);
    let view = View::of(ctx);
    Ok(json!({"InternetGateway": kind::INTERNET_GATEWAY.find(&view.store.internet_gateways, &id)?.show(&view)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteInternetGateway {
    internet_gateway_id: String,
}

/// `DeleteInternetGateway`
pub(super) fn delete(ctx: &mut Ctx<'_>, input: DeleteInternetGateway) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let id = input.internet_gateway_id;
    if kind::INTERNET_GATEWAY.find(&store.internet_gateways, &id)?.vpc_id.is_some() {
        return Err(in_use(&kind::INTERNET_GATEWAY, &id));
    }
    store.internet_gateways.remove(&id);
    store.tags.remove(&id);
    Ok(json!({}))
}

static INTERNET_GATEWAYS: Listing = Listing {
    kind: &kind::INTERNET_GATEWAY,
    items: "InternetGateways",
    ids: "InternetGatewayIds",
    id: "InternetGatewayId",
    filters: &[
        ("attachment.state", "Attachments.State"),
        ("attachment.vpc-id", "Attachments.VpcId"),
        ("internet-gateway-id", "InternetGatewayId"),
        ("owner-id", "OwnerId"),
    ],
};

/// `DescribeInternetGateways`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    INTERNET_GATEWAYS.answer(&view, input, view.store.internet_gateways.values().map(|gateway| gateway.show(&view)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Attachment {
    internet_gateway_id: String,
    vpc_id: String,
}

/// `AttachInternetGateway`
pub(super) fn attach(ctx: &mut Ctx<'_>, input: Attachment) -> Result<Value, Fault> {
    let Attachment { internet_gateway_id: id, vpc_id } = input;
    let store = &mut ctx.region.ec2;
    let gateway = kind::INTERNET_GATEWAY.find(&store.internet_gateways, &id)?;
    kind::VPC.find(&store.vpcs, &vpc_id)?;
    if let Some(attached) = &gateway.vpc_id {
        let message = format!("resource {id} is already attached to network {attached}");
        return Err(Fault::new("Resource.AlreadyAssociated", message));
    }
    if store.has_internet_gateway(&vpc_id) {
        return Err(invalid(format!("Network {vpc_id} already has an internet gateway attached")));
    }
    kind::INTERNET_GATEWAY.find_mut(&mut store.internet_gateways, &id)?.vpc_id = Some(vpc_id);
    Ok(json!({}))
}

/// `DetachInternetGateway`: refused while public addresses are mapped to interfaces of the VPC.
pub(super) fn detach(ctx: &mut Ctx<'_>, input: Attachment) -> Result<Value, Fault> {
    let Attachment { internet_gateway_id: id, vpc_id } = input;
    let store = &mut ctx.region.ec2;
    let gateway = kind::INTERNET_GATEWAY.find(&store.internet_gateways, &id)?;
    kind::VPC.find(&store.vpcs, &vpc_id)?;
    if gateway.vpc_id.as_ref() != Some(&vpc_id) {
        let message = format!("resource {id} is not attached to network {vpc_id}");
        return Err(Fault::new("Gateway.NotAttached", message));
    }
    if store.has_mapped_addresses(&vpc_id) {
        let message = format!(
            "Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        );
        return Err(Fault::new("DependencyViolation", message));
    }
    kind::INTERNET_GATEWAY.find_mut(&mut store.internet_gateways, &id)?.vpc_id = None;
    Ok(json!({}))
}
