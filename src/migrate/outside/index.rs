//! Indexes made, made anew and dropped CONCURRENTLY: what a failed attempt has left is cleared away first, one that was cut
//! off is looked at, and none is counted as done that is INVALID.

use super::{LOOK, Run, Step, Stop};
use crate::migrate::concurrent::{Concurrent, Standing};
use crate::migrate::event::Event;
use crate::migrate::lease::Lease;

/// What is to be done with a statement.
enum Ready {
    Run,
    /// It has run already.
    Done,
    /// The lease is somebody else's.
    Lost,
}

impl Run<'_> {
    /// Works on an index; done only if nothing of it is INVALID afterwards.
    pub(super) async fn concurrently(
        &mut self,
        step: &Step<'_>,
        concurrent: &Concurrent,
        lease: &mut Lease,
        after: &Lease,
        cut_off: Option<&Lease>,
    ) -> Result<bool, Stop> {
        let (mut cut_off, taken_over) = (cut_off.cloned(), cut_off.is_some());
        loop {
            match self.prepare(concurrent, lease, cut_off.take().as_ref()).await? {
                Ready::Run => {}
                Ready::Done => return self.renew(after).await,
                Ready::Lost => return Ok(false),
            }
            let result = self.run_alone(step, lease).await;
            // It was not there a moment ago: what the one that vanished had sent has arrived only now.
            let making = matches!(concurrent, Concurrent::Create { name, .. } if lease.making.as_ref() == Some(name));
            let late = taken_over && making && result.as_ref().is_err_and(Stop::is_of_duplicate);
            if late && self.look(concurrent).await?.is_some() {
                cut_off = Some(lease.clone());
                continue;
            }
            result?;
            match (concurrent, self.look(concurrent).await?) {
                (Concurrent::Create { name, table }, None) => {
                    return Err(Stop::NotMade(format!("the index {name} is not on {table}")));
                }
                (_, None | Some(Standing::Valid)) => return self.renew(after).await,
                // IF NOT EXISTS passes over an index that somebody else builds, and that may fail: then it is this one's turn.
                (_, Some(Standing::Invalid(_) | Standing::Building(_))) => {}
            }
        }
    }

    async fn look(&mut self, concurrent: &Concurrent) -> Result<Option<Standing>, Stop> {
        let row = self.conversation.ask(&concurrent.query()).await;
        let refused = |trouble| Stop::Statement { trouble, skipped: 0, alone: false };
        Ok(row.map_err(refused)?.as_ref().map(Standing::of_row))
    }

    /// Clears away what an attempt that failed has left, and finds out whether one that was cut off has succeeded.
    async fn prepare(
        &mut self,
        concurrent: &Concurrent,
        lease: &mut Lease,
        cut_off: Option<&Lease>,
    ) -> Result<Ready, Stop> {
        let refused = |trouble| Stop::Statement { trouble, skipped: 0, alone: false };
        let mut told = false;
        let found = loop {
            match self.look(concurrent).await? {
                Some(Standing::Invalid(index)) => {
                    let drop = format!("{}DROP INDEX CONCURRENTLY {index}", lease.comment());
                    self.alone(&drop).await.map_err(refused)?;
                    (self.conversation.events)(Event::Dropped { tag: lease.tag.clone(), index });
                }
                Some(Standing::Building(index)) => {
                    if !std::mem::replace(&mut told, true) {
                        let by = format!("the index {index}, which another session builds");
                        (self.conversation.events)(Event::Held { by, takes_over_in: None });
                    }
                    self.conversation.pause(LOOK).await;
                    if self.conversation.interrupted() {
                        return Err(Stop::Interrupted);
                    }
                    if !self.renew(lease).await? {
                        return Ok(Ready::Lost);
                    }
                }
                found => break found,
            }
        };
        match (concurrent, found) {
            // It was not there when the statement was sent that nobody saw the end of.
            (Concurrent::Create { name, .. }, Some(_))
                if cut_off.is_some_and(|it| it.making.as_ref() == Some(name)) =>
            {
                Ok(Ready::Done)
            }
            (Concurrent::Create { name, .. }, None) => {
                lease.making = Some(name.clone());
                Ok(if self.renew(lease).await? { Ready::Run } else { Ready::Lost })
            }
            (Concurrent::Drop { .. }, None) if cut_off.is_some() => Ok(Ready::Done),
            _ => Ok(Ready::Run),
        }
    }
}
