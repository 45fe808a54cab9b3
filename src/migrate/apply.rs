//! Applies what is pending: each migration in a transaction of its own together with its ledger row, one migrator at a time.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::compose::CUSTOM;
use super::connect::Client;
use super::event::Event;
use super::failure::{Failure, Half, StatementFailure};
use super::folder::{Chunk, Folder, Layout, Migration};
use super::guard::without_transaction;
use super::ledger::{Contents, Ledger, LedgerError, Version};
use super::options::Options;
use super::plan::{Plan, plan};
use super::refusal::refusals;
use super::transaction::{Answer, Conversation, Trouble, closing, opening, seam};
use super::verify::presence;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// What this run applied, in order.
    pub migrations: Vec<AppliedMigration>,
    /// How many of the folder were applied before.
    pub before: usize,
}

/// One migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedMigration {
    /// Which.
    pub tag: String,
    /// How long it took.
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
    let mut run = Run {
        folder,
        ledger,
        options,
        opening: opening(ledger, options, true),
        conversation: Conversation::new(client, events, options),
        wanted: Vec::new(),
        applied: Vec::new(),
        attempt: 1,
        half: None,
        waiting_since: None,
    };
    let before = run.all().await?;
    let done: Vec<&Migration> = folder
        .migrations
        .iter()
        .filter(|migration| run.applied.iter().any(|applied| applied.tag == migration.tag))
        .collect();
    let missing = presence::missing(run.conversation.client, ledger, &done).await?;
    if missing.is_empty() {
        Ok(Applied { migrations: run.applied, before })
    } else {
        Err(Failure::NotThere { missing })
    }
}

/// One run: what it is to do, and how far it is.
pub(super) struct Run<'a> {
    pub(super) folder: &'a Folder,
    pub(super) ledger: &'a Ledger,
    pub(super) options: &'a Options,
    opening: String,
    pub(super) conversation: Conversation<'a>,
    /// What was pending at the last look.
    pub(super) wanted: Vec<String>,
    applied: Vec<AppliedMigration>,
    /// How often the migration at hand was tried, this time included.
    pub(super) attempt: u32,
    /// What is committed of the migration at hand, if it has no transaction.
    pub(super) half: Option<Half>,
    /// Since when this run waits for a lease.
    pub(super) waiting_since: Option<Instant>,
}

/// How applying a row of migrations ended.
pub(super) enum Batch {
    Done,
    /// Another migrator was there first, or it has to be tried again: look again.
    Stale,
}

impl<'a> Run<'a> {
    /// Looks, plans and applies until nothing is pending; how many were applied already.
    async fn all(&mut self) -> Result<usize, Failure> {
        loop {
            let contents = self.ledger.read(self.conversation.client).await?;
            let plan = self.checked_plan(&contents)?;
            if !self.upkeep(&contents, &plan).is_empty() {
                self.maintain().await?;
                continue;
            }
            let pending = plan.to_apply(self.folder, self.options.allow, self.options.to.as_deref());
            self.wanted = pending.iter().map(|migration| migration.tag.clone()).collect();
            if let Some(lease) = contents.lease.as_ref().filter(|_| !pending.is_empty())
                && self.met(lease, &plan, &pending).await?
            {
                continue;
            }
            let before = plan.applied() - self.applied.len();
            let alone = |migration: &&Migration| without_transaction(&migration.sql);
            let together = pending.iter().position(alone).unwrap_or(pending.len());
            let (version, lease) = (contents.version(), contents.lease.as_ref());
            let (batch, count) = match pending.first() {
                Some(first) if together == 0 => (self.outside(first, version, lease).await?, 1),
                _ => (self.batch(&pending[..together], version).await?, together),
            };
            if matches!(batch, Batch::Done) && count >= pending.len() {
                return Ok(before);
            }
        }
    }

    fn checked_plan(&self, contents: &Contents) -> Result<Plan, Failure> {
        let plan = plan(self.folder, contents);
        let Options { allow, to, .. } = self.options;
        let refusals = refusals(&plan, self.folder, self.ledger, contents.has_name, *allow, to.as_deref());
        if refusals.is_empty() { Ok(plan) } else { Err(Failure::Refused { applied: self.tags(), refusals }) }
    }

    /// The statements that the ledger itself needs before a migration can be recorded.
    fn upkeep(&self, contents: &Contents, plan: &Plan) -> Vec<String> {
        let mut statements = self.ledger.creation(contents, self.folder.layout);
        if contents.table_exists {
            let v1_folder = self.folder.layout == Layout::V1;
            if (v1_folder && !contents.has_name) || !plan.unnamed.is_empty() {
                statements.extend(self.ledger.upgrade(contents, &plan.unnamed));
            }
        }
        let edited = plan.to_accept(self.folder, self.options.allow, self.options.to.as_deref());
        statements.extend(edited.into_iter().map(|(row, migration)| self.ledger.acceptance(row, migration)));
        statements
    }

