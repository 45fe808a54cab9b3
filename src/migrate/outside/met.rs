//! What a lease in the ledger means for what is pending: its holder is waited for, its migration goes on, or something stands
//! against it.

use std::time::Instant;

use super::{LOOK, steps};
use crate::migrate::apply::Run;
use crate::migrate::event::Event;
use crate::migrate::failure::Failure;
use crate::migrate::folder::{Folder, Migration};
use crate::migrate::lease::{Lease, Pulse};
use crate::migrate::ledger::{Ledger, Right};
use crate::migrate::plan::Plan;
use crate::migrate::refusal::Refusal;

/// How often it is said again in how many seconds this run takes over.
const AGAIN: u64 = 10;

/// What a lease that nobody holds means for what is pending.
pub(in crate::migrate) enum Begun {
    /// Its migration was applied all the same, by Drizzle or by hand: it is none any more.
    Recorded,
    /// Its migration is the next one, and goes on.
    GoesOn,
    /// Something stands against it.
    Refused(Refusal),
}

pub(in crate::migrate) fn begun(lease: &Lease, plan: &Plan, pending: &[&Migration], folder: &Folder) -> Begun {
    let half_done = || Refusal::HalfDone { lease: Box::new(lease.clone()), folder: folder.path.clone() };
    match (plan.is_recorded(&lease.tag), pending) {
        (Some(true), _) => Begun::Recorded,
        (Some(false), [first, ..]) if first.tag == lease.tag => {
            let steps = steps(first);
            let texts: Vec<&str> = steps.iter().map(|step| step.chunk.text).collect();
            match lease.fits(&texts) {
                true => Begun::GoesOn,
                false => {
                    Begun::Refused(Refusal::DoneEdited { lease: Box::new(lease.clone()), path: first.path.clone() })
                }
            }
        }
        _ => Begun::Refused(half_done()),
    }
}

/// The wait for a holder.
pub(in crate::migrate) struct Waiting {
    since: Instant,
    /// Which of its [`AGAIN`] seconds was told last, or would be news no more: the countdown begins anew whenever something of the
    /// holder's is seen.
    told: u64,
}

impl Waiting {
    fn new(left: Option<u64>) -> Self {
        Waiting { since: Instant::now(), told: left.map_or(u64::MAX, step) }
    }

    /// Whether it is to be said that this run takes over in `left` seconds; none while something of the holder's runs.
    fn is_news(&mut self, left: Option<u64>) -> bool {
        let now = left.map_or(u64::MAX, step);
        let began = self.told == u64::MAX && now != u64::MAX;
        // The first step of a countdown is of a holder that is alive: between two of its statements, nothing of it runs.
        let news = now < self.told && !began;
        self.told = now;
        news
    }
}

fn step(left: u64) -> u64 {
    left.div_ceil(AGAIN)
}

impl Run<'_> {
    /// What a lease in the ledger means for what is pending: true if the ledger has to be read again.
    pub(in crate::migrate) async fn met(
        &mut self,
        lease: &Lease,
        plan: &Plan,
        pending: &[&Migration],
    ) -> Result<bool, Failure> {
        if self.is_held(lease).await? {
            self.conversation.pause(LOOK).await;
            self.seen = None;
            return Ok(true);
        }
        match begun(lease, plan, pending, self.folder) {
            Begun::Recorded => {
                self.forget(lease).await?;
                Ok(true)
            }
            Begun::GoesOn => Ok(false),
            Begun::Refused(refusal) => Err(Failure::Refused { applied: self.tags(), refusals: vec![refusal] }),
        }
    }

    async fn is_held(&mut self, lease: &Lease) -> Result<bool, Failure> {
        let pulse = self.conversation.ask(&Ledger::pulse_query(lease)).await;
        let pulse = pulse.map_err(|trouble| self.ledger_failure(trouble, Right::Use))?;
        let patience = i64::try_from(self.options.patience.as_millis()).unwrap_or(i64::MAX);
        let pulse = pulse.as_ref().and_then(Pulse::of_row).filter(|pulse| !lease.is_free(*pulse, patience));
        let Some(pulse) = pulse else {
            self.waiting = None;
            return Ok(false);
        };
        if self.conversation.interrupted() {
            return Err(self.interruption());
        }
        let left = lease.left(pulse, patience);
        let waiting = match &mut self.waiting {
            Some(waiting) => {
                if waiting.is_news(left) {
                    (self.conversation.events)(Event::Held { by: lease.held(pulse, patience), takes_over_in: left });
                }
                waiting
            }
            None => {
                (self.conversation.events)(Event::Held { by: lease.held(pulse, patience), takes_over_in: left });
                self.waiting.insert(Waiting::new(left))
            }
        };
        match waiting.since.elapsed() >= self.options.wait {
            true => {
                let (seconds, holder) = (self.options.wait.as_secs(), Some(lease.to_string()));
                Err(Failure::Busy { seconds, holder, applied: self.tags() })
            }
            false => Ok(true),
        }
    }

    async fn forget(&mut self, lease: &Lease) -> Result<(), Failure> {
        let removal = self.ledger.lease_removal(&lease.token);
        self.conversation.ask(&removal).await.map_err(|trouble| self.ledger_failure(trouble, Right::Use))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seen: &[Option<u64>]) -> Vec<Option<u64>> {
        let mut waiting = Waiting::new(seen[0]);
        seen.iter().copied().skip(1).filter(|left| waiting.is_news(*left)).collect()
    }

    #[test]
    fn a_countdown_is_told_now_and_then() {
        let down: Vec<Option<u64>> = (1..=57).rev().map(Some).collect();
        assert_eq!(told(&down), [50, 40, 30, 20, 10].map(Some));
        // A statement of the holder's has ended, and nothing was seen of it since.
        let ended: Vec<Option<u64>> = [None, None].into_iter().chain((38..=60).rev().map(Some)).collect();
        assert_eq!(told(&ended), [50, 40].map(Some));
    }

    #[test]
    fn a_holder_that_is_alive_is_not_counted_down() {
        let statements: Vec<Option<u64>> = [Some(60), None, Some(60), Some(59), None, Some(60), None].repeat(20);
        assert_eq!(told(&statements), []);
    }
}
