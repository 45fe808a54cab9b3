//! Aurora clusters: what they are, and how they are shown.

pub(super) mod changes;
pub(super) mod creation;
pub(super) mod custom_endpoints;
pub(super) mod master_secret;
pub(super) mod roles;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Store, arn, engine,
    events::time,
    input::{Filters, Input, missing, page},
    instances::{Instance, incompatible},
    phase::{Password, Phase, Progress},
    plane::{listener::Listener, wanted::Aim},
    rules::Scaling,
    tags::{self, Tags},
};
use crate::local::{fault::Fault, pace::Millis, world::Ctx};
use master_secret::MasterSecret;

/// An Aurora PostgreSQL cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(super) identifier: String,
    pub(super) arn: String,
    pub(super) resource_id: String,
    pub(super) phase: Phase,
    pub(super) progress: Progress,
    pub(super) version: String,
    /// The port that the API shows; the listener's is the real one.
    pub(super) port: u16,
    pub(super) listener: Listener,
    /// Where the readers' endpoint is; elsewhere than on Linux, with its many loopback addresses, there is none of its own.
    #[serde(default)]
    pub(super) reader: Option<Listener>,
    pub(super) username: String,
    pub(super) password: Password,
    /// How often a call has given the password, which may be the one that the API knows already.
    #[serde(default)]
    pub(super) passwords: u64,
    pub(super) database: Option<String>,
    pub(super) parameter_group: String,
    pub(super) subnet_group: String,
    pub(super) vpc_id: String,
    pub(super) security_groups: Vec<String>,
    pub(super) zones: Vec<String>,
    pub(super) logs: Vec<String>,
    pub(super) scaling: Option<Scaling>,
    pub(super) created: Millis,
    /// Members that are stored and answered as they were given.
    pub(super) kept: Map<String, Value>,
    /// Changes that wait for the maintenance window.
    pub(super) pending: Map<String, Value>,
    pub(super) tags: Tags,
    /// How often its server was told to restart.
    pub(super) restarts: u64,
    /// The resource id of the snapshot that its data comes from.
    pub(super) origin: Option<String>,
    /// The snapshot, by its key, without which it is not to go.
    #[serde(default)]
    pub(super) final_snapshot: Option<String>,
    /// Where RDS keeps the master user's password, if it is RDS that keeps it.
    #[serde(default)]
    pub(super) master_secret: Option<MasterSecret>,
    /// Roles by ARN, each with the feature that it is for.
    #[serde(default)]
    pub(super) roles: Vec<(String, String)>,
    /// When AWS would start it again, if it is stopped.
    #[serde(default)]
    pub(super) restarts_at: Option<Millis>,
    /// What clones and what they were made of have in common.
    #[serde(default)]
    pub(super) clone_group: Option<String>,
}

/// Members that pass through: as a call names them, as an answer does.
pub(super) const KEPT: &[(&str, &str)] = &[
    ("BackupRetentionPeriod", "BackupRetentionPeriod"),
    ("PreferredBackupWindow", "PreferredBackupWindow"),
    ("PreferredMaintenanceWindow", "PreferredMaintenanceWindow"),
    ("CopyTagsToSnapshot", "CopyTagsToSnapshot"),
    ("DeletionProtection", "DeletionProtection"),
    ("EnableHttpEndpoint", "HttpEndpointEnabled"),
    ("EnableIAMDatabaseAuthentication", "IAMDatabaseAuthenticationEnabled"),
    ("NetworkType", "NetworkType"),
    ("StorageType", "StorageType"),
    ("EngineLifecycleSupport", "EngineLifecycleSupport"),
    ("AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"),
];

impl Cluster {
    /// The status that a describe shows; a server that cannot start makes it `failed`. Parameters that do not let it start are a
    /// matter of its instances.
    pub(super) fn status(&self) -> &str {
        match self.phase.status.as_str() {
            "creating" | "starting" if self.progress.is_incompatible() => "available",
            "creating" | "starting" if self.progress.fault.is_some() => "failed",
            status => status,
        }
    }

    /// Whether parameters keep the server of its writer, or that of its readers, from starting. No reader is sound without the
    /// writer's.
    pub(super) fn is_incompatible(&self, writer: bool) -> bool {
        let fault = self.progress.fault.as_deref().unwrap_or_default();
        let is_readers = || self.reader.as_ref().is_some_and(|reader| incompatible::is_of(fault, reader));
        self.progress.is_incompatible() && !(writer && is_readers())
    }

    /// Whether its instances are to run.
    pub(super) fn runs(&self) -> bool {
        !["stopping", "stopped", "deleting"].contains(&self.phase.status.as_str())
    }

