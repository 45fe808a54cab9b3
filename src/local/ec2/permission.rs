//! What a security group's rule lets through, and the nested and flat forms in which requests say it.

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Store,
    call::{invalid, missing},
    cidr, kind,
    security_group::SecurityGroup,
};
use crate::local::fault::Fault;

/// Packets of one protocol, on some ports, from or to one peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Traffic {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub(super) protocol: String,
    /// The first port, or the ICMP type; none where the protocol has no ports.
    pub(super) from_port: Option<i64>,
    /// The last port, or the ICMP code.
    pub(super) to_port: Option<i64>,
    pub(super) peer: Peer,
}

/// The other side of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Peer {
    Ipv4(Ipv4Net),
    Ipv6(Ipv6Net),
    PrefixList(String),
    Group(String),
}

impl Peer {
    /// The name in messages.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Ipv4(net) => net.to_string(),
            Self::Ipv6(net) => net.to_string(),
            Self::PrefixList(id) | Self::Group(id) => id.clone(),
        }
    }
}

impl Traffic {
    /// Everything, from or to `peer`.
    pub(super) fn all(peer: Peer) -> Self {
        Self { protocol: "-1".to_owned(), from_port: None, to_port: None, peer }
    }

    /// The refusal of a rule that is there already.
    pub(super) fn duplicate(&self) -> Fault {
        let ports = match (self.from_port, self.to_port) {
            (Some(from), Some(to)) => format!(", from port: {from}, to port: {to}"),
            _ => String::new(),
        };
        let protocol = if self.protocol == "-1" { "ALL".to_owned() } else { self.protocol.to_uppercase() };
        let message =
            format!("the specified rule \"peer: {}, {protocol}{ports}, ALLOW\" already exists", self.peer.text());
        Fault::new("InvalidPermission.Duplicate", message)
    }
}

/// The protocol by the name that answers use.
fn protocol(given: &str) -> Result<String, Fault> {
    Ok(match given.to_ascii_lowercase().as_str() {
        "-1" | "all" => "-1",
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        other if other.parse::<u8>().is_ok() => return Ok(other.to_owned()),
        _ => {
            let message = format!("Invalid value '{given}' for IP protocol. Unknown protocol.");
            return Err(invalid(message));
        }
    }
    .to_owned())
}

/// The ports of a rule, as far as its protocol has any.
fn ports(protocol: &str, from: Option<i64>, to: Option<i64>) -> Result<(Option<i64>, Option<i64>), Fault> {
    match protocol {
        "tcp" | "udp" => {
            let message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
            let (Some(from), Some(to)) = (from, to) else { return Err(invalid(message)) };
            // -1 to -1 means every port.
            let (from, to) = if (from, to) == (-1, -1) { (0, 65535) } else { (from, to) };
            for port in [from, to] {
                if !(0..=65535).contains(&port) {
                    return Err(invalid(format!("Invalid value '{port}' for port. Must be between 0 and 65535.")));
                }
            }
            if from > to {
                return Err(invalid(format!("Invalid {} range: {from}-{to}.", protocol.to_uppercase())));
            }
            Ok((Some(from), Some(to)))
        }
        "icmp" | "icmpv6" => {
            // Without them icmpv6 means every type and code.
            if protocol == "icmpv6" && from.is_none() && to.is_none() {
                return Ok((None, None));
            }
            let message = "Invalid value 'Must specify both from and to ports with ICMP.' for portRange.";
            let (Some(kind), Some(code)) = (from, to) else { return Err(invalid(message)) };
            for number in [kind, code] {
                if !(-1..=255).contains(&number) {
                    return Err(invalid(format!("ICMP type or code {number} is out of range.")));
                }
            }
            if kind == -1 && code != -1 {
                return Err(invalid("If you specify all ICMP types, you must specify all ICMP codes."));
            }
            Ok((Some(kind), Some(code)))
        }
        _ => Ok((None, None)),
    }
}

/// A permission as requests nest it: a protocol with ports, and any number of peers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct IpPermission {
    ip_protocol: String,
    from_port: Option<i64>,
    to_port: Option<i64>,
    user_id_group_pairs: Vec<GroupPair>,
    ip_ranges: Vec<IpRange>,
    ipv6_ranges: Vec<Ipv6Range>,
    prefix_list_ids: Vec<PrefixListId>,
}

