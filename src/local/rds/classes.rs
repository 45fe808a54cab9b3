//! Instance classes: those that Aurora PostgreSQL has, and those that only other engines have.

use super::{
    clusters::Cluster,
    engine::ENGINE,
    input::{combination, invalid},
};
use crate::local::fault::Fault;

/// The sizes of the provisioned classes, by family; `db.serverless` stands beside them.
const CLASSES: &[(&str, &[&str])] = &[
    ("db.t3", &["medium", "large"]),
    ("db.t4g", &["medium", "large"]),
    ("db.r5", &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"]),
    ("db.r6g", &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"]),
    ("db.r6i", &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge"]),
    ("db.r7g", &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"]),
    ("db.r7i", &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"]),
    ("db.r8g", &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"]),
];

/// The same of what RDS has for other engines: these families, and these sizes.
const ELSEWHERE: &[(&[&str], &[&str])] = &[
    (&["db.t1"], &["micro"]),
    (&["db.t2"], &["micro", "small", "medium", "large", "xlarge", "2xlarge"]),
    (&["db.t3", "db.t4g"], &["micro", "small", "xlarge", "2xlarge"]),
    (&["db.m1"], &["small", "medium", "large", "xlarge"]),
    (&["db.m2"], &["xlarge", "2xlarge", "4xlarge"]),
    (&["db.m3"], &["medium", "large", "xlarge", "2xlarge"]),
    (&["db.m4"], &["large", "xlarge", "2xlarge", "4xlarge", "10xlarge", "16xlarge"]),
    (
        &["db.m5", "db.m5d", "db.r5b", "db.r5d"],
        &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"],
    ),
    (
        &["db.m6g", "db.m6gd", "db.m7g", "db.r6gd"],
        &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"],
    ),
    (
        &["db.m6i", "db.m6id", "db.m6idn", "db.m6in", "db.r6id", "db.r6idn", "db.r6in"],
        &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "32xlarge"],
    ),
    (
        &["db.m7i", "db.m8g"],
        &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"],
    ),
    (&["db.r3"], &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge"]),
    (&["db.r4"], &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"]),
    (&["db.x1"], &["16xlarge", "32xlarge"]),
    (&["db.x1e"], &["xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "32xlarge"]),
    (&["db.x2g"], &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"]),
    (&["db.x2idn"], &["16xlarge", "24xlarge", "32xlarge"]),
    (&["db.x2iedn"], &["xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "24xlarge", "32xlarge"]),
    (&["db.x2iezn"], &["2xlarge", "4xlarge", "6xlarge", "8xlarge", "12xlarge"]),
    (&["db.z1d"], &["large", "xlarge", "2xlarge", "3xlarge", "6xlarge", "12xlarge"]),
];

/// Those of Aurora PostgreSQL.
pub(super) fn all() -> impl Iterator<Item = String> {
    let sized = |(family, sizes): &(&'static str, &'static [&'static str])| {
        let family = *family;
        sizes.iter().map(move |size| format!("{family}.{size}"))
    };
    std::iter::once("db.serverless".to_owned()).chain(CLASSES.iter().flat_map(sized))
}

fn is_elsewhere(class: &str) -> bool {
    let Some((family, size)) = class.rsplit_once('.') else { return false };
    ELSEWHERE.iter().any(|(families, sizes)| families.contains(&family) && sizes.contains(&size))
}

/// Refuses a class that is not there, that other engines have, or that needs a capacity range which the cluster has not.
/// `verb`: what is done to the instance, as AWS says it.
pub(super) fn check(class: &str, verb: &str, cluster: &Cluster) -> Result<(), Fault> {
    if is_elsewhere(class) {
        return Err(combination(format!(
            "RDS does not support {verb} a DB instance with the following combination: DBInstanceClass={class}, \
             Engine={ENGINE}, EngineVersion={}, LicenseModel=postgresql-license. For supported combinations of instance \
             class and database engine version, see the documentation.",
            cluster.version
        )));
    }
    if !all().any(|known| known == class) {
        return Err(invalid(format!("Invalid DB Instance class: {class}")));
    }
    if class == "db.serverless" && cluster.scaling.is_none() {
        return Err(Fault::new(
            "InvalidDBClusterStateFault",
            "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_class_is_both_aurora_s_and_only_others() {
        assert_eq!(all().filter(|class| is_elsewhere(class)).collect::<Vec<_>>(), [] as [&str; 0]);
        assert!(is_elsewhere("db.t3.micro") && !is_elsewhere("db.t3.nano") && !is_elsewhere("db.foo"));
    }
}