    /// What is to become of its server. A cluster is storage: what answers is its instances, from when the time of their
    /// creation is over.
    pub(super) fn aim(&self, store: &Store, now: Millis) -> Aim {
        let mut members = store.members(&self.identifier);
        match () {
            () if self.phase.is("deleting") => Aim::End,
            () if self.runs() && members.any(|member| member.is_served(now)) => Aim::Run,
            () => Aim::Rest,
        }
    }

    /// Whether its endpoint answers: from when its first instance is available, through whatever its server still has to
    /// catch up with (a reader that leaves), until its last one leaves or it is stopped.
    pub(super) fn is_reachable(&self, store: &Store) -> bool {
        let up = self.progress.complete() || self.phase.is("available");
        self.runs() && up && store.members(&self.identifier).any(Instance::answers)
    }

    /// Has it listen on another port; elsewhere than on Linux the API shows it, and the servers keep theirs.
    pub(super) fn take_port(&mut self, port: u16) {
        self.port = port;
        if cfg!(target_os = "linux") {
            self.listener.port = port;
            if let Some(reader) = &mut self.reader {
                reader.port = port;
            }
        }
    }

    /// Where the writer answers, or the readers.
    pub(super) fn endpoint(&self, writer: bool) -> &Listener {
        self.reader.as_ref().filter(|_| !writer).unwrap_or(&self.listener)
    }

    /// The database to connect to when none is named.
    pub(super) fn default_database(&self) -> &str {
        self.database.as_deref().unwrap_or("postgres")
    }

    pub(super) fn view(&self, store: &Store, now: Millis) -> Value {
        let group = |id: &String| json!({"VpcSecurityGroupId": id, "Status": "active"});
        let role =
            |(arn, feature): &(String, String)| json!({"RoleArn": arn, "FeatureName": feature, "Status": "ACTIVE"});
        let member = |instance: &Instance| {
            json!({"DBInstanceIdentifier": instance.identifier, "IsClusterWriter": instance.writer,
                "DBClusterParameterGroupStatus": store.cluster_group_status(instance), "PromotionTier": instance.promotion_tier()})
        };
        let custom = store.custom_endpoints.values().filter(|one| one.cluster == self.identifier);
        let custom = custom.map(|one| one.shown(self)).collect();
        let mut view = self.kept.clone();
        let shown = json!({
            "DBClusterIdentifier": self.identifier, "DBClusterArn": self.arn, "DbClusterResourceId": self.resource_id,
            "Status": self.status(), "Engine": engine::ENGINE, "EngineMode": "provisioned", "EngineVersion": self.version,
            "AllocatedStorage": 1, "AvailabilityZones": self.zones, "DatabaseName": self.database,
            "DBClusterParameterGroup": self.parameter_group, "DBSubnetGroup": self.subnet_group,
            "Endpoint": self.listener.address, "ReaderEndpoint": self.endpoint(false).address, "Port": self.port,
            "CustomEndpoints": Some(custom).filter(|custom: &Vec<&str>| !custom.is_empty()),
            "HostedZoneId": arn::hosted_zone(&self.arn), "MultiAZ": store.is_in_several_zones(&self.identifier),
            "MasterUsername": self.username, "ReadReplicaIdentifiers": [], "AssociatedRoles": self.roles.iter().map(role).collect::<Vec<_>>(),
            "DBClusterMembers": store.members(&self.identifier).map(member).collect::<Vec<_>>(),
            "VpcSecurityGroups": self.security_groups.iter().map(group).collect::<Vec<_>>(),
            "ClusterCreateTime": time(self.created), "EarliestRestorableTime": time(self.created),
            "AutomaticRestartTime": self.restarts_at.filter(|_| self.phase.is("stopped")).and_then(time),
            "StorageEncryptionType": encryption(&self.kept), "UpgradeRolloutOrder": "second",
            "ServerlessV2PlatformVersion": self.scaling.as_ref().map(|_| engine::newest_platform()),
            "LatestRestorableTime": time(now), "CrossAccountClone": false, "DomainMemberships": [],
            "EnabledCloudwatchLogsExports": Some(&self.logs).filter(|logs| !logs.is_empty()),
            "ServerlessV2ScalingConfiguration": self.scaling.as_ref().map(Scaling::view),
            "PendingModifiedValues": Some(&self.pending).filter(|pending| !pending.is_empty()),
            "MasterUserSecret": self.master_secret.as_ref().map(|secret| secret.view(&self.phase)),
            "TagList": tags::listed(&self.tags), "ActivityStreamStatus": "stopped",
            "LocalWriteForwardingStatus": "disabled", "CloneGroupId": self.clone_group,
        });
        view.extend(shown.as_object().cloned().unwrap_or_default());
        Value::Object(view)
    }
}

