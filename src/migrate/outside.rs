//! A migration without a transaction: its statements are committed one by one, and the lease says how far it is.
//!
//! ```text
//! lock, take the lease, commit → statement, renew, commit → … → lock, record the migration, drop the lease, commit
//! ```
//! Whoever comes next goes on after the last statement that the lease knows to be committed. What PostgreSQL lets into a
//! transaction is committed together with the lease that says so, and so runs once, whenever it is stopped. The rest (CREATE
//! INDEX CONCURRENTLY, VACUUM) is followed by the lease; there it is looked at what a stopped one has left.

mod index;
mod met;
mod step;

use std::time::{Duration, Instant};

use tokio_postgres::SimpleQueryRow;

use super::apply::{Batch, Failed, Run};
use super::concurrent::Standing;
use super::event::Event;
use super::failure::{Failure, Half, StatementFailure};
use super::folder::Migration;
use super::lease::{Done, Lease};
use super::ledger::{Contents, Right, Version};
use super::mask::masked;
use super::plan::Plan;
use super::transaction::{RESTORE, Trouble, beginning};
use super::verify::named::Named;
use super::verify::presence::Presence;

pub(super) use met::{Begun, Waiting, begun};
pub(super) use step::{Commit, Step, steps};

/// For the session, as the connection asked for it in its beginning: what follows may be alone, in no transaction that could limit it.
const ENCODING: &str = "SET client_encoding = 'UTF8'";
/// How often to look whether a lease was given back.
const LOOK: Duration = Duration::from_millis(500);

/// Why a statement was not carried out.
enum Stop {
    /// PostgreSQL refused it, or its end was not seen; that many characters were sent before it. What is `alone` may have
    /// been committed all the same, or in part.
    Statement { trouble: Trouble, skipped: usize, alone: bool },
    /// The lease could not be renewed.
    Lease(Trouble),
    /// The user wants to stop.
    Interrupted,
    /// PostgreSQL said success, but what the statement makes is not there: what is wrong.
    NotMade(String),
    /// The same, of what a guard passed over: this is not there. The statement is not committed, or can be run again.
    Lacking(Vec<Named>),
}

impl Stop {
    /// Whether something of that name exists.
    fn is_of_duplicate(&self) -> bool {
        matches!(self, Stop::Statement { trouble: Trouble::Said { said, .. }, .. } if said.code().code() == "42P07")
    }
}

/// The first lines of the statements that the lease knows to be committed.
pub fn committed(migration: &Migration, lease: &Lease) -> Vec<String> {
    let done = steps(migration).into_iter().take(lease.done);
    done.map(|step| masked(step.chunk.text).lines().next().unwrap_or_default().to_owned()).collect()
}

