//! Instances: the writer and the readers of a cluster.

pub(super) mod boot;
pub(super) mod changes;
pub(super) mod incompatible;
mod place;
pub(super) mod settings;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Store, arn, classes,
    clusters::{absent as no_cluster, encryption, key},
    engine,
    events::time,
    input::{Filters, Input, combination, identifier, missing, page},
    phase::{INCOMPATIBLE_NETWORK, Phase, Progress},
    renaming,
    tags::{self, Tags},
    times, watching, windows,
};
use crate::local::{ec2::Purpose, fault::Fault, pace::Millis, world::Ctx};
use boot::Boot;
use incompatible::INCOMPATIBLE;
use settings::{KEPT, OF_THE_CLUSTER, check_kept};

/// A member of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(super) identifier: String,
    pub(super) arn: String,
    pub(super) resource_id: String,
    pub(super) phase: Phase,
    /// How far the server that answers for it is.
    #[serde(default)]
    pub(super) progress: Progress,
    pub(super) cluster: String,
    pub(super) class: String,
    pub(super) writer: bool,
    pub(super) parameter_group: String,
    pub(super) subnet_group: String,
    pub(super) subnet_id: String,
    pub(super) zone: String,
    created: Millis,
    /// Where it answers, whatever its role; elsewhere than on Linux it has its cluster's endpoints.
    #[serde(default)]
    pub(super) address: Option<String>,
    pub(super) kept: Map<String, Value>,
    /// Changes that wait for the maintenance window or a reboot, as `PendingModifiedValues` shows them.
    #[serde(default)]
    pub(super) pending: Map<String, Value>,
    /// Whether it is being given another class.
    #[serde(default)]
    pub(super) resizing: bool,
    /// What its server read when it last started.
    #[serde(default)]
    pub(super) boot: Option<Boot>,
    pub(super) tags: Tags,
}

const CREATE: &[&str] = &[
    "DBInstanceIdentifier",
    "DBInstanceClass",
    "Engine",
    "AvailabilityZone",
    "DBSubnetGroupName",
    "DBParameterGroupName",
    "EngineVersion",
    "Tags",
    "DBClusterIdentifier",
    "PromotionTier",
    "PubliclyAccessible",
    "AutoMinorVersionUpgrade",
    "PreferredMaintenanceWindow",
    "CACertificateIdentifier",
    "CopyTagsToSnapshot",
];

impl Instance {
    /// Takes over what has waited, but for a new identifier: that is a matter of its own.
    pub(super) fn apply_pending(&mut self) {
        let identifier = self.pending.remove_entry(renaming::INSTANCE);
        for (member, value) in std::mem::take(&mut self.pending) {
            match value.as_str() {
                Some(class) if member == "DBInstanceClass" => self.class = class.to_owned(),
                _ => drop(self.kept.insert(member, value)),
            }
        }
        self.pending.extend(identifier);
    }

    /// Whether it is, or is becoming, a part of its cluster that can be relied on.
    pub(super) fn is_sound(&self) -> bool {
        !["failed", INCOMPATIBLE_NETWORK, "deleting"].contains(&self.phase.status.as_str())
    }

    /// Whether its creation is under way.
    pub(super) fn arrives(&self) -> bool {
        self.phase.is("creating")
    }

    /// Whether a client that connects to it is answered.
    pub(super) fn answers(&self) -> bool {
        !["creating", "failed", INCOMPATIBLE_NETWORK, "deleting", "stopping", "stopped"]
            .contains(&self.phase.status.as_str())
    }

    /// Whether a server is to run for it: also when nothing but that server is missing from its creation.
    pub(super) fn is_served(&self, now: Millis) -> bool {
        self.answers() || self.arrives() && self.phase.due(now)
    }

    /// The status that a describe shows; a server that cannot start makes a new one `failed`, and parameters that do not let
    /// it start make each one incompatible with them.
    pub(super) fn status(&self, store: &Store) -> &str {
        let Some(cluster) = store.clusters.get(&self.cluster) else { return &self.phase.status };
        match self.phase.status.as_str() {
            "stopping" | "stopped" | "deleting" | "failed" | INCOMPATIBLE_NETWORK => &self.phase.status,
            _ if cluster.is_incompatible(self.writer) => INCOMPATIBLE,
            "creating" if cluster.progress.fault.is_some() || cluster.phase.is("failed") => "failed",
            status => status,
        }
    }

