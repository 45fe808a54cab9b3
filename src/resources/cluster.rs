//! The kind `cluster`: the database itself.

mod live;

use std::sync::Arc;

use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, DbCluster, ServerlessV2ScalingConfiguration};
use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    cluster_parameter_group::ClusterParameterGroup,
    db_subnet_group::DbSubnetGroup,
    occupants, rds,
    secret::{self, Secret, content::Content, content::Password},
    security_group::SecurityGroup,
};
use crate::{
    aws::{Clients, Error, Result, tags},
    engine::{Change, Live, Occupant, Ref, Replace, Resource, Scope, Tags, Times, attributes::touches},
    stack::OnDestroyDatabase,
};

/// An Aurora Serverless v2 cluster, PostgreSQL-compatible. Engine version and credentials live here and not on its instances.
///
/// As CDK's `AWS::RDS::DBCluster`. APIs: DescribeDBClusters, CreateDBCluster, ModifyDBCluster, StartDBCluster,
/// EnableHttpEndpoint, DisableHttpEndpoint, DeleteDBCluster. Its id is its identifier.
#[derive(Debug, Clone, Serialize)]
pub struct Cluster {
    /// The identifier, unique in account and region.
    pub identifier: String,
    /// The engine version, e.g. `15.17`.
    pub engine_version: String,
    /// The database made with the cluster. RDS may not tell it of one that was restored.
    #[serde(serialize_with = "rds::or_untold")]
    pub database_name: Option<String>,
    /// The master user.
    pub master_username: String,
    /// The secret that holds the master user's password, by ARN. AWS does not tell it; a cluster gets that of a new secret with
    /// the secret's attachment.
    pub master_secret: Ref<Secret>,
    /// The port of all endpoints. Changing it restarts the instances.
    pub port: u16,
    /// Where its instances stand, by name.
    pub subnet_group: Ref<DbSubnetGroup>,
    /// PostgreSQL's settings, by name.
    pub parameter_group: Ref<ClusterParameterGroup>,
    /// Who reaches it.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// The least capacity, in ACUs.
    pub min_capacity: f64,
    /// The most capacity, in ACUs.
    pub max_capacity: f64,
    /// After how many seconds without a connection it pauses; only with `min_capacity` 0.
    pub seconds_until_auto_pause: Option<i32>,
    /// For how many days backups are kept.
    pub backup_retention_days: i32,
    /// When they are made, in UTC: `hh:mm-hh:mm`.
    pub backup_window: Option<String>,
    /// Whether AWS refuses to delete it.
    pub deletion_protection: bool,
    /// Whether its storage is encrypted.
    pub storage_encrypted: bool,
    /// The KMS key that encrypts it, by ARN; else AWS's own.
    pub kms_key: Option<String>,
    /// Whether its snapshots get its tags.
    pub copy_tags_to_snapshot: bool,
    /// Which logs go to CloudWatch.
    pub log_exports: Vec<String>,
    /// Whether the RDS Data API is on.
    pub data_api: bool,
    /// Whether IAM lets users log in.
    pub iam_authentication: bool,
    /// What happens at the end of standard support, in RDS's words.
    pub engine_lifecycle_support: String,
    /// Whether it runs, and is not stopped.
    pub running: bool,
    /// What deleting means.
    #[serde(skip)]
    pub on_destroy: OnDestroyDatabase,
    /// Of a live cluster: its instances, whoever made them, and what else it is a part of.
    #[serde(skip)]
    pub bonds: Bonds,
}

/// What AWS deletes no cluster with.
#[derive(Debug, Clone, Default)]
pub struct Bonds {
    /// Its instances, by identifier.
    pub instances: Vec<String>,
    /// The global database that it belongs to, by identifier.
    pub global_cluster: Option<String>,
}

/// RDS's name of the engine.
pub(super) const ENGINE: &str = "aurora-postgresql";

