//! Getting the lock: making it, waiting for who holds it, and taking over from who does not any more.
//!
//! SSM cannot compare and swap: whoever overwrites learns only afterwards, by the number, that somebody else has written. So
//! successors first elect one of them, by a parameter that only one can make and that is named after whom they succeed.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};

use super::{
    Refused, SHOWN, WATCH,
    lease::{BEAT, LEASE, Moment},
    parameter::{Parameter, Sight},
    record::{Holder, Record},
};
use crate::{
    aws::{Class, Error},
    engine::observe::backoff,
};

/// How long SSM may refuse for now, or not answer, also where nobody is waited for. After a deletion AWS asks for at least 30 s
/// until a parameter of that name is made again.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a process of this machine may take to end, where nobody is waited for: one that was interrupted a moment ago is
/// giving the lock back.
const LEAVING: Duration = Duration::from_secs(2);

/// Somebody who wants the lock.
pub(super) struct Contest<'a> {
    pub(super) parameter: Parameter,
    record: Record,
    until: Instant,
    stop: watch::Receiver<bool>,
    tell: &'a (dyn Fn(&str) + Sync),
    /// The number that our write has if it was done, which was not answered.
    doubt: Option<i64>,
    /// Whom we take over from, while it is not answered that we have.
    former: Option<Sight>,
    watched: Option<Watched>,
    /// Who was elected before us, and since when we know.
    rival: Option<(Holder, Instant)>,
    /// Since when SSM refuses, and how often it did, where it does not come to waiting for somebody.
    refused: Option<(Instant, u32)>,
    told: Vec<String>,
}

/// The lock as it has been since a moment of our own steady clock. No other clock has to be right.
struct Watched {
    holder: Holder,
    version: i64,
    since: Instant,
    /// Since when we know its holder.
    met: Instant,
    /// By the clocks it has been silent for long, so that it is worth a closer look.
    suspect: bool,
}

/// The lock is ours.
pub(super) struct Won {
    pub(super) record: Record,
    pub(super) version: i64,
    /// Before the write that made it ours.
    pub(super) at: Moment,
    /// From whom it was taken.
    pub(super) former: Option<Sight>,
}

impl<'a> Contest<'a> {
    pub(super) fn new(
        parameter: Parameter,
        holder: Holder,
        wait: Duration,
        stop: watch::Receiver<bool>,
        tell: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        Self {
            parameter,
            record: Record::of(holder),
            until: Instant::now() + wait,
            stop,
            tell,
            doubt: None,
            former: None,
            watched: None,
            rival: None,
            refused: None,
            told: Vec::new(),
        }
    }

    pub(super) async fn win(&mut self) -> Result<Won, Refused> {
        loop {
            let at = Moment::now();
            match self.parameter.create(&self.record).await {
                Ok(version) => return Ok(self.won(version, at)),
                Err(error) if error.class == Class::AlreadyExists => {}
                Err(error) => {
                    if error.class == Class::Ambiguous {
                        self.doubt = Some(1);
                    }
                    self.again(error).await?;
                    continue;
                }
            }
            let seen = match self.parameter.get().await {
                Ok(seen) => seen,
                Err(error) => {
                    self.again(error).await?;
                    continue;
                }
            };
            let won = match seen {
                // Given back a moment ago, or not shown yet.
                None => {
                    self.again(self.parameter.hidden()).await?;
                    None
                }
                Some(seen) if seen.holder().is(&self.record.holder) => self.confirm(&seen).await?,
                Some(seen) => self.meet(seen).await?,
            };
            if let Some(won) = won {
                return Ok(won);
            }
        }
    }

    /// Takes over from one of `those`, of whom it is known that they work no more; none where the lock is not theirs any more.
    pub(super) async fn succeed(&mut self, those: &[Holder]) -> Result<Option<Won>, Refused> {
        loop {
            let seen = match self.parameter.get().await {
                Ok(seen) => seen,
                Err(error) => {
                    self.again(error).await?;
                    continue;
                }
            };
            let won = match seen {
                Some(seen) if seen.holder().is(&self.record.holder) => self.confirm(&seen).await?,
                Some(seen) if !seen.record.ended && those.iter().any(|one| seen.holder().is(one)) => {
                    self.take(seen).await?
                }
                _ => return Ok(None),
            };
            if won.is_some() {
                return Ok(won);
            }
        }
    }

    fn won(&mut self, version: i64, at: Moment) -> Won {
        Won { record: self.record.clone(), version, at, former: self.former.take() }
    }

    /// A write of ours was done though it was not answered. Since when the lock is ours nobody knows, so it is written again.
    async fn confirm(&mut self, seen: &Sight) -> Result<Option<Won>, Refused> {
        if self.doubt != Some(seen.version) {
            // Somebody had written in between, and may believe that the lock is theirs.
            self.record.holder.renew();
            return Ok(None);
        }
        self.replace(seen.version).await
    }

    /// Overwrites the version with this number.
    pub(super) async fn replace(&mut self, version: i64) -> Result<Option<Won>, Refused> {
        let at = Moment::now();
        match self.parameter.overwrite(&self.record).await {
            Ok(next) if next == version + 1 => Ok(Some(self.won(next, at))),
            // Nobody has the lock now: what the one before us wrote is lost, and what stands there is not to be believed.
            Ok(_) => {
                self.record.holder.renew();
                self.doubt = None;
                Ok(None)
            }
            Err(error) => {
                if error.class == Class::Ambiguous {
                    self.doubt = Some(version + 1);
                }
                self.again(error).await?;
                Ok(None)
            }
        }
    }