    pub(super) fn promotion_tier(&self) -> i64 {
        self.kept.get("PromotionTier").and_then(Value::as_i64).unwrap_or(1)
    }

    /// The log stream that it is watched in, if it is.
    fn monitor(&self) -> Option<String> {
        self.kept.get("MonitoringInterval").and_then(Value::as_i64).filter(|seconds| *seconds > 0)?;
        let (account, region) = arn::account_and_region(&self.arn)?;
        Some(format!("arn:aws:logs:{region}:{account}:log-group:RDSOSMetrics:log-stream:{}", self.resource_id))
    }

    pub(super) fn view(&self, store: &Store, now: Millis) -> Value {
        let mut view = self.kept.clone();
        let group = store.subnet_groups.get(&self.subnet_group);
        let cluster = store.clusters.get(&self.cluster);
        let kept = |member: &str| cluster.and_then(|cluster| cluster.kept.get(member)).cloned();
        let security = cluster.map(|cluster| &cluster.security_groups).into_iter().flatten();
        let security: Vec<Value> = security.map(|id| json!({"VpcSecurityGroupId": id, "Status": "active"})).collect();
        let endpoint = cluster.filter(|_| !self.phase.is("creating")).map(|cluster| {
            let address = self.address.as_ref().unwrap_or(&cluster.endpoint(self.writer).address);
            json!({"Address": address, "Port": cluster.port, "HostedZoneId": arn::hosted_zone(&self.arn)})
        });
        let authority = self.kept.get("CACertificateIdentifier");
        let shown = json!({
            "DBInstanceIdentifier": self.identifier, "DBInstanceArn": self.arn, "DbiResourceId": self.resource_id,
            "DBInstanceStatus": self.status(store), "DBInstanceClass": self.class, "Engine": engine::ENGINE,
            "EngineVersion": cluster.map(|cluster| &cluster.version), "DBClusterIdentifier": self.cluster,
            "Endpoint": endpoint, "DbInstancePort": 0, "AllocatedStorage": 1, "MultiAZ": false,
            "MasterUsername": cluster.map(|cluster| &cluster.username),
            "DBName": cluster.and_then(|cluster| cluster.database.as_ref()),
            "InstanceCreateTime": time(self.created), "LatestRestorableTime": time(now),
            "BackupRetentionPeriod": kept("BackupRetentionPeriod"), "PreferredBackupWindow": kept("PreferredBackupWindow"),
            "StorageType": kept("StorageType").unwrap_or_else(|| json!("aurora")),
            "StorageEncrypted": kept("StorageEncrypted"), "KmsKeyId": kept("KmsKeyId"),
            "DeletionProtection": false, "IAMDatabaseAuthenticationEnabled": kept("IAMDatabaseAuthenticationEnabled"),
            "EngineLifecycleSupport": kept("EngineLifecycleSupport"), "NetworkType": "IPV4",
            "VpcSecurityGroups": security, "DBSecurityGroups": [], "AssociatedRoles": [], "DomainMemberships": [],
        });
        view.extend(shown.as_object().cloned().unwrap_or_default());
        let shown = json!({
            "DBParameterGroups": [{"DBParameterGroupName": self.parameter_group, "ParameterApplyStatus": store.instance_group_status(self)}],
            "OptionGroupMemberships": [{"OptionGroupName": "default:aurora-postgresql-15", "Status": "in-sync"}],
            "AvailabilityZone": Some(&self.zone).filter(|_| !self.phase.is("creating")),
            "DBSubnetGroup": group.map(super::subnet_groups::SubnetGroup::view), "LicenseModel": engine::LICENSE,
            "PendingModifiedValues": self.pending, "ReadReplicaDBInstanceIdentifiers": [],
            "CertificateDetails": {"CAIdentifier": authority, "ValidTill": time(self.created + 31_536_000_000)},
            "TagList": tags::listed(&self.tags), "CustomerOwnedIpEnabled": false, "ActivityStreamStatus": "stopped",
            "EnabledCloudwatchLogsExports": cluster.map(|cluster| &cluster.logs).filter(|logs| !logs.is_empty()),
            "EnhancedMonitoringResourceArn": self.monitor(), "UpgradeRolloutOrder": "second",
            "StorageEncryptionType": cluster.map(|cluster| encryption(&cluster.kept)),
            "BackupTarget": "region", "StorageThroughput": 0, "DedicatedLogVolume": false,
        });
        view.extend(shown.as_object().cloned().unwrap_or_default());
        Value::Object(view)
    }
}

