//! One deploy at a time per stack: a lease kept in an SSM parameter, which needs no bootstrap.
//!
//! The parameter is created with Overwrite=false, so only one can make it. Its holder writes it anew every
//! few seconds; SSM counts the versions, so a holder whose write gets another number than the next one knows
//! that somebody else has written. A lease that its holder could not renew in time is over for the holder
//! first: it stops by its own clock before anybody may take over.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::observe::patiently;
use crate::aws::{Class, Clients, Error};

/// How often the holder writes.
const BEAT: Duration = Duration::from_secs(5);
/// How long after its last write the holder still works. Others wait for longer than that.
const LEASE: Duration = Duration::from_secs(20);
/// How long a silent lock is watched before it is taken over: longer than a lease, so that no clock has to be right.
const WATCH: Duration = Duration::from_secs(21);

/// How long AWS may take to show what a holder did that ended without giving the lock back: whoever looked earlier could make
/// for a second time what has no name that AWS holds unique.
const SHOWN: Duration = Duration::from_secs(6);

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
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let now = Timestamp::now();
        Self {
            owner: owner.to_owned(),
            host,
            machine: machine(),
            pid: std::process::id(),
            verb: verb.to_owned(),
            since: now,
            beat: now,
        }
    }
}

impl Holder {
    /// Whether it was a process of this machine that has ended: then nobody has to wait for its lease.
    fn is_gone(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        let here = !self.machine.is_empty() && self.machine == machine();
        here && pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
    }
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
            "{} (process {} on {}), which runs `infra {}` since {}",
            self.owner,
            self.pid,
            self.host,
            self.verb,
            self.since.strftime("%Y-%m-%d %H:%M:%S UTC")
        )
    }
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Somebody else works on the stack.
    #[error("The stack is being worked on by {0}.")]
    Held(Box<Holder>),
    /// SSM did not answer as it should.
    #[error(transparent)]
    Aws(#[from] Error),
}

/// The time until which the holder may work; shared with everything that calls AWS.
#[derive(Debug)]
pub struct Lease {
    /// When it was last renewed.
    renewed: Mutex<Option<(Instant, SystemTime)>>,
}

impl Lease {
    /// A lease taken at `at`, which is before the call that took it.
    pub(crate) fn new(at: Instant) -> Arc<Self> {
        Arc::new(Self { renewed: Mutex::new(Some((at, SystemTime::now()))) })
    }

    /// Whether we still hold the lock. False for ever once it was lost.
    pub fn holds(&self) -> bool {
        self.renewed().is_some_and(is_fresh)
    }

    /// Prolongs the lease, unless it has ended in the meantime: then nothing brings it back.
    fn renew(&self, at: Instant, by_the_wall: SystemTime) {
        let mut renewed = self.renewed();
        *renewed = renewed.filter(|&last| is_fresh(last)).map(|_| (at, by_the_wall));
    }

    pub(crate) fn lose(&self) {
        *self.renewed() = None;
    }

