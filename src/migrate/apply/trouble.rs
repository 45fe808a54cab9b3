//! What goes wrong while migrations are applied: tried again where that is worth it, else told with what was applied.

use std::time::Duration;

use super::Run;
use crate::migrate::event::Event;
use crate::migrate::failure::{Failure, StatementFailure};
use crate::migrate::folder::{Chunk, Migration};
use crate::migrate::ledger::{Ledger, LedgerError, Right};
use crate::migrate::transaction::{Trouble, is_of_migrator};
use crate::migrate::verify::named::Named;

/// A migration that was not applied, and the part of it that is to blame.
pub(in crate::migrate) struct Failed<'m> {
    pub(in crate::migrate) chunk: Chunk<'m>,
    pub(in crate::migrate) trouble: Trouble,
    /// Characters that were sent before the chunk.
    pub(in crate::migrate) skipped: usize,
    /// The INVALID index it left.
    pub(in crate::migrate) left: Option<String>,
    /// Whether a statement of it ended the transaction that it was to run in.
    pub(in crate::migrate) escaped: bool,
    /// Whether that is ruled out: the savepoint that the transaction began with was there at the end.
    pub(in crate::migrate) intact: bool,
    /// What failed, if it was the migration's end.
    pub(in crate::migrate) end: Option<AtEnd>,
}

/// What can fail once all statements of a migration ran.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::migrate) enum AtEnd {
    /// A deferred constraint does not hold.
    Deferred,
    /// The ledger's row cannot be written.
    Ledger,
}

impl Run<'_> {
    /// Waits a moment where trying again is worth it; otherwise, the failure.
    pub(in crate::migrate) async fn again(&mut self, migration: &Migration, failed: Failed<'_>) -> Result<(), Failure> {
        let attempt = self.attempt;
        match failed.trouble {
            Trouble::Said { ref said, .. } if Ledger::kept_nothing(said) => {
                Err(self.ledger_failure(failed.trouble, Right::Use))
            }
            Trouble::Lost(reason) => Err(self.connection_lost(&migration.tag, reason)),
            trouble if failed.escaped && trouble.is_of_no_transaction() => {
                Err(Failure::Escaped { tag: migration.tag.clone(), applied: self.tags(), pending: self.pending() })
            }
            _ if self.conversation.interrupted() && !failed.escaped => Err(self.interruption()),
            Trouble::Said { ref said, .. }
                if failed.end == Some(AtEnd::Ledger)
                    && !(worth_retrying(said.code().code()) && attempt <= self.options.attempts) =>
            {
                Err(self.ledger_failure(failed.trouble, Right::Use))
            }
            Trouble::Said { completed, said } => {
                let mut failure = match failed.end {
                    Some(_) => StatementFailure::at_end(migration, &said),
                    None => StatementFailure::new(migration, failed.chunk, completed, failed.skipped, &said),
                };
                let held_by = match &*failure.code {
                    "55P03" => self.blockers(&failure.statement).await,
                    _ => Vec::new(),
                };
                if !failed.escaped && worth_retrying(&failure.code) && attempt <= self.options.attempts {
                    self.retry(migration, failure.message, held_by).await;
                    return Ok(());
                }
                if failure.exists() {
                    failure.remedy = Some(self.already(migration, &failure));
                }
                if let (Some(remedy), false) = (&mut failure.remedy, held_by.is_empty()) {
                    remedy.insert_str(0, &format!("It is held by {}. ", held_by.join(" and ")));
                }
                failure.left = failed.left;
                failure.escaped = failed.escaped;
                Err(self.accounted(failure))
            }
            Trouble::GaveUp => Err(self.interruption()),
        }
    }

    /// All of a migration ran, and this is not there: takes it back.
    pub(super) async fn not_made(&mut self, migration: &Migration, absent: &[Named]) -> Failure {
        let escaped = self.conversation.escaped().await;
        self.conversation.roll_back().await;
        let mut failure = StatementFailure::not_made(migration, absent);
        failure.escaped = escaped;
        self.accounted(failure)
    }

    /// With what is committed and what is not.
    pub(in crate::migrate) fn accounted(&mut self, mut failure: StatementFailure) -> Failure {
        failure.half = self.half.take();
        failure.applied = self.tags();
        failure.pending = self.pending();
        Failure::Statement(Box::new(failure))
    }

    async fn retry(&mut self, migration: &Migration, message: String, held_by: Vec<String>) {
        let (attempt, of) = (self.attempt, self.options.attempts);
        // 0.5 s, 1 s, 2 s …: whoever holds the lock gets time to finish.
        self.conversation.pause(Duration::from_millis(250) * 2_u32.saturating_pow(attempt - 1).min(32)).await;
        self.seen = None;
        (self.conversation.events)(Event::Retrying { tag: migration.tag.clone(), attempt, of, message, held_by });
    }

    pub(in crate::migrate) fn connection_lost(&self, tag: &str, reason: String) -> Failure {
        Failure::Lost { tag: tag.to_owned(), reason, applied: self.tags(), half: self.half.clone() }
    }

    pub(super) async fn opening_failure(&mut self, trouble: Trouble) -> Failure {
        self.conversation.roll_back().await;
        match trouble {
            _ if self.conversation.interrupted() => self.interruption(),
            Trouble::Said { completed, said } if said.code().code() == "55P03" && is_of_migrator(completed) => {
                Failure::Busy { seconds: self.options.wait.as_secs(), holder: None, applied: self.tags() }
            }
            trouble => self.ledger_failure(trouble, Right::Use),
        }
    }

    /// Why the ledger cannot be used; `right` is what the statement takes.
    pub(in crate::migrate) fn ledger_failure(&self, trouble: Trouble, right: Right) -> Failure {
        Failure::Ledger(match trouble {
            Trouble::GaveUp => return self.interruption(),
            Trouble::Lost(_) => LedgerError::Lost(self.ledger.clone()),
            Trouble::Said { said, .. } => self.ledger.refused(&said, right, self.conversation.client.target()),
        })
    }

    pub(in crate::migrate) fn interruption(&self) -> Failure {
        Failure::Interrupted { applied: self.tags(), pending: self.pending(), half: self.half.clone() }
    }

    /// What this run applied.
    pub(in crate::migrate) fn tags(&self) -> Vec<String> {
        self.applied.iter().map(|applied| applied.tag.clone()).collect()
    }

    /// What this run was to apply and has not.
    pub(in crate::migrate) fn pending(&self) -> Vec<String> {
        let applied = |tag: &String| self.applied.iter().any(|applied| applied.tag == *tag);
        self.wanted.iter().filter(|tag| !applied(tag)).cloned().collect()
    }
}

/// Lock not available, serialization failure, deadlock: the other side will be done soon.
fn worth_retrying(code: &str) -> bool {
    ["55P03", "40001", "40P01"].contains(&code)
}
