//! The settings of instances: those of their own, and those that are their cluster's.

use serde_json::{Map, Value};

use crate::local::rds::{
    engine,
    input::{Input, invalid, missing},
    rules, windows,
};
use crate::local::{fault::Fault, world::Ctx};

/// Members that pass through: as a call names them, as an answer does.
pub(super) const KEPT: &[(&str, &str)] = &[
    ("PromotionTier", "PromotionTier"),
    ("PubliclyAccessible", "PubliclyAccessible"),
    ("AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"),
    ("PreferredMaintenanceWindow", "PreferredMaintenanceWindow"),
    ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
    ("PerformanceInsightsKMSKeyId", "PerformanceInsightsKMSKeyId"),
    ("PerformanceInsightsRetentionPeriod", "PerformanceInsightsRetentionPeriod"),
    ("DatabaseInsightsMode", "DatabaseInsightsMode"),
    ("MonitoringInterval", "MonitoringInterval"),
    ("MonitoringRoleArn", "MonitoringRoleArn"),
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
    rules::monitoring(ctx, input)?;
    rules::keys(input)?;
    windows::check(None, input.text("PreferredMaintenanceWindow"))
}

/// Gives a cluster's members its settings of Performance and Database Insights.
pub(crate) fn take_insights(ctx: &mut Ctx<'_>, cluster: &str, insights: &Map<String, Value>) {
    for instance in ctx.region.rds.instances.values_mut().filter(|instance| instance.cluster == cluster) {
        instance.kept.retain(|member, _| !member.starts_with("PerformanceInsights"));
        instance.kept.extend(insights.clone());
    }
}
