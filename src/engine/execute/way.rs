//! One resource on its way: looking at it, waiting for it, and the patience with calls that AWS refuses.

use std::{future::Future, sync::Arc, time::Duration};

use super::{Ended, Run};
use crate::{
    aws::{Class, Error, Result},
    engine::{
        Address, Kind, Phase, Scope, Seen, Tags,
        clock::{self, Instant, sleep},
        event::Event,
        identity,
        observe::backoff,
        plan::{Action, Step, usual},
        scope::{Known, Work},
    },
};

/// How long AWS may take to show what it has accepted, and to let a new role be used.
pub(super) const SETTLING: Duration = Duration::from_secs(90);
/// How long a name may be taken by something that the list does not show yet.
const NAMED: Duration = Duration::from_secs(6);
/// How often a call in a row is repeated that was throttled, or not answered.
const TRIES: u32 = 12;
/// How often a call in a row is repeated that did not reach AWS at all: a network fails for moments.
const UNREACHED: u32 = 6;

/// One resource on its way.
pub(super) struct Way<'r, 'a> {
    pub(super) run: &'r Run<'a>,
    pub(super) step: &'r Step,
    pub(super) kind: &'a Kind,
    /// The age of the work, by which the polling adapts.
    began: Instant,
    /// When a call was made last that may have changed anything: older lists do not tell.
    acted: Instant,
    /// Whether AWS is at work on it, or may be.
    under_way: bool,
    /// Whether a creation was sent that was not answered.
    pub(super) doubtful: bool,
    /// Whether something was made or deleted, or may have been, that AWS was not seen to show yet.
    pub(super) unseen: bool,
    /// Resources at this address that are not ours to bring anywhere: the old half of a replacement, duplicates.
    others: Vec<&'r Seen>,
    token: String,
    refused: Option<Refused>,
    waiting: String,
    blocked: Option<Blocked>,
    /// What is to be told where the time for the step runs out, if more is known than what it waits for.
    pub(super) in_the_end: Option<Error>,
}

/// What a resource is blocked by.
struct Blocked {
    /// Since when it has been that.
    since: Instant,
    cause: String,
    why: String,
}

/// Calls in a row that were refused for one reason.
struct Refused {
    class: Class,
    since: Instant,
    times: u32,
}

impl<'r, 'a> Way<'r, 'a> {
    pub(super) fn new(run: &'r Run<'a>, step: &'r Step) -> Result<Self> {
        let kind = run
            .kinds
            .iter()
            .find(|kind| kind.name == step.kind())
            .ok_or_else(|| Error::internal(format!("`{}` is no kind of resource.", step.kind())))?;
        let others = run.plan.steps.iter().filter(|other| other.old && other.address == step.address);
        let now = clock::now();
        Ok(Self {
            run,
            step,
            kind,
            began: now,
            acted: now,
            under_way: step.unsettled,
            doubtful: false,
            unseen: false,
            others: others.filter_map(|other| other.live.as_ref()).collect(),
            token: (0..32).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect(),
            refused: None,
            waiting: String::new(),
            blocked: None,
            in_the_end: None,
        })
    }

    /// What is at the address now. Whom we have met before is met again; what is being deleted counts last.
    pub(super) async fn look(&self) -> Result<Option<Seen>, Ended> {
        let list = self.list().await?;
        let here = list.iter().filter(|seen| seen.address == self.step.address);
        let planned = self.step.live.as_ref().map(|live| live.id.as_str());
        let rank = |seen: &&Seen| (matches!(seen.phase, Phase::Deleting(_)), planned != Some(seen.id.as_str()));
        // Where the old one goes first, a list that still shows it is behind: its name is not free yet.
        let is_other = |seen: &Seen| self.others.iter().any(|other| other.id == seen.id);
        let shown = here.filter(|seen| self.step.deletes_first || !is_other(seen));
        Ok(shown.min_by_key(rank).cloned())
    }

    /// Whether `seen` is what is to be gone before this begins. Where the id is a name, the new one has it too, and only the
    /// time of its creation tells them apart.
    pub(super) fn is_former(&self, seen: &Seen) -> bool {
        self.others.iter().any(|other| other.id == seen.id && other.created == seen.created)
    }

