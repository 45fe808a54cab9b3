//! The section `network`: the VPC, its zones, the way out, the endpoints; and how its range is divided.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EndpointService;
use super::scalar::{Scalar, Wrong, scalar, wrong};

/// The VPC: in every zone a public, a private and an isolated subnet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// The VPC's address range, /16 to /24. It is divided into sixteen equal parts, so that a third zone can be added later
    /// without moving a subnet. Changing it replaces the network and everything in it.
    pub cidr: Cidr,

    /// The number of availability zones: 2 or 3. RDS needs at least two; an RDS Proxy uses the first two, since it cannot be moved.
    #[schemars(range(min = 2, max = 3))]
    pub zones: u8,

    /// The way from the private subnets to the internet.
    pub nat: Nat,

    /// VPC endpoints: AWS services that the private and isolated subnets reach without the internet. `s3` and `dynamodb` become gateways
    /// (free); any other, such as `secretsmanager`, becomes an interface in each zone (about 7 USD per month and zone).
    pub endpoints: Vec<EndpointService>,
}

impl Default for Network {
    fn default() -> Self {
        Self { cidr: Cidr::DEFAULT, zones: 2, nat: Nat::default(), endpoints: Vec::new() }
    }
}

/// The way from the private subnets to the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// No way out: the private subnets reach only the VPC and its endpoints.
    None,
    /// One NAT gateway for all zones (about 33 USD a month, plus traffic).
    #[default]
    One,
    /// A NAT gateway in each zone: losing one zone does not cut off the others.
    PerZone,
}

/// An IPv4 range that a VPC can have, written `10.0.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(Ipv4Net);

scalar!(Cidr);

impl Cidr {
    const DEFAULT: Self = Self(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16));

    /// The range as the library's type.
    #[must_use]
    pub const fn get(self) -> Ipv4Net {
        self.0
    }
}

impl Scalar for Cidr {
    const FORMAT: &'static str = "infra-cidr";
    const EXAMPLES: &'static [&'static str] = &["10.0.0.0/16"];
    const PATTERN: &'static str = "^[0-9.]+/(1[6-9]|2[0-4])$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let Ok(net) = text.parse::<Ipv4Net>() else {
            return Err(wrong(format!("`{text}` is not a range of IPv4 addresses"), "write it as in `10.0.0.0/16`"));
        };
        if net.addr() != net.network() {
            let right = net.trunc();
            return Err(wrong(
                format!("`{text}` does not start where a /{} starts", net.prefix_len()),
                format!("write `{right}`"),
            ));
        }
        if !(16..=24).contains(&net.prefix_len()) {
            let size = if net.prefix_len() < 16 {
                "larger than a VPC can be"
            } else {
                "too small for the subnets of every zone"
            };
            return Err(wrong(format!("`{text}` is {size}"), "write a /16 to a /24, such as `10.0.0.0/16`"));
        }
        let first = net.addr();
        if first.is_loopback()
            || first.is_multicast()
            || first.is_link_local()
            || first.octets()[0] == 0
            || first.octets()[0] >= 240
        {
            return Err(wrong(
                format!("`{text}` cannot be used in a VPC"),
                "take a private range, such as `10.0.0.0/16`",
            ));
        }
        Ok(Self(net))
    }

    fn write(&self) -> String {
        self.0.to_string()
    }
}

/// The three tiers of subnets, in the order of their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Routed to the internet gateway: the NAT gateways live here.
    Public,
    /// Routed to the NAT gateway, if there is one: the service's connector and the proxy.
    Private,
    /// Routed nowhere but the VPC: the database.
    Isolated,
}

impl Tier {
    /// All tiers, in the order of their addresses.
    pub const ALL: [Self; 3] = [Self::Public, Self::Private, Self::Isolated];

    /// The word used in names and addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Isolated => "isolated",
        }
    }
}

/// A subnet to be: its tier, its zone counted from 0, and its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubnetPlan {
    /// The tier.
    pub tier: Tier,
    /// Which of the region's zones, counted from 0.
    pub index: usize,
    /// The range of addresses, a sixteenth of the VPC's.
    pub cidr: Ipv4Net,
}

