//! The section `proxy`: the RDS Proxy between service and database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Peer, Percent};

/// The RDS Proxy in the private subnets: it pools connections and hides failovers. It bills at least 8 ACUs (about 88 USD a month).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Proxy {
    /// How much of the database's max_connections the proxy may use, 1 % to 100 %.
    #[schemars(extend("x-minimum" = "1 %", "x-maximum" = "100 %"))]
    pub max_connections: Percent,

    /// How much of max_connections it keeps open while idle, 0 % up to `max_connections`. Left out: half of `max_connections`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_idle: Option<Percent>,

    /// How long a client waits for a connection before it gets an error, up to 5 min.
    #[schemars(extend("x-minimum" = "0 s", "x-maximum" = "5 min"))]
    pub borrow_timeout: Duration,

    /// How long a client may be idle before it is disconnected, 1 s to 8 h.
    #[schemars(extend("x-minimum" = "1 s", "x-maximum" = "8 h"))]
    pub idle_timeout: Duration,

    /// Whether clients must use TLS.
    pub require_tls: bool,

    /// Whether the proxy logs SQL, for debugging. It turns itself off after 24 hours, and the SQL may contain data.
    pub debug_logging: bool,

    /// Who else may reach the proxy besides the service, for example the place where migrations run: address ranges such as `10.8.0.0/16`,
    /// and security groups by id. A rule that was added by hand counts as drift and is removed.
    pub allow_from: Vec<Peer>,
}

impl Proxy {
    /// The idle share, given or half of the connections as RDS has it.
    #[must_use]
    pub fn idle_share(&self) -> Percent {
        self.max_idle.unwrap_or(Percent::new(self.max_connections.get() / 2))
    }
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            max_connections: Percent::new(90),
            max_idle: None,
            borrow_timeout: Duration::from_secs(2 * 60),
            idle_timeout: Duration::from_secs(30 * 60),
            require_tls: true,
            debug_logging: false,
            allow_from: Vec::new(),
        }
    }
}