/// The name is taken.
pub(super) fn exists(name: &str) -> Fault {
    Fault::new("DBInstanceAlreadyExists", format!("DB instance already exists: {name}"))
}

fn absent(name: &str) -> Fault {
    missing("DBInstanceNotFound", format!("DBInstance {name} not found."))
}

impl Store {
    pub(super) fn instance(&self, name: &str) -> Result<&Instance, Fault> {
        self.instances.get(&key(name)).ok_or_else(|| absent(name))
    }

    /// The members of a cluster, by identifier.
    pub(super) fn members(&self, cluster: &str) -> impl Iterator<Item = &Instance> {
        self.instances.values().filter(move |instance| instance.cluster == cluster)
    }

    /// Makes one member the writer, and every other one a reader.
    pub(super) fn promote(&mut self, cluster: &str, writer: &str) {
        for instance in self.instances.values_mut().filter(|instance| instance.cluster == cluster) {
            instance.writer = instance.identifier == writer;
        }
    }

    /// Refuses unless the instance is `available`, or waits for another parameter group or a reboot.
    pub(super) fn available_instance(&self, name: &str) -> Result<&Instance, Fault> {
        let instance = self.instance(name)?;
        let status = instance.status(self);
        if ["available", INCOMPATIBLE].contains(&status) {
            return Ok(instance);
        }
        let message = format!("DB instance {} is not in the available state: it is {status}.", instance.identifier);
        Err(Fault::new("InvalidDBInstanceState", message))
    }
}