/// The network's range cannot be divided into the subnets of every zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the network {cidr} cannot be divided into the subnets of {zones} zones: each would be a /{prefix}, and AWS's smallest is /28"
)]
pub struct NetworkTooSmall {
    /// The network's range.
    pub cidr: Ipv4Net,
    /// The zones asked for.
    pub zones: u8,
    /// The length of prefix that a subnet would have.
    pub prefix: u8,
}

/// Slots for zones in each tier, and for tiers: both powers of two, so that a tier is one aligned block (one rule in a firewall)
/// and neither a further zone nor a further tier moves what exists.
const SLOTS: usize = 4;
const SLOT_BITS: u8 = 4;
const SMALLEST_SUBNET: u8 = 28;

impl Network {
    /// The subnets, tier by tier and zone by zone. Each is a sixteenth of the network, found only from its tier and zone: public ones
    /// start at slot 0, private ones at 4, isolated ones at 8; a /16 gives /20, a /24 gives /28.
    ///
    /// # Errors
    /// When the network is smaller than a /24, or has more zones than slots.
    pub fn subnets(&self) -> Result<Vec<SubnetPlan>, NetworkTooSmall> {
        let cidr = self.cidr.get();
        let prefix = cidr.prefix_len() + SLOT_BITS;
        let too_small = NetworkTooSmall { cidr, zones: self.zones, prefix };
        let zones = usize::from(self.zones);
        if prefix > SMALLEST_SUBNET || zones > SLOTS {
            return Err(too_small);
        }
        let slots: Vec<Ipv4Net> = cidr.subnets(prefix).map_err(|_| too_small)?.collect();
        let plan =
            |(tier, index): (Tier, usize)| SubnetPlan { tier, index, cidr: slots[tier as usize * SLOTS + index] };
        Ok(Tier::ALL.into_iter().flat_map(|tier| (0..zones).map(move |index| (tier, index))).map(plan).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(cidr: &str, zones: u8) -> Network {
        Network { cidr: cidr.parse().unwrap(), zones, ..Network::default() }
    }

    fn rows(network: &Network) -> Vec<String> {
        network.subnets().unwrap().iter().map(|s| format!("{}-{} {}", s.tier.name(), s.index + 1, s.cidr)).collect()
    }

    #[test]
    fn a_tier_is_one_block() {
        assert_eq!(
            rows(&network("10.0.0.0/16", 2)),
            [
                "public-1 10.0.0.0/20",
                "public-2 10.0.16.0/20",
                "private-1 10.0.64.0/20",
                "private-2 10.0.80.0/20",
                "isolated-1 10.0.128.0/20",
                "isolated-2 10.0.144.0/20",
            ]
        );
    }

    #[test]
    fn the_smallest_network_has_the_smallest_subnets() {
        let rows = rows(&network("192.168.7.0/24", 3));
        assert_eq!(rows.first().unwrap(), "public-1 192.168.7.0/28");
        assert_eq!(rows.last().unwrap(), "isolated-3 192.168.7.160/28");
    }

    #[test]
    fn impossible_ranges_are_refused() {
        for text in [
            "10.0.0.0/15",
            "10.0.0.0/25",
            "10.0.0.1/16",
            "127.0.0.0/16",
            "224.0.0.0/16",
            "10.0.0.0",
            "::/16",
            "10.0.0/16",
        ] {
            assert!(Cidr::read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn subnets_are_inside_apart_and_stay(a in 1_u8..=223, b in 0_u8..=255, c in 0_u8..=255, prefix in 16_u8..=24) {
            let net = Ipv4Net::new(Ipv4Addr::new(a, b, c, 0), prefix).unwrap().trunc();
            let two = Network { cidr: Cidr(net), zones: 2, ..Network::default() }.subnets().unwrap();
            let three = Network { cidr: Cidr(net), zones: 3, ..Network::default() }.subnets().unwrap();
            prop_assert_eq!(three.len(), 9);
            for subnet in &two {
                prop_assert!(three.contains(subnet), "a third zone moves {subnet:?}");
            }
            for (at, subnet) in three.iter().enumerate() {
                prop_assert!(net.contains(&subnet.cidr));
                prop_assert!(subnet.cidr.prefix_len() <= SMALLEST_SUBNET);
                for other in &three[at + 1..] {
                    prop_assert!(!subnet.cidr.contains(&other.cidr) && !other.cidr.contains(&subnet.cidr));
                }
            }
        }
    }
}
