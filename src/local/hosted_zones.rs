//! The hosted zones of Route 53 in which the names that AWS gives stand: aliases are pointed at them.

use sha2::{Digest as _, Sha256};

/// By region: the zone of its VPC endpoints' public names.
/// <https://docs.aws.amazon.com/general/latest/gr/elb.html> names them beside the load balancers' for most regions.
const OF_ENDPOINTS: &[(&str, &str)] = &[
    ("af-south-1", "Z09302161J80N9A7UTP7U"),
    ("ap-east-1", "Z2LIHJ7PKBEMWN"),
    ("ap-northeast-1", "Z2E726K9Y6RL4W"),
    ("ap-northeast-2", "Z27UANNT0PRK1T"),
    ("ap-northeast-3", "Z376B5OMM2JZL2"),
    ("ap-south-1", "Z2KVTB3ZLFM7JR"),
    ("ap-south-2", "Z0952991RWSF5AHIQDIY"),
    ("ap-southeast-1", "Z18LLCSTV4NVNL"),
    ("ap-southeast-2", "ZDK2GCRPAFKGO"),
    ("ap-southeast-3", "Z03881013RZ9BYYZO8N5W"),
    ("ap-southeast-4", "Z07508191CO1RNBX3X3AU"),
    ("ca-central-1", "ZRCXCF510Y6P9"),
    ("eu-central-1", "Z273ZU8SZ5RJPC"),
    ("eu-central-2", "Z045369019J4FUQ4S272E"),
    ("eu-north-1", "Z3OWWK6JFDEDGC"),
    ("eu-south-1", "Z2A5FDNRLY7KZG"),
    ("eu-south-2", "Z014396544HENR57XQCJ"),
    ("eu-west-1", "Z38GZ743OKFT7T"),
    ("eu-west-2", "Z7K1066E3PUKB"),
    ("eu-west-3", "Z1DWHTMFP0WECP"),
    ("me-central-1", "Z07122992YCEUCB9A9570"),
    ("me-south-1", "Z3B95P3VBGEQGY"),
    ("sa-east-1", "Z2LXUWEVLCVZIB"),
    ("us-east-1", "Z7HUB22UULQXV"),
    ("us-east-2", "ZC8PG0KIFKBRI"),
    ("us-west-1", "Z12I86A8N7VCZO"),
    ("us-west-2", "Z1YSA3EXCYUU9Z"),
];

/// By region: the zone of its databases' names, which AWS lists nowhere and gives with every cluster and instance.
const OF_DATABASES: &[(&str, &str)] = &[
    ("ap-northeast-1", "Z24O6O9L7SGTNB"),
    ("ap-southeast-1", "Z2G0U3KFCY8NZ5"),
    ("ap-southeast-2", "Z32T0VRHXEXS0V"),
    ("eu-central-1", "Z1RLNUO7B9Q6NB"),
    ("eu-west-1", "Z29XKXDKYMONMX"),
    ("eu-west-2", "Z1TTGA775OQIYO"),
    ("us-east-1", "Z2R2ITUGPM61AM"),
    ("us-east-2", "Z2XHWR1WZ565X2"),
    ("us-west-1", "Z10WI91S59XXQN"),
    ("us-west-2", "Z1PVIF0B656C1W"),
];

/// The zone of the public names of a region's VPC endpoints.
pub(crate) fn of_endpoints(region: &str) -> String {
    known(OF_ENDPOINTS, region).unwrap_or_else(|| made_up(&format!("vpce.{region}")))
}

/// The zone of the names of a region's clusters and instances.
pub(crate) fn of_databases(region: &str) -> String {
    known(OF_DATABASES, region).unwrap_or_else(|| made_up(&format!("rds.{region}")))
}

fn known(zones: &[(&str, &str)], region: &str) -> Option<String> {
    zones.iter().find(|(known, _)| *known == region).map(|(_, zone)| (*zone).to_owned())
}

/// An id in the form of a hosted zone's, always the same for `of`.
pub(crate) fn made_up(of: &str) -> String {
    const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let hash = Sha256::digest(of.as_bytes());
    let letters = hash.iter().take(19).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    format!("Z0{}", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{of_databases, of_endpoints};

    #[test]
    fn a_region_has_its_own_zones() {
        assert_eq!(of_databases("eu-central-1"), "Z1RLNUO7B9Q6NB");
        assert_eq!(of_endpoints("eu-central-1"), "Z273ZU8SZ5RJPC");
        let unlisted = of_databases("eu-north-1");
        assert!(unlisted.starts_with("Z0") && unlisted.len() == 21, "{unlisted}");
        assert_eq!(unlisted, of_databases("eu-north-1"), "the same every time");
        assert_ne!(unlisted, of_databases("eu-south-1"));
    }
}
