//! Removing the lock of a run that is not to go on: that one is stopped, and no other. Its lock is won as every successor wins
//! one, and goes while it is ours.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    Lock, Refused, SHOWN,
    contest::Contest,
    lease::LEASE,
    parameter::{Parameter, Sight, is_no_lock},
    record::{Holder, Record},
};
use crate::{
    aws::{Clients, Result},
    engine::observe::patiently,
};

/// What stands in the lock's place, as it was seen.
#[derive(Debug)]
pub struct Found {
    /// Who holds the lock, or why what the parameter holds is no lock.
    what: Result<Holder>,
    /// Which write of the parameter it was.
    version: i64,
}

impl Found {
    /// The same, whatever a holder has written since.
    fn is(&self, other: &Self) -> bool {
        match (&self.what, &other.what) {
            (Ok(one), Ok(other)) => one.is(other),
            (Err(_), Err(_)) => self.version == other.version,
            _ => false,
        }
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.what {
            Ok(holder) => write!(f, "Locked by {holder}."),
            Err(error) => f.write_str(&error.message),
        }
    }
}

/// What came of a removal.
#[derive(Debug)]
pub enum Removed {
    /// The lock is gone.
    Gone,
    /// It had gone before, by itself.
    Ended,
    /// Another one stood there by then, so nothing was done.
    Another(Found),
    /// The lock is gone, and somebody has got another one since, which is kept.
    Taken(Found),
}

/// What stands in the place of a stack's lock, if anything does that keeps others away.
///
/// # Errors
/// SSM's own.
pub async fn find(aws: &Clients, stack: &str) -> Result<Option<Found>> {
    look(&Parameter::lock(aws, stack)).await
}

async fn look(parameter: &Parameter) -> Result<Option<Found>> {
    let Some(text) = patiently(0, async || parameter.text().await).await? else { return Ok(None) };
    let version = text.version;
    Ok(match text.read() {
        Ok(seen) => (!seen.record.ended).then_some(Found { what: Ok(seen.record.holder), version }),
        Err(error) if is_no_lock(&error) => Some(Found { what: Err(error), version }),
        Err(error) => return Err(error),
    })
}

/// Removes the lock that was `found`, and returns when its holder cannot work any more and AWS shows what it did: it has met
/// `me` where it expected itself, or its lease is over, or its process has ended. Where a signal ends this process, what it
/// leaves is the lock of a process that is gone, which the next one takes over.
///
/// # Errors
/// SSM's own.
pub async fn remove(
    aws: &Clients,
    stack: &str,
    me: Holder,
    found: &Found,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Removed, Refused> {
    let parameter = Parameter::lock(aws, stack);
    let Some(now) = look(&parameter).await? else { return Ok(Removed::Ended) };
    if !now.is(found) {
        return Ok(Removed::Another(now));
    }
    let (_nobody, never) = watch::channel(false);
    let mut contest = Contest::new(parameter.clone(), me.clone(), Duration::ZERO, never, tell);
    let mut ended = false;
    let won = match now.what {
        Ok(holder) => {
            let mut those = vec![holder];
            if !those[0].is_gone() {
                let (others, first) = halt(&parameter, &those[0], me, tell).await?;
                (those, ended) = ([those, others].concat(), first);
            }
            sleep(SHOWN).await;
            contest.succeed(&those).await?
        }
        // What is no lock has no holder who could still work.
        Err(_) => match contest.replace(now.version).await? {
            None => contest.succeed(&[]).await?,
            won => won,
        },
    };
    if let Some(won) = won {
        let lock = Lock::hold(&parameter, won, None);
        lock.forget_elections().await;
        if lock.give_back(true).await? {
            return Ok(if ended { Removed::Ended } else { Removed::Gone });
        }
    }
    Ok(look(&parameter).await?.map_or(Removed::Gone, Removed::Taken))
}

/// Writes over the lock of `holder`, and waits until that one knows, or its lease is over. Whose the lock may be then: what was
/// written here, by a holder that nobody else is, and whoever had it instead. And whether it was given back before that, so that
/// nobody was written over.
async fn halt(
    parameter: &Parameter,
    holder: &Holder,
    mut me: Holder,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(Vec<Holder>, bool)> {
    me.renew();
    let word = Record::of(me);
    let version = patiently(0, async || parameter.overwrite(&word).await).await?;
    let mut those = vec![word.holder];
    // The first version of a parameter: the lock had gone by then.
    if version == 1 {
        return Ok((those, true));
    }
    // SSM writes over whatever is there: between the look and the write another run may have begun.
    if let Ok(Some(former)) = parameter.writer_of(version - 1).await
        && !those[0].is(&former)
        && !holder.is(&former)
    {
        tell(&format!("That run ended at this very moment; stopped in its place was {former}."));
        those.push(former);
    }
    let until = Instant::now() + LEASE;
    while Instant::now() < until {
        let seen = parameter.get().await.ok().flatten();
        if seen.is_some_and(|seen| has_met(&seen, &those[0], version)) {
            break;
        }
        sleep(Duration::from_millis(500)).await;
    }
    Ok((those, false))
}

/// Whether somebody has written since `ours` was, under this number. An older write may be shown for a while.
fn has_met(seen: &Sight, ours: &Holder, version: i64) -> bool {
    seen.version > version && !seen.holder().is(ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Error;

    #[test]
    fn a_run_is_the_same_whatever_it_wrote_and_what_is_no_lock_as_long_as_nobody_writes() {
        let of = |what: Result<Holder>, version| Found { what, version };
        let holder = Holder::this("me", "deploy");
        let other = Holder::this("me", "deploy");
        assert!(of(Ok(holder.clone()), 1).is(&of(Ok(holder.clone()), 7)), "it only gave signs of life");
        assert!(!of(Ok(holder.clone()), 1).is(&of(Ok(other), 1)));
        let no_lock = || Err(Error::other("no lock"));
        assert!(of(no_lock(), 1).is(&of(no_lock(), 1)));
        assert!(!of(no_lock(), 1).is(&of(no_lock(), 2)));
        assert!(!of(no_lock(), 1).is(&of(Ok(holder), 1)));
    }

    #[test]
    fn who_was_written_over_has_met_that_only_by_a_write_of_its_own() {
        let (holder, ours) = (Holder::this("me", "deploy"), Holder::this("me", "unlock"));
        let sight = |holder: &Holder, version| Sight { record: Record::of(holder.clone()), version, modified: None };
        assert!(!has_met(&sight(&holder, 4), &ours, 5), "SSM shows an older write");
        assert!(!has_met(&sight(&ours, 5), &ours, 5));
        assert!(has_met(&sight(&holder, 6), &ours, 5));
    }
}
