//! Whether packets pass from one set of security groups into another: what other services ask of EC2.

use super::{Store, permission::Peer};

impl Store {
    /// Whether one of the groups `to` lets in TCP on `port` from interfaces in the subnets `from_subnets` with
    /// the groups `from_groups`.
    pub(crate) fn admits(&self, to: &[String], from_groups: &[String], from_subnets: &[String], port: u16) -> bool {
        let port = i64::from(port);
        let networks: Vec<_> = from_subnets.iter().filter_map(|id| self.subnet(id)).map(|subnet| subnet.cidr).collect();
        let rules = to.iter().filter_map(|id| self.security_group(id)).flat_map(|group| group.rules.iter());
        rules.filter(|rule| !rule.egress).any(|rule| {
            let traffic = &rule.traffic;
            let on_port = traffic.protocol == "-1"
                || traffic.protocol == "tcp"
                    && traffic.from_port.is_none_or(|first| first <= port)
                    && traffic.to_port.is_none_or(|last| port <= last);
            on_port
                && match &traffic.peer {
                    Peer::Group(id) => from_groups.contains(id),
                    Peer::Ipv4(net) => networks.iter().any(|network| net.contains(network)),
                    Peer::PrefixList(id) => networks.iter().any(|network| self.prefix_list_contains(id, *network)),
                    Peer::Ipv6(_) => false,
                }
        })
    }

    /// The group that a VPC's interfaces have when none is named.
    pub(crate) fn default_group(&self, vpc_id: &str) -> Option<&str> {
        let mut groups = self.security_groups.values().filter(|group| group.vpc_id == vpc_id);
        groups.find(|group| group.is_default()).map(|group| group.group_id.as_str())
    }
}