pub(super) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = identifier("DBInstanceIdentifier", input.required("DBInstanceIdentifier")?, 63)?;
    engine::check(input.required("Engine")?)?;
    let Some(cluster) = input.text("DBClusterIdentifier") else {
        return Err(combination(
            "DBClusterIdentifier is required: instances of aurora-postgresql are members of a cluster.",
        ));
    };
    if let Some((_, what)) = OF_THE_CLUSTER.iter().find(|(member, _)| input.has(member)) {
        return Err(combination(format!(
            "The requested DB Instance will be a member of a DB Cluster. Set {what} for the DB Cluster."
        )));
    }
    input.only("CreateDBInstance", &watching::and_watching(CREATE))?;
    let store = &ctx.region.rds;
    store.check_instance_name(&name)?;
    let cluster = store.clusters.get(&key(cluster)).ok_or_else(|| no_cluster(cluster))?.clone();
    if !cluster.phase.is("creating") || cluster.status() == "failed" {
        store.available_cluster(&cluster.identifier)?;
    }
    if let Some(version) = input.text("EngineVersion").filter(|version| *version != cluster.version) {
        return Err(combination(format!(
            "The engine version that you requested for your DB instance ({version}) does not match the engine version of \
             your DB cluster ({})",
            cluster.version
        )));
    }
    let class = input.required("DBInstanceClass")?.to_owned();
    classes::check(&class, "creating", &cluster)?;
    check_kept(ctx, &input)?;
    if store.members(&cluster.identifier).count() >= 16 {
        return Err(Fault::new(
            "InstanceQuotaExceeded",
            format!("DB cluster {} has 16 instances already.", cluster.identifier),
        ));
    }
    let group = store.subnet_group(&cluster.subnet_group)?;
    if input.text("DBSubnetGroupName").is_some_and(|given| given.to_ascii_lowercase() != group.name) {
        return Err(combination(
            "The requested DB Instance will be a member of a DB Cluster. Set DB subnet group for the DB Cluster.",
        ));
    }
    if input.flag("PubliclyAccessible") == Some(true) && !ctx.region.ec2.has_internet_gateway(&group.vpc_id) {
        let message =
            "Cannot create a publicly accessible DBInstance. The specified VPC has no internet gateway attached.";
        return Err(Fault::new("InvalidVPCNetworkStateFault", message));
    }
    let (subnet_id, zone) = place::choose(ctx, group, &cluster.identifier, input.text("AvailabilityZone"))?;
    let parameter_group = input.text("DBParameterGroupName").map(str::to_ascii_lowercase);
    let parameter_group = parameter_group.unwrap_or_else(|| format!("default.{}", engine::family(&cluster.version)));
    store.check_instance_group(&parameter_group, &cluster.version)?;
    let defaults = json!({"PromotionTier": 1, "PubliclyAccessible": false, "AutoMinorVersionUpgrade": true,
        "PreferredMaintenanceWindow": "sun:05:20-sun:05:50",
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CopyTagsToSnapshot": false});
    let mut kept = defaults.as_object().cloned().unwrap_or_default();
    kept.extend(watching::defaults());
    kept.extend(watching::of_all(&cluster.kept));
    input.keep(KEPT, &mut kept);
    watching::keep(ctx, &input, &mut kept);
    windows::normalize(&mut kept);
    // One of a cluster that is being made begins when that one is there.
    let begin = cluster.phase.end().filter(|_| cluster.phase.is("creating")).map_or(ctx.now, |end| end.max(ctx.now));
    let mut instance = Instance {
        arn: ctx.rds_arn("db", &name),
        resource_id: arn::resource_id("db-"),
        phase: Phase::until("creating", ctx.pace.after(begin, times::INSTANCE), ctx.ending("failed")),
        progress: Progress::begun(),
        writer: !store.members(&cluster.identifier).any(|member| member.writer && member.is_sound()),
        cluster: cluster.identifier.clone(),
        class,
        parameter_group,
        subnet_group: group.name.clone(),
        subnet_id,
        zone,
        address: None,
        created: ctx.now,
        kept,
        pending: Map::new(),
        resizing: false,
        boot: None,
        tags: tags::given(&input)?,
        identifier: name,
    };
    instance.address = cfg!(target_os = "linux").then(|| ctx.region.rds.listener(cluster.port).address);
    instance.boot = Some(ctx.region.rds.boot(&instance));
    attach(ctx, &mut instance, &cluster.security_groups);
    let answer = json!({"DBInstance": instance.view(&ctx.region.rds, ctx.now)});
    ctx.note_doom("db-instance", &instance.arn);
    let (name, writer) = (instance.identifier.clone(), instance.writer);
    ctx.region.rds.instances.insert(name.clone(), instance);
    if writer {
        // The one before it may still be leaving.
        ctx.region.rds.promote(&cluster.identifier, &name);
    }
    Ok(answer)
}

fn attach(ctx: &mut Ctx<'_>, instance: &mut Instance, groups: &[String]) {
    let purpose = Purpose::of_service(&instance.arn, "RDSNetworkInterface", "amazon-rds");
    let attached = ctx.region.ec2.attach_interface(&purpose, &instance.subnet_id, groups, ctx.now);
    ctx.end_without_room(attached.map(drop), &mut instance.phase);
}

/// Gives the interfaces of a cluster's members the cluster's security groups.
pub(super) fn regroup(ctx: &mut Ctx<'_>, cluster: &str) {
    let Ok(groups) = ctx.region.rds.cluster(cluster).map(|cluster| cluster.security_groups.clone()) else { return };
    for instance in ctx.region.rds.members(cluster) {
        ctx.region.ec2.regroup_interfaces(&instance.arn, &groups);
    }
}

pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let filters = Filters::of(&input, &["db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine"])?;
    let store = &ctx.region.rds;
    let wanted = |instance: &&Instance| {
        filters.pass("db-cluster-id", &[&instance.cluster])
            && filters.pass("db-instance-id", &[&instance.identifier])
            && filters.pass("dbi-resource-id", &[&instance.resource_id])
            && filters.pass("engine", &[engine::ENGINE])
            && filters.pass("domain", &[])
    };
    let instances: Vec<&Instance> = match input.text("DBInstanceIdentifier") {
        Some(name) => vec![store.instance(name)?],
        None => store.instances.values().collect(),
    };
    page(
        &input,
        "DBInstances",
        instances.into_iter().filter(wanted).map(|instance| instance.view(store, ctx.now)).collect(),
    )
}
