//! The databases that run behind the cloud: what `infra local env` and `infra local psql` need to know.

use serde::{Deserialize, Serialize};

use super::{cloud::Cloud, rds};

/// A way into one database, through a proxy or straight to the cluster. It carries the password, so it only
/// travels over the loopback control interface, to those who can read the daemon's token, and has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Database {
    /// The account's twelve digits.
    pub(crate) account: String,
    /// The region.
    pub(crate) region: String,
    /// The stack that the cluster's tag `infra:stack` names; empty for others.
    pub(crate) stack: String,
    /// The cluster's identifier.
    pub(crate) cluster_id: String,
    /// The proxy whose endpoint this is; `None`: the cluster's own endpoint.
    pub(crate) proxy_name: Option<String>,
    /// The address to connect to, in 127.0.0.0/8.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// The database's name.
    pub(crate) name: String,
    /// The user.
    pub(crate) username: String,
    /// The password.
    pub(crate) password: String,
    /// The certificate authority in PEM that signed the server's certificate; a path.
    pub(crate) ca_file: Option<String>,
}

impl Cloud {
    /// Every way into every database that runs, proxies before clusters.
    pub(crate) fn databases(&self) -> Vec<Database> {
        rds::databases(self)
    }
}