impl Resource for Cluster {
    const KIND: &'static str = "cluster";
    const IMMUTABLE: &'static [&'static str] =
        &["identifier", "database_name", "master_username", "subnet_group", "storage_encrypted", "kms_key"];
    const HOLDS_DATA: bool = true;
    const REPLACE: Replace = Replace::DeleteFirst;
    const TIMES: Times = Times::seconds(150, 60, 360);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        live::observe(scope).await
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let secret = self.master_secret.get(scope)?;
        let password = password(&secret, &secret::read(scope.aws, &secret).await?.content)?;
        let call = scope.aws.rds.create_db_cluster().engine(ENGINE).engine_version(&self.engine_version);
        let call = call.db_cluster_identifier(&self.identifier).set_database_name(self.database_name.clone());
        let call = call.master_username(&self.master_username).master_user_password(password.reveal());
        let call = call.port(self.port.into()).db_subnet_group_name(self.subnet_group.get(scope)?);
        let call = call.db_cluster_parameter_group_name(self.parameter_group.get(scope)?);
        let call = call.set_vpc_security_group_ids(Some(Ref::get_all(&self.security_groups, scope)?));
        let call = call.serverless_v2_scaling_configuration(self.scaling());
        let call = call.backup_retention_period(self.backup_retention_days);
        let call = call.set_preferred_backup_window(self.backup_window.clone());
        let call = call.deletion_protection(self.deletion_protection).storage_encrypted(self.storage_encrypted);
        let call = call.set_kms_key_id(self.kms_key.clone());
        let call = call.copy_tags_to_snapshot(self.copy_tags_to_snapshot).enable_http_endpoint(self.data_api);
        let call = call.enable_iam_database_authentication(self.iam_authentication);
        let call = call.set_enable_cloudwatch_logs_exports(Some(self.log_exports.clone()));
        let call = call.engine_lifecycle_support(&self.engine_lifecycle_support);
        let mut tags = scope.tags().clone();
        tags.insert(PASSWORD_OF.to_owned(), mark(&secret));
        call.set_tags(Some(tags::rds(&tags))).send().await?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        if touches(changes, "running") {
            // A cluster that is stopped takes no other change; what else differs is seen again when it runs.
            return start(scope.aws, &live.id).await;
        }
        if touches(changes, "data_api") {
            // ModifyDBCluster sets this for Serverless v1 only.
            let arn = live.told("arn")?;
            if self.data_api {
                scope.aws.rds.enable_http_endpoint().resource_arn(arn).send().await?;
            } else {
                scope.aws.rds.disable_http_endpoint().resource_arn(arn).send().await?;
            }
        }
        if changes.iter().any(|change| change.top() != "data_api") {
            self.modify(live, changes, scope).await?;
        }
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        if !live.spec.running {
            // RDS deletes no cluster that is stopped; the next round does.
            scope.tell("starting it, since RDS deletes nothing that is stopped".to_owned());
            return start(scope.aws, &live.id).await;
        }
        if live.spec.deletion_protection {
            // In a call of its own, since AWS takes no deletion of what is still protected; the next round deletes.
            let call = scope.aws.rds.modify_db_cluster().db_cluster_identifier(&live.id);
            call.deletion_protection(false).apply_immediately(true).send().await?;
            return Ok(());
        }
        let described = scope.described::<Self>(&live.address).map(|cluster| cluster.on_destroy);
        let call = scope.aws.rds.delete_db_cluster().db_cluster_identifier(&live.id);
        let call = match described {
            Some(OnDestroyDatabase::Delete) => call.skip_final_snapshot(true),
            // The data of one that is to be kept, or of which nothing is known, is not lost by a replacement either.
            Some(OnDestroyDatabase::Snapshot | OnDestroyDatabase::Keep) | None => {
                call.skip_final_snapshot(false).final_db_snapshot_identifier(final_snapshot(&live.id, Timestamp::now()))
            }
        };
        call.send().await?;
        Ok(())
    }

    async fn occupants(live: &Live<Self>, scope: &Scope<'_>) -> Result<Vec<Occupant>> {
        occupants::of_cluster(scope, &live.id).await
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_rds(scope.aws, live.told("arn")?, set, unset).await
    }

    fn remark(_live: &Live<Self>, changes: &[Change]) -> Option<String> {
        if touches(changes, "port") {
            return Some(
                "its instances restart: nothing reaches the database until they listen on the new port".to_owned(),
            );
        }
        if touches(changes, "engine_version") {
            return Some("its instances restart, one after the other or all at once".to_owned());
        }
        touches(changes, "parameter_group").then(|| {
            "pending reboot: the static ones of the parameters take effect when the instances are rebooted".to_owned()
        })
    }

    fn guard(live: &Live<Self>) -> Option<String> {
        live.spec
            .deletion_protection
            .then(|| format!("The deletion protection of the cluster {} is on (`database.protect`).", live.id))
    }
}

impl Cluster {
    /// RDS wants it whole, whatever part of it changes.
    fn scaling(&self) -> ServerlessV2ScalingConfiguration {
        ServerlessV2ScalingConfiguration::builder()
            .min_capacity(self.min_capacity)
            .max_capacity(self.max_capacity)
            .set_seconds_until_auto_pause(self.seconds_until_auto_pause)
            .build()
    }

