//! What AWS does not delete because something stands in it: who that is, and when waiting for it is of no use.

use std::time::Duration;

use super::{
    Ended,
    way::{SETTLING, Way},
};
use crate::{
    aws::{Class, Error},
    engine::{
        Occupant, Seen,
        clock::{Instant, now, since},
        plan::Step,
    },
};

/// After how long it is asked who stands in it: what the stack itself removes has gone by then, as a rule.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often that is asked.
const AGAIN: Duration = Duration::from_secs(30);

/// What is known of who stands in a resource that is to go.
#[derive(Default)]
pub(super) struct Occupied {
    /// Since when AWS has refused.
    since: Option<Instant>,
    asked: Option<Instant>,
    by: Vec<Occupant>,
}

impl Occupied {
    /// The refusal with the names of those who stand in it.
    ///
    /// # Errors
    /// Where some of them do not go by themselves.
    pub(super) async fn named(&mut self, way: &mut Way<'_, '_>, seen: &Seen, error: Error) -> Result<Error, Ended> {
        if error.class != Class::Busy {
            return Ok(error);
        }
        let age = since(*self.since.get_or_insert_with(now));
        if age < PATIENCE {
            return Ok(error);
        }
        if self.asked.is_none_or(|asked| since(asked) >= AGAIN) {
            way.stopped()?;
            self.asked = Some(now());
            let known = way.run.known();
            // It only explains: where it is refused, the waiting goes on without.
            self.by = (way.kind.occupants)(seen, &way.scope(&known, seen.tags.clone())).await.unwrap_or_default();
        }
        let staying: Vec<Occupant> = self.by.iter().filter(|one| one.stays).cloned().collect();
        if !staying.is_empty() {
            let hopeless = occupied(way.step, &staying, error.clone());
            if age > SETTLING {
                return Err(hopeless.into());
            }
            // Where less time is left than that, it is what is told then.
            way.in_the_end = Some(hopeless);
        }
        if self.by.is_empty() {
            return Ok(error);
        }
        let message = format!("{} Still there: {}.", error.message, Occupant::list(&self.by));
        Ok(Error { message, ..error })
    }
}

fn occupied(step: &Step, staying: &[Occupant], error: Error) -> Error {
    let message = format!(
        "AWS does not delete {}: {} Something that is not of this stack keeps it: {}.",
        step.address,
        error.message,
        Occupant::list(staying)
    );
    Error { message, ..error }
        .advise("Delete that, or move it elsewhere, and run the same command again. Until then what it needs is kept.")
}
