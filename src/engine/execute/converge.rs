//! Brings one resource where the plan wants it: observe, make the one call that is missing, observe again.
//!
//! The loop asks what is there before it acts, so it goes on from wherever an earlier run, a lost answer or
//! AWS itself has left the resource.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Ended, Run};
use crate::{
    aws::{Class, Error, Result},
    engine::{
        Change, Desired, Kind, Phase, Seen,
        attributes::{compare, resolve},
        event::Event,
        identity,
        observe::backoff,
        plan::{Action, Step, deletes_first},
        scope::Work,
    },
};

/// How long AWS may take to show what it has accepted, and to let a new role be used.
const SETTLING: Duration = Duration::from_secs(90);

/// How often a call that was throttled, or refused because something is busy, is repeated.
const THROTTLED_TRIES: u32 = 12;

/// One resource on its way.
struct Way<'r, 'a> {
    run: &'r Run<'a>,
    step: &'r Step,
    kind: &'a Kind,
    /// The age of the work, by which the polling adapts.
    began: Instant,
    /// Resources at this address that are not ours to bring anywhere: the old half of a replacement, duplicates.
    others: Vec<String>,
    token: String,
    /// How many calls in a row were to be repeated.
    tried: u32,
    waiting: String,
}

/// A change that was sent and accepted.
struct Sent {
    paths: Vec<String>,
    /// What the resource said of its last change before this one.
    setback: Option<String>,
    at: Instant,
}

/// Makes, changes or awaits a resource until it is ready and as desired.
pub(super) async fn there(run: &Run<'_>, step: &Step) -> Result<(), Ended> {
    let Some(desired) = run.desired.get(&step.address) else {
        return Err(Error::internal(format!("{} is in the plan but not in the stack.", step.address)).into());
    };
    let mut way = Way::new(run, step)?;
    let mut made: Option<Instant> = None;
    let mut changed: Option<Sent> = None;
    // A plan that creates has just seen that nothing is there.
    let mut look = step.action != Action::Create && step.action != Action::Replace || step.live.is_some();
    loop {
        let seen = if look { way.look().await? } else { None };
        look = true;
        match seen {
            Some(seen) if matches!(seen.phase, Phase::Changing(_)) => way.wait_for(&seen.phase).await?,
            Some(seen) if matches!(seen.phase, Phase::Deleting(_)) => way.wait_for(&seen.phase).await?,
            Some(Seen { phase: Phase::Failed(why), .. }) => {
                return Err(Error::other(format!("AWS gave up on {}: {why}", step.address))
                    .advise("Mend what it names and run the same command again: the failed one is then replaced.")
                    .into());
            }
            Some(seen) => {
                let (attributes, tags) = way.missing(desired, &seen);
                if attributes.is_empty() && tags.is_empty() {
                    way.finish(&seen);
                    return Ok(());
                }
                if attributes.is_empty() {
                    way.retag(desired, &seen).await?;
                    continue;
                }
                let paths: Vec<String> = attributes.iter().map(|change| change.path.clone()).collect();
                match &changed {
                    Some(sent) if sent.paths == paths => {
                        if let Some(why) = seen.setback.as_ref().filter(|_| seen.setback != sent.setback) {
                            return Err(taken_back(step, why).into());
                        }
                        if sent.at.elapsed() > SETTLING {
                            return Err(unmoved(step, &attributes).into());
                        }
                        // Accepted, but not visible yet.
                        way.wait("taking effect").await?;
                    }
                    _ => {
                        way.update(desired, &seen, &attributes).await?;
                        changed = Some(Sent { paths, setback: seen.setback.clone(), at: Instant::now() });
                    }
                }
            }
            None if made.is_some_and(|at| at.elapsed() < SETTLING) => way.wait("appearing").await?,
            None if made.is_some() => {
                return Err(Error::other(format!("AWS accepted {} but does not show it.", step.address))
                    .advise("Run the same command again.")
                    .into());
            }
            None => made = way.create(desired).await?,
        }
    }
}