    async fn modify(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let touched = |name: &str| touches(changes, name);
        let mut call = scope.aws.rds.modify_db_cluster().db_cluster_identifier(&live.id).apply_immediately(true);
        if touched("engine_version") {
            call = call.engine_version(&self.engine_version);
        }
        if touched("port") {
            call = call.port(self.port.into());
        }
        if touched("parameter_group") {
            call = call.db_cluster_parameter_group_name(self.parameter_group.get(scope)?);
        }
        if touched("security_groups") {
            call = call.set_vpc_security_group_ids(Some(Ref::get_all(&self.security_groups, scope)?));
        }
        if touched("min_capacity") || touched("max_capacity") || touched("seconds_until_auto_pause") {
            call = call.serverless_v2_scaling_configuration(self.scaling());
        }
        if touched("backup_retention_days") {
            call = call.backup_retention_period(self.backup_retention_days);
        }
        if touched("backup_window") {
            call = call.set_preferred_backup_window(self.backup_window.clone());
        }
        if touched("deletion_protection") {
            call = call.deletion_protection(self.deletion_protection);
        }
        if touched("copy_tags_to_snapshot") {
            call = call.copy_tags_to_snapshot(self.copy_tags_to_snapshot);
        }
        if touched("log_exports") {
            call = call.cloudwatch_logs_export_configuration(exports(&self.log_exports, &live.spec.log_exports));
        }
        if touched("iam_authentication") {
            call = call.enable_iam_database_authentication(self.iam_authentication);
        }
        if touched("engine_lifecycle_support") {
            call = call.engine_lifecycle_support(&self.engine_lifecycle_support);
        }
        call.send().await?;
        Ok(())
    }
}

/// Which logs to begin and to end exporting.
fn exports(wanted: &[String], live: &[String]) -> CloudwatchLogsExportConfiguration {
    let without = |list: &[String], other: &[String]| list.iter().filter(|one| !other.contains(one)).cloned().collect();
    CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(Some(without(wanted, live)))
        .set_disable_log_types(Some(without(live, wanted)))
        .build()
}

/// A name that no other snapshot has, or the deletion would be refused.
fn final_snapshot(identifier: &str, now: Timestamp) -> String {
    format!("{identifier}-final-{}", now.strftime("%Y%m%d-%H%M%S"))
}

/// The name of the final snapshot that a cluster left last; none where it cannot be found out.
pub async fn latest_final_snapshot(aws: &Clients, identifier: &str) -> Option<String> {
    let call = aws.rds.describe_db_cluster_snapshots().db_cluster_identifier(identifier).snapshot_type("manual");
    let found = call.into_paginator().items().send().try_collect().await.ok()?;
    let names = found.into_iter().filter_map(|snapshot| snapshot.db_cluster_snapshot_identifier);
    // The time of its making is in the name.
    names.filter(|name| name.starts_with(&format!("{identifier}-final-"))).max()
}

fn password(secret: &str, content: &Content) -> Result<Password> {
    content.password().ok_or_else(|| {
        Error::other(format!("The secret {secret} holds no `password` for the cluster's master user."))
            .advise("Store {\"username\": …, \"password\": …} in it and run the same command again.")
    })
}

/// Starts a stopped cluster, and its instances with it.
pub(super) async fn start(aws: &Clients, identifier: &str) -> Result<()> {
    aws.rds.start_db_cluster().db_cluster_identifier(identifier).send().await?;
    Ok(())
}

/// The clusters of the account, shared with the kind that connects them with their secrets.
pub(super) async fn listed(scope: &Scope<'_>) -> Result<Arc<Vec<DbCluster>>> {
    let list = async || Ok(scope.aws.rds.describe_db_clusters().into_paginator().items().send().try_collect().await?);
    scope.once("DescribeDBClusters", list).await
}

/// The tag that says from which secret the master user has the password: AWS does not tell.
const PASSWORD_OF: &str = "infra:password-of";

/// What the tag says of a secret, by its ARN, which may be longer than a tag.
pub(super) fn mark(secret: &str) -> String {
    Sha256::digest(secret).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The mark of the secret that a cluster with these tags has its password from, where it was noted.
pub(super) fn password_of(tags: &Tags) -> Option<&str> {
    tags.get(PASSWORD_OF).map(String::as_str)
}

/// Gives the master user of the cluster the password that the secret holds, and notes it.
pub(super) async fn set_password(aws: &Clients, cluster: &DbCluster, secret: &str, content: &Content) -> Result<()> {
    let password = password(secret, content)?;
    let call =
        aws.rds.modify_db_cluster().set_db_cluster_identifier(cluster.db_cluster_identifier().map(str::to_owned));
    call.apply_immediately(true).master_user_password(password.reveal()).send().await?;
    note_password(aws, cluster, secret).await
}

/// Notes that the master user of the cluster has the secret's password.
pub(super) async fn note_password(aws: &Clients, cluster: &DbCluster, secret: &str) -> Result<()> {
    let tag = Tags::from([(PASSWORD_OF.to_owned(), mark(secret))]);
    tags::retag_rds(aws, cluster.db_cluster_arn().unwrap_or_default(), &tag, &[]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_final_snapshot_is_named_by_the_second() {
        let now: Timestamp = "2026-07-01T09:05:03Z".parse().unwrap();
        assert_eq!(final_snapshot("shop-database", now), "shop-database-final-20260701-090503");
    }

    #[test]
    fn log_exports_begin_and_end() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let change = exports(&list(&["postgresql", "instance"]), &list(&["instance", "iam-db-auth-error"]));
        assert_eq!(change.enable_log_types(), ["postgresql"]);
        assert_eq!(change.disable_log_types(), ["iam-db-auth-error"]);
    }
}