impl Run<'_> {
    /// Applies one migration statement by statement, going on where the lease that was found stopped.
    pub(super) async fn outside(
        &mut self,
        migration: &Migration,
        version: Version,
        found: Option<&Lease>,
    ) -> Result<Batch, Failure> {
        let steps = steps(migration);
        let texts: Vec<&str> = steps.iter().map(|step| step.chunk.text).collect();
        let mut lease = Lease::new(&migration.tag, steps.len());
        let mut done = Done::of(texts.get(..found.map_or(0, |found| found.done)).unwrap_or(&texts));
        lease.advance(&done);
        // Its holder vanished: the statement after the last one that is known to be done may be done as well.
        let cut_off = found.filter(|found| !found.stopped);
        // Whoever comes after this one has to know it as well.
        lease.making = cut_off.and_then(|found| found.making.clone());
        if !self.take(version, found, &lease).await? {
            return Ok(Batch::Stale);
        }
        let (first, tag) = (lease.done, &migration.tag);
        self.starts(migration);
        if found.is_some() {
            (self.conversation.events)(Event::Resumed { tag: tag.clone(), done: first, of: steps.len() });
        }
        let started = self.since(tag);
        for (index, step) in steps.iter().enumerate().skip(first) {
            let cut_off = cut_off.filter(|_| index == first && step.commit != Commit::WithLease);
            let uncertain = cut_off.is_some();
            self.halfway(Half { tag: tag.clone(), done: index, of: steps.len(), uncertain });
            if self.conversation.interrupted() {
                self.give_back(&mut lease).await;
                return Err(self.interruption());
            }
            self.runs(migration, step.chunk, index + 1, steps.len());
            let mut after = lease.clone();
            done.push(step.chunk.text);
            after.advance(&done);
            match self.step(migration, step, &mut lease, &after, cut_off).await {
                Ok(true) => lease = after,
                Ok(false) => {
                    if step.commit != Commit::WithLease {
                        self.halfway(Half { tag: tag.clone(), done: index, of: steps.len(), uncertain: true });
                    }
                    return Ok(self.lost());
                }
                Err(Stop::Lease(trouble)) => return Err(self.not_renewed(&lease.tag, trouble)),
                Err(Stop::Interrupted) => {
                    self.give_back(&mut lease).await;
                    return Err(self.interruption());
                }
                Err(Stop::Lacking(absent)) => {
                    self.give_back(&mut lease).await;
                    return Err(self.accounted(StatementFailure::not_made(migration, &absent)));
                }
                Err(Stop::NotMade(what)) => {
                    self.give_back(&mut lease).await;
                    let failure = StatementFailure::passed_over(migration, step.chunk, what);
                    return Err(self.accounted(failure));
                }
                Err(Stop::Statement { trouble, skipped, alone }) => {
                    if alone && matches!(trouble, Trouble::Lost(_) | Trouble::GaveUp) {
                        self.halfway(Half { tag: tag.clone(), done: index, of: steps.len(), uncertain: true });
                    }
                    return self.stopped(migration, step, &mut lease, trouble, skipped).await;
                }
            }
            self.halfway(Half { tag: tag.clone(), done: index + 1, of: steps.len(), uncertain: false });
        }
        self.lacking(migration, &mut lease).await?;
        self.finish(migration, version, &lease, started).await
    }

    /// All of it is committed: looks for what is not looked for with its own statement. If something is not there it is not recorded,
    /// and the next run looks again.
    async fn lacking(&mut self, migration: &Migration, lease: &mut Lease) -> Result<(), Failure> {
        let Some(mut presence) = Presence::of_rest(migration) else { return Ok(()) };
        let answer = self.conversation.ask(&presence.query_alone(0)).await;
        presence.take(0, answer.map_err(|trouble| self.not_renewed(&lease.tag, trouble))?.as_ref());
        let absent = presence.absent_now();
        if absent.is_empty() {
            return Ok(());
        }
        self.give_back(lease).await;
        Err(self.accounted(StatementFailure::not_made(migration, &absent)))
    }

    /// Takes the lease under the lock, provided that the ledger is as it was read.
    async fn take(&mut self, version: Version, found: Option<&Lease>, lease: &Lease) -> Result<bool, Failure> {
        if !self.begin(None, version).await? {
            return Ok(false);
        }
        let mut taken = true;
        let mut result = Ok(None);
        if let Some(found) = found {
            result = self.conversation.ask(&self.ledger.lease_removal(&found.token)).await;
            taken = matches!(result, Ok(Some(_)));
        }
        if taken && result.is_ok() {
            result = self.conversation.ask(&format!("{}; {ENCODING}; COMMIT", self.ledger.lease_taking(lease))).await;
        } else {
            self.conversation.roll_back().await;
        }
        result.map_err(|trouble| self.ledger_failure(trouble, Right::Use))?;
        Ok(taken)
    }

    /// Runs one statement and puts the lease `after` it in place; false if the lease was lost.
    async fn step(
        &mut self,
        migration: &Migration,
        step: &Step<'_>,
        lease: &mut Lease,
        after: &Lease,
        cut_off: Option<&Lease>,
    ) -> Result<bool, Stop> {
        lease.making = cut_off.and_then(|found| found.making.clone());
        if let Some(concurrent) = &step.concurrent {
            return self.concurrently(step, concurrent, lease, after, cut_off).await;
        }
        if step.commit != Commit::Alone {
            match self.with_lease(migration, step, after).await {
                // Nothing of it has happened: it is one of those that must be alone.
                Err(Stop::Statement { trouble: Trouble::Said { said, .. }, .. })
                    if ["25001", "2D000"].contains(&said.code().code()) => {}
                result => return result,
            }
        }
        self.run_alone(step, lease).await?;
        self.made(migration, step, false).await?;
        self.renew(after).await
    }

    /// Looks for what the statement made, before the lease says that it is done; `amid` its transaction.
    async fn made(&mut self, migration: &Migration, step: &Step<'_>, amid: bool) -> Result<(), Stop> {
        let Some(mut presence) = Presence::of_statement(migration, step.chunk) else { return Ok(()) };
        let query = if amid { presence.query(0) } else { presence.query_alone(0) };
        let answer = self.conversation.ask(&query).await.map_err(Stop::Lease)?;
        presence.take(0, answer.as_ref());
        let absent = presence.absent_now();
        if absent.is_empty() { Ok(()) } else { Err(Stop::Lacking(absent)) }
    }

    async fn run_alone(&mut self, step: &Step<'_>, lease: &Lease) -> Result<(), Stop> {
        let comment = lease.comment();
        let result = self.alone(&format!("{comment}{}", step.chunk.text)).await;
        result.map_err(|trouble| Stop::Statement { trouble, skipped: comment.len(), alone: true })
    }

    /// Runs a statement in one transaction with the lease that says so.
    async fn with_lease(&mut self, migration: &Migration, step: &Step<'_>, after: &Lease) -> Result<bool, Stop> {
        // The comment comes first: by it the server shows whose statement runs.
        let before = format!("{}{}", after.comment(), beginning(self.options));
        let skipped = before.chars().count();
        let refused = |trouble| Stop::Statement { trouble, skipped, alone: false };
        if let Err(trouble) = self.conversation.ask(&format!("{before}{}", step.chunk.text)).await {
            self.conversation.roll_back().await;
            return Err(refused(trouble));
        }
        if let Err(stop) = self.made(migration, step, true).await {
            self.conversation.roll_back().await;
            return Err(stop);
        }
        match self.restore_and_renew(after).await {
            // A deferred constraint is checked only now.
            Ok(Some(_)) => self.conversation.ask("COMMIT").await.map(|_| true).map_err(refused),
            Ok(None) => {
                self.conversation.roll_back().await;
                Ok(false)
            }
            Err(trouble) => {
                self.conversation.roll_back().await;
                Err(Stop::Lease(trouble))
            }
        }
    }

    /// A statement that no transaction can limit in time; so this side does.
    async fn alone(&mut self, sql: &str) -> Result<(), Trouble> {
        self.conversation.limit = self.options.statement_timeout;
        let result = self.conversation.ask(sql).await;
        self.conversation.limit = None;
        result.map(|_| ())
    }

    async fn renew(&mut self, lease: &Lease) -> Result<bool, Stop> {
        self.restore_and_renew(lease).await.map(|row| row.is_some()).map_err(Stop::Lease)
    }

    /// What a statement has done to the session (set_config, a function) ends with it: the next one may be another's.
    async fn restore_and_renew(&mut self, lease: &Lease) -> Result<Option<SimpleQueryRow>, Trouble> {
        let renewal = self.ledger.lease_renewal(lease);
        self.conversation.ask(&format!("{RESTORE}; {ENCODING}; {renewal}")).await
    }

    fn not_renewed(&self, tag: &str, trouble: Trouble) -> Failure {
        match trouble {
            Trouble::Lost(reason) => self.connection_lost(tag, reason),
            trouble => self.ledger_failure(trouble, Right::Use),
        }
    }

    /// Remembers what is committed of the migration at hand.
    fn halfway(&mut self, half: Half) {
        self.begun = Some(half.clone());
        self.half = Some(half);
    }

    /// Somebody took this one for dead, and its lease is theirs now; or removed it, which the next look shows.
    fn lost(&mut self) -> Batch {
        self.half = None;
        Batch::Stale
    }

    /// Refuses to begin anew what this run has begun: whoever removed its lease (`unlock`) wants it to end.
    pub(super) fn still_ours(&mut self, contents: &Contents, plan: &Plan) -> Result<(), Failure> {
        let removed = |half: &Half| contents.lease.is_none() && plan.is_recorded(&half.tag) == Some(false);
        match self.begun.take_if(|half| removed(half)) {
            Some(half) => Err(Failure::TakenAway { half, applied: self.tags(), pending: self.pending() }),
            None => Ok(()),
        }
    }

    /// Writes down that nobody goes on for now, and what was done.
    async fn give_back(&mut self, lease: &mut Lease) {
        lease.stopped = true;
        // Where that fails, the lease frees itself once it is old.
        _ = self.conversation.ask(&self.ledger.lease_renewal(lease)).await;
    }

    async fn stopped(
        &mut self,
        migration: &Migration,
        step: &Step<'_>,
        lease: &mut Lease,
        trouble: Trouble,
        skipped: usize,
    ) -> Result<Batch, Failure> {
        let mut left = None;
        if !matches!(trouble, Trouble::Lost(_) | Trouble::GaveUp) {
            self.give_back(lease).await;
            if let Some(concurrent) = &step.concurrent
                && let Ok(Some(row)) = self.conversation.ask(&concurrent.query()).await
                && let Standing::Invalid(index) = Standing::of_row(&row)
            {
                left = Some(index);
            }
        }
        self.attempt += 1;
        let failed = Failed { chunk: step.chunk, trouble, skipped, left, escaped: false, intact: true, end: None };
        self.again(migration, failed).await?;
        Ok(Batch::Stale)
    }

    /// Records the migration and gives the lease back, both at once.
    async fn finish(
        &mut self,
        migration: &Migration,
        version: Version,
        lease: &Lease,
        started: Instant,
    ) -> Result<Batch, Failure> {
        match self.begin(None, Version { leased: true, ..version }).await {
            Ok(true) => {}
            Ok(false) => {
                // Where only the ledger has changed, the lease is still this one's, and nobody need wait until it is old.
                self.give_back(&mut lease.clone()).await;
                return Ok(self.lost());
            }
            Err(failure) => {
                // All of it is done: who comes next has only to record it, and need not wait until the lease is old.
                self.give_back(&mut lease.clone()).await;
                return Err(failure);
            }
        }
        let removed = self.conversation.ask(&self.ledger.lease_removal(&lease.token)).await;
        let insertion = self.ledger.insertion(migration, version.has_name);
        let recorded = match removed {
            Ok(Some(_)) => self.conversation.ask(&format!("{insertion}; COMMIT")).await.map(|_| true),
            Ok(None) => Ok(false),
            Err(trouble) => Err(trouble),
        };
        match recorded {
            Ok(true) => {
                self.half = None;
                self.recorded(migration, started);
                Ok(Batch::Done)
            }
            Ok(false) => {
                self.conversation.roll_back().await;
                Ok(self.lost())
            }
            Err(Trouble::Lost(reason)) => Err(self.connection_lost(&migration.tag, reason)),
            Err(trouble) => {
                self.conversation.roll_back().await;
                Err(self.ledger_failure(trouble, Right::Use))
            }
        }
    }
}
