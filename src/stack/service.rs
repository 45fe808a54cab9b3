//! The section `service`: the web service, what it runs, how it is checked and scaled.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cpu, Duration, Image, KmsKeyArn, Memory, SecretReference};

/// The web service. Where there is a database it gets DB_HOST (the proxy), DB_PORT, DB_NAME and DB_SECRET_ARN in its environment,
/// and may read that one secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What runs the service.
    #[serde(default)]
    pub platform: Platform,

    /// The container image, in ECR: private (`<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`) or public
    /// (`public.ecr.aws/<alias>/<repository>:<tag>`).
    pub image: Image,

    /// The port on which the container listens.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,

    /// CPU of an instance: 0.25, 0.5, 1, 2 or 4 vCPU.
    #[serde(default = "default_cpu")]
    pub cpu: Cpu,

    /// Memory of an instance. 0.25 vCPU goes with 0.5 or 1 GB; 0.5 with 1; 1 with 2, 3 or 4; 2 with 4 or 6; 4 with 8, 10 or 12.
    #[serde(default = "default_memory")]
    pub memory: Memory,

    /// The command that starts the container. Left out: the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 51_200))]
    pub command: Option<String>,

    /// How App Runner checks whether an instance is healthy.
    #[serde(default)]
    pub health_check: HealthCheck,

    /// How many instances run.
    #[serde(default)]
    pub scaling: Scaling,

    /// Environment variables, readable by whoever may describe the service: passwords belong in `secrets`.
    #[serde(default)]
    #[schemars(extend("x-keys" = "infra-env-name"), with = "BTreeMap<String, TextOrNumber>")]
    pub env: BTreeMap<String, String>,

    /// Environment variables filled from Secrets Manager or the SSM Parameter Store: the variable's name, and the ARN or name of
    /// the secret.
    #[serde(default)]
    #[schemars(extend("x-keys" = "infra-env-name"))]
    pub secrets: BTreeMap<String, SecretReference>,

    /// KMS keys, by ARN, that encrypt what `secrets` names: the service may decrypt with them, through Secrets Manager and the
    /// Parameter Store. Not needed for AWS's own keys.
    #[serde(default)]
    pub kms_keys: Vec<KmsKeyArn>,

    /// What the local cloud runs in place of the image; it is never sent to AWS. Left out: there, the service only goes through its
    /// states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalProgram>,

    /// Whether the service can be reached from the internet; `false`: only from the VPC, through an interface endpoint.
    #[serde(default = "default_public")]
    pub public: bool,
}

/// What `infra deploy --local` runs in the image's place: a program on this machine, with the service's environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalProgram {
    /// The command, for `sh`. It has to listen on the port in PORT: the service's own, or another one if that is taken. HOST
    /// tells it to listen on this machine only.
    #[schemars(length(min = 1, max = 51_200))]
    pub command: String,

    /// The folder to start it in. Relative to the file it is in; from `--set`, to the current directory.
    #[serde(default = "default_dir")]
    #[schemars(with = "String", extend("format" = "infra-path", "examples" = ["app"]))]
    pub dir: PathBuf,
}

fn default_dir() -> PathBuf {
    ".".into()
}

const fn default_port() -> u16 {
    8080
}

const fn default_cpu() -> Cpu {
    Cpu::from_units(1024)
}

const fn default_memory() -> Memory {
    Memory::from_mb(2048)
}

const fn default_public() -> bool {
    true
}

/// What runs the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// AWS App Runner, attached to the private subnets. It takes no new customers since 2026-04-30.
    #[default]
    AppRunner,
}

/// How App Runner checks whether an instance is healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// With a request, or only a connection.
    pub protocol: HealthProtocol,

    /// With `protocol: http`: the path to request.
    #[schemars(length(min = 1, max = 51_200))]
    pub path: String,

    /// The time between checks, 1 s to 20 s.
    #[schemars(extend("x-minimum" = "1 s", "x-maximum" = "20 s"))]
    pub interval: Duration,

    /// How long an answer may take, 1 s to 20 s.
    #[schemars(extend("x-minimum" = "1 s", "x-maximum" = "20 s"))]
    pub timeout: Duration,

    /// Successful checks in a row that make an instance healthy, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub healthy_after: u8,

    /// Failed checks in a row that make it unhealthy, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub unhealthy_after: u8,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            protocol: HealthProtocol::default(),
            path: "/".to_owned(),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            healthy_after: 1,
            unhealthy_after: 5,
        }
    }
}

/// How an instance is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HealthProtocol {
    /// A GET of `path` must succeed.
    #[default]
    Http,
    /// The port must accept a connection.
    Tcp,
}

/// How many instances run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    /// The minimum, 1 to 25; idle ones bill only their memory.
    #[schemars(range(min = 1, max = 25))]
    pub min: u8,

    /// The maximum, 1 to 25.
    #[schemars(range(min = 1, max = 25))]
    pub max: u8,

    /// Concurrent requests in one instance before another is started, 1 to 200.
    #[schemars(range(min = 1, max = 200))]
    pub concurrency: u8,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { min: 1, max: 25, concurrency: 100 }
    }
}

/// In the schema only: a text, a number or true/false, which all become their text.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "stands for its schema; the loader hands over texts")]
pub(super) enum TextOrNumber {
    Text(String),
    Number(f64),
    Truth(bool),
}
