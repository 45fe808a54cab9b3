//! The stack description: YAML to a typed, checked value. It reads files and the environment, and never prints.
//!
//! ```text
//! files, --set → yaml (a tree that knows its places) → overlay → check against the schema → Stack → cross checks → Loaded
//! ```
//! The types are the one source: their documentation is the JSON schema of `infra schema` and the comments of stack.example.yaml.

mod assign;
mod check;
mod cross;
mod database;
mod database_name;
mod decode;
mod description;
mod diagnostic;
#[cfg(test)]
mod example;
mod finding;
mod keys;
mod load;
mod migrations;
mod name;
mod network;
mod peer;
mod plain;
mod proxy;
mod reference;
mod scalar;
mod schema;
mod secret;
mod service;
mod shape;
mod source;
mod substitute;
#[cfg(test)]
mod tests;
mod tree;
mod unit;
mod yaml;

pub(crate) use cross::{FOLDER as MIGRATIONS_FOLDER, PROGRAM_FOLDER};
pub use database::{Backups, Capacity, Database, LogKind, OnDestroyDatabase};
pub use database_name::{BackupWindow, DatabaseName, EngineVersion, SqlName, UserName};
pub use description::Stack;
pub use diagnostic::{Diagnostic, Invalid, count};
pub use finding::Severity;
pub(crate) use keys::RESERVED_ENV;
pub use load::{Environment, Loaded, Sources, is_standard_input, load, load_migrations, load_with};
pub use migrations::{Ledger, Lint, LintRule, Migrations, Runner, TransactionScope};
pub use name::{AccountId, KmsKeyArn, PolicyArn, Region, StackName};
pub use network::{Cidr, Nat, Network, NetworkTooSmall, SubnetPlan, Tier};
pub use peer::Peer;
pub use proxy::Proxy;
pub use reference::{EndpointService, Image, SecretName, SecretReference};
pub use scalar::Wrong;
pub use schema::json_schema;
pub use secret::{OnDestroySecret, Secret};
pub use service::{HealthCheck, HealthProtocol, LocalProgram, Platform, Scaling, Service};
pub use unit::{Acu, Cpu, Duration, Memory, Percent};
