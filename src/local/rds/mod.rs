//! RDS: Aurora clusters with their instances, and proxies.
//!
//! The API's side is plain functions on a [`Store`]. What has to be real behind it is the matter of
//! [`plane`]: a resource that needs a server or a pooler does not become `available` before the data plane
//! has reached what is wanted ([`phase::Progress`]).
//!
//! A cluster has one server, and as soon as it has a reader a second one that follows the first and answers at the
//! readers' endpoint; before that what connects there is led to the first. A failover changes which instance is the writer,
//! and so their endpoints, but not which server is.

mod arn;
mod classes;
mod clusters;
mod defaults;
mod endings;
mod engine;
mod events;
mod input;
mod instances;
mod log_files;
mod never;
mod not_for_aurora;
mod option_groups;
mod parameters;
mod phase;
pub(crate) mod plane;
mod proxies;
mod renaming;
mod rules;
mod snapshots;
mod store;
mod subnet_groups;
mod tags;
#[cfg(test)]
mod tests;
mod times;
mod unknown;
mod watching;
mod windows;
mod zones;

pub(crate) use clusters::master_secret::rotate_master_secret;
use parameters::groups::{CLUSTER, INSTANCE};
pub(crate) use plane::{
    certificates::ca_path,
    clearing::{unknown_in, unknown_of},
    left_behind::{end_left_behind, end_own, signal_own},
    momentary::Momentary,
    system_folder::{copied_from, databases_of, forget, is_home},
    ways::databases,
};
pub(crate) use snapshots::sharing::{abroad, looks_abroad};
pub(crate) use store::Store;

use super::service::{Action, Service};

