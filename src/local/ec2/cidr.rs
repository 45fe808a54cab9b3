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
