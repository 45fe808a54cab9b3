//! The section `migrations`: the Drizzle folder and how it is applied.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Duration, SqlName};
use crate::migrate::lint::{RULES, Rule, find};

/// The Drizzle migrations, applied through the proxy before the service goes live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Migrations {
    /// Drizzle's `out`: the folder with `meta/_journal.json`, or (drizzle 1.0) with a folder for each migration.
    /// Relative to the file it is in; from `--set`, to the current directory.
    #[serde(default = "default_folder")]
    #[schemars(with = "String", extend("format" = "infra-path", "examples" = ["drizzle/migrations"]))]
    pub folder: PathBuf,

    /// The table of applied migrations, as in drizzle.config.ts.
    #[serde(default)]
    pub ledger: Ledger,

    /// Where they are applied from. The proxy can be reached only from inside the VPC.
    #[serde(default)]
    pub runner: Runner,

    /// What shares a transaction. A file whose first line is `-- infra: no-transaction` runs without one, by itself.
    #[serde(default)]
    pub transaction: TransactionScope,

    /// How long a statement waits for a lock before it fails and is retried.
    #[serde(default = "default_lock_timeout")]
    #[schemars(extend("x-minimum" = "1 s", "x-maximum" = "1 h"))]
    pub lock_timeout: Duration,

    /// How long a statement may run. Left out: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-minimum" = "1 s", "x-maximum" = "24 h"))]
    pub statement_timeout: Option<Duration>,

    /// Settings of `infra migrate lint`.
    #[serde(default)]
    pub lint: Lint,
}

fn default_folder() -> PathBuf {
    "drizzle".into()
}

const fn default_lock_timeout() -> Duration {
    Duration::from_secs(10)
}

/// The table where Drizzle and infra write down what was applied; as `migrations` in drizzle.config.ts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// Its schema.
    pub schema: SqlName,
    /// Its name.
    pub table: SqlName,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { schema: SqlName::drizzle_schema(), table: SqlName::drizzle_table() }
    }
}

/// Where migrations are applied from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Runner {
    /// From where the command runs, which the proxy must let in.
    #[default]
    Here,
    /// From inside the VPC, by a Lambda function that is infra itself, wherever the command runs.
    Lambda,
}

/// What shares a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransactionScope {
    /// Each migration with its ledger row: a failure keeps the migrations before it.
    #[default]
    Each,
    /// Everything pending, as in Drizzle: a failure rolls everything back.
    All,
}

/// Settings of `infra migrate lint`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lint {
    /// Rules that are switched off. For one statement alone, write `-- infra: allow RULE` above it.
    pub allow: Vec<LintRule>,

    /// The last migration that is applied everywhere: if no database is asked, only those after it are linted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A rule of `infra migrate lint`, by its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LintRule(pub &'static Rule);

impl Serialize for LintRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for LintRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        find(&name).map(LintRule).map_err(|_| serde::de::Error::custom(format!("there is no rule {name}")))
    }
}

impl JsonSchema for LintRule {
    fn schema_name() -> Cow<'static, str> {
        "LintRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let rules: Vec<serde_json::Value> = RULES
            .iter()
            .map(|rule| serde_json::json!({ "description": rule.finds, "type": "string", "const": rule.name }))
            .collect();
        schemars::json_schema!({ "description": "A rule of `infra migrate lint`.", "oneOf": rules })
    }
}
