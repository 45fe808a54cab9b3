//! The settings of instances: those of their own, and those that are their cluster's.

use crate::local::rds::{
    engine,
    input::{Input, invalid, missing},
    rules, watching, windows,
};
use crate::local::{fault::Fault, world::Ctx};

/// Members that pass through: as a call names them, as an answer does.
pub(super) const KEPT: &[(&str, &str)] = &[
    ("PromotionTier", "PromotionTier"),
    ("PubliclyAccessible", "PubliclyAccessible"),
    ("AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"),
    ("PreferredMaintenanceWindow", "PreferredMaintenanceWindow"),
    ("CACertificateIdentifier", "CACertificateIdentifier"),
    ("CopyTagsToSnapshot", "CopyTagsToSnapshot"),
];

/// Members that belong to the cluster.
pub(super) const OF_THE_CLUSTER: &[(&str, &str)] = &[
    ("MasterUsername", "master user name"),
    ("MasterUserPassword", "master user password"),
    ("ManageMasterUserPassword", "master user password"),
    ("DBName", "database name"),
    ("StorageEncrypted", "storage encryption"),
    ("KmsKeyId", "KMS key"),
    ("BackupRetentionPeriod", "backup retention period"),
    ("PreferredBackupWindow", "backup window"),
    ("VpcSecurityGroupIds", "VPC security groups"),
    ("Port", "port"),
    ("AllocatedStorage", "allocated storage"),
    ("EnableCloudwatchLogsExports", "log exports"),
    ("DeletionProtection", "deletion protection"),
    ("EnableIAMDatabaseAuthentication", "IAM database authentication"),
    ("EngineLifecycleSupport", "engine lifecycle support"),
];

/// Refuses values of kept members that AWS refuses.
pub(super) fn check_kept(ctx: &Ctx<'_>, input: &Input) -> Result<(), Fault> {
    if let Some(tier) = input.number("PromotionTier").filter(|tier| !(0..=15).contains(tier)) {
        return Err(invalid(format!("Invalid promotion tier: {tier}. Valid values: 0 - 15")));
    }
    let authority = input.text("CACertificateIdentifier");
    if let Some(name) = authority.filter(|name| !engine::CERTIFICATES.contains(name)) {
        return Err(missing("CertificateNotFound", format!("Certificate {name} not found.")));
    }
    watching::check(ctx, input)?;
    rules::keys(input)?;
    windows::check(None, input.text("PreferredMaintenanceWindow"))
}
