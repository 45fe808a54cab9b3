//! The names that AWS changes in place although no description can: of clusters and instances.

use serde_json::Value;

use crate::{
    engine::{Change, Resource as _},
    resources::{cluster::Cluster, instance::Instance},
};

/// A new name for something that exists.
pub(super) struct Rename {
    pub(super) to: String,
    /// For the AWS CLI.
    pub(super) command: String,
    /// What ends with the old name.
    pub(super) consequence: &'static str,
}

/// How to rename what stands for `kind` under `id`, where that makes `change` unnecessary.
pub(super) fn rename(kind: &str, id: &str, change: &Change, region: &str) -> Option<Rename> {
    let Value::String(to) = &change.after else { return None };
    let (what, consequence) = match (kind, change.path.as_str()) {
        (Cluster::KIND, "identifier") => (
            "db-cluster",
            "Its endpoints are named by it: whoever connects to the old ones has to be told the new ones.",
        ),
        (Instance::KIND, "identifier") => (
            "db-instance",
            "It restarts, and its own endpoint is named by it: whoever connects to the old one has to be told the new one.",
        ),
        _ => return None,
    };
    let command = format!(
        "aws rds modify-{what} --region {region} --{what}-identifier {id} --new-{what}-identifier {to} --apply-immediately"
    );
    Some(Rename { to: to.clone(), command, consequence })
}
