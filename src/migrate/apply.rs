//! Applies what is pending: each migration in a transaction of its own together with its ledger row, one migrator at a time.

mod blockers;
mod part;
mod telling;
mod trouble;
mod upkeep;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::connect::Client;
use super::event::Event;
use super::failure::{Failure, Half};
use super::folder::{Chunk, Folder, Migration};
use super::guard::without_transaction;
use super::ledger::{Contents, Ledger, LedgerError, Look, Version};
use super::options::Options;
use super::outside::Waiting;
use super::plan::{Plan, plan};
use super::refusal::refusals;
use super::transaction::{Conversation, Opening, Trouble, closing, is_of_deferred, seam};
use super::verify::named::Named;
use super::verify::presence::{Piece, Presence, unrecorded};
pub(super) use trouble::{AtEnd, Failed};
pub(super) use upkeep::upkeep;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// What this run applied, in order.
    pub migrations: Vec<AppliedMigration>,
    /// How many of the folder were applied before.
    pub before: usize,
    /// How many are still pending, beyond the last one that was wanted.
    pub pending: usize,
    /// How long all of it took, waiting included.
    pub millis: u64,
}

/// One migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedMigration {
    /// Which.
    pub tag: String,
    /// How long it took, from its first attempt on.
    pub millis: u64,
}

/// What each migration of the folder is in this database. Changes nothing.
pub async fn status(client: &mut Client, folder: &Folder, ledger: &Ledger) -> Result<Plan, LedgerError> {
    Ok(plan(folder, &ledger.read(client).await?))
}

/// Applies what is pending. Safe to run twice, at the same time, and again after it was stopped anywhere.
pub async fn apply(
    client: &mut Client,
    folder: &Folder,
    ledger: &Ledger,
    options: &Options,
    events: &mut (dyn FnMut(Event) + Send + Sync),
) -> Result<Applied, Failure> {
    let started = Instant::now();
    let mut run = Run {
        folder,
        ledger,
        options,
        conversation: Conversation::new(client, events, options),
        wanted: Vec::new(),
        applied: Vec::new(),
        attempt: 1,
        since: None,
        half: None,
        begun: None,
        waiting: None,
        seen: None,
        overtaken: false,
        told: false,
        accepted: Vec::new(),
        fresh: false,
    };
    let (before, pending) = run.all().await.map_err(|failure| failure.after(run.tags()))?;
    let missing = unrecorded(run.conversation.client, folder, ledger, &run.tags()).await;
    let missing = missing.map_err(|error| Failure::Ledger(error).after(run.tags()))?;
    if missing.is_empty() {
        Ok(Applied { migrations: run.applied, before, pending, millis: millis(started) })
    } else {
        Err(Failure::Unrecorded { missing, applied: run.tags() })
    }
}

/// One run: what it is to do, and how far it is.
pub(super) struct Run<'a> {
    pub(super) folder: &'a Folder,
    pub(super) ledger: &'a Ledger,
    pub(super) options: &'a Options,
    pub(super) conversation: Conversation<'a>,
    /// What was pending at the last look.
    pub(super) wanted: Vec<String>,
    applied: Vec<AppliedMigration>,
    /// How often the migration at hand was tried, this time included.
    pub(super) attempt: u32,
    /// The migration at hand, and when it was tried first.
    since: Option<(String, Instant)>,
    /// What is committed of the migration at hand, if it has no transaction.
    pub(super) half: Option<Half>,
    /// The same of the last migration without a transaction that this run has begun, whoever goes on with it.
    pub(super) begun: Option<Half>,
    /// The wait for somebody's lease.
    pub(super) waiting: Option<Waiting>,
    /// The ledger at the last look, and how often it was the same without a reason; none where there is a reason.
    pub(super) seen: Option<(Contents, u32)>,
    /// Whether another migrator changed the ledger since it was read.
    overtaken: bool,
    /// Whether it is said what is let through.
    told: bool,
    /// The edited migrations whose hash this run has taken.
    accepted: Vec<String>,
    /// Whether nothing was recorded when this run began.
    fresh: bool,
}

/// How often the ledger may be looked at again though nothing in it has changed.
const LOOKS: u32 = 5;

/// How long the ledger has to stay as it is until another migrator that was at work counts as done, or gone. Between two of its
/// migrations it holds no lock, for a moment that is much shorter.
const QUIET: Duration = Duration::from_millis(250);

/// How applying a row of migrations ended.
pub(super) enum Batch {
    Done,
    /// Another migrator was there first, or it has to be tried again: look again.
    Stale,
}