    /// The resource with this id, if it is still there.
    pub(super) async fn find(&self, id: &str) -> Result<Option<Seen>, Ended> {
        Ok(self.list().await?.iter().find(|seen| seen.id == id).cloned())
    }

    /// The list of the kind. What another step was told a moment ago is new enough, unless we have acted since.
    async fn list(&self) -> Result<Arc<Vec<Seen>>, Ended> {
        self.stopped()?;
        let recent = clock::now().checked_sub(self.interval() / 4).unwrap_or(self.acted);
        let list = self.run.observer.since(self.kind.name, self.acted.max(recent));
        Ok(self.unless_stopped(list).await??)
    }

    /// Where a verb acts; `known` and `tags` are what it may see.
    pub(super) fn scope<'s>(&self, known: &'s Known, tags: Tags) -> Scope<'s>
    where
        'a: 's,
    {
        let work =
            Work { address: self.step.address.clone(), events: self.run.events.clone(), stop: self.run.halt.clone() };
        self.run.scope.acting(known, tags, self.token.clone()).fresh().working(work)
    }

    /// AWS has accepted a call.
    pub(super) fn accepted(&mut self) {
        self.acted = clock::now();
        self.under_way = true;
        self.refused = None;
        self.in_the_end = None;
    }

    /// Waits before a call is repeated, or ends the step where repeating is of no use.
    pub(super) async fn again(&mut self, error: Error) -> Result<(), Ended> {
        let now = clock::now();
        self.acted = now;
        // Where a verb makes several calls, earlier ones may have been made.
        self.under_way |= matches!(error.class, Class::Ambiguous | Class::Withheld);
        let row = match self.refused.take().filter(|row| row.class == error.class) {
            Some(row) => Refused { times: row.times + 1, ..row },
            None => Refused { class: error.class, since: now, times: 1 },
        };
        let (age, times) = (now - row.since, row.times);
        self.refused = Some(row);
        let patient = match error.class {
            Class::Busy => true,
            Class::Throttled | Class::Ambiguous => times <= TRIES,
            Class::Unreachable => times <= UNREACHED,
            Class::NotYet | Class::NotFound => age < SETTLING,
            // An earlier answer was lost and the list lags behind, or what held the name has just gone.
            Class::AlreadyExists if self.doubtful || self.step.live.is_some() => age < SETTLING,
            Class::AlreadyExists => age < NAMED,
            Class::Withheld => return self.stopped().and(Err(error.into())),
            Class::Denied | Class::Unauthenticated | Class::Other => false,
        };
        match (patient, error.class) {
            (false, Class::AlreadyExists) => return Err(taken(self.step, self.run.scope.stack, error).into()),
            (false, Class::Throttled | Class::Ambiguous | Class::Unreachable | Class::NotYet | Class::NotFound) => {
                return Err(tried(error, times, age).into());
            }
            (false, _) => return Err(error.into()),
            (true, _) => self.say(&error.message),
        }
        let pause = match error.class {
            Class::Busy | Class::NotYet | Class::NotFound => self.interval(),
            _ => backoff(times),
        };
        self.pause(pause).await
    }

    /// Waits until it is worth looking again.
    pub(super) async fn wait(&mut self, reason: &str) -> Result<(), Ended> {
        self.say(reason);
        self.pause(self.interval()).await
    }

    /// Waits for what AWS is doing.
    pub(super) async fn wait_for(&mut self, word: &str) -> Result<(), Ended> {
        self.under_way = true;
        self.wait(word).await
    }

    /// Waits for at least `pause`, so that no list is as old as the last one.
    pub(super) async fn wait_at_least(&mut self, pause: Duration, reason: &str) -> Result<(), Ended> {
        self.say(reason);
        self.pause(self.interval().max(pause)).await
    }

    /// Ends the step where it has been blocked by one cause for longer than that passes by itself.
    pub(super) fn endure(&mut self, phase: &Phase) -> Result<(), Ended> {
        let before = self.blocked.take();
        let Phase::Blocked { cause, why, patience } = phase else { return Ok(()) };
        let since = before.filter(|before| before.cause == *cause).map_or_else(clock::now, |before| before.since);
        self.blocked = Some(Blocked { since, cause: cause.clone(), why: why.clone() });
        if clock::since(since) < *patience { Ok(()) } else { Err(blocked(self.step, why).into()) }
    }

    async fn pause(&self, pause: Duration) -> Result<(), Ended> {
        self.unless_stopped(sleep(pause)).await?;
        self.stopped()
    }

    /// A twelfth of the age, so that waiting adds little to what AWS takes, within bounds that its limits bear:
    /// at first twenty a second, then a twenty-fourth of the usual time, and never more than one in 15 s.
    fn interval(&self) -> Duration {
        let age = clock::since(self.began);
        let longest =
            (usual(self.step, self.run.kinds).max(age) / 24).clamp(Duration::from_secs(1), Duration::from_secs(15));
        (age / 12).clamp(Duration::from_millis(50), longest)
    }

    fn say(&mut self, reason: &str) {
        if self.waiting != reason {
            reason.clone_into(&mut self.waiting);
            self.run.tell(Event::Waiting { address: self.step.address.clone(), reason: reason.to_owned() });
        }
    }

    /// Ends the step when no further call may be made. Asked between calls: a call under way is not abandoned.
    pub(super) fn stopped(&self) -> Result<(), Ended> {
        match self.run.stopped() {
            Some(_) if self.under_way => Err(Ended::Left),
            Some(reason) => Err(Ended::Skipped(reason.to_owned())),
            None if clock::since(self.began) >= self.run.timeout => Err(self.late().into()),
            None => Ok(()),
        }
    }

    /// What does no harm when it is abandoned ends at once when we are told to stop.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::select! {
            biased;
            result = work => Ok(result),
            () = self.run.told_to_stop() => {
                self.stopped()?;
                Err(Ended::Left)
            }
        }
    }

    fn late(&self) -> Error {
        if let Some(error) = &self.in_the_end {
            return error.clone();
        }
        if let Some(Blocked { why, .. }) =
            self.blocked.as_ref().filter(|blocked| headline(&blocked.why) == self.waiting)
        {
            return blocked(self.step, why);
        }
        let waiting = if self.waiting.is_empty() { String::new() } else { format!(" It waited for: {}", self.waiting) };
        let minutes = self.run.timeout.as_secs().div_ceil(60);
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        Error::other(format!("{} was not finished after {minutes} {unit}.{waiting}", self.step.address)).advise(
            "AWS continues what it has started. Run the same command again to keep waiting, or set a longer `--timeout`.",
        )
    }
}

