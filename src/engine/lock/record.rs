//! What the lock's parameter holds: who works on the stack, or who did so until a moment ago.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who holds the lock, as written in the parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The AWS identity.
    pub owner: String,
    /// The machine.
    pub host: String,
    /// Which start of the machine, and which of its process tables; empty where the system does not tell.
    #[serde(default)]
    pub machine: String,
    /// The process there.
    pub pid: u32,
    /// What no other holder has, whatever machines and processes are called.
    #[serde(default)]
    pub nonce: String,
    /// What it does: `deploy` or `destroy`.
    pub verb: String,
    /// Since when.
    pub since: Timestamp,
    /// The last sign of life, by the holder's clock.
    pub beat: Timestamp,
}

impl Holder {
    /// This process.
    pub fn this(owner: &str, verb: &str) -> Self {
        let now = Timestamp::now();
        Self {
            owner: owner.to_owned(),
            host: host(),
            machine: machine(),
            pid: std::process::id(),
            nonce: nonce(),
            verb: verb.to_owned(),
            since: now,
            beat: now,
        }
    }

    /// Whether both are one holder, whatever it wrote since.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.nonce, self.since, self.pid, &self.host) == (&other.nonce, other.since, other.pid, &other.host)
    }

    /// Becomes a holder that nobody has met yet.
    pub(super) fn renew(&mut self) {
        self.nonce = nonce();
    }

    /// Whether it was a process of this machine that has ended: then nobody has to wait for its lease.
    pub fn is_gone(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        self.is_here() && pid.is_some_and(crate::process::is_gone)
    }

    /// Whether it is, or was, a process of this machine.
    pub(super) fn is_here(&self) -> bool {
        !self.machine.is_empty() && self.machine == machine() && self.host == host()
    }
}

fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What tells this machine's processes from those of another one, or of another container with the same host name.
fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let table = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if boot.is_empty() { String::new() } else { format!("{} {}", boot.trim(), table.display()) }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} (process {} on {}{}), running infra {} since {}",
            self.owner,
            self.pid,
            self.host,
            if self.is_gone() { ", dead by now" } else { "" },
            self.verb,
            self.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        )
    }
}

/// The parameter's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) holder: Holder,
    /// Whether the holder has given the lock back, at a moment when AWS did not show yet all that it had done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) ended: bool,
    /// The parameter that elected it, where it took over: whoever comes next removes it, should it still be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) election: Option<String>,
}

impl Record {
    pub(super) fn of(holder: Holder) -> Self {
        Self { holder, ended: false, election: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_told_from_one_with_the_same_process_number() {
        let one = Holder::this("me", "deploy");
        let mut later = one.clone();
        later.beat = Timestamp::UNIX_EPOCH;
        assert!(one.is(&later), "it only gave a sign of life");
        later.renew();
        assert!(!one.is(&later));
        assert!(!one.is_gone());
        // A process that has ended says something only about the machine that it was on.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let mut gone = Holder { pid: child.id(), ..one.clone() };
        let begun = std::time::Instant::now();
        // Its parent, which this is, has not asked yet how it ended.
        while !gone.is_gone() && !gone.machine.is_empty() {
            assert!(begun.elapsed() < std::time::Duration::from_secs(20), "a process that has ended is not seen to");
        }
        child.wait().unwrap();
        assert_eq!(gone.is_gone(), !gone.machine.is_empty());
        assert_eq!(gone.to_string().contains("dead by now"), gone.is_gone());
        assert!(!one.to_string().contains("dead"), "{one}");
        gone.host = "another".to_owned();
        assert!(!gone.is_gone());
    }

    #[test]
    fn what_earlier_versions_wrote_is_read() {
        let text = r#"{"owner": "arn:aws:iam::1:user/a", "host": "h", "pid": 7, "verb": "deploy",
                       "since": "2026-01-01T00:00:00Z", "beat": "2026-01-01T00:00:05Z"}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert!(!record.ended && record.holder.nonce.is_empty() && !record.holder.is_gone());
        assert!(!serde_json::to_string(&record).unwrap().contains("ended"));
    }
}
