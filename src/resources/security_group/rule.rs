//! The rules of a security group: AWS's grouped permissions as single rules, and back.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroup, UserIdGroupPair};
use serde::Serialize;

use crate::{
    aws::{Error, Result},
    engine::{Anything, Ref, Scope},
};

/// One protocol and port, open to one peer.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    /// `tcp`, `udp` …, or `-1` for all. A live rule for a range of ports, which no rule of a description has,
    /// carries the range: `tcp 8000..9000`.
    pub protocol: String,
    /// The port; all of them if there is none.
    pub port: Option<u16>,
    /// A range of addresses, a security group or a prefix list.
    pub peer: Ref<Anything>,
    /// What it is for.
    pub description: String,
}

/// Which way connections go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// The permissions of `group` in this direction.
    pub(super) fn of(self, group: &SecurityGroup) -> &[IpPermission] {
        match self {
            Self::Ingress => group.ip_permissions(),
            Self::Egress => group.ip_permissions_egress(),
        }
    }
}

/// Makes `there` into `wanted`. What is missing is added before what is superfluous goes, so that no connection
/// that both allow is cut.
pub(super) async fn converge(
    group: &str,
    direction: Direction,
    there: &[Rule],
    wanted: &[Rule],
    scope: &Scope<'_>,
) -> Result<()> {
    let wanted = wanted.iter().map(|rule| rule.resolved(scope)).collect::<Result<Vec<_>>>()?;
    for rule in &wanted {
        match there.iter().find(|other| other.opens_the_same(rule)) {
            None => rule.authorize(group, direction, scope).await?,
            Some(other) if other.description != rule.description => rule.describe(group, direction, scope).await?,
            Some(_) => {}
        }
    }
    for rule in there.iter().filter(|rule| !wanted.iter().any(|other| other.opens_the_same(rule))) {
        rule.revoke(group, direction, scope).await?;
    }
    Ok(())
}

impl Rule {
    /// A rule for `protocol` and `port`, open to `peer`.
    pub fn new(protocol: &str, port: Option<u16>, peer: Ref<Anything>, description: &str) -> Self {
        Self { protocol: protocol.to_owned(), port, peer, description: description.to_owned() }
    }

    fn resolved(&self, scope: &Scope<'_>) -> Result<Self> {
        Ok(Self { peer: Ref::value(self.peer.get(scope)?), ..self.clone() })
    }

    /// Whether both are one rule to AWS: the description does not count.
    fn opens_the_same(&self, other: &Self) -> bool {
        (&self.protocol, self.port, &self.peer) == (&other.protocol, other.port, &other.peer)
    }

    async fn authorize(&self, group: &str, direction: Direction, scope: &Scope<'_>) -> Result<()> {
        let (ec2, permission) = (&scope.aws.ec2, self.permission()?);
        let sent = match direction {
            Direction::Ingress => {
                let call = ec2.authorize_security_group_ingress().group_id(group).ip_permissions(permission);
                call.send().await.map(drop).map_err(Error::from)
            }
            Direction::Egress => {
                let call = ec2.authorize_security_group_egress().group_id(group).ip_permissions(permission);
                call.send().await.map(drop).map_err(Error::from)
            }
        };
        already(sent, "InvalidPermission.Duplicate")
    }

    async fn describe(&self, group: &str, direction: Direction, scope: &Scope<'_>) -> Result<()> {
        let (ec2, permission) = (&scope.aws.ec2, self.permission()?);
        match direction {
            Direction::Ingress => {
                let call = ec2.update_security_group_rule_descriptions_ingress().group_id(group);
                call.ip_permissions(permission).send().await?;
            }
            Direction::Egress => {
                let call = ec2.update_security_group_rule_descriptions_egress().group_id(group);
                call.ip_permissions(permission).send().await?;
            }
        }
        Ok(())
    }

    /// Takes the rule from `group`.
    pub(super) async fn revoke(&self, group: &str, direction: Direction, scope: &Scope<'_>) -> Result<()> {
        let (ec2, permission) = (&scope.aws.ec2, self.permission()?);
        let sent = match direction {
            Direction::Ingress => {
                let call = ec2.revoke_security_group_ingress().group_id(group).ip_permissions(permission);
                call.send().await.map(drop).map_err(Error::from)
            }
            Direction::Egress => {
                let call = ec2.revoke_security_group_egress().group_id(group).ip_permissions(permission);
                call.send().await.map(drop).map_err(Error::from)
            }
        };
        already(sent, "InvalidPermission.NotFound")
    }