/// Members beside these (the owner, the VPC, the name) are what a describe adds; the id decides.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GroupPair {
    group_id: Option<String>,
    description: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct IpRange {
    cidr_ip: String,
    description: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct Ipv6Range {
    cidr_ipv6: String,
    description: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
struct PrefixListId {
    prefix_list_id: String,
    description: Option<String>,
}

/// The flat form, older than the nested one: one permission with one peer.
#[derive(Debug, Clone, Default)]
pub(super) struct Flat {
    pub(super) ip_protocol: Option<String>,
    pub(super) from_port: Option<i64>,
    pub(super) to_port: Option<i64>,
    pub(super) cidr_ip: Option<String>,
}

impl Flat {
    /// The same in the nested form; none where the request does not use this one.
    pub(super) fn nested(self) -> Option<IpPermission> {
        if self.ip_protocol.is_none() && self.cidr_ip.is_none() {
            return None;
        }
        let range = |cidr_ip| IpRange { cidr_ip, description: None };
        Some(IpPermission {
            ip_protocol: self.ip_protocol.unwrap_or_default(),
            from_port: self.from_port,
            to_port: self.to_port,
            ip_ranges: self.cidr_ip.map(range).into_iter().collect(),
            ..IpPermission::default()
        })
    }
}

/// Which groups a rule may point at, and where its prefix lists are.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) store: &'a Store,
    pub(super) region: &'a str,
    /// The group that the rule is of.
    pub(super) group: &'a SecurityGroup,
}

impl Scope<'_> {
    /// Refuses a group that does not exist in the same VPC.
    fn group(&self, id: &str) -> Result<Peer, Fault> {
        let peer = kind::SECURITY_GROUP.find(&self.store.security_groups, id)?;
        if peer.vpc_id != self.group.vpc_id {
            let message = "You have specified two resources that belong to different networks.";
            return Err(Fault::new("InvalidGroup.NotFound", message));
        }
        Ok(Peer::Group(id.to_owned()))
    }

    fn prefix_list(&self, id: &str) -> Result<Peer, Fault> {
        self.store.check_prefix_list(self.region, id)?;
        Ok(Peer::PrefixList(id.to_owned()))
    }
}

impl IpPermission {
    /// The single rules that the permission stands for, each with its description.
    fn expand(&self, scope: Scope<'_>) -> Result<Vec<(Traffic, Option<String>)>, Fault> {
        if self.ip_protocol.is_empty() {
            return Err(missing("ipProtocol"));
        }
        let protocol = protocol(&self.ip_protocol)?;
        let (from_port, to_port) = ports(&protocol, self.from_port, self.to_port)?;
        let mut peers = Vec::new();
        for range in &self.ip_ranges {
            peers.push((Peer::Ipv4(cidr::ipv4(&range.cidr_ip)?), &range.description));
        }
        for range in &self.ipv6_ranges {
            peers.push((Peer::Ipv6(cidr::ipv6(&range.cidr_ipv6)?), &range.description));
        }
        for list in &self.prefix_list_ids {
            peers.push((scope.prefix_list(&list.prefix_list_id)?, &list.description));
        }
        for pair in &self.user_id_group_pairs {
            let id = pair.group_id.as_deref().ok_or_else(|| missing("groupId"))?;
            peers.push((scope.group(id)?, &pair.description));
        }
        if peers.is_empty() {
            let message = "The request must contain a peer of the rule: ipRanges, ipv6Ranges, prefixListIds or groups";
            return Err(Fault::new("MissingParameter", message));
        }
        let rule = |(peer, description): (Peer, &Option<String>)| {
            (Traffic { protocol: protocol.clone(), from_port, to_port, peer }, description.clone())
        };
        Ok(peers.into_iter().map(rule).collect())
    }
}

