//! The network interfaces of functions: one for each subnet and set of groups, which all functions share that are there, and
//! which stays for a while after the last of them.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html>

use std::collections::BTreeSet;

use super::{
    LINGER,
    function::{Function, State},
};
use crate::local::{ec2::Purpose, fault::Fault, members::random_uuid, world::Ctx};

/// What an interface belongs to.
fn owner(subnet: &str, groups: &[String]) -> String {
    let groups: BTreeSet<&str> = groups.iter().map(String::as_str).collect();
    format!("lambda {subnet} {}", groups.into_iter().collect::<Vec<_>>().join(" "))
}

/// Makes a function's network interfaces in subnets and groups, where there are none to share, and gives those up elsewhere;
/// refused, and nothing is changed, where one of the subnets is full.
pub(super) fn attach(
    ctx: &mut Ctx<'_>,
    function: &Function,
    subnets: &[String],
    groups: &[String],
) -> Result<(), Fault> {
    let is_there = |subnet: &&String| ctx.region.ec2.has_interface(&owner(subnet, groups));
    let missing: Vec<String> = subnets.iter().filter(|subnet| !is_there(subnet)).cloned().collect();
    ctx.region.ec2.check_room(&missing)?;
    detach(ctx, function);
    if !ctx.serves("ec2") {
        return Ok(());
    }
    for subnet in subnets {
        let owner = owner(subnet, groups);
        if ctx.region.ec2.keep_interface(&owner) {
            continue;
        }
        let description = format!("AWS Lambda VPC ENI-{}-{}", function.name, random_uuid());
        // Lambda makes them as the function's role, and EC2 takes them for that one's.
        let role = ctx.iam.role(function.text("Role")).map_or("AROA", |role| role.unique_id());
        let requester = format!("{role}:{}", ctx.account);
        let purpose = Purpose::of_function(&owner, &description, &requester);
        ctx.region.ec2.attach_interface(&purpose, subnet, groups, ctx.now)?;
    }
    Ok(())
}

/// Tries once more what a function had no address for when it was made.
pub(super) fn recover(ctx: &mut Ctx<'_>, function: &mut Function) {
    let (subnets, groups) = (function.subnets.clone(), function.groups.clone());
    if function.state == State::Failed && attach(ctx, function, &subnets, &groups).is_err() {
        function.fail_for_lack_of_addresses();
    }
}

/// Gives up the interfaces that no other function shares.
pub(super) fn detach(ctx: &mut Ctx<'_>, function: &Function) {
    let others = || ctx.region.lambda.functions.values().filter(|other| other.arn != function.arn && other.is_placed());
    let shared: BTreeSet<String> =
        others().flat_map(|other| other.subnets.iter().map(|subnet| owner(subnet, &other.groups))).collect();
    let own =
        function.subnets.iter().map(|subnet| owner(subnet, &function.groups)).filter(|owner| !shared.contains(owner));
    // Before they were shared, they were the function's alone.
    let owners: Vec<String> = own.chain([function.arn.clone()]).collect();
    let linger = ctx.pace.after(0, LINGER);
    let role = ctx.serves("iam").then(|| function.text("Role"));
    for owner in owners {
        ctx.region.ec2.outlast(&owner, linger, role);
        ctx.region.ec2.detach_interfaces(&owner);
    }
}
