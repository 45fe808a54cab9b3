//! RDS: Aurora clusters with their instances, and proxies.
//!
//! The API's side is plain functions on a [`Store`]. What has to be real behind it is the matter of
//! [`plane`]: a resource that needs a server or a pooler does not become `available` before the data plane
//! has reached what is wanted ([`phase::Progress`]).

mod arn;
mod certificates;
mod cluster_changes;
mod clusters;
mod connection;
mod engine;
mod events;
mod health;
mod input;
mod instance_changes;
mod instances;
mod listener;
mod parameter_groups;
mod parameters;
mod phase;
pub(crate) mod plane;
mod pooler;
mod postgres;
mod proxies;
mod proxy_endpoints;
mod rules;
mod snapshots;
mod store;
mod subnet_groups;
mod system;
mod tags;
mod targets;
#[cfg(test)]
mod tests;
mod times;
mod wanted;
mod windows;

pub(crate) use certificates::ca_path;
use parameter_groups::{CLUSTER, INSTANCE};
pub(crate) use store::Store;

use super::service::{Action, Service};

static ACTIONS: &[(&str, Action)] = &[
    ("AddTagsToResource", tags::add),
    ("CreateDBCluster", clusters::create),
    ("CreateDBClusterParameterGroup", |ctx, input| CLUSTER.create(ctx, input)),
    ("CreateDBClusterSnapshot", snapshots::create),
    ("CreateDBInstance", instances::create),
    ("CreateDBParameterGroup", |ctx, input| INSTANCE.create(ctx, input)),
    ("CreateDBProxy", proxies::create),
    ("CreateDBProxyEndpoint", proxy_endpoints::create),
    ("CreateDBSubnetGroup", subnet_groups::create),
    ("DeleteDBCluster", cluster_changes::delete),
    ("DeleteDBClusterParameterGroup", |ctx, input| CLUSTER.delete(ctx, input)),
    ("DeleteDBClusterSnapshot", snapshots::delete),
    ("DeleteDBInstance", instance_changes::delete),
    ("DeleteDBParameterGroup", |ctx, input| INSTANCE.delete(ctx, input)),
    ("DeleteDBProxy", proxies::delete),
    ("DeleteDBProxyEndpoint", proxy_endpoints::delete),
    ("DeleteDBSubnetGroup", subnet_groups::delete),
    ("DeregisterDBProxyTargets", targets::deregister),
    ("DescribeCertificates", engine::certificates),
    ("DescribeDBClusterEndpoints", clusters::endpoints),
    ("DescribeDBClusterParameterGroups", |ctx, input| CLUSTER.describe(ctx, input)),
    ("DescribeDBClusterParameters", |ctx, input| CLUSTER.parameters(ctx, input)),
    ("DescribeDBClusterSnapshotAttributes", snapshots::attributes),
    ("DescribeDBClusterSnapshots", snapshots::describe),
    ("DescribeDBClusters", clusters::describe),
    ("DescribeDBEngineVersions", engine::versions),
    ("DescribeDBInstances", instances::describe),
    ("DescribeDBParameterGroups", |ctx, input| INSTANCE.describe(ctx, input)),
    ("DescribeDBParameters", |ctx, input| INSTANCE.parameters(ctx, input)),
    ("DescribeDBProxies", proxies::describe),
    ("DescribeDBProxyEndpoints", proxy_endpoints::describe),
    ("DescribeDBProxyTargetGroups", targets::describe_groups),
    ("DescribeDBProxyTargets", targets::describe),
    ("DescribeDBSubnetGroups", subnet_groups::describe),
    ("DescribeEngineDefaultClusterParameters", |_, input| CLUSTER.defaults(input)),
    ("DescribeEngineDefaultParameters", |_, input| INSTANCE.defaults(input)),
    ("DescribeEventCategories", events::categories),
    ("DescribeEvents", events::describe),
    ("DescribeOrderableDBInstanceOptions", engine::orderable),
    ("DescribePendingMaintenanceActions", events::maintenance),
    ("DisableHttpEndpoint", cluster_changes::disable_http),
    ("EnableHttpEndpoint", cluster_changes::enable_http),
    ("FailoverDBCluster", cluster_changes::failover),
    ("ListTagsForResource", tags::list),
    ("ModifyDBCluster", cluster_changes::modify),
    ("ModifyDBClusterParameterGroup", |ctx, input| CLUSTER.modify(ctx, input)),
    ("ModifyDBInstance", instance_changes::modify),
    ("ModifyDBParameterGroup", |ctx, input| INSTANCE.modify(ctx, input)),
    ("ModifyDBProxy", proxies::modify),
    ("ModifyDBProxyEndpoint", proxy_endpoints::modify),
    ("ModifyDBProxyTargetGroup", targets::modify_group),
    ("ModifyDBSubnetGroup", subnet_groups::modify),
    ("RebootDBInstance", instance_changes::reboot),
    ("RegisterDBProxyTargets", targets::register),
    ("RemoveTagsFromResource", tags::remove),
    ("ResetDBClusterParameterGroup", |ctx, input| CLUSTER.reset(ctx, input)),
    ("ResetDBParameterGroup", |ctx, input| INSTANCE.reset(ctx, input)),
    ("RestoreDBClusterFromSnapshot", snapshots::restore),
    ("StartDBCluster", cluster_changes::start),
    ("StartDBInstance", instance_changes::refuse_alone),
    ("StopDBCluster", cluster_changes::stop),
    ("StopDBInstance", instance_changes::refuse_alone),
];

/// The service's actions.
pub(crate) static SERVICE: Service = Service { name: "rds", actions: ACTIONS };
