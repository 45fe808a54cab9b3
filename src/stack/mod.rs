//! The stack description: YAML to a typed, checked value. It reads files and the environment, and never prints.
//!
//! ```text
//! files, --set → yaml (a tree that knows its places) → overlay → check against the schema → Stack → cross checks → Loaded
//! ```
//! The types are the one source: their documentation is the JSON schema of `infra schema` and the comments of stack.example.yaml.

mod database;
mod description;
mod migrations;
mod name;
mod network;
mod proxy;
mod scalar;
mod secret;
mod service;
mod unit;

pub use database::{Backups, Capacity, Database, LogKind, OnDestroyDatabase};
pub use description::Stack;
pub use migrations::{Ledger, Migrations, TransactionScope};
pub use name::{
    AccountId, BackupWindow, DatabaseName, EndpointService, EngineVersion, Image, Region, SecretName, SecretReference,
    SqlName, StackName, UserName,
};
pub use network::{Cidr, Nat, Network, NetworkTooSmall, SubnetPlan, Tier};
pub use proxy::Proxy;
pub use secret::{OnDestroySecret, Secret};
pub use service::{HealthCheck, HealthProtocol, Platform, Scaling, Service};
pub use unit::{Acu, Cpu, Duration, Memory, Percent};
