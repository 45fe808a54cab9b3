//! Proxies whose server is away, or that are cut off from it: their clients wait, as RDS Proxy's do, up to ConnectionBorrowTimeout.
//!
//! A PgBouncer that cannot reach its server sends everybody away at once as soon as one attempt has failed, also for a
//! moment after the server is back. While it is paused it makes no attempt, and every client waits in it: also one that has
//! just come, until `query_wait_timeout`. It pauses and resumes by signals (<https://www.pgbouncer.org/usage.html#signals>).
//!
//! An attempt that is under way when the pause begins counts as failed too. Such a failure is forgotten when the way to the
//! server is another one in PgBouncer's configuration: whoever comes then waits for an attempt by that way. So each return
//! of the server is told there by a number.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::Signal;

use super::{
    pooler,
    postgres::{self, Servers},
};

/// By the pooler's name.
#[derive(Debug, Default)]
pub(super) struct Holding(Mutex<HashMap<String, Held>>);

#[derive(Debug, Default)]
struct Held {
    /// Whether its server is away, as far as that is known.
    waits: Option<bool>,
    /// Whether no server is its own, or none that it is let to.
    cut_off: bool,
    /// Whether it was told to have its clients wait; nothing where an earlier daemon may have told it something else.
    told: Option<bool>,
    /// How often its server has come back.
    returns: u64,
    /// What its configuration was made from.
    settings: Option<pooler::Wanted>,
}

impl Holding {
    /// Held while a signal is sent, so that the last word is the right one.
    fn all(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Servers {
    /// Has the clients of these poolers wait, before their server goes.
    pub(super) fn hold(&self, poolers: &[String]) {
        let mut all = self.holding.all();
        for name in poolers {
            let held = all.entry(name.clone()).or_default();
            held.waits = Some(true);
            self.tell(name, held);
        }
    }

    /// Does so for all that lead to a cluster.
    pub(super) fn hold_all(&self, wanted: &postgres::Wanted) {
        self.hold(&wanted.poolers);
        self.hold(&wanted.reading_poolers);
    }

    /// Lets them in, when their server is there.
    pub(super) fn let_in(&self, poolers: &[String]) {
        let mut all = self.holding.all();
        for name in poolers {
            let held = all.entry(name.clone()).or_default();
            held.waits = Some(false);
            self.tell(name, held);
        }
    }

    /// Tells a pooler whether its clients are to wait, where that is another word than the last one.
    fn tell(&self, name: &str, held: &mut Held) {
        let wait = held.cut_off || held.waits == Some(true);
        if held.told.replace(wait) == Some(wait) {
            return;
        }
        let Some(pooler) = self.pooler(name) else { return };
        if wait {
            return pooler.signal(Signal::USR1);
        }
        held.returns += 1;
        if let Some(settings) = &held.settings {
            match self.write_settings(settings, held.returns) {
                Ok(_) => pooler.signal(Signal::HUP),
                // They wait a moment longer, or are told to come again.
                Err(cause) => self.cloud.log.line(&format!("Could not write the settings of {name}: {cause}.")),
            }
        }
        // It comes after the other one, also where both arrive at once: signals do so by their numbers.
        pooler.signal(Signal::USR2);
    }

    /// Writes a pooler's configuration. Answers whether that changed it.
    pub(super) fn configure_pooler(&self, wanted: &pooler::Wanted) -> io::Result<bool> {
        let mut all = self.holding.all();
        let held = all.entry(wanted.name.clone()).or_default();
        held.settings = Some(wanted.clone());
        held.cut_off = wanted.server.is_none();
        let written = self.write_settings(wanted, held.returns)?;
        // Where nothing is known of its server, one that goes on is left as it is.
        if held.cut_off || held.waits.or(held.told).is_some() {
            self.tell(&wanted.name, held);
        }
        Ok(written)
    }

    /// Tells a pooler that has just been started, which holds nobody.
    pub(super) fn tell_new_pooler(&self, name: &str) {
        if let Some(held) = self.holding.all().get_mut(name) {
            held.told = Some(false);
            self.tell(name, held);
        }
    }
}
