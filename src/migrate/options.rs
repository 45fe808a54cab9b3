//! How migrations are applied.

use std::time::Duration;

use tokio::sync::watch;

use super::plan::Allow;

/// How migrations are applied; the default is right for a deploy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Apply up to and including this migration.
    pub to: Option<String>,
    /// All that is pending in one transaction, as Drizzle does it: a failure takes everything back.
    pub together: bool,
    /// What is let through.
    pub allow: Allow,
    /// How long a statement waits for a table's lock; everybody else's queries queue up behind it meanwhile.
    pub lock_timeout: Duration,
    /// How long a statement may run; none: as long as it needs, whatever the role's default.
    pub statement_timeout: Option<Duration>,
    /// How often a migration is tried that could not get a lock, or was the victim of a deadlock.
    pub attempts: u32,
    /// How long to wait for another migrator.
    pub wait: Duration,
    /// After what time a migrator is taken for dead that was at work without a transaction and is not seen any more.
    pub patience: Duration,
    /// Becomes true when the user wants to stop.
    pub interrupt: Option<watch::Receiver<bool>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            to: None,
            together: false,
            allow: Allow::default(),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: None,
            attempts: 5,
            wait: Duration::from_secs(600),
            patience: Duration::from_secs(60),
            interrupt: None,
        }
    }
}