impl<'a> Run<'a> {
    /// Looks, plans and applies until nothing is pending; how many were applied already, and how many are beyond the last one.
    async fn all(&mut self) -> Result<(usize, usize), Failure> {
        loop {
            let contents = self.read().await?;
            if self.overtaken {
                self.conversation.pause(QUIET).await;
                self.overtaken = self.read().await? != contents;
                continue;
            }
            self.look_again(&contents)?;
            let plan = self.checked_plan(&contents)?;
            self.still_ours(&contents, &plan)?;
            if !self.upkeep(&contents, &plan).is_empty() {
                self.maintain().await?;
                continue;
            }
            let pending = plan.to_apply(self.folder, &self.options.allow, self.options.to.as_deref());
            if !self.told {
                self.leftovers(&pending).await?;
            }
            self.tell(&contents, &plan, &pending);
            self.wanted = pending.iter().map(|migration| migration.tag.clone()).collect();
            if let Some(lease) = contents.lease.as_ref().filter(|_| !pending.is_empty())
                && self.met(lease, &plan, &pending).await?
            {
                continue;
            }
            let before = plan.applied().saturating_sub(self.applied.len());
            let beyond = plan.to_apply(self.folder, &self.options.allow, None).len() - pending.len();
            let alone = |migration: &&Migration| without_transaction(&migration.sql);
            let together = pending.iter().position(alone).unwrap_or(pending.len());
            let (version, lease) = (contents.version(), contents.lease.as_ref());
            let (batch, count) = match pending.first() {
                Some(first) if together == 0 => (self.outside(first, version, lease).await?, 1),
                _ => (self.batch(&pending[..together], version).await?, together),
            };
            if matches!(batch, Batch::Done) && count >= pending.len() {
                return Ok((before, beyond));
            }
        }
    }

    async fn read(&mut self) -> Result<Contents, Failure> {
        let contents = self.ledger.read(self.conversation.client).await;
        if self.conversation.interrupted() { Err(self.interruption()) } else { Ok(contents?) }
    }

    /// Another look makes sense while others change the ledger; where it stays the same, the next would end as this one.
    fn look_again(&mut self, contents: &Contents) -> Result<(), LedgerError> {
        let looks = match &self.seen {
            Some((seen, looks)) if seen == contents => looks + 1,
            _ => 1,
        };
        if looks > LOOKS {
            return Err(LedgerError::Unsteady(self.ledger.clone()));
        }
        self.seen = Some((contents.clone(), looks));
        Ok(())
    }

    fn checked_plan(&self, contents: &Contents) -> Result<Plan, Failure> {
        let plan = plan(self.folder, contents);
        let Options { allow, to, .. } = self.options;
        let refusals = refusals(&plan, self.folder, self.ledger, contents.has_name, allow, to.as_deref());
        if refusals.is_empty() { Ok(plan) } else { Err(Failure::Refused { applied: self.tags(), refusals }) }
    }

    /// Applies the migrations one after the other, provided that the ledger is still at `version`.
    async fn batch(&mut self, pending: &[&Migration], mut version: Version) -> Result<Batch, Failure> {
        let mut opening = None;
        // Ran, but not committed yet: `together` commits at the end.
        let mut ran = Vec::new();
        for (index, migration) in pending.iter().enumerate() {
            if ran.is_empty() && !self.begin(opening.take(), version).await? {
                return Ok(Batch::Stale);
            }
            let end = match index + 1 == pending.len() {
                true => End::Commit,
                false if self.options.together => End::GoOn,
                false => End::CommitAndBegin,
            };
            match self.one(migration, version, end).await {
                Ok(done) => {
                    version = version.with(done.row);
                    ran.push(AppliedMigration { tag: migration.tag.clone(), millis: done.millis });
                    opening = done.next;
                    if end != End::GoOn {
                        self.record(std::mem::take(&mut ran));
                    }
                }
                Err(Stop::NotMade(absent)) => return Err(self.not_made(migration, &absent).await),
                Err(Stop::Failed(mut failed)) => {
                    if matches!(failed.trouble, Trouble::Said { .. }) && !failed.escaped && !failed.intact {
                        failed.escaped = self.conversation.escaped().await;
                    }
                    self.conversation.roll_back().await;
                    self.attempt += 1;
                    self.again(migration, failed).await?;
                    return Ok(Batch::Stale);
                }
            }
        }
        Ok(Batch::Done)
    }

    /// Begins a transaction, or waits for the one already begun; false if the ledger is not at `version`.
    pub(super) async fn begin(&mut self, opening: Option<Opening>, version: Version) -> Result<bool, Failure> {
        let found = match opening {
            Some(opening) => self.conversation.opened(opening).await,
            None => self.open().await,
        };
        match found {
            Ok(found) if found == Some(version) && !self.conversation.interrupted() => Ok(true),
            Ok(_) => {
                self.conversation.roll_back().await;
                self.overtaken = true;
                if self.conversation.interrupted() { Err(self.interruption()) } else { Ok(false) }
            }
            Err(trouble) => Err(self.opening_failure(trouble).await),
        }
    }

    async fn open(&mut self) -> Result<Option<Version>, Trouble> {
        let opening = self.conversation.open(self.ledger, self.options, Look::Whole).await?;
        self.conversation.opened(opening).await
    }