    /// Somebody else's lock: waits for it, or takes it over.
    async fn meet(&mut self, seen: Sight) -> Result<Option<Won>, Refused> {
        if seen.record.ended {
            return self.take(seen).await;
        }
        if seen.holder().is_gone() {
            let text = "is no more; AWS may take some seconds to show all that it did";
            self.tell_once(format!("The lock's holder, {}, {text}.", seen.holder()));
            self.pause(SHOWN).await?;
            return self.take(seen).await;
        }
        let now = Instant::now();
        let Watched { since, met, suspect, .. } = *self.watch(&seen);
        let silent_for = now.saturating_duration_since(since);
        if silent_for >= WATCH {
            return self.take(seen).await;
        }
        if now >= self.until && !suspect {
            if !seen.holder().is_here() || now.saturating_duration_since(met) >= LEAVING {
                return Err(Refused::Held(Box::new(seen.record.holder)));
            }
            self.pause(LEAVING / 8).await?;
            return Ok(None);
        }
        self.tell_once(format!("Waiting for {}.", seen.holder()));
        if suspect || silent_for > 2 * BEAT {
            let text = "has given no sign of life for a while; making sure";
            self.tell_once(format!("The lock's holder, {}, {text}.", seen.holder()));
        }
        self.refused = None;
        self.pause(Duration::from_secs(1)).await?;
        Ok(None)
    }

    /// The lock as it has been until now.
    fn watch(&mut self, seen: &Sight) -> &Watched {
        let now = Instant::now();
        let met = self.watched.take().filter(|watched| watched.holder.is(seen.holder()));
        let watched = match met {
            Some(watched) if watched.version == seen.version => watched,
            met => Watched {
                holder: seen.holder().clone(),
                version: seen.version,
                since: now,
                met: met.as_ref().map_or(now, |watched| watched.met),
                // Whom we saw write is alive, whatever the clocks say.
                suspect: met.is_none() && seen.seems_silent_for() > LEASE,
            },
        };
        self.watched.insert(watched)
    }

    /// Takes the lock over from what was seen, unless somebody else does, or it is not as it was.
    async fn take(&mut self, seen: Sight) -> Result<Option<Won>, Refused> {
        let election = self.parameter.election(&seen.record);
        let began = Instant::now();
        match election.create(&self.record).await {
            Ok(_) => {}
            Err(error) if error.class == Class::AlreadyExists => match election.get().await {
                // An answer was lost.
                Ok(Some(elected)) if elected.holder().is(&self.record.holder) => {}
                Ok(elected) => return self.stand_back(&election, elected).await,
                Err(error) => return self.again(error).await.map(|()| None),
            },
            Err(error) => return self.again(error).await.map(|()| None),
        }
        self.record.election = Some(election.last().to_owned());
        let won = match self.parameter.get().await {
            Ok(Some(now)) if now.is_still(&seen) && began.elapsed() < LEASE => {
                let version = seen.version;
                self.former = Some(seen);
                self.replace(version).await
            }
            Ok(_) => Ok(None),
            Err(error) => self.again(error).await.map(|()| None),
        };
        if !matches!(won, Ok(Some(_))) {
            // Should this fail, the next one waits until it is old.
            let _ = election.delete().await;
        }
        won
    }

    /// Somebody else was elected: they will have the lock in a moment, unless they were stopped right then.
    async fn stand_back(&mut self, election: &Parameter, elected: Option<Sight>) -> Result<Option<Won>, Refused> {
        let Some(elected) = elected else { return self.again(election.hidden()).await.map(|()| None) };
        let rival = self.rival.take().filter(|(rival, _)| rival.is(elected.holder()));
        let (holder, since) = rival.unwrap_or_else(|| (elected.record.holder, Instant::now()));
        if since.elapsed() > WATCH {
            let _ = election.delete().await;
            return Ok(None);
        }
        self.rival = Some((holder, since));
        self.refused = None;
        self.pause(Duration::from_secs(1)).await?;
        Ok(None)
    }

    /// Waits before SSM is asked again, where that is of use.
    async fn again(&mut self, error: Error) -> Result<(), Refused> {
        let now = Instant::now();
        let (since, times) = self.refused.map_or((now, 1), |(since, times)| (since, times + 1));
        self.refused = Some((since, times));
        let patient = matches!(error.class, Class::Throttled | Class::Ambiguous | Class::NotYet);
        if !patient || now >= self.until.max(since + PATIENCE) {
            return Err(error.into());
        }
        // What is refused is often answered a moment later; what was not answered has taken its time already.
        if times > 2 || error.class == Class::Ambiguous {
            let answered = error.code.as_ref().map(|code| format!(" ({} answered {code})", error.action));
            let answered = answered.unwrap_or_default();
            self.tell_once(format!("SSM, in which the lock is written, is asked again{answered}: {}", error.message));
        }
        self.pause(backoff(times)).await
    }

    fn tell_once(&mut self, text: String) {
        if !self.told.contains(&text) {
            (self.tell)(&text);
            self.told.push(text);
        }
    }

    async fn pause(&mut self, time: Duration) -> Result<(), Refused> {
        unless_stopped(&self.stop, tokio::time::sleep(time)).await
    }
}

/// Ends early when we are told to stop.
pub(super) async fn unless_stopped<T>(
    stop: &watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Result<T, Refused> {
    let mut stop = stop.clone();
    let told = async {
        if stop.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could tell.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = told => Err(Refused::Interrupted),
        done = work => Ok(done),
    }
}