/// The single rules that a request's permissions stand for.
pub(super) fn expand_all(
    permissions: &[IpPermission],
    scope: Scope<'_>,
) -> Result<Vec<(Traffic, Option<String>)>, Fault> {
    let mut rules: Vec<(Traffic, Option<String>)> = Vec::new();
    for permission in permissions {
        for rule in permission.expand(scope)? {
            if rules.iter().any(|(earlier, _)| *earlier == rule.0) {
                return Err(invalid("The same permission must not appear multiple times"));
            }
            check_description(rule.1.as_deref())?;
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// A rule as `ModifySecurityGroupRules` writes it: one peer only.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct RuleRequest {
    ip_protocol: String,
    from_port: Option<i64>,
    to_port: Option<i64>,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    prefix_list_id: Option<String>,
    referenced_group_id: Option<String>,
    description: Option<String>,
}

impl RuleRequest {
    /// What the rule is to let through, and its description.
    pub(super) fn read(self, scope: Scope<'_>) -> Result<(Traffic, Option<String>), Fault> {
        let protocol = protocol(&self.ip_protocol)?;
        let (from_port, to_port) = ports(&protocol, self.from_port, self.to_port)?;
        check_description(self.description.as_deref())?;
        let peer = match (self.cidr_ipv4, self.cidr_ipv6, self.prefix_list_id, self.referenced_group_id) {
            (Some(text), None, None, None) => Peer::Ipv4(cidr::ipv4(&text)?),
            (None, Some(text), None, None) => Peer::Ipv6(cidr::ipv6(&text)?),
            (None, None, Some(id), None) => scope.prefix_list(&id)?,
            (None, None, None, Some(id)) => scope.group(&id)?,
            _ => {
                return Err(invalid(
                    "A security group rule has exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId.",
                ));
            }
        };
        Ok((Traffic { protocol, from_port, to_port, peer }, self.description))
    }
}

/// Whether every letter is one that AWS takes in names and descriptions of groups and rules.
pub(super) fn is_plain(text: &str) -> bool {
    text.len() <= 255 && text.chars().all(|one| one.is_ascii_alphanumeric() || "._-:/()#,@[]+=&;{}!$* ".contains(one))
}

pub(super) fn check_description(description: Option<&str>) -> Result<(), Fault> {
    match description {
        Some(text) if !is_plain(text) => Err(invalid(
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )),
        _ => Ok(()),
    }
}

/// Rules in the nested form: those with the same protocol and ports together.
pub(super) fn nest<'a>(rules: impl Iterator<Item = (&'a Traffic, Option<&'a str>)>, account: &str) -> Vec<Value> {
    let mut permissions: Vec<(&Traffic, Value)> = Vec::new();
    for (traffic, description) in rules {
        let same = |(other, _): &(&Traffic, Value)| {
            (&other.protocol, other.from_port, other.to_port) == (&traffic.protocol, traffic.from_port, traffic.to_port)
        };
        let position = permissions.iter().position(same).unwrap_or_else(|| {
            let empty = json!({
                "IpProtocol": traffic.protocol,
                "FromPort": traffic.from_port,
                "ToPort": traffic.to_port,
                "UserIdGroupPairs": [],
                "IpRanges": [],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
            });
            permissions.push((traffic, empty));
            permissions.len() - 1
        });
        let (list, peer) = match &traffic.peer {
            Peer::Ipv4(net) => ("IpRanges", json!({"CidrIp": net.to_string(), "Description": description})),
            Peer::Ipv6(net) => ("Ipv6Ranges", json!({"CidrIpv6": net.to_string(), "Description": description})),
            Peer::PrefixList(id) => ("PrefixListIds", json!({"PrefixListId": id, "Description": description})),
            Peer::Group(id) => {
                ("UserIdGroupPairs", json!({"GroupId": id, "UserId": account, "Description": description}))
            }
        };
        if let Some(peers) = permissions[position].1[list].as_array_mut() {
            peers.push(peer);
        }
    }
    permissions.into_iter().map(|(_, permission)| permission).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_brought_to_their_names() {
        for (given, expected) in [("6", "tcp"), ("TCP", "tcp"), ("17", "udp"), ("-1", "-1"), ("50", "50")] {
            assert_eq!(protocol(given).unwrap(), expected);
        }
        assert_eq!(protocol("tcpp").unwrap_err().code, "InvalidParameterValue");
        assert!(protocol("256").is_err());
    }

    #[test]
    fn ports_follow_the_protocol() {
        assert_eq!(ports("tcp", Some(80), Some(443)).unwrap(), (Some(80), Some(443)));
        assert_eq!(ports("tcp", Some(-1), Some(-1)).unwrap(), (Some(0), Some(65535)));
        assert_eq!(ports("-1", Some(80), Some(443)).unwrap(), (None, None));
        assert_eq!(ports("icmp", Some(8), Some(-1)).unwrap(), (Some(8), Some(-1)));
        assert_eq!(ports("icmp", Some(8), None).unwrap_err().code, "InvalidParameterValue");
        assert_eq!(ports("icmp", None, None).unwrap_err().code, "InvalidParameterValue");
        assert_eq!(ports("icmpv6", None, None).unwrap(), (None, None));
        assert_eq!(ports("icmp", Some(-1), Some(-1)).unwrap(), (Some(-1), Some(-1)));
        assert_eq!(ports("icmp", Some(-1), Some(0)).unwrap_err().code, "InvalidParameterValue");
        for (from, to) in
            [(Some(1), None), (None, None), (Some(443), Some(80)), (Some(0), Some(65536)), (Some(-1), Some(5))]
        {
            assert_eq!(ports("tcp", from, to).unwrap_err().code, "InvalidParameterValue", "{from:?} {to:?}");
        }
    }

    #[test]
    fn rules_with_the_same_ports_share_a_permission() {
        let rule = |port, peer| Traffic { protocol: "tcp".into(), from_port: Some(port), to_port: Some(port), peer };
        let net = |text| Peer::Ipv4(cidr::ipv4(text).unwrap());
        let rules = [rule(80, net("10.0.0.0/8")), rule(443, net("10.0.0.0/8")), rule(80, Peer::Group("sg-1".into()))];
        let nested = nest(rules.iter().map(|one| (one, None)), "123456789012");
        assert_eq!(nested.len(), 2);
        assert_eq!(nested[0]["IpRanges"][0]["CidrIp"], "10.0.0.0/8");
        assert_eq!(nested[0]["UserIdGroupPairs"][0]["GroupId"], "sg-1");
    }
}