/// How storage is encrypted: with a key of the account or of AWS there, or else with AWS's own, as all of Aurora's new storage is.
pub(super) fn encryption(kept: &Map<String, Value>) -> &'static str {
    if kept.get("StorageEncrypted") == Some(&Value::Bool(true)) { "sse-kms" } else { "sse-rds" }
}

/// The name is taken.
pub(super) fn exists(name: &str) -> Fault {
    Fault::new("DBClusterAlreadyExistsFault", format!("DB Cluster already exists: {name}"))
}

/// `DBClusterNotFoundFault`.
pub(super) fn absent(name: &str) -> Fault {
    missing("DBClusterNotFoundFault", format!("DBCluster {name} not found."))
}

/// An identifier, or the last part of an ARN, in lower case.
pub(super) fn key(given: &str) -> String {
    given.rsplit(':').next().unwrap_or_default().to_ascii_lowercase()
}

impl Store {
    pub(super) fn cluster(&self, name: &str) -> Result<&Cluster, Fault> {
        self.clusters.get(&key(name)).ok_or_else(|| absent(name))
    }

    pub(super) fn cluster_mut(&mut self, name: &str) -> Result<&mut Cluster, Fault> {
        self.clusters.get_mut(&key(name)).ok_or_else(|| absent(name))
    }

    /// Refuses unless the cluster is `available`.
    pub(super) fn available_cluster(&self, name: &str) -> Result<&Cluster, Fault> {
        let cluster = self.cluster(name)?;
        if cluster.status() == "available" {
            return Ok(cluster);
        }
        Err(Fault::new(
            "InvalidDBClusterStateFault",
            format!("DB cluster {} is not in the available state: it is {}.", cluster.identifier, cluster.status()),
        ))
    }
}

pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let filters =
        Filters::of(&input, &["clone-group-id", "db-cluster-id", "db-cluster-resource-id", "domain", "engine"])?;
    let store = &ctx.region.rds;
    let wanted = |cluster: &&Cluster| {
        filters.pass("db-cluster-id", &[&cluster.identifier])
            && filters.pass("db-cluster-resource-id", &[&cluster.resource_id])
            && filters.pass("engine", &[engine::ENGINE])
            && filters.pass("clone-group-id", &cluster.clone_group.as_deref().into_iter().collect::<Vec<_>>())
            && filters.pass("domain", &[])
    };
    let clusters: Vec<&Cluster> = match input.text("DBClusterIdentifier") {
        Some(name) => vec![store.cluster(name)?],
        None => store.clusters.values().collect(),
    };
    page(
        &input,
        "DBClusters",
        clusters.into_iter().filter(wanted).map(|cluster| cluster.view(store, ctx.now)).collect(),
    )
}

/// `DescribeDBClusterEndpoints`: the writer's, the readers', and custom ones.
pub(super) fn endpoints(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let known = [
        "db-cluster-endpoint-type",
        "db-cluster-endpoint-custom-type",
        "db-cluster-endpoint-id",
        "db-cluster-endpoint-status",
    ];
    let filters = Filters::of(&input, &known)?;
    let store = &ctx.region.rds;
    let clusters: Vec<&Cluster> = match input.text("DBClusterIdentifier") {
        Some(name) => vec![store.cluster(name)?],
        None => store.clusters.values().collect(),
    };
    let view = |cluster: &Cluster, kind: &str| {
        json!({"DBClusterIdentifier": cluster.identifier, "Endpoint": cluster.endpoint(kind == "WRITER").address, "Status": cluster.status(),
            "EndpointType": kind})
    };
    let id = input.text("DBClusterEndpointIdentifier").map(str::to_ascii_lowercase);
    let mut views = Vec::new();
    for cluster in clusters {
        let built_in = ["WRITER", "READER"].into_iter().filter(|kind| {
            id.is_none()
                && filters.pass("db-cluster-endpoint-type", &[kind, &kind.to_lowercase()])
                && filters.pass("db-cluster-endpoint-status", &[cluster.status()])
                && filters.pass("db-cluster-endpoint-custom-type", &[])
                && filters.pass("db-cluster-endpoint-id", &[])
        });
        views.extend(built_in.map(|kind| view(cluster, kind)));
        let custom = store.custom_endpoints.values().filter(|one| {
            one.cluster == cluster.identifier
                && id.as_ref().is_none_or(|id| *id == one.name)
                && filters.pass("db-cluster-endpoint-type", &["CUSTOM", "custom"])
                && filters.pass("db-cluster-endpoint-status", &[&one.phase.status])
                && filters.pass("db-cluster-endpoint-custom-type", &[one.kind(), &one.kind().to_lowercase()])
                && filters.pass("db-cluster-endpoint-id", &[&one.name])
        });
        views.extend(custom.map(|one| one.view(cluster)));
    }
    page(&input, "DBClusterEndpoints", views)
}
