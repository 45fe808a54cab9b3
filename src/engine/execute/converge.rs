//! Brings one resource where the plan wants it: observe, make the one call that is missing, observe again.
//!
//! The loop asks what is there before it acts, so it goes on from wherever an earlier run, a lost answer or
//! AWS itself has left the resource.

use std::{sync::atomic::Ordering, time::Duration};

use super::{
    Ended, Run,
    occupied::Occupied,
    told::{given_up, invisible, overtaken, taken_back, undeletable, unmoved, unstamped, vanished},
    way::{SETTLING, Way, headline, makes, wanted_tags},
};
use crate::{
    aws::{Class, Error, Result},
    engine::{
        Change, Desired, Phase, Seen,
        attributes::{compare, resolve},
        clock::{Instant, now, since},
        event::Event,
        identity::Retag,
        plan::{Action, Step, usual},
    },
};

/// How long something that was asked for without an answer may take to appear before it is asked for again.
const DOUBT: Duration = Duration::from_secs(20);
/// How long a deletion that was accepted may show no effect before it is asked for again.
const UNSEEN: Duration = Duration::from_secs(10);
/// After how long what one list does not show is looked for again, where nothing says that it was deleted.
const MISSED: Duration = Duration::from_secs(5);

/// Notes on a resource that is kept that it is as described now. Nothing else of it is touched, whatever it is by now.
pub(super) async fn stamp(run: &Run<'_>, step: &Step) -> Result<(), Ended> {
    let Some(live) = &step.live else { return Ok(()) };
    let mut way = Way::new(run, step)?;
    let tags = Retag::stamp(&wanted_tags(run, &step.address), &live.tags);
    retag(&mut way, live, &tags).await.map_err(|ended| match ended {
        Ended::Failed(error) => unstamped(step, error).into(),
        other => other,
    })
}

/// One step, from the event that it started to the time it took.
pub(super) async fn step(run: &Run<'_>, step: &Step) -> Result<Duration, Ended> {
    let began = now();
    run.tell(Event::Started { address: step.address.clone(), action: step.action, usual: usual(step, run.kinds) });
    let mut way = Way::new(run, step)?;
    let ended = match step.action {
        Action::Delete => gone(&mut way).await,
        _ => there(&mut way).await,
    };
    // What has no tags is not looked for by anybody: AWS knows it by what it belongs to.
    if ended.is_err() && way.unseen && way.kind.tagged {
        run.hidden.store(true, Ordering::Relaxed);
    }
    ended.map(|()| since(began))
}

/// How far a creation is.
#[derive(Clone, Copy)]
enum Creation {
    NotSent,
    /// When it was accepted, or when what was made was seen last.
    Accepted(Instant),
    /// Sent, but not answered: it may have been done.
    Doubtful(Instant),
}

impl Creation {
    /// Whether what is seen may still be what was there before, in a list that is behind. Not what we were told is made, nor
    /// what is there for so long after we asked for it.
    fn may_see_the_former(self) -> bool {
        match self {
            Self::NotSent => true,
            Self::Doubtful(at) => since(at) < DOUBT,
            Self::Accepted(_) => false,
        }
    }

    /// The same when what was asked for is seen: it is made, and a list that does not show it from now on is behind.
    fn seen(self) -> Self {
        if matches!(self, Self::NotSent) { self } else { Self::Accepted(now()) }
    }
}

/// A change that was sent and accepted.
struct Sent {
    paths: Vec<String>,
    /// How the last change before this one was taken back.
    setback: Option<String>,
    /// When it was sent, or when AWS was last seen at work on it.
    at: Instant,
}

/// What still differs.
struct Missing {
    attributes: Vec<Change>,
    /// With the fingerprint, which is written after everything else.
    tags: Retag,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.tags.is_empty()
    }
}

