//! The kind `security-group`: who may talk to whom.

mod rule;

use std::sync::Arc;

use aws_sdk_ec2::types::ResourceType;
use serde::Serialize;

pub use self::rule::Rule;
use self::rule::{Direction, rules};
use super::{ec2, occupants, vpc::Vpc};
use crate::{
    aws::{Result, tags},
    engine::{Address, Change, Live, Occupant, Ref, Resource, Scope, Tags, attributes::touches, identity},
};

/// A security group with its rules (EC2 CreateSecurityGroup, AuthorizeSecurityGroupIngress …); CDK's
/// `AWS::EC2::SecurityGroup` and `AWS::EC2::SecurityGroupIngress`.
#[derive(Debug, Clone, Serialize)]
pub struct SecurityGroup {
    /// Its name, unique in the VPC.
    pub name: String,
    /// What it is for. A group with another description needs another name: both exist for a while.
    pub description: String,
    /// The VPC that it belongs to.
    pub vpc: Ref<Vpc>,
    /// Who may connect to what carries the group.
    pub ingress: Vec<Rule>,
    /// What that may connect to.
    pub egress: Vec<Rule>,
}

impl Resource for SecurityGroup {
    const KIND: &'static str = "security-group";
    const IMMUTABLE: &'static [&'static str] = &["name", "description", "vpc"];

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let groups = listed(scope).await?;
        let mut seen: Vec<Live<Self>> = groups.iter().filter_map(|group| live(scope, group)).collect();
        let leaving: Vec<String> =
            seen.iter().filter(|group| is_leaving(group, scope)).map(|group| group.id.clone()).collect();
        for group in &mut seen {
            let stays = |rule: &Rule| !leaving.iter().any(|id| rule.peer.as_value() == Some(id));
            group.spec.ingress.retain(stays);
            group.spec.egress.retain(stays);
        }
        Ok(seen)
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope
            .aws
            .ec2
            .create_security_group()
            .group_name(&self.name)
            .description(&self.description)
            .vpc_id(self.vpc.get(scope)?)
            .tag_specifications(tags::ec2(ResourceType::SecurityGroup, scope.tags()));
        call.send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        if touches(changes, "ingress") {
            rule::converge(&live.id, Direction::Ingress, &live.spec.ingress, &self.ingress, scope).await?;
        }
        if touches(changes, "egress") {
            rule::converge(&live.id, Direction::Egress, &live.spec.egress, &self.egress, scope).await?;
        }
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        // AWS deletes no group that a rule of another group points at; where two point at each other, neither
        // could go. Whatever of the stack still needed such a rule is gone or switched over by now.
        for group in of_the_stack(scope).await?.iter().filter(|group| group.group_id() != Some(&live.id)) {
            for direction in [Direction::Ingress, Direction::Egress] {
                let rules = rules(direction.of(group));
                for rule in rules.iter().filter(|rule| rule.peer.as_value() == Some(&live.id)) {
                    rule.revoke(group.group_id().unwrap_or_default(), direction, scope).await?;
                }
            }
        }
        scope.aws.ec2.delete_security_group().group_id(&live.id).send().await?;
        Ok(())
    }

    async fn occupants(live: &Live<Self>, scope: &Scope<'_>) -> Result<Vec<Occupant>> {
        occupants::of_security_group(scope, &live.id).await
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_ec2(scope.aws, &live.id, set, unset).await
    }
}

/// Whether a group has a successor, or is described no more. What carries it goes on being let in until it has been switched
/// over: rules that point at the group go with it.
fn is_leaving(group: &Live<SecurityGroup>, scope: &Scope<'_>) -> bool {
    let described = scope.described::<SecurityGroup>(&group.address);
    described.is_none_or(|described| {
        (&described.name, &described.description) != (&group.spec.name, &group.spec.description)
    })
}

/// The stack's groups as they are listed, once a round.
async fn listed(scope: &Scope<'_>) -> Result<Arc<Vec<aws_sdk_ec2::types::SecurityGroup>>> {
    scope.once("DescribeSecurityGroups", || of_the_stack(scope)).await
}

/// Whether the stack has the group `name`.
pub(super) async fn exists(name: &str, scope: &Scope<'_>) -> Result<bool> {
    let address = Address::new(SecurityGroup::KIND, name);
    let is_it =
        |tags: &Tags| identity::place(tags, scope.stack, SecurityGroup::KIND).is_ok_and(|place| place == address);
    Ok(listed(scope).await?.iter().any(|group| is_it(&tags::of_ec2(group.tags()))))
}

async fn of_the_stack(scope: &Scope<'_>) -> Result<Vec<aws_sdk_ec2::types::SecurityGroup>> {
    let pages = scope.aws.ec2.describe_security_groups().filters(ec2::filter(scope, "group-id")).into_paginator();
    Ok(pages.items().send().try_collect().await?)
}

fn live(scope: &Scope<'_>, group: &aws_sdk_ec2::types::SecurityGroup) -> Option<Live<SecurityGroup>> {
    let tags = tags::of_ec2(group.tags());
    let address = scope.address::<SecurityGroup>(&tags, group.group_id()?)?;
    let spec = SecurityGroup {
        name: group.group_name().unwrap_or_default().to_owned(),
        description: group.description().unwrap_or_default().to_owned(),
        vpc: Ref::value(group.vpc_id()?),
        ingress: rules(Direction::Ingress.of(group)),
        egress: rules(Direction::Egress.of(group)),
    };
    Some(Live::new(address, group.group_id()?, spec).tags(tags))
}
