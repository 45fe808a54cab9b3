//! Security groups that are used in other VPCs than the one that they were made in. Associations come and go slowly.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Store, kind, listing::Listing, security_group::SecurityGroup, view::View};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};

/// About how long AWS takes to make or to end an association.
const CHANGE: Duration = Duration::from_secs(10);

/// What a group and another VPC are to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Association {
    Associating {
        until: Millis,
    },
    Associated,
    Disassociating {
        until: Millis,
    },
    /// It could not be ended, and goes on.
    Kept {
        reason: String,
    },
}

impl Association {
    /// The state in the API's words.
    fn state(&self) -> &'static str {
        match self {
            Self::Associating { .. } => "associating",
            Self::Associated => "associated",
            Self::Disassociating { .. } => "disassociating",
            Self::Kept { .. } => "disassociation-failed",
        }
    }
}

impl SecurityGroup {
    /// Whether what is in the VPC can be in the group.
    pub(crate) fn serves(&self, vpc_id: &str) -> bool {
        let associated = self.associations.get(vpc_id);
        self.vpc_id == vpc_id || matches!(associated, Some(Association::Associated | Association::Kept { .. }))
    }

    /// The groups' associations, as answers show them; `Key` tells them apart and is no part of the answer.
    fn show_associations(&self, account: &str) -> impl Iterator<Item = Value> {
        self.associations.iter().map(move |(vpc_id, association)| {
            let reason = match association {
                Association::Kept { reason } => Some(reason),
                _ => None,
            };
            json!({
                "Key": format!("{}/{vpc_id}", self.group_id),
                "GroupId": self.group_id,
                "GroupOwnerId": account,
                "VpcId": vpc_id,
                "VpcOwnerId": account,
                "State": association.state(),
                "StateReason": reason,
            })
        })
    }
}

impl Store {
    /// Whether a group of another VPC is associated with this one, or about to be, or no longer to be.
    pub(super) fn has_associated_groups(&self, vpc_id: &str) -> bool {
        self.security_groups.values().any(|group| group.associations.contains_key(vpc_id))
    }

    /// Moves the associations on. One that is to end goes on where something in the VPC is still in the group.
    pub(super) fn settle_group_associations(&mut self, now: Millis) {
        let interfaces = &self.interfaces;
        for group in self.security_groups.values_mut() {
            let group_id = &group.group_id;
            group.associations.retain(|vpc_id, association| match association {
                Association::Associating { until } if *until <= now => {
                    *association = Association::Associated;
                    true
                }
                Association::Disassociating { until } if *until <= now => {
                    let mut users = interfaces.values().filter(|one| one.vpc_id == *vpc_id);
                    let user = users.find(|one| one.group_ids.contains(group_id));
                    let reason = user.map(|one| {
                        format!("The security group is in use by the network interface {}.", one.network_interface_id)
                    });
                    match reason {
                        Some(reason) => *association = Association::Kept { reason },
                        None => return false,
                    }
                    true
                }
                _ => true,
            });
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Pair {
    group_id: String,
    vpc_id: String,
}

/// `AssociateSecurityGroupVpc`
pub(super) fn associate(ctx: &mut Ctx<'_>, Pair { group_id, vpc_id }: Pair) -> Result<Value, Fault> {
    let until = ctx.pace.after(ctx.now, CHANGE);
    let store = &mut ctx.region.ec2;
    let is_default_vpc = store.default_vpc().is_some_and(|vpc| vpc.vpc_id == vpc_id);
    kind::VPC.find(&store.vpcs, &vpc_id)?;
    let group = kind::SECURITY_GROUP.find_mut(&mut store.security_groups, &group_id)?;
    let not_permitted = |message: String| Err(Fault::new("OperationNotPermitted", message));
    if group.is_default() {
        return not_permitted(format!(
            "The default security group '{group_id}' cannot be associated with another VPC."
        ));
    }
    if is_default_vpc {
        return not_permitted(format!("Security groups cannot be associated with the default VPC '{vpc_id}'."));
    }
    if group.vpc_id == vpc_id || group.associations.contains_key(&vpc_id) {
        let message = format!("The security group '{group_id}' is already associated with the VPC '{vpc_id}'.");
        return Err(Fault::new("Resource.AlreadyAssociated", message));
    }
    let association = Association::Associating { until };
    let answer = json!({"State": association.state()});
    group.associations.insert(vpc_id, association);
    Ok(answer)
}

/// `DisassociateSecurityGroupVpc`: whether anything is still in the group turns out afterwards.
pub(super) fn disassociate(ctx: &mut Ctx<'_>, Pair { group_id, vpc_id }: Pair) -> Result<Value, Fault> {
    let until = ctx.pace.after(ctx.now, CHANGE);
    let store = &mut ctx.region.ec2;
    kind::VPC.find(&store.vpcs, &vpc_id)?;
    let group = kind::SECURITY_GROUP.find_mut(&mut store.security_groups, &group_id)?;
    if group.vpc_id == vpc_id {
        let message = format!("The security group '{group_id}' was created in the VPC '{vpc_id}' and cannot leave it.");
        return Err(Fault::new("OperationNotPermitted", message));
    }
    let Some(association) = group.associations.get_mut(&vpc_id) else {
        let message = format!("The security group '{group_id}' does not exist in VPC '{vpc_id}'");
        return Err(Fault::new("InvalidGroup.NotFound", message));
    };
    if !matches!(association, Association::Disassociating { .. }) {
        *association = Association::Disassociating { until };
    }
    Ok(json!({"State": association.state()}))
}

static ASSOCIATIONS: Listing = Listing {
    kind: &kind::SECURITY_GROUP,
    items: "SecurityGroupVpcAssociations",
    ids: "",
    id: "Key",
    filters: &[
        ("group-id", "GroupId"),
        ("group-owner-id", "GroupOwnerId"),
        ("state", "State"),
        ("vpc-id", "VpcId"),
        ("vpc-owner-id", "VpcOwnerId"),
    ],
};

/// `DescribeSecurityGroupVpcAssociations`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let view = View::of(ctx);
    let all = view.store.security_groups.values().flat_map(|group| group.show_associations(view.account));
    let mut answer = ASSOCIATIONS.answer(&view, input, all)?;
    for shown in answer[ASSOCIATIONS.items].as_array_mut().into_iter().flatten() {
        shown.as_object_mut().and_then(|members| members.shift_remove("Key"));
    }
    Ok(answer)
}