    fn renewed(&self) -> MutexGuard<'_, Option<(Instant, SystemTime)>> {
        self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By both clocks: the steady one stands still while the machine sleeps, the one on the wall can be set back.
fn is_fresh((steady, wall): (Instant, SystemTime)) -> bool {
    steady.elapsed() < LEASE && wall.elapsed().map_or(true, |age| age < LEASE)
}

/// The lock of one stack, held until it is released or lost.
#[derive(Debug)]
pub struct Lock {
    parameter: Parameter,
    lease: Arc<Lease>,
    enough: Arc<Notify>,
    beating: JoinHandle<()>,
}

impl Lock {
    /// Takes the lock, waiting at most `wait` for whoever holds it.
    ///
    /// # Errors
    /// [`Refused::Held`] when somebody alive still holds it then.
    pub async fn acquire(
        aws: &Clients,
        stack: &str,
        holder: Holder,
        wait: Duration,
        tell: impl Fn(&str),
    ) -> Result<Self, Refused> {
        let parameter = Parameter { aws: aws.clone(), name: name(stack) };
        let until = Instant::now() + wait;
        let mut told = false;
        let mut doubtful = false;
        let (version, at) = loop {
            let at = Instant::now();
            match parameter.put(&holder, false).await {
                Ok(version) => break (version, at),
                Err(error) if error.class == Class::AlreadyExists => {}
                Err(error) if error.class == Class::Throttled => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    continue;
                }
                // It may be ours now: look.
                Err(error) if error.class == Class::Ambiguous && !doubtful => doubtful = true,
                Err(error) => return Err(error.into()),
            }
            let Some(seen) = parameter.get_patiently().await? else {
                // Given back a moment ago, or not shown yet.
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            if doubtful && seen.holder == holder {
                break (seen.version, at);
            }
            let gone = seen.holder.is_gone();
            if gone || seen.is_silent() {
                let (sure, watch) = match gone {
                    true => ("is no more; AWS may take some seconds to show all that it did", SHOWN),
                    false => ("has given no sign of life for a while; making sure", WATCH),
                };
                tell(&format!("The lock's holder, {}, {sure}.", seen.holder));
                tokio::time::sleep(watch).await;
                match parameter.get_patiently().await? {
                    Some(now) if now.version == seen.version => {
                        let at = Instant::now();
                        let version = parameter.put(&holder, true).await?;
                        if version == now.version + 1 {
                            break (version, at);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            if Instant::now() >= until {
                return Err(Refused::Held(Box::new(seen.holder)));
            }
            if !told {
                tell(&format!("Waiting for {}.", seen.holder));
                told = true;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let lease = Lease::new(at);
        let enough = Arc::new(Notify::new());
        let beating = beat(parameter.clone(), holder, version, Arc::clone(&lease), Arc::clone(&enough));
        Ok(Self { parameter, lease, enough, beating: tokio::spawn(beating) })
    }

    /// What everything that calls AWS has to look at.
    pub fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.lease)
    }

    /// Gives the lock back, unless it was lost.
    pub async fn release(mut self) {
        // A write that is under way is waited for: arriving after the deletion, it would make the lock anew.
        self.enough.notify_one();
        if timeout(LEASE, &mut self.beating).await.is_err() {
            self.beating.abort();
        }
        if self.lease.holds() {
            // Whatever hinders this, the lease ends by itself.
            let _ = self.parameter.delete().await;
        }
    }
}

/// Who holds the lock of a stack, if anybody.
///
/// # Errors
/// SSM's own.
pub async fn holder(aws: &Clients, stack: &str) -> Result<Option<Holder>, Error> {
    let parameter = Parameter { aws: aws.clone(), name: name(stack) };
    Ok(parameter.get_patiently().await?.map(|seen| seen.holder))
}

/// Takes the lock of a stack from whoever holds it, and returns when that one cannot work any more: it has met `me`
/// where it expected itself, or its lease is over.
///
/// # Errors
/// SSM's own.
pub async fn remove(aws: &Clients, stack: &str, me: &Holder) -> Result<(), Error> {
    let parameter = Parameter { aws: aws.clone(), name: name(stack) };
    // What is no lock has no holder who could still work.
    let held = parameter.get_patiently().await.ok().flatten();
    if held.is_some_and(|seen| !seen.holder.is_gone() && !seen.is_silent()) {
        let version = parameter.put(me, true).await?;
        let until = Instant::now() + WATCH;
        while Instant::now() < until && parameter.get_patiently().await?.is_some_and(|seen| seen.version == version) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    parameter.delete().await
}

fn name(stack: &str) -> String {
    format!("/infra/{stack}/lock")
}

/// Renews the lease until it is lost, or it is enough.
async fn beat(parameter: Parameter, mut holder: Holder, mut version: i64, lease: Arc<Lease>, enough: Arc<Notify>) {
    loop {
        if timeout(BEAT, enough.notified()).await.is_ok() {
            return;
        }
        if !lease.holds() {
            return lease.lose();
        }
        let (at, by_the_wall) = (Instant::now(), SystemTime::now());
        holder.beat = Timestamp::now();
        match parameter.put(&holder, true).await {
            Ok(next) if next == version + 1 => {
                version = next;
                lease.renew(at, by_the_wall);
            }
            // Somebody else has written: they believe the lock to be theirs.
            Ok(_) => return lease.lose(),
            // No answer counts as no renewal; the next one may come through, but then its number decides.
            Err(error) if error.class == Class::Throttled => {}
            Err(_) => match parameter.get().await {
                Ok(Some(seen)) if seen.holder.pid == holder.pid && seen.holder.host == holder.host => {
                    version = seen.version;
                }
                Ok(_) => return lease.lose(),
                Err(_) => {}
            },
        }
    }
}

#[derive(Debug, Clone)]
struct Parameter {
    aws: Clients,
    name: String,
}

/// The lock as SSM has it.
struct SeenLock {
    holder: Holder,
    version: i64,
    modified: Option<Timestamp>,
}

impl SeenLock {
    /// Whether its holder has not renewed it for longer than a lease.
    fn is_silent(&self) -> bool {
        let last = self.modified.unwrap_or(self.holder.beat);
        let age = Timestamp::now().duration_since(last);
        u64::try_from(age.as_secs()).is_ok_and(|age| age > LEASE.as_secs())
    }
}

impl Parameter {
    async fn put(&self, holder: &Holder, overwrite: bool) -> Result<i64, Error> {
        let text = serde_json::to_string(holder).map_err(|error| Error::internal(error.to_string()))?;
        let answer = self
            .aws
            .ssm
            .put_parameter()
            .name(&self.name)
            .r#type(aws_sdk_ssm::types::ParameterType::String)
            .description("Held by infra while it works on the stack; removed at the end.")
            .value(text)
            .overwrite(overwrite)
            .send()
            .await?;
        Ok(answer.version())
    }

    /// What the lock is; asked again where SSM has no time to answer.
    async fn get_patiently(&self) -> Result<Option<SeenLock>, Error> {
        patiently(0, async || self.get().await).await
    }

    async fn get(&self) -> Result<Option<SeenLock>, Error> {
        let answer = match self.aws.ssm.get_parameter().name(&self.name).send().await.map_err(Error::from) {
            Ok(answer) => answer,
            Err(error) if error.class == Class::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(parameter) = answer.parameter() else { return Ok(None) };
        let holder = serde_json::from_str(parameter.value().unwrap_or_default()).map_err(|error| {
            Error::other(format!("The parameter {} holds something that is no lock: {error}.", self.name))
                .advise("If it is not yours to keep, remove it with `infra unlock`.")
        })?;
        let modified = parameter.last_modified_date().and_then(|date| Timestamp::from_second(date.secs()).ok());
        Ok(Some(SeenLock { holder, version: parameter.version(), modified }))
    }

    async fn delete(&self) -> Result<(), Error> {
        match self.aws.ssm.delete_parameter().name(&self.name).send().await.map_err(Error::from) {
            Err(error) if error.class != Class::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_ended_is_not_renewed() {
        let now = Instant::now();
        let wall = SystemTime::now();
        let asleep = Arc::new(Lease { renewed: Mutex::new(Some((now, wall - 2 * LEASE))) });
        assert!(!asleep.holds(), "the machine slept");
        asleep.renew(now, wall);
        assert!(!asleep.holds());
        let set_back = Lease { renewed: Mutex::new(Some((now, wall + 2 * LEASE))) };
        assert!(set_back.holds(), "somebody set the clock back");
        let lease = Lease::new(now);
        assert!(lease.holds());
        lease.lose();
        lease.renew(now, wall);
        assert!(!lease.holds());
    }
}
