//! CIDR blocks as EC2 reads them: brought to their canonical form, and refused in its words.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};

use super::call::invalid;
use crate::local::fault::Fault;

/// The lengths that a VPC and a subnet may have.
const LENGTHS: std::ops::RangeInclusive<u8> = 16..=28;

/// The addresses at the beginning of a subnet that AWS keeps: network, router, DNS, future use.
const RESERVED: usize = 4;

/// The block of a VPC or a subnet; `range_fault` is the code for a length that AWS does not allow.
pub(super) fn block(text: &str, range_fault: &str) -> Result<Ipv4Net, Fault> {
    let refused =
        || invalid(format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."));
    let net: Ipv4Net = text.parse().map_err(|_| refused())?;
    if !LENGTHS.contains(&net.prefix_len()) {
        return Err(Fault::new(range_fault, format!("The CIDR '{text}' is invalid.")));
    }
    Ok(net.trunc())
}

/// The block of a VPC: not of the addresses that are no network's of its own.
pub(super) fn of_vpc(text: &str) -> Result<Ipv4Net, Fault> {
    let net = block(text, "InvalidVpc.Range")?;
    match UNUSABLE.iter().any(|range| range.contains(&net)) {
        true => Err(Fault::new("InvalidVpc.Range", format!("The CIDR '{text}' is invalid."))),
        false => Ok(net),
    }
}

/// Whether a block can be added to a VPC with these, of which the first is its primary one.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions>
pub(super) fn suits(net: Ipv4Net, blocks: &[Ipv4Net]) -> bool {
    let Some(primary) = blocks.first() else { return true };
    let private_range = |net| PRIVATE.iter().position(|range| range.contains(net));
    let of_another_range = private_range(&net).is_some_and(|range| private_range(primary) != Some(range));
    let kept_by_aws = KEPT.contains(&net) && !KEPT.contains(primary);
    let of_default_vpcs = PRIVATE[1].contains(primary) && DEFAULT_VPC.contains(&net);
    let beside_the_first_two = FIRST.contains(&net) && blocks.iter().any(|block| FIRST_TWO.contains(block));
    !(of_another_range || kept_by_aws || of_default_vpcs || beside_the_first_two)
}

const fn range(address: [u8; 4], length: u8) -> Ipv4Net {
    let [a, b, c, d] = address;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

/// `This network`, loopback, link-local, multicast and what is reserved above it.
const UNUSABLE: [Ipv4Net; 4] =
    [range([0, 0, 0, 0], 8), range([127, 0, 0, 0], 8), range([169, 254, 0, 0], 16), range([224, 0, 0, 0], 3)];

/// The private ranges of RFC 1918.
const PRIVATE: [Ipv4Net; 3] = [range([10, 0, 0, 0], 8), range([172, 16, 0, 0], 12), range([192, 168, 0, 0], 16)];

/// What AWS uses for itself, what default VPCs have, and the one or two parts of 10.0.0.0/8 that are not added to.
const KEPT: Ipv4Net = range([198, 19, 0, 0], 16);
const DEFAULT_VPC: Ipv4Net = range([172, 31, 0, 0], 16);
const FIRST: Ipv4Net = range([10, 0, 0, 0], 16);
const FIRST_TWO: Ipv4Net = range([10, 0, 0, 0], 15);

/// The IPv4 block of a rule or a route.
pub(super) fn ipv4(text: &str) -> Result<Ipv4Net, Fault> {
    let net: Ipv4Net = text.parse().map_err(|_| invalid(format!("CIDR block {text} is malformed")))?;
    Ok(net.trunc())
}

/// The IPv6 block of a rule or a route.
pub(super) fn ipv6(text: &str) -> Result<Ipv6Net, Fault> {
    let net: Ipv6Net = text.parse().map_err(|_| invalid(format!("IPv6 CIDR block {text} is malformed")))?;
    Ok(net.trunc())
}

/// Whether the two have an address in common.
pub(super) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// How many addresses of a subnet can be given out: all but AWS's five.
pub(super) fn capacity(subnet: Ipv4Net) -> usize {
    subnet.hosts().count().saturating_sub(RESERVED - 1)
}

/// The addresses of a subnet that can be given out, the lowest first.
pub(super) fn usable(subnet: Ipv4Net) -> impl Iterator<Item = Ipv4Addr> {
    let (network, broadcast) = (subnet.network(), subnet.broadcast());
    let first = u32::from(network).saturating_add(RESERVED as u32);
    (first..u32::from(broadcast)).map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_brought_to_their_canonical_form_or_refused() {
        assert_eq!(block("10.0.77.1/16", "X").unwrap().to_string(), "10.0.0.0/16");
        let table = [
            ("10.0.0.0/15", "InvalidVpc.Range"),
            ("10.0.0.0/29", "InvalidVpc.Range"),
            ("10.0.0.0", "InvalidParameterValue"),
            ("10.0.0.256/16", "InvalidParameterValue"),
            ("", "InvalidParameterValue"),
        ];
        for (text, code) in table {
            assert_eq!(block(text, "InvalidVpc.Range").unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn a_vpc_has_no_addresses_that_are_no_networks_own() {
        for text in ["169.254.0.0/16", "127.0.0.0/16", "0.0.0.0/16", "224.0.0.0/16", "255.0.0.0/16", "10.0.0.0/29"] {
            assert_eq!(of_vpc(text).unwrap_err().code, "InvalidVpc.Range", "{text}");
        }
        for text in ["10.0.0.0/16", "172.31.0.0/16", "100.64.0.0/16", "198.19.0.0/16", "203.0.113.0/24"] {
            assert!(of_vpc(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_can_be_added_to_a_vpc_goes_by_its_ranges() {
        let net = |text: &str| -> Ipv4Net { text.parse().unwrap() };
        for (blocks, added, expected) in [
            (&["10.2.0.0/16"][..], "10.3.0.0/16", true),
            (&["10.0.0.0/16"], "10.1.0.0/16", true),
            (&["10.1.0.0/16"], "10.0.0.0/16", false),
            (&["10.2.0.0/16", "10.1.0.0/16"], "10.0.0.0/16", false),
            (&["10.2.0.0/16"], "10.0.0.0/16", true),
            (&["10.0.0.0/16"], "192.168.0.0/16", false),
            (&["192.168.0.0/24"], "192.168.1.0/24", true),
            (&["192.168.0.0/24"], "172.16.0.0/16", false),
            (&["172.16.0.0/16"], "172.31.0.0/16", false),
            (&["172.16.0.0/16"], "172.17.0.0/16", true),
            (&["10.2.0.0/16"], "198.19.0.0/16", false),
            (&["198.19.0.0/24"], "198.19.1.0/24", true),
            (&["198.19.0.0/24"], "10.2.0.0/16", false),
            (&["203.0.113.0/24"], "10.2.0.0/16", false),
            (&["203.0.113.0/24"], "198.51.100.0/24", true),
            (&["10.2.0.0/16"], "100.64.0.0/16", true),
            (&["10.2.0.0/16"], "203.0.113.0/24", true),
        ] {
            let blocks: Vec<Ipv4Net> = blocks.iter().map(|block| net(block)).collect();
            assert_eq!(suits(net(added), &blocks), expected, "{added} to {blocks:?}");
        }
    }

    #[test]
    fn five_addresses_of_a_subnet_are_kept() {
        let subnet = block("10.0.1.0/24", "X").unwrap();
        assert_eq!(capacity(subnet), 251);
        assert_eq!(usable(subnet).next().unwrap().to_string(), "10.0.1.4");
        assert_eq!(usable(subnet).last().unwrap().to_string(), "10.0.1.254");
    }

    #[test]
    fn overlaps_are_seen_both_ways() {
        let net = |text: &str| block(text, "X").unwrap();
        assert!(overlap(net("10.0.0.0/16"), net("10.0.9.0/24")));
        assert!(overlap(net("10.0.9.0/24"), net("10.0.0.0/16")));
        assert!(!overlap(net("10.0.8.0/24"), net("10.0.9.0/24")));
    }
}
