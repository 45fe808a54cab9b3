//! Where a new instance goes: into which of the subnets of its group.

use std::collections::BTreeSet;

use crate::local::{
    fault::Fault,
    rds::{
        Store,
        subnet_groups::{self, SubnetGroup},
    },
    world::Ctx,
};

impl Store {
    /// Whether a cluster has instances in more than one zone.
    pub(in crate::local::rds) fn is_in_several_zones(&self, cluster: &str) -> bool {
        self.members(cluster).map(|member| &member.zone).collect::<BTreeSet<_>>().len() > 1
    }
}

/// The subnet of a cluster's new member, and its zone: the one that is wished for, or else the one with the fewest members, and
/// of two of these not the writer's. A subnet without a free address is passed over where another will do.
pub(super) fn choose(
    ctx: &Ctx<'_>,
    group: &SubnetGroup,
    cluster: &str,
    wish: Option<&str>,
) -> Result<(String, String), Fault> {
    let mut subnets = subnet_groups::present(ctx, group)?;
    subnets.retain(|(_, zone)| wish.is_none_or(|wish| wish == zone));
    let members = |zone: &str| {
        let there = ctx.region.rds.members(cluster).filter(|member| member.zone == zone && member.is_sound());
        there.fold((0, false), |(count, writer), member| (count + 1, writer || member.writer))
    };
    subnets.sort_by_key(|(_, zone)| members(zone));
    let has_room = |(id, _): &&(String, String)| ctx.region.ec2.check_room(std::slice::from_ref(id)).is_ok();
    let absent = || {
        let message = format!("DB subnet group {} has no subnet in the zone {}.", group.name, wish.unwrap_or_default());
        Fault::new("InvalidVPCNetworkStateFault", message)
    };
    subnets.iter().find(has_room).or(subnets.first()).cloned().ok_or_else(absent)
}