    /// Makes, upgrades or corrects the ledger, under the lock and after looking again.
    async fn maintain(&mut self) -> Result<(), Failure> {
        let opening = opening(self.ledger, self.options, false);
        let opened = match self.conversation.send(&opening).await {
            Ok(answer) => self.conversation.answer(answer, true).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = opened {
            return Err(self.opening_failure(trouble).await);
        }
        let contents = self.ledger.read(self.conversation.client).await?;
        let plan = self.checked_plan(&contents);
        let statements = match &plan {
            Ok(plan) => self.upkeep(&contents, plan),
            Err(_) => Vec::new(),
        };
        let mut done = Ok(None);
        if !statements.is_empty() {
            done = self.conversation.ask(&format!("{}; COMMIT", statements.join("; "))).await;
        }
        if statements.is_empty() || done.is_err() {
            self.conversation.roll_back().await;
        }
        done.map_err(|trouble| self.ledger_failure(trouble, contents.table_exists))?;
        plan.map(|_| ())
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
            match self.one(migration, version.has_name, end).await {
                Ok(done) => {
                    version = Version { count: version.count + 1, last: version.last.max(done.row), ..version };
                    ran.push(AppliedMigration { tag: migration.tag.clone(), millis: done.millis });
                    opening = done.next;
                    if end != End::GoOn {
                        self.record(std::mem::take(&mut ran));
                    }
                }
                Err(mut failed) => {
                    if matches!(failed.trouble, Trouble::Said { .. }) && !failed.escaped {
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
    pub(super) async fn begin(&mut self, opening: Option<Answer>, version: Version) -> Result<bool, Failure> {
        let found = match opening {
            Some(answer) => self.conversation.opened(answer).await,
            None => self.open().await,
        };
        match found {
            Ok(found) if found == Some(version) && !self.conversation.interrupted() => Ok(true),
            Ok(_) => {
                self.conversation.roll_back().await;
                if self.conversation.interrupted() { Err(self.interruption()) } else { Ok(false) }
            }
            Err(trouble) => Err(self.opening_failure(trouble).await),
        }
    }

    async fn open(&mut self) -> Result<Option<Version>, Trouble> {
        let answer = self.conversation.send(&self.opening).await?;
        self.conversation.opened(answer).await
    }

    /// A migration that was applied on its own.
    pub(super) fn recorded(&mut self, migration: &Migration, started: Instant) {
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.record(vec![AppliedMigration { tag: migration.tag.clone(), millis }]);
    }

    fn record(&mut self, committed: Vec<AppliedMigration>) {
        for AppliedMigration { tag, millis } in &committed {
            (self.conversation.events)(Event::Applied { tag: tag.clone(), millis: *millis });
        }
        self.applied.extend(committed);
        self.attempt = 1;
    }

    /// Runs one migration inside the open transaction.
    async fn one<'m>(&mut self, migration: &'m Migration, has_name: bool, end: End) -> Result<Done, Failed<'m>> {
        self.starts(migration);
        let started = Instant::now();
        let chunks: Vec<Chunk<'m>> = migration.chunks().collect();
        let whole = Chunk { offset: 0, text: &migration.sql };
        let failed = |chunk| move |trouble| Failed { chunk, trouble, skipped: 0, left: None, escaped: false };

        let mut answers = Vec::with_capacity(chunks.len());
        for chunk in &chunks {
            answers.push(self.conversation.send(chunk.text).await.map_err(failed(*chunk))?);
        }
        for (number, (chunk, answer)) in (1..).zip(chunks.iter().zip(answers)) {
            self.runs(migration, *chunk, number, chunks.len());
            self.conversation.answer(answer, false).await.map_err(failed(*chunk))?;
        }

        let insertion = self.ledger.insertion(migration, has_name);
        let last = match end {
            End::GoOn => seam(&insertion, self.options),
            End::Commit | End::CommitAndBegin => closing(&insertion),
        };
        let last = self.conversation.send(&last).await.map_err(failed(whole))?;
        let next = match end {
            End::CommitAndBegin => Some(self.conversation.send(&self.opening).await.map_err(failed(whole))?),
            End::Commit | End::GoOn => None,
        };
        // What fails only now is a deferred constraint: no statement of the file is to blame more than the last.
        let row = self.conversation.answer(last, false).await.map_err(|trouble| {
            // The next transaction may have begun already, so this cannot be asked later.
            let escaped = trouble.is_of_no_transaction();
            let trouble = match trouble {
                Trouble::Said { said, .. } => Trouble::Said { completed: usize::MAX, said },
                // COMMIT is on its way.
                Trouble::GaveUp => Trouble::Lost(UNANSWERED.to_owned()),
                other => other,
            };
            Failed { escaped, ..failed(whole)(trouble) }
        })?;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Done { row: row.and_then(|row| row.get(0)?.parse().ok()).unwrap_or(0), millis, next })
    }

    /// Tells that a migration begins.
    pub(super) fn starts(&mut self, migration: &Migration) {
        let tag = migration.tag.clone();
        (self.conversation.events)(Event::Started { tag: tag.clone() });
        if migration.is_empty() {
            let swallowed =
                migration.sql.lines().any(|line| line.trim().len() > CUSTOM.len() && line.starts_with(CUSTOM));
            (self.conversation.events)(Event::Empty { tag, swallowed });
        }
    }

    /// Tells which part of the migration runs now.
    pub(super) fn runs(&mut self, migration: &Migration, chunk: Chunk<'_>, number: usize, of: usize) {
        let text = chunk.text.trim_start().lines().next().unwrap_or_default().to_owned();
        (self.conversation.events)(Event::Statement { tag: migration.tag.clone(), number, of, text });
    }

    /// Waits a moment where trying again is worth it; otherwise, the failure.
    pub(super) async fn again(&mut self, migration: &Migration, failed: Failed<'_>) -> Result<(), Failure> {
        let attempt = self.attempt;
        match failed.trouble {
            Trouble::Lost(reason) => Err(self.connection_lost(&migration.tag, reason)),
            trouble if failed.escaped && trouble.is_of_no_transaction() => {
                Err(Failure::Escaped { tag: migration.tag.clone(), applied: self.tags(), pending: self.pending() })
            }
            _ if self.conversation.interrupted() && !failed.escaped => Err(self.interruption()),
            Trouble::Said { said, .. }
                if !failed.escaped && worth_retrying(said.code().code()) && attempt <= self.options.attempts =>
            {
                // 0.5 s, 1 s, 2 s …: whoever holds the lock gets time to finish.
                self.conversation.pause(Duration::from_millis(250) * 2_u32.saturating_pow(attempt - 1).min(32)).await;
                let message = said.message().to_owned();
                (self.conversation.events)(Event::Retrying { tag: migration.tag.clone(), attempt, message });
                Ok(())
            }
            Trouble::Said { completed, said } => {
                let mut failure = StatementFailure::new(migration, failed.chunk, completed, failed.skipped, &said);
                failure.half = self.half.take();
                failure.left = failed.left;
                failure.escaped = failed.escaped;
                failure.applied = self.tags();
                failure.pending = self.pending();
                Err(Failure::Statement(Box::new(failure)))
            }
            Trouble::GaveUp => Err(self.interruption()),
        }
    }

    pub(super) fn connection_lost(&self, tag: &str, reason: String) -> Failure {
        Failure::Lost { tag: tag.to_owned(), reason, applied: self.tags() }
    }

    async fn opening_failure(&mut self, trouble: Trouble) -> Failure {
        self.conversation.roll_back().await;
        match trouble {
            _ if self.conversation.interrupted() => self.interruption(),
            Trouble::Said { said, .. } if said.code().code() == "55P03" => {
                Failure::Busy { seconds: self.options.wait.as_secs(), holder: None }
            }
            trouble => self.ledger_failure(trouble, true),
        }
    }

    pub(super) fn ledger_failure(&self, trouble: Trouble, exists: bool) -> Failure {
        let ledger = self.ledger.clone();
        Failure::Ledger(match trouble {
            Trouble::GaveUp => return self.interruption(),
            Trouble::Lost(_) => LedgerError::Lost(ledger),
            Trouble::Said { said, .. } if !exists && said.code().code() == "42501" => {
                LedgerError::NotAllowed { ledger, message: said.message().to_owned() }
            }
            Trouble::Said { said, .. } => {
                let (message, code) = (said.message().to_owned(), said.code().code().to_owned());
                LedgerError::Database { ledger, message, code }
            }
        })
    }

    pub(super) fn interruption(&self) -> Failure {
        Failure::Interrupted { applied: self.tags(), pending: self.pending(), half: self.half.clone() }
    }

    /// What this run applied.
    pub(super) fn tags(&self) -> Vec<String> {
        self.applied.iter().map(|applied| applied.tag.clone()).collect()
    }

    /// What this run was to apply and has not.
    fn pending(&self) -> Vec<String> {
        let applied = |tag: &String| self.applied.iter().any(|applied| applied.tag == *tag);
        self.wanted.iter().filter(|tag| !applied(tag)).cloned().collect()
    }
}

/// What comes after a migration's statements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    CommitAndBegin,
    GoOn,
}

/// A migration that ran.
struct Done {
    row: i64,
    millis: u64,
    next: Option<Answer>,
}

/// A migration that was not applied, and the part of it that is to blame.
pub(super) struct Failed<'m> {
    pub(super) chunk: Chunk<'m>,
    pub(super) trouble: Trouble,
    /// Characters that were sent before the chunk.
    pub(super) skipped: usize,
    /// The INVALID index it left.
    pub(super) left: Option<String>,
    /// Whether a statement of it ended the transaction that it was to run in.
    pub(super) escaped: bool,
}

/// Why nothing more is known once COMMIT was sent to a server that does not react.
const UNANSWERED: &str = "interrupted, and the server did not answer any more";

/// Lock not available, serialization failure, deadlock: the other side will be done soon.
fn worth_retrying(code: &str) -> bool {
    ["55P03", "40001", "40P01"].contains(&code)
}
