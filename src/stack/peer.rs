//! Who may reach something in the VPC: a range of addresses or a security group.

use ipnet::Ipv4Net;

use super::scalar::{Scalar, Wrong, scalar, wrong};

/// A range of IPv4 addresses, or a security group by its id, for which a rule opens a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(String);

scalar!(Peer);

impl Peer {
    /// As it stands in a security group's rule.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for Peer {
    const FORMAT: &'static str = "infra-peer";
    const EXAMPLES: &'static [&'static str] = &["sg-0123456789abcdef0", "10.8.0.0/16"];
    const PATTERN: &'static str = r"^(sg-[0-9a-f]{8,17}|\d+\.\d+\.\d+\.\d+/\d+)$";

    fn read(text: &str) -> Result<Self, Wrong> {
        let is_group = text.strip_prefix("sg-").is_some_and(|id| {
            matches!(id.len(), 8..=17) && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        });
        if is_group {
            return Ok(Self(text.to_owned()));
        }
        let range: Ipv4Net = text.parse().map_err(|_| {
            wrong(
                format!("`{text}` is neither a range of addresses nor a security group's id"),
                "write a range such as `10.8.0.0/16`, `/32` behind a single address, or an id such as \
                 `sg-0123456789abcdef0`",
            )
        })?;
        if range.prefix_len() == 0 {
            return Err(wrong(
                format!(
                    "`{text}` is everybody, and an RDS Proxy can be reached from its VPC and from connected networks only"
                ),
                "write the range of the network that is to reach it",
            ));
        }
        if range.trunc() != range {
            return Err(wrong(
                format!("`{text}` has address bits behind its prefix"),
                format!("write `{}` for the range, or `{}/32` for the address", range.trunc(), range.addr()),
            ));
        }
        Ok(Self(range.to_string()))
    }

    fn write(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_groups_and_what_is_neither() {
        for good in ["10.8.0.0/16", "192.0.2.7/32", "sg-0123abcd", "sg-0123456789abcdef0"] {
            assert_eq!(Peer::read(good).unwrap().as_str(), good);
        }
        for bad in ["", "sg-", "sg-XYZ45678", "10.8.0.0", "10.8.0.1/16", "0.0.0.0/0", "::/0", "pl-1234"] {
            assert!(Peer::read(bad).is_err(), "{bad}");
        }
    }
}
