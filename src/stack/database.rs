//! The section `database`: the Aurora Serverless v2 cluster, PostgreSQL 15.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Acu, BackupWindow, DatabaseName, Duration, EngineVersion, KmsKeyArn, UserName};

/// The Aurora Serverless v2 cluster, PostgreSQL 15, in the isolated subnets. Its storage is encrypted, its tags go to its snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// "15" for the newest 15.x that AWS offers when the cluster is created, or an exact version, in quotes: "15.10". This is a minimum: if AWS has upgraded the
    /// cluster by itself, even to the next major version at the end of a version's support, it is never downgraded.
    pub engine_version: EngineVersion,

    /// The database created with the cluster. Changing it replaces the cluster.
    pub name: DatabaseName,

    /// The master user. Changing it replaces the cluster.
    pub username: UserName,

    /// The port of the cluster; changing it restarts the instances. An RDS Proxy always listens on 5432.
    #[schemars(range(min = 1150, max = 65535))]
    pub port: u16,

    /// How far the cluster scales.
    pub capacity: Capacity,

    /// Readers in addition to the writer, 0 to 15. One is enough for the cluster to survive the loss of a zone without a long pause.
    #[schemars(range(min = 0, max = 15))]
    pub readers: u8,

    /// The automatic backups.
    pub backups: Backups,

    /// Deletion protection: while it is on, AWS refuses to delete the cluster, and `infra destroy` says so before it deletes anything.
    pub protect: bool,

    /// The KMS key that encrypts its storage and its snapshots, by ARN. Left out: AWS's own key for RDS, or the one that it already has.
    /// Changing it replaces the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<KmsKeyArn>,

    /// What becomes of the data when the cluster is deleted.
    pub on_destroy: OnDestroyDatabase,

    /// Settings in the cluster parameter group, by PostgreSQL's names; everything else is as in Aurora's default group.
    #[schemars(extend("x-keys" = "infra-parameter-name"), with = "BTreeMap<String, super::service::TextOrNumber>")]
    pub parameters: BTreeMap<String, String>,

    /// Which logs go to CloudWatch.
    pub logs: Vec<LogKind>,

    /// Whether the RDS Data API is on: SQL over HTTPS, bypassing the proxy, for those whom IAM allows to use it.
    pub data_api: bool,

    /// Whether users may log in to the cluster by IAM, with a token instead of a password. The proxy and the migrator never do.
    pub iam_authentication: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            engine_version: EngineVersion::newest(),
            name: DatabaseName::app(),
            username: UserName::app(),
            port: 5432,
            capacity: Capacity::default(),
            readers: 0,
            backups: Backups::default(),
            protect: true,
            kms_key: None,
            on_destroy: OnDestroyDatabase::default(),
            parameters: BTreeMap::new(),
            logs: vec![LogKind::Postgresql],
            data_api: false,
            iam_authentication: false,
        }
    }
}

/// How far the cluster scales, in ACUs (Aurora capacity units, about 2 GB of memory each) in steps of 0.5, from 0 to 256.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Capacity {
    /// The minimum. 0 lets the cluster pause when nobody is connected; a proxy always is.
    pub min: Acu,

    /// The maximum, at least 1.
    pub max: Acu,

    /// How long nobody must be connected before the cluster pauses, 5 min to 24 h; only with `min: 0`. Left out: 5 min.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-minimum" = "5 min", "x-maximum" = "24 h"))]
    pub pause_after: Option<Duration>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { min: Acu::from_halves(1), max: Acu::from_halves(8), pause_after: None }
    }
}

/// The automatic backups; any second within the retention can be restored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backups {
    /// How long they are kept: 1 to 35 days.
    #[schemars(extend("x-minimum" = "1 day", "x-maximum" = "35 days", "x-step" = "1 day"))]
    pub retention: Duration,

    /// The daily window in which they are made, in UTC, at least 30 minutes: `02:00-02:30`. Left out: AWS chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<BackupWindow>,
}

impl Default for Backups {
    fn default() -> Self {
        Self { retention: Duration::from_days(7), window: None }
    }
}

/// What becomes of the data when the cluster is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnDestroyDatabase {
    /// A final snapshot is taken, and kept.
    #[default]
    Snapshot,
    /// It is deleted with the cluster.
    Delete,
    /// `infra destroy` leaves the cluster alone, and the network it is in.
    Keep,
}

/// A log that Aurora PostgreSQL can send to CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// PostgreSQL's own log.
    Postgresql,
    /// The instances' operating system.
    Instance,
    /// Refused IAM logins.
    IamDbAuthError,
}

impl LogKind {
    /// The name that the RDS API uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Instance => "instance",
            Self::IamDbAuthError => "iam-db-auth-error",
        }
    }
}