/// What is wrong, without what to do about it: that is told once, when it is over.
pub(super) fn headline(why: &str) -> &str {
    let line = why.lines().next().unwrap_or_default();
    line.find(". ").map_or(line, |end| &line[..=end])
}

fn blocked(step: &Step, why: &str) -> Error {
    // The plan has shown it in full where it was so from the beginning.
    let why = if step.reason.as_deref() == Some(why) { headline(why) } else { why };
    Error::other(format!("{} cannot work as it is: {why}", step.address))
        .advise("Fix that, then run the same command again. It is kept: a new one would not work either.")
}

/// What passes by itself has not passed in the time that it was given.
fn tried(error: Error, times: u32, age: Duration) -> Error {
    if error.advice.is_some() {
        return error;
    }
    let seconds = age.as_secs().max(1);
    error.advise(format!(
        "It was tried {times} times in {seconds} s and may pass later: run the same command again, and it continues from here."
    ))
}

fn taken(step: &Step, stack: &str, mut error: Error) -> Error {
    // A kind that knows better has said so.
    error.advice.get_or_insert_with(|| {
        format!(
            "Something that does not carry this stack's tags holds the name of {0}. Delete or rename it; or, if it is \
             yours to adopt, `infra import {0} ID` takes it into the stack {stack}.",
            step.address,
        )
    });
    error
}

/// Whether a step may bring something into being.
pub(super) fn makes(step: &Step) -> bool {
    matches!(step.action, Action::Create | Action::Replace)
}

/// The tags wanted on what stands at `address`.
pub(super) fn wanted_tags(run: &Run<'_>, address: &Address) -> Tags {
    run.desired.get(address).map_or_else(Tags::new, |desired| {
        identity::tags(run.scope.stack, address, &desired.fingerprint, &desired.own_tags)
    })
}