static ACTIONS: &[(&str, Action)] = &[
    ("AddRoleToDBCluster", clusters::roles::add),
    ("AddSourceIdentifierToSubscription", never::subscription),
    ("AddTagsToResource", tags::add),
    ("ApplyPendingMaintenanceAction", never::apply_maintenance),
    ("AuthorizeDBSecurityGroupIngress", unknown::security_group),
    ("BacktrackDBCluster", not_for_aurora::backtrack),
    ("CancelExportTask", never::cancel_export),
    ("CopyDBClusterParameterGroup", |ctx, input| CLUSTER.copy(ctx, input)),
    ("CopyDBClusterSnapshot", snapshots::copies::copy),
    ("CopyDBParameterGroup", |ctx, input| INSTANCE.copy(ctx, input)),
    ("CopyOptionGroup", option_groups::copy),
    ("CreateDBCluster", clusters::creation::create),
    ("CopyDBSnapshot", never::snapshot),
    ("CreateDBClusterEndpoint", clusters::custom_endpoints::create),
    ("CreateDBClusterParameterGroup", |ctx, input| CLUSTER.create(ctx, input)),
    ("CreateDBClusterSnapshot", snapshots::create),
    ("CreateDBInstance", instances::create),
    ("CreateDBParameterGroup", |ctx, input| INSTANCE.create(ctx, input)),
    ("CreateDBProxy", proxies::create),
    ("CreateDBProxyEndpoint", proxies::endpoints::create),
    ("CreateDBSecurityGroup", unknown::create_security_group),
    ("CreateDBSnapshot", never::create_snapshot),
    ("CreateDBSubnetGroup", subnet_groups::create),
    ("CreateEventSubscription", never::subscribe),
    ("CreateOptionGroup", option_groups::create),
    ("DeleteBlueGreenDeployment", unknown::deployment),
    ("DeleteCustomDBEngineVersion", unknown::engine_version),
    ("DeleteDBCluster", clusters::changes::delete),
    ("DeleteDBClusterAutomatedBackup", never::delete_backup),
    ("DeleteDBClusterEndpoint", clusters::custom_endpoints::delete),
    ("DeleteDBClusterParameterGroup", |ctx, input| CLUSTER.delete(ctx, input)),
    ("DeleteDBClusterSnapshot", snapshots::delete),
    ("DeleteDBInstance", instances::changes::delete),
    ("DeleteDBInstanceAutomatedBackup", unknown::instance_backup),
    ("DeleteDBParameterGroup", |ctx, input| INSTANCE.delete(ctx, input)),
    ("DeleteDBProxy", proxies::delete),
    ("DeleteDBProxyEndpoint", proxies::endpoints::delete),
    ("DeleteDBSecurityGroup", unknown::security_group),
    ("DeleteDBShardGroup", unknown::shard_group),
    ("DeleteDBSnapshot", never::snapshot),
    ("DeleteDBSubnetGroup", subnet_groups::delete),
    ("DeleteEventSubscription", never::subscription),
    ("DeleteGlobalCluster", unknown::global_cluster),
    ("DeleteIntegration", unknown::integration),
    ("DeleteOptionGroup", option_groups::change),
    ("DeleteTenantDatabase", unknown::tenant),
    ("DeregisterDBProxyTargets", proxies::targets::deregister),
    ("DescribeAccountAttributes", never::account_attributes),
    ("DescribeBlueGreenDeployments", never::deployments),
    ("DescribeCertificates", engine::certificates),
    ("DescribeDBClusterAutomatedBackups", snapshots::copies::automated_backups),
    ("DescribeDBClusterBacktracks", never::backtracks),
    ("DescribeDBClusterEndpoints", clusters::endpoints),
    ("DescribeDBClusterParameterGroups", |ctx, input| CLUSTER.describe(ctx, input)),
    ("DescribeDBClusterParameters", |ctx, input| CLUSTER.parameters(ctx, input)),
    ("DescribeDBClusterSnapshotAttributes", snapshots::sharing::attributes),
    ("DescribeDBClusterSnapshots", snapshots::describe),
    ("DescribeDBClusters", clusters::describe),
    ("DescribeDBEngineVersions", engine::versions),
    ("DescribeDBMajorEngineVersions", engine::major_versions),
    ("DescribeDBRecommendations", never::recommendations),
    ("DescribeDBSnapshotTenantDatabases", unknown::snapshot_tenants),
    ("DescribeOptionGroupOptions", option_groups::options),
    ("DescribeServerlessV2PlatformVersions", engine::platforms),
    ("DescribeDBInstanceAutomatedBackups", never::instance_backups),
    ("DescribeDBInstances", instances::describe),
    ("DescribeDBLogFiles", log_files::describe),
    ("DescribeDBParameterGroups", |ctx, input| INSTANCE.describe(ctx, input)),
    ("DescribeDBParameters", |ctx, input| INSTANCE.parameters(ctx, input)),
    ("DescribeDBProxies", proxies::describe),
    ("DescribeDBProxyEndpoints", proxies::endpoints::describe),
    ("DescribeDBProxyTargetGroups", proxies::targets::describe_groups),
    ("DescribeDBProxyTargets", proxies::targets::describe),
    ("DescribeDBSecurityGroups", never::security_groups),
    ("DescribeDBShardGroups", never::shards),
    ("DescribeDBSnapshotAttributes", never::snapshot),
    ("DescribeDBSnapshots", never::snapshots),
    ("DescribeDBSubnetGroups", subnet_groups::describe),
    ("DescribeEngineDefaultClusterParameters", |_, input| CLUSTER.defaults(input)),
    ("DescribeEngineDefaultParameters", |_, input| INSTANCE.defaults(input)),
    ("DescribeEventCategories", events::categories),
    ("DescribeEventSubscriptions", never::subscriptions),
    ("DescribeEvents", events::describe),
    ("DescribeExportTasks", never::exports),
    ("DescribeGlobalClusters", never::global_clusters),
    ("DescribeIntegrations", never::integrations),
    ("DescribeOptionGroups", option_groups::describe),
    ("DescribeOrderableDBInstanceOptions", engine::orderable),
    ("DescribePendingMaintenanceActions", events::maintenance),
    ("DescribeReservedDBInstances", never::reserved),
    ("DescribeSourceRegions", never::source_regions),
    ("DescribeTenantDatabases", never::tenants),
    ("DescribeValidDBInstanceModifications", never::valid_modifications),
    ("DisableHttpEndpoint", clusters::changes::disable_http),
    ("DownloadDBLogFilePortion", log_files::download),
    ("EnableHttpEndpoint", clusters::changes::enable_http),
    ("FailoverDBCluster", clusters::changes::failover),
    ("FailoverGlobalCluster", unknown::global_cluster),
    ("ListTagsForResource", tags::list),
    ("ModifyActivityStream", not_for_aurora::modify_stream),
    ("ModifyCurrentDBClusterCapacity", never::modify_capacity),
    ("ModifyCustomDBEngineVersion", unknown::engine_version),
    ("ModifyDBCluster", clusters::changes::modify),
    ("ModifyDBClusterEndpoint", clusters::custom_endpoints::modify),
    ("ModifyDBClusterParameterGroup", |ctx, input| CLUSTER.modify(ctx, input)),
    ("ModifyDBClusterSnapshotAttribute", snapshots::sharing::share),
    ("ModifyDBInstance", instances::changes::modify),
    ("ModifyDBParameterGroup", |ctx, input| INSTANCE.modify(ctx, input)),
    ("ModifyDBProxy", proxies::modify),
    ("ModifyDBProxyEndpoint", proxies::endpoints::modify),
    ("ModifyDBProxyTargetGroup", proxies::targets::modify_group),
    ("ModifyDBShardGroup", unknown::shard_group),
    ("ModifyDBSnapshot", never::snapshot),
    ("ModifyDBSnapshotAttribute", never::snapshot),
    ("ModifyDBSubnetGroup", subnet_groups::modify),
    ("ModifyEventSubscription", never::subscription),
    ("ModifyGlobalCluster", unknown::global_cluster),
    ("ModifyIntegration", unknown::integration),
    ("ModifyOptionGroup", option_groups::change),
    ("ModifyTenantDatabase", unknown::tenant),
    ("PromoteReadReplica", not_for_aurora::promote),
    ("PromoteReadReplicaDBCluster", never::promote),
    ("RebootDBCluster", never::reboot_cluster),
    ("RebootDBInstance", instances::changes::reboot),
    ("RebootDBShardGroup", unknown::shard_group),
    ("RegisterDBProxyTargets", proxies::targets::register),
    ("RemoveFromGlobalCluster", unknown::global_cluster),
    ("RemoveRoleFromDBCluster", clusters::roles::remove),
    ("RemoveRoleFromDBInstance", not_for_aurora::remove_role),
    ("RemoveSourceIdentifierFromSubscription", never::subscription),
    ("RemoveTagsFromResource", tags::remove),
    ("ResetDBClusterParameterGroup", |ctx, input| CLUSTER.reset(ctx, input)),
    ("ResetDBParameterGroup", |ctx, input| INSTANCE.reset(ctx, input)),
    ("RestoreDBClusterFromS3", not_for_aurora::restore_from_s3),
    ("RestoreDBClusterFromSnapshot", snapshots::restore),
    ("RestoreDBClusterToPointInTime", snapshots::copies::restore_to_point_in_time),
    ("RestoreDBInstanceFromDBSnapshot", never::snapshot),
    ("RestoreDBInstanceFromS3", not_for_aurora::restore_from_s3),
    ("RevokeDBSecurityGroupIngress", unknown::security_group),
    ("StartDBCluster", clusters::changes::start),
    ("StartDBInstance", instances::changes::refuse_alone),
    ("StartExportTask", never::export),
    ("StopActivityStream", not_for_aurora::stop_stream),
    ("StopDBCluster", clusters::changes::stop),
    ("StopDBInstance", instances::changes::refuse_alone),
    ("SwitchoverBlueGreenDeployment", unknown::deployment),
    ("SwitchoverGlobalCluster", unknown::global_cluster),
    ("SwitchoverReadReplica", not_for_aurora::promote),
];

/// The service's actions.
pub(crate) static SERVICE: Service = Service { name: "rds", actions: ACTIONS, runs: &[] };
