//! Further blocks of addresses of a VPC.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{call::missing, cidr, kind, vpc::CidrBlock};
use crate::local::{fault::Fault, world::Ctx};

/// AWS's limit of IPv4 blocks a VPC.
const MOST: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Associate {
    vpc_id: String,
    cidr_block: Option<String>,
}

/// `AssociateVpcCidrBlock`, for IPv4.
pub(super) fn associate(ctx: &mut Ctx<'_>, input: Associate) -> Result<Value, Fault> {
    let text = input.cidr_block.ok_or_else(|| missing("cidrBlock"))?;
    let cidr = cidr::of_vpc(&text)?;
    let vpc = kind::VPC.find_mut(&mut ctx.region.ec2.vpcs, &input.vpc_id)?;
    if let Some(other) = vpc.cidr_blocks.iter().find(|block| cidr::overlap(block.cidr, cidr)) {
        let message = format!("The CIDR '{text}' conflicts with another CIDR block of the VPC: {}", other.cidr);
        return Err(Fault::new("InvalidVpc.Range", message));
    }
    let blocks: Vec<_> = vpc.cidr_blocks.iter().map(|block| block.cidr).collect();
    if !cidr::suits(cidr, &blocks) {
        let message = format!(
            "The CIDR '{text}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a \
             publicly-routable CIDR. For additional restrictions, see \
             https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"
        );
        return Err(Fault::new("InvalidVpc.Range", message));
    }
    if vpc.cidr_blocks.len() == MOST {
        let message = format!("The vpc '{}' has reached its limit of {MOST} IPv4 CIDR blocks.", vpc.vpc_id);
        return Err(Fault::new("CidrLimitExceeded", message));
    }
    let block = CidrBlock::new(cidr);
    let answer = json!({"VpcId": vpc.vpc_id, "CidrBlockAssociation": block.show("associating")});
    vpc.cidr_blocks.push(block);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Disassociate {
    association_id: String,
}

/// `DisassociateVpcCidrBlock`: neither the primary block nor one with subnets.
pub(super) fn disassociate(ctx: &mut Ctx<'_>, Disassociate { association_id }: Disassociate) -> Result<Value, Fault> {
    let store = &mut ctx.region.ec2;
    let place = |vpc: &super::vpc::Vpc| vpc.cidr_blocks.iter().position(|one| one.association_id == association_id);
    let found = store.vpcs.values_mut().find_map(|vpc| place(vpc).map(|position| (vpc, position)));
    let Some((vpc, position)) = found else {
        let message = format!("The vpc CIDR block association ID '{association_id}' does not exist");
        return Err(Fault::new("InvalidVpcCidrBlockAssociationID.NotFound", message));
    };
    if position == 0 {
        let message = format!(
            "The vpc CIDR block with association ID {association_id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
        );
        return Err(Fault::new("OperationNotPermitted", message));
    }
    let cidr = vpc.cidr_blocks[position].cidr;
    if store.subnets.values().any(|subnet| subnet.vpc_id == vpc.vpc_id && cidr.contains(&subnet.cidr)) {
        let message = format!("The vpc CIDR block {cidr} has subnets and cannot be disassociated.");
        return Err(Fault::new("DependencyViolation", message));
    }
    let block = vpc.cidr_blocks.remove(position);
    Ok(json!({"VpcId": vpc.vpc_id, "CidrBlockAssociation": block.show("disassociating")}))
}