    /// The rule as AWS takes it.
    fn permission(&self) -> Result<IpPermission> {
        let Some(peer) = self.peer.as_value() else {
            return Err(Error::internal(format!("The peer of the rule {self:?} was needed before it was known.")));
        };
        let (protocol, from, to) = self.ports();
        let permission = IpPermission::builder().ip_protocol(protocol).set_from_port(from).set_to_port(to);
        let description = Some(self.description.clone()).filter(|text| !text.is_empty());
        let permission = if peer.starts_with("sg-") {
            permission
                .user_id_group_pairs(UserIdGroupPair::builder().group_id(peer).set_description(description).build())
        } else if peer.starts_with("pl-") {
            permission
                .prefix_list_ids(PrefixListId::builder().prefix_list_id(peer).set_description(description).build())
        } else if peer.contains(':') {
            permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(peer).set_description(description).build())
        } else {
            permission.ip_ranges(IpRange::builder().cidr_ip(peer).set_description(description).build())
        };
        Ok(permission.build())
    }

    /// AWS's protocol and range of ports.
    fn ports(&self) -> (&str, Option<i32>, Option<i32>) {
        let range = || {
            let (protocol, range) = self.protocol.split_once(' ')?;
            let (from, to) = range.split_once("..")?;
            Some((protocol, from.parse().ok(), to.parse().ok()))
        };
        match (self.protocol.as_str(), self.port) {
            (protocol, Some(port)) => (protocol, Some(i32::from(port)), Some(i32::from(port))),
            (protocol @ ("tcp" | "udp"), None) => (protocol, Some(0), Some(65535)),
            (protocol @ ("icmp" | "icmpv6"), None) => (protocol, Some(-1), Some(-1)),
            (protocol, None) => range().unwrap_or((protocol, None, None)),
        }
    }
}

/// Single rules out of permissions, in which AWS puts together what shares protocol and ports.
pub(super) fn rules(permissions: &[IpPermission]) -> Vec<Rule> {
    permissions.iter().flat_map(of_one).collect()
}

fn of_one(permission: &IpPermission) -> impl Iterator<Item = Rule> {
    let (protocol, port) = protocol(permission);
    let ranges = permission.ip_ranges().iter().map(|range| (range.cidr_ip(), range.description()));
    let ranges6 = permission.ipv6_ranges().iter().map(|range| (range.cidr_ipv6(), range.description()));
    let groups = permission.user_id_group_pairs().iter().map(|pair| (pair.group_id(), pair.description()));
    let lists = permission.prefix_list_ids().iter().map(|list| (list.prefix_list_id(), list.description()));
    ranges.chain(ranges6).chain(groups).chain(lists).filter_map(move |(peer, description)| {
        Some(Rule {
            protocol: protocol.clone(),
            port,
            peer: Ref::value(peer?),
            description: description.unwrap_or_default().to_owned(),
        })
    })
}

fn protocol(permission: &IpPermission) -> (String, Option<u16>) {
    let protocol = permission.ip_protocol().unwrap_or("-1");
    match (protocol, permission.from_port(), permission.to_port()) {
        ("-1", ..) | (_, None, _) | (_, _, None) => (protocol.to_owned(), None),
        ("tcp" | "udp", Some(0), Some(65535)) | ("icmp" | "icmpv6", Some(-1), Some(-1)) => (protocol.to_owned(), None),
        ("tcp" | "udp", Some(from), Some(to)) if from == to && u16::try_from(from).is_ok() => {
            (protocol.to_owned(), u16::try_from(from).ok())
        }
        (_, Some(from), Some(to)) => (format!("{protocol} {from}..{to}"), None),
    }
}

/// What is done already is done.
fn already(sent: Result<()>, code: &str) -> Result<()> {
    match sent {
        Err(error) if error.is(code) => Ok(()),
        sent => sent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: &str, port: Option<u16>, peer: &str, description: &str) -> Rule {
        Rule::new(protocol, port, Ref::value(peer), description)
    }

    #[test]
    fn every_rule_survives_the_way_to_aws_and_back() {
        let cases = [
            rule("tcp", Some(5432), "sg-1", "from the proxy"),
            rule("tcp", Some(0), "10.0.0.0/8", ""),
            rule("tcp", None, "10.0.0.0/8", ""),
            rule("tcp 8000..9000", None, "::/0", ""),
            rule("udp", Some(53), "pl-1", "names"),
            rule("icmp", None, "0.0.0.0/0", ""),
            rule("icmp 8..-1", None, "0.0.0.0/0", "ping"),
            rule("-1", None, "0.0.0.0/0", ""),
            rule("50", None, "0.0.0.0/0", ""),
        ];
        for rule in cases {
            let back = rules(&[rule.permission().unwrap()]);
            assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::json!([rule]));
        }
    }

    #[test]
    fn a_permission_with_several_peers_is_several_rules() {
        let permission = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(443)
            .ip_ranges(IpRange::builder().cidr_ip("10.0.0.0/16").build())
            .ip_ranges(IpRange::builder().cidr_ip("10.1.0.0/16").description("the other network").build())
            .user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-1").build())
            .build();
        let expected = [
            rule("tcp", Some(443), "10.0.0.0/16", ""),
            rule("tcp", Some(443), "10.1.0.0/16", "the other network"),
            rule("tcp", Some(443), "sg-1", ""),
        ];
        assert_eq!(serde_json::to_value(rules(&[permission])).unwrap(), serde_json::json!(expected));
    }

    #[test]
    fn a_description_does_not_make_another_rule() {
        let one = rule("tcp", Some(443), "sg-1", "");
        assert!(one.opens_the_same(&rule("tcp", Some(443), "sg-1", "to the endpoint")));
        assert!(!one.opens_the_same(&rule("tcp", Some(443), "sg-2", "")));
        assert!(!one.opens_the_same(&rule("tcp", None, "sg-1", "")));
    }
}