/// Makes, changes or awaits a resource until it is ready and as desired.
async fn there(way: &mut Way<'_, '_>) -> Result<(), Ended> {
    let step = way.step;
    let Some(&desired) = way.run.desired.get(&step.address) else {
        return Err(Error::internal(format!("{} is in the plan but not in the stack.", step.address)).into());
    };
    let mut creation = Creation::NotSent;
    let mut sent: Vec<Sent> = Vec::new();
    let mut lost: Option<Instant> = None;
    // A plan that creates has just seen that nothing is there.
    let mut look = !makes(step) || step.live.is_some();
    loop {
        let seen = if look { way.look().await? } else { None };
        look = true;
        match seen {
            Some(seen) if way.is_former(&seen) && creation.may_see_the_former() => {
                way.wait_for("the former one is still there").await?
            }
            Some(Seen { phase: Phase::Deleting(word), .. }) => way.wait_for(&word).await?,
            Some(seen) => {
                (creation, lost) = (creation.seen(), None);
                way.unseen = false;
                if further(way, desired, &seen, &mut sent).await? {
                    way.run.learn(&seen);
                    return Ok(());
                }
            }
            None => match creation {
                Creation::Accepted(at) if since(at) < SETTLING => way.wait_for("appearing").await?,
                Creation::Accepted(_) => return Err(invisible(step).into()),
                Creation::Doubtful(at) if since(at) < DOUBT => way.wait("finding out whether it was made").await?,
                // A part without tags comes and goes with its owner. Anything else that was there a moment ago
                // is made anew only by a plan that says so: the list may be behind.
                _ if !makes(step) && way.kind.tagged => {
                    if since(*lost.get_or_insert_with(now)) > SETTLING {
                        return Err(vanished(step).into());
                    }
                    way.wait("appearing again").await?;
                }
                _ => creation = create(way, desired).await?,
            },
        }
    }
}

/// Brings what is there one call or one wait further; true when it is ready and as desired.
async fn further(way: &mut Way<'_, '_>, desired: &Desired, seen: &Seen, sent: &mut Vec<Sent>) -> Result<bool, Ended> {
    way.endure(&seen.phase)?;
    match &seen.phase {
        Phase::Changing(word) | Phase::Awaited(word) | Phase::Deleting(word) => {
            sent.iter_mut().for_each(|sent| sent.at = now());
            way.wait_for(word).await?;
            return Ok(false);
        }
        Phase::Failed(why) => return Err(given_up(way.step, way.kind, why).into()),
        Phase::Ready | Phase::Unknown(_) | Phase::Stopped(_) | Phase::Blocked { .. } => {}
    }
    let missing = missing(way, desired, seen);
    if let Some(why) = setback(way.step, sent, seen, &missing) {
        return Err(taken_back(way.step, why, missing.attributes.is_empty()).into());
    }
    match &seen.phase {
        _ if !missing.is_empty() => mend(way, desired, seen, &missing, sent).await?,
        Phase::Blocked { why, .. } => way.wait_for(headline(why)).await?,
        _ => return Ok(true),
    }
    Ok(false)
}

/// How AWS took back the change that was sent last, or that it was at work on from the beginning: what it said before that
/// is of an earlier one. It may show what was asked for all the same.
fn setback<'a>(step: &Step, sent: &[Sent], seen: &'a Seen, missing: &Missing) -> Option<&'a str> {
    let before = match sent.last() {
        Some(sent) => sent.setback.as_deref(),
        None if step.unsettled && missing.attributes.is_empty() => step.live.as_ref()?.setback_event(),
        None => return None,
    };
    seen.setback.as_deref().filter(|_| seen.setback_event() != before)
}

/// What still differs between what is wanted and what is there.
fn missing(way: &Way<'_, '_>, desired: &Desired, seen: &Seen) -> Missing {
    let known = way.run.known();
    let wanted = resolve(&desired.attributes, &|address, output| known.get(address)?.get(output).cloned());
    let wanted_tags = wanted_tags(way.run, &desired.address);
    let tags = match way.kind {
        kind if kind.tagged => Retag::between(&wanted_tags, &seen.tags),
        kind if kind.stamped => Retag::stamp(&wanted_tags, &seen.tags),
        _ => Retag::default(),
    };
    Missing { attributes: compare(&wanted, &seen.attributes), tags }
}

/// Sends what is missing, attributes before tags, each set of changes once: AWS may take a while to show them.
async fn mend(
    way: &mut Way<'_, '_>,
    desired: &Desired,
    seen: &Seen,
    missing: &Missing,
    sent: &mut Vec<Sent>,
) -> Result<(), Ended> {
    let tags = missing.tags.changes(&seen.tags);
    let changes = if missing.attributes.is_empty() { &tags } else { &missing.attributes };
    let paths: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
    if let Some(earlier) = sent.iter().find(|sent| sent.paths == paths) {
        if since(earlier.at) > SETTLING {
            return Err(unmoved(way.step, &paths).into());
        }
        return way.wait("taking effect").await;
    }
    if missing.attributes.is_empty() {
        retag(way, seen, &missing.tags).await?;
    } else if !update(way, desired, seen, &missing.attributes).await? {
        return Ok(());
    }
    sent.push(Sent { paths, setback: seen.setback_event().map(str::to_owned), at: now() });
    Ok(())
}