    /// A migration that was applied on its own.
    pub(super) fn recorded(&mut self, migration: &Migration, started: Instant) {
        self.record(vec![AppliedMigration { tag: migration.tag.clone(), millis: millis(started) }]);
    }

    fn record(&mut self, committed: Vec<AppliedMigration>) {
        for AppliedMigration { tag, millis } in &committed {
            (self.conversation.events)(Event::Applied { tag: tag.clone(), millis: *millis });
        }
        self.applied.extend(committed);
        self.attempt = 1;
    }

    /// Runs one migration inside the open transaction, which is committed only if what its words name is there.
    async fn one<'m>(&mut self, migration: &'m Migration, version: Version, end: End) -> Result<Done, Stop<'m>> {
        self.starts(migration);
        let started = self.since(&migration.tag);
        let whole = Chunk { offset: 0, text: &migration.sql };
        let failed = |chunk| {
            move |trouble| Failed { chunk, trouble, skipped: 0, left: None, escaped: false, intact: false, end: None }
        };

        let mut presence = Presence::of(migration);
        let pieces = presence.pieces();
        let mut answers = Vec::with_capacity(pieces.len());
        for Piece { chunk, look } in &pieces {
            let answer = self.conversation.send(chunk.text).await.map_err(failed(*chunk))?;
            let seen = match look {
                Some(look) => {
                    Some((*look, self.conversation.send(&presence.query(*look)).await.map_err(failed(whole))?))
                }
                None => None,
            };
            answers.push((answer, seen));
        }
        let chunks: Vec<Chunk<'m>> = pieces.into_iter().map(|piece| piece.chunk).collect();
        let at_end = |trouble| Failed { end: Some(AtEnd::Ledger), ..failed(whole)(trouble) };
        for (part, (chunk, (answer, seen))) in
            part::parts(migration, &chunks).into_iter().zip(chunks.iter().zip(answers))
        {
            self.conversation.answer_telling(answer, &|done| part.event(done)).await.map_err(failed(*chunk))?;
            if let Some((look, answer)) = seen {
                presence.take(look, self.conversation.answer(answer, false).await.map_err(at_end)?.as_ref());
            }
        }
        if let Some(query) = presence.again() {
            let answer = self.conversation.ask(&query).await.map_err(at_end)?;
            let absent = presence.absent(answer.as_ref());
            if !absent.is_empty() {
                return Err(Stop::NotMade(absent));
            }
        }

        let insertion = self.ledger.insertion(migration, version.has_name);
        let last = match end {
            End::GoOn => seam(&insertion, self.options),
            End::Commit | End::CommitAndBegin => closing(&insertion),
        };
        let last = self.conversation.send(&last).await.map_err(failed(whole))?;
        let next = match end {
            End::CommitAndBegin => {
                let next = self.conversation.open(self.ledger, self.options, version.look()).await;
                Some(next.map_err(failed(whole))?)
            }
            End::Commit | End::GoOn => None,
        };
        // What fails only now is a deferred constraint, for which no statement of the file is more to blame than another; or the
        // ledger's row.
        let row = self.conversation.answer(last, false).await.map_err(|trouble| {
            // The next transaction may have begun already, so this cannot be asked later.
            let escaped = trouble.is_of_no_transaction();
            let intact = matches!(trouble, Trouble::Said { completed: 1.., .. });
            let at = match trouble {
                Trouble::Said { completed, .. } if is_of_deferred(completed, end == End::GoOn) => AtEnd::Deferred,
                _ => AtEnd::Ledger,
            };
            let trouble = match trouble {
                // COMMIT is on its way.
                Trouble::GaveUp => Trouble::Lost(UNANSWERED.to_owned()),
                other => other,
            };
            Failed { escaped, intact, end: Some(at), ..failed(whole)(trouble) }
        })?;
        let millis = millis(started);
        Ok(Done { row: row.and_then(|row| row.get(0)?.parse().ok()).unwrap_or(0), millis, next })
    }

    /// When the migration was tried first: what it waits for is a part of its time.
    pub(super) fn since(&mut self, tag: &str) -> Instant {
        match &self.since {
            Some((at_hand, since)) if at_hand == tag => *since,
            _ => self.since.insert((tag.to_owned(), Instant::now())).1,
        }
    }
}

/// The time since then.
fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// What comes after a migration's statements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    CommitAndBegin,
    GoOn,
}

/// Why a migration is not applied.
enum Stop<'m> {
    Failed(Failed<'m>),
    /// It ran, and this is not there.
    NotMade(Vec<Named>),
}

impl<'m> From<Failed<'m>> for Stop<'m> {
    fn from(failed: Failed<'m>) -> Self {
        Self::Failed(failed)
    }
}

/// A migration that ran.
struct Done {
    row: i64,
    millis: u64,
    next: Option<Opening>,
}

/// Why nothing more is known once COMMIT was sent to a server that does not react.
const UNANSWERED: &str = "interrupted, and the server did not answer any more";
