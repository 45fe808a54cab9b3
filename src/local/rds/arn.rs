//! Names that AWS makes: ARNs, resource ids, endpoints.

use crate::local::{
    hosted_zones,
    members::{is_hex, random_hex, random_text},
    world::Ctx,
};

/// What the resource ids of databases are made of.
const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The account and the region that an ARN tells.
pub(super) fn account_and_region(arn: &str) -> Option<(&str, &str)> {
    match arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, _, region, account, ..] => Some((account, region)),
        _ => None,
    }
}

/// The hosted zone of the endpoints' names in the region that an ARN tells.
pub(super) fn hosted_zone(arn: &str) -> Option<String> {
    account_and_region(arn).map(|(_, region)| hosted_zones::of_databases(region))
}

impl Ctx<'_> {
    /// The ARN of an RDS resource, e.g. of kind `cluster`.
    pub(super) fn rds_arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:rds:{}:{}:{kind}:{name}", self.region_name, self.account)
    }

    /// The account's key `aws/rds`, which encrypts where no other key is named.
    pub(super) fn default_key(&self) -> String {
        key_of(self.region_name, self.account, "")
    }

    /// The ARN of the key that a name means, which nobody made here: the same for the same name.
    pub(super) fn key_arn(&self, name: &str) -> String {
        let (region, account, resource) = match name.splitn(6, ':').collect::<Vec<_>>()[..] {
            ["arn", _, "kms", region, account, resource] => (region, account, resource),
            _ => (self.region_name, self.account, name),
        };
        match resource.strip_prefix("alias/") {
            Some("aws/rds") => key_of(region, account, ""),
            Some(alias) => key_of(region, account, alias),
            None if name.starts_with("arn:") => name.to_owned(),
            None => format!("arn:aws:kms:{region}:{account}:key/{name}"),
        }
    }
}

/// A key that is there for an alias; AWS's own for RDS where that is empty.
fn key_of(region: &str, account: &str, alias: &str) -> String {
    let digits = account.bytes().chain(region.bytes()).chain(alias.bytes());
    let hash =
        digits.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let tail = hash & 0xffff_ffff_ffff;
    let key = format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{tail:012x}",
        hash >> 32,
        hash >> 16 & 0xffff,
        hash >> 8 & 0xfff,
        hash & 0xfff
    );
    format!("arn:aws:kms:{region}:{account}:key/{key}")
}

/// A resource id such as `cluster-` and 26 capitals and digits.
pub(super) fn resource_id(prefix: &str) -> String {
    format!("{prefix}{}", random_text(26, SIGNS))
}

/// Whether this can have come from [`resource_id`].
pub(super) fn is_resource_id(id: &str, prefix: &str) -> bool {
    let is_made = |tail: &str| tail.len() == 26 && tail.bytes().all(|sign| SIGNS.contains(&sign));
    id.strip_prefix(prefix).is_some_and(is_made)
}

/// An id such as `prx-` and 17 hexadecimal digits.
pub(super) fn hex_id(prefix: &str) -> String {
    format!("{prefix}0{}", random_hex(16))
}

/// Whether this can have come from [`hex_id`].
pub(super) fn is_hex_id(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).and_then(|tail| tail.strip_prefix('0')).is_some_and(|digits| is_hex(digits, 16))
}