/// Deletes a resource and waits until it is gone.
pub(super) async fn gone(run: &Run<'_>, step: &Step) -> Result<(), Ended> {
    let Some(live) = &step.live else {
        return Err(Error::internal(format!("{} is to be deleted but was never seen.", step.address)).into());
    };
    let mut way = Way::new(run, step)?;
    let mut seen = Some(live.clone());
    loop {
        match &seen {
            None => return Ok(()),
            Some(one) if matches!(one.phase, Phase::Deleting(_)) => way.wait_for(&one.phase).await?,
            Some(one) => {
                let known = run.known();
                let scope = run.scope.acting(&known, Default::default(), way.token.clone()).fresh();
                match (way.kind.delete)(one, &scope).await {
                    Ok(()) => {}
                    Err(error) if error.class == Class::NotFound => {}
                    Err(error) if error.class == Class::Busy => {
                        way.wait(&error.message).await?;
                    }
                    Err(error) => way.again(error).await?,
                }
            }
        }
        let list = run.observer.since(way.kind.name, Instant::now()).await?;
        let found = list.iter().find(|other| other.id == live.id).cloned();
        if let (Some(one), false) = (&found, matches!(seen, Some(Seen { phase: Phase::Deleting(_), .. }))) {
            if !matches!(one.phase, Phase::Deleting(_)) {
                way.wait("deleting").await?;
            }
        }
        seen = found;
    }
}

impl<'r, 'a> Way<'r, 'a> {
    fn new(run: &'r Run<'a>, step: &'r Step) -> Result<Self> {
        let kind = run
            .kinds
            .iter()
            .find(|kind| kind.name == step.kind())
            .ok_or_else(|| Error::internal(format!("`{}` is no kind of resource.", step.kind())))?;
        let going = run.plan.steps.iter().filter(|other| {
            other.address == step.address
                && other.action == Action::Delete
                && (other.old || step.action != Action::Delete)
        });
        let mut others: Vec<String> = going.filter_map(|other| Some(other.live.as_ref()?.id.clone())).collect();
        // A name that must be free first is waited for, so what still holds it counts.
        if deletes_first(run.kinds, &step.address) {
            others.clear();
        }
        let token = (0..32).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect();
        Ok(Self { run, step, kind, began: Instant::now(), others, token, tried: 0, waiting: String::new() })
    }

    /// What is there now.
    async fn look(&self) -> Result<Option<Seen>, Ended> {
        self.stopped()?;
        let list = self.run.observer.since(self.kind.name, Instant::now()).await?;
        let mut found = list.iter().filter(|seen| seen.address == self.step.address && !self.others.contains(&seen.id));
        Ok(found.next().cloned())
    }

    /// What still differs: attributes, and tags (with the fingerprint, which is written with any change).
    fn missing(&self, desired: &Desired, seen: &Seen) -> (Vec<Change>, Vec<Change>) {
        let known = self.run.known();
        let wanted = resolve(&desired.attributes, &|address, output| known.get(address)?.get(output).cloned());
        let attributes = compare(&wanted, &seen.attributes);
        let tags = if self.kind.tagged {
            let tags = identity::tags(self.run.scope.stack, &desired.address, &desired.fingerprint, &desired.own_tags);
            differing_tags(&tags, seen)
        } else {
            Vec::new()
        };
        (attributes, tags)
    }

    async fn create(&mut self, desired: &Desired) -> Result<Option<Instant>, Ended> {
        self.stopped()?;
        let known = self.run.known();
        let tags = identity::tags(self.run.scope.stack, &desired.address, &desired.fingerprint, &desired.own_tags);
        let scope = self.run.scope.acting(&known, tags, self.token.clone()).fresh().working(self.work());
        match desired.create(&scope).await {
            Ok(()) => Ok(Some(Instant::now())),
            // It may have been done: look before it is sent again.
            Err(error) if error.class == Class::Ambiguous => {
                self.again(error).await?;
                Ok(None)
            }
            Err(error) if error.class == Class::AlreadyExists => {
                // An earlier answer was lost and the list lags behind, or somebody else holds the name.
                for _ in 0..5 {
                    if self.look().await?.is_some() {
                        return Ok(Some(Instant::now()));
                    }
                    self.wait("appearing").await?;
                }
                Err(taken(self.step, self.run.scope.stack, error).into())
            }
            Err(error) => {
                self.again(error).await?;
                Ok(None)
            }
        }
    }

    async fn update(&mut self, desired: &Desired, seen: &Seen, changes: &[Change]) -> Result<(), Ended> {
        if let Some(change) = changes.iter().find(|change| self.kind.immutable.contains(&change.top())) {
            return Err(Error::other(format!(
                "{} was planned to be {}, but `{}` differs now and AWS cannot change it in place.",
                self.step.address,
                past(self.step.action),
                change.path
            ))
            .advise("It was changed while this ran. Run the same command again to plan anew.")
            .into());
        }
        loop {
            self.stopped()?;
            let known = self.run.known();
            let scope =
                self.run.scope.acting(&known, seen.tags.clone(), self.token.clone()).fresh().working(self.work());
            match desired.update(seen, changes, &scope).await {
                Ok(()) => return Ok(()),
                // Updates say what shall be, not what shall be added: repeating one does no harm.
                Err(error) => self.again(error).await?,
            }
        }
    }

