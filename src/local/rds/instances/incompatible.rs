//! Parameters with which a server does not start: its instances are `incompatible-parameters` until a change of the group, or
//! a reboot that reads it, lets it start. What fails is not tried again at once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::local::pace::Millis;
use crate::local::rds::{Store, plane::listener::Listener};

/// The state, in AWS's words.
pub(super) const INCOMPATIBLE: &str = "incompatible-parameters";

const NOT_STARTED: &str = "PostgreSQL did not start";

/// What PostgreSQL says of parameters that it does not start with.
const SAID: &[&str] = &[
    "invalid value for parameter",
    "contains errors",
    "unrecognized configuration parameter",
    "is outside the valid range",
    "requires a numeric value",
    "requires a Boolean value",
    "could not set the cipher list",
    "could not set SSL protocol version range",
    "could not set minimum SSL protocol version",
    "could not set maximum SSL protocol version",
    "could not map anonymous shared memory",
    "could not create shared memory segment",
    "could not create semaphores",
    "must be less than max_connections",
    "invalid list syntax in parameter",
    "insufficient shared memory",
    "could not access file",
];

/// Whether a fault is one of the parameters' values.
pub(crate) fn is_told_by(fault: &str) -> bool {
    fault.starts_with(NOT_STARTED) && SAID.iter().any(|said| fault.contains(said))
}

/// Whether a fault is that of the server that listens there.
pub(crate) fn is_of(fault: &str, listener: &Listener) -> bool {
    fault.starts_with(&not_started(listener))
}

/// How the fault of a server that does not start begins.
pub(crate) fn not_started(listener: &Listener) -> String {
    format!("{NOT_STARTED} on {}:{}:", listener.address, listener.port)
}

impl Store {
    /// Tells of each instance of the cluster with this ARN that it has become incompatible, if that is why there is a fault.
    pub(crate) fn note_incompatible(&mut self, now: Millis, cluster: &str, fault: &str) {
        let cluster = self.clusters.values().find(|one| one.arn == cluster && is_told_by(fault));
        let Some(cluster) = cluster else { return };
        let members = self.members(&cluster.identifier).filter(|member| member.is_sound());
        let members: Vec<String> =
            members.filter(|member| cluster.is_incompatible(member.writer)).map(|member| member.arn.clone()).collect();
        for arn in members {
            let message = format!("Database instance put into {INCOMPATIBLE}. {fault}");
            self.note(now, "db-instance", &arn, "failure", message);
        }
    }
}

/// How long to wait after the first failure, and at most.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);

/// What has failed, by name.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<String, Failure>>);

#[derive(Debug)]
struct Failure {
    /// What was tried; something else is tried at once.
    circumstances: String,
    why: String,
    again: Instant,
    pause: Duration,
}

impl Failures {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the same has just failed, as long as it is too early to try again.
    pub(crate) fn recent(&self, name: &str, circumstances: &str) -> Option<String> {
        let all = self.all();
        let failure = all.get(name).filter(|failure| failure.circumstances == circumstances)?;
        (Instant::now() < failure.again).then(|| failure.why.clone())
    }

    /// Takes down how an attempt ended; a repeated failure is waited for twice as long.
    pub(crate) fn note(&self, name: &str, circumstances: String, outcome: &Result<(), String>) {
        let mut all = self.all();
        let before = all.remove(name).filter(|before| before.circumstances == circumstances);
        if let Err(why) = outcome {
            let pause = before.map_or(FIRST, |before| (before.pause * 2).min(LONGEST));
            let again = Instant::now() + pause;
            all.insert(name.to_owned(), Failure { circumstances, why: why.clone(), again, pause });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_not_repeated_at_once_and_something_else_is_tried() {
        let failures = Failures::default();
        failures.note("one", "a".into(), &Err("no".into()));
        assert_eq!(failures.recent("one", "a").as_deref(), Some("no"));
        assert_eq!(failures.recent("one", "b"), None, "other circumstances");
        assert_eq!(failures.recent("two", "a"), None, "another server");
        failures.note("one", "a".into(), &Err("no".into()));
        assert_eq!(failures.all()["one"].pause, FIRST * 2);
        for _ in 0..9 {
            failures.note("one", "a".into(), &Err("no".into()));
        }
        assert_eq!(failures.all()["one"].pause, LONGEST);
        failures.note("one", "a".into(), &Ok(()));
        assert_eq!(failures.recent("one", "a"), None);
    }

    #[test]
    fn only_what_parameters_cause_is_theirs() {
        let did_not = |why: &str| format!("PostgreSQL did not start on 127.0.0.2:5432: {why}.");
        assert!(is_told_by(&did_not("FATAL:  configuration file \"x\" contains errors")));
        assert!(!is_told_by(&did_not("could not bind IPv4 address \"127.0.0.2\": Address already in use")));
        assert!(!is_told_by("PostgreSQL 15 is not installed: invalid value for parameter"));
    }
}