async fn create(way: &mut Way<'_, '_>, desired: &Desired) -> Result<Creation, Ended> {
    way.stopped()?;
    let known = way.run.known();
    let asked = now();
    let answer = desired.create(&way.scope(&known, wanted_tags(way.run, &desired.address))).await;
    // Where a verb makes several calls and one is refused, the ones before it were made.
    way.unseen |= answer.is_ok() || way.run.acted_within(since(asked));
    match answer {
        Ok(()) => {
            way.accepted();
            Ok(Creation::Accepted(now()))
        }
        // It may have been done: look before it is sent again.
        Err(error) if error.class == Class::Ambiguous => {
            (way.doubtful, way.unseen) = (true, true);
            let at = now();
            way.again(error).await?;
            Ok(Creation::Doubtful(at))
        }
        Err(error) => {
            way.again(error).await?;
            Ok(Creation::NotSent)
        }
    }
}

/// Makes the changes; false where they have to be worked out anew, because the call was refused for now.
async fn update(way: &mut Way<'_, '_>, desired: &Desired, seen: &Seen, changes: &[Change]) -> Result<bool, Ended> {
    if let Some(change) = changes.iter().find(|change| way.kind.immutable.contains(&change.top())) {
        return Err(overtaken(way.step, change).into());
    }
    way.stopped()?;
    let known = way.run.known();
    match desired.update(seen, changes, &way.scope(&known, seen.tags.clone())).await {
        Ok(()) => {
            way.accepted();
            Ok(true)
        }
        // An update may take several calls, of which some were done: what is still missing has to be looked at anew.
        Err(error) if error.class == Class::AlreadyExists && !way.doubtful => {
            way.doubtful = true;
            way.wait(&error.message).await?;
            Ok(false)
        }
        Err(error) => {
            way.again(error).await?;
            Ok(false)
        }
    }
}

async fn retag(way: &mut Way<'_, '_>, seen: &Seen, tags: &Retag) -> Result<(), Ended> {
    loop {
        way.stopped()?;
        let known = way.run.known();
        match (way.kind.retag)(seen, &tags.set, &tags.unset, &way.scope(&known, seen.tags.clone())).await {
            Ok(()) => {
                way.accepted();
                return Ok(());
            }
            Err(error) => way.again(error).await?,
        }
    }
}

/// Deletes a resource and waits until it is gone.
async fn gone(way: &mut Way<'_, '_>) -> Result<(), Ended> {
    let Some(live) = &way.step.live else {
        return Err(Error::internal(format!("{} is to be deleted but was never seen.", way.step.address)).into());
    };
    let mut seen = live.clone();
    let mut accepted: Option<(Instant, Seen)> = None;
    let mut denied: Option<Instant> = None;
    let mut refused: Option<Instant> = None;
    // Whether AWS may be deleting it because of us: it was told to, and has not refused.
    let mut may_be_done = false;
    let mut occupied = Occupied::default();
    loop {
        let shows_nothing = |(at, before): &(Instant, Seen)| {
            since(*at) < UNSEEN && before.phase == seen.phase && before.attributes == seen.attributes
        };
        match &seen.phase {
            Phase::Deleting(word) => way.wait_for(word).await?,
            _ if accepted.as_ref().is_some_and(shows_nothing) => way.wait_for("deleting").await?,
            _ => {
                way.stopped()?;
                let known = way.run.known();
                let answer = (way.kind.delete)(&seen, &way.scope(&known, seen.tags.clone())).await;
                match answer {
                    Ok(()) => {
                        way.accepted();
                        way.unseen = true;
                        (accepted, may_be_done) = (Some((now(), seen.clone())), true);
                    }
                    Err(error) if error.class == Class::NotFound => {
                        if since(*denied.get_or_insert_with(now)) > SETTLING {
                            return Err(error.into());
                        }
                        way.accepted();
                        (accepted, may_be_done) = (Some((now(), seen.clone())), true);
                    }
                    Err(error) => {
                        may_be_done |= error.class == Class::Ambiguous;
                        way.unseen |= error.class == Class::Ambiguous;
                        // In a state that nobody but its owner ends, AWS would refuse for ever.
                        if let (Class::Busy, Phase::Blocked { why, .. }) = (error.class, &seen.phase)
                            && since(*refused.get_or_insert_with(now)) > SETTLING
                        {
                            return Err(undeletable(way.step, why, error).into());
                        }
                        let error = occupied.named(way, &seen, error).await?;
                        way.again(error).await?;
                    }
                }
            }
        }
        let mut found = way.find(&live.id).await?;
        if found.is_none() && !may_be_done && !matches!(seen.phase, Phase::Deleting(_)) {
            // Nobody is known to delete it: the list may be behind.
            way.wait_at_least(MISSED, "finding out whether it is gone").await?;
            found = way.find(&live.id).await?;
        }
        match found {
            Some(found) => seen = found,
            None => {
                way.run.forget(live);
                return Ok(());
            }
        }
    }
}