    fn work(&self) -> Work {
        Work { address: self.step.address.clone(), events: self.run.events.clone(), stop: self.run.stop.clone() }
    }

    async fn retag(&mut self, desired: &Desired, seen: &Seen) -> Result<(), Ended> {
        let wanted = identity::tags(self.run.scope.stack, &desired.address, &desired.fingerprint, &desired.own_tags);
        let set = wanted.iter().filter(|(key, value)| seen.tags.get(*key) != Some(value));
        let set = set.map(|(key, value)| (key.clone(), value.clone())).collect();
        let unset: Vec<String> =
            seen.tags.keys().filter(|key| !key.starts_with("aws:") && !wanted.contains_key(*key)).cloned().collect();
        loop {
            self.stopped()?;
            let known = self.run.known();
            let scope = self.run.scope.acting(&known, wanted.clone(), self.token.clone()).fresh();
            match (self.kind.retag)(seen, &set, &unset, &scope).await {
                Ok(()) => return Ok(()),
                Err(error) => self.again(error).await?,
            }
        }
    }

    /// Waits before a call is repeated, or ends the step where repeating is of no use.
    async fn again(&mut self, error: Error) -> Result<(), Ended> {
        let patience = match error.class {
            Class::Throttled | Class::Ambiguous => THROTTLED_TRIES,
            Class::NotYet | Class::NotFound if self.began.elapsed() < SETTLING => u32::MAX,
            Class::Busy => u32::MAX,
            _ => 0,
        };
        self.tried += 1;
        if self.tried > patience {
            return Err(error.into());
        }
        self.say(&error.message);
        let pause = match error.class {
            Class::Throttled | Class::Ambiguous => backoff(self.tried),
            _ => self.interval(),
        };
        sleep(pause).await;
        self.stopped()
    }

    async fn wait_for(&mut self, phase: &Phase) -> Result<(), Ended> {
        match phase {
            Phase::Changing(word) | Phase::Deleting(word) => self.wait(word).await,
            Phase::Ready | Phase::Failed(_) => Ok(()),
        }
    }

    async fn wait(&mut self, reason: &str) -> Result<(), Ended> {
        self.say(reason);
        sleep(self.interval()).await;
        self.stopped()
    }

    /// A twelfth of the age, so that waiting adds little to what AWS takes, within bounds that its limits bear.
    fn interval(&self) -> Duration {
        let usual = super::usual(self.step, self.run.kinds);
        let longest = (usual / 24).clamp(Duration::from_secs(1), Duration::from_secs(15));
        (self.began.elapsed() / 12).clamp(Duration::from_millis(50), longest)
    }

    fn say(&mut self, reason: &str) {
        if self.waiting != reason {
            reason.clone_into(&mut self.waiting);
            self.run.tell(Event::Waiting { address: self.step.address.clone(), reason: reason.to_owned() });
        }
    }

    fn stopped(&self) -> Result<(), Ended> {
        if self.run.is_stopped() { Err(Ended::Left) } else { Ok(()) }
    }

    fn finish(&self, seen: &Seen) {
        let mut known = self.run.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.insert(seen.address.clone(), seen.outputs.clone());
    }
}

fn differing_tags(wanted: &crate::engine::Tags, seen: &Seen) -> Vec<Change> {
    let text = |value: Option<&String>| value.cloned().map_or(Value::Null, Value::String);
    let keys =
        wanted.keys().chain(seen.tags.keys().filter(|key| !key.starts_with("aws:") && !wanted.contains_key(*key)));
    keys.filter(|key| wanted.get(*key) != seen.tags.get(*key))
        .map(|key| Change {
            path: format!("tags.{key}"),
            before: text(seen.tags.get(key)),
            after: text(wanted.get(key)),
        })
        .collect()
}

fn taken_back(step: &Step, why: &str) -> Error {
    Error::other(format!("AWS took the change of {} back: {why}", step.address))
        .advise("What ran before runs again. Mend the cause and run the same command again.")
}

fn unmoved(step: &Step, changes: &[Change]) -> Error {
    let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
    Error::other(format!("AWS accepted the change of {} but `{}` stays as it was.", step.address, paths.join("`, `")))
        .advise("Look at the resource's events in AWS's console, then run the same command again.")
}

fn taken(step: &Step, stack: &str, mut error: Error) -> Error {
    error.advice = Some(format!(
        "Something that does not carry this stack's tags holds the name of {0}. Delete or rename it; or, if it is \
         yours to adopt, tag it with {1}={stack} and {2}={0} and run the same command again.",
        step.address,
        identity::STACK,
        identity::ADDRESS
    ));
    error
}

fn past(action: Action) -> &'static str {
    match action {
        Action::Keep => "kept",
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
    }
}
