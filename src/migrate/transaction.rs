//! The messages a migration's transaction consists of, and their answers.
//!
//! `BEGIN … lock … version` is answered before anything else is sent: were it refused, what follows would run outside of a
//! transaction. From there on a migration takes two round trips: its chunks go out together, and once all are answered its
//! ledger row, `COMMIT` and the next migration's `BEGIN`. `COMMIT` is not sent before: whoever is interrupted, or loses the
//! connection while a chunk runs, leaves nothing behind it that could still commit. If a chunk fails, PostgreSQL refuses
//! all that follows it (25P02).
//!
//! That the transaction is still the one that was begun is what a savepoint proves: a chunk that ended it took it along.

use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, sleep_until};
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow, SimpleQueryStream};

use super::connect::Client;
use super::event::Event;
use super::ledger::{Ledger, Look, Version};
use super::options::Options;

/// When to say that another migrator is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a cancelled statement may take to end before the connection is given up. RDS Proxy ignores cancelling.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// What takes the lock and shows the ledger as it is under the lock.
///
/// READ COMMITTED is asked for because the role's default may be stricter, and would show the ledger as it was before
/// the lock was granted.
pub(super) fn opening(ledger: &Ledger, options: &Options, look: Option<Look>) -> String {
    let version = look.map(|look| ledger.look_query(look)).unwrap_or_default();
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {RESTORE}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {}; \
         SELECT pg_catalog.pg_advisory_xact_lock({}); {}; {version}; SAVEPOINT {MARK}",
        milliseconds(options.wait),
        ledger.lock_key(),
        limits(options),
    )
}

/// Whether an opening that failed after so many of its statements had to wait for another migrator: for the lock, which comes
/// after BEGIN, the session's restoring and two limits.
pub(super) fn is_of_migrator(completed: usize) -> bool {
    completed == 3 + RESTORE.split(';').count()
}

/// What begins the transaction of a single statement.
pub(super) fn beginning(options: &Options) -> String {
    format!("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {}; ", limits(options))
}

/// What checks that the transaction is the one that was begun, and deferred constraints, puts the session back as it was,
/// records the migration and commits.
pub(super) fn closing(insertion: &str) -> String {
    format!("RELEASE SAVEPOINT {MARK}; SET CONSTRAINTS ALL IMMEDIATE; {RESTORE}; {insertion}; COMMIT")
}

/// What records a migration whose transaction goes on with the next one.
///
/// Deferred constraints are checked here, so that the migration that breaks one is the one that is blamed; and taken back,
/// so that those of the next migration are deferred as ever.
pub(super) fn seam(insertion: &str, options: &Options) -> String {
    format!(
        "RELEASE SAVEPOINT {MARK}; SAVEPOINT {MARK}; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO SAVEPOINT {MARK}; RELEASE \
         SAVEPOINT {MARK}; {RESTORE}; {insertion}; {}; SAVEPOINT {MARK}",
        limits(options)
    )
}

/// Whether [`closing`], or [`seam`], that failed after so many of its statements failed in checking what was deferred; what comes
/// after that is about the ledger.
pub(super) fn is_of_deferred(completed: usize, goes_on: bool) -> bool {
    completed <= if goes_on { 2 } else { 1 }
}

/// The savepoint that a migration's transaction begins with.
const MARK: &str = "infra_migration";

/// A session that migrations, or others behind the same pooler, may have changed, as it was. Roles first: the ledger's row
/// is written by who connected. Temporary tables would hide the tables of their names from whoever gets the session next.
/// Behind a pooler the encoding, too, would be the one that the pooler's own connection began with.
pub(super) const RESTORE: &str = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; SET LOCAL client_encoding = 'UTF8'; \
    DISCARD TEMP";

/// The limits for a migration's statements; they end with the transaction.
pub(super) fn limits(options: &Options) -> String {
    let statement_timeout = options.statement_timeout.map_or(0, milliseconds);
    let lock_timeout = milliseconds(options.lock_timeout);
    format!("SET LOCAL lock_timeout = {lock_timeout}; SET LOCAL statement_timeout = {statement_timeout}")
}

/// 0 would mean no limit.
fn milliseconds(time: Duration) -> u128 {
    time.as_millis().max(1)
}

/// An answer that is on its way.
pub(super) type Answer = Pin<Box<SimpleQueryStream>>;

/// The answer to an [`opening`], and how that looks at the ledger.
pub(super) struct Opening {
    answer: Answer,
    look: Look,
}

/// The rows of an answer, of which only the last one is kept.
struct Rows {
    count: usize,
    last: Option<SimpleQueryRow>,
}

/// Why a message was not carried out.
pub(super) enum Trouble {
    /// PostgreSQL refused a statement of it.
    Said {
        /// Statements of the message that were carried out before.
        completed: usize,
        /// What PostgreSQL said.
        said: Box<DbError>,
    },
    /// There is no connection any more.
    Lost(String),
    /// The user interrupted, and the server did not stop in time.
    GaveUp,
}

/// A conversation with the server that can be interrupted.
pub(super) struct Conversation<'a> {
    pub(super) client: &'a mut Client,
    pub(super) events: &'a mut (dyn FnMut(Event) + Send + Sync),
    /// How long an answer may take until the server is asked to stop; for what no transaction can limit.
    pub(super) limit: Option<Duration>,
    interrupt: Option<tokio::sync::watch::Receiver<bool>>,
    give_up: Option<Instant>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        client: &'a mut Client,
        events: &'a mut (dyn FnMut(Event) + Send + Sync),
        options: &Options,
    ) -> Self {
        Conversation { client, events, limit: None, interrupt: options.interrupt.clone(), give_up: None }
    }

    /// Whether the user wants to stop.
    pub(super) fn interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|interrupt| *interrupt.borrow())
    }

    /// Sends without waiting.
    pub(super) async fn send(&self, sql: &str) -> Result<Answer, Trouble> {
        let stream = self.client.postgres.simple_query_raw(sql).await;
        stream.map(Box::pin).map_err(|error| Trouble::of(&error, 0))
    }

    /// Waits for the answer; its last row, if it has any.
    pub(super) async fn answer(&mut self, answer: Answer, lock: bool) -> Result<Option<SimpleQueryRow>, Trouble> {
        Ok(self.rows(answer, lock, &|_| None).await?.last)
    }

    /// The same of a migration's statements; `next` has what is told when so many of them are done.
    pub(super) async fn answer_telling(
        &mut self,
        answer: Answer,
        next: &(dyn Fn(usize) -> Option<Event> + Send + Sync),
    ) -> Result<(), Trouble> {
        next(0).into_iter().for_each(&mut *self.events);
        self.rows(answer, false, next).await.map(drop)
    }

    async fn rows(
        &mut self,
        mut answer: Answer,
        lock: bool,
        next: &(dyn Fn(usize) -> Option<Event> + Send + Sync),
    ) -> Result<Rows, Trouble> {
        let mut patience = lock.then(|| Instant::now() + PATIENCE);
        let mut limit = self.limit.map(|limit| Instant::now() + limit);
        let (mut completed, mut rows) = (0, Rows { count: 0, last: None });
        loop {
            tokio::select! {
                biased;
                message = answer.next() => match message {
                    Some(Ok(SimpleQueryMessage::Row(row))) => rows = Rows { count: rows.count + 1, last: Some(row) },
                    Some(Ok(SimpleQueryMessage::CommandComplete(_))) => {
                        completed += 1;
                        next(completed).into_iter().for_each(&mut *self.events);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        self.show_notices();
                        return Err(Trouble::of(&error, completed));
                    }
                    None => {
                        self.show_notices();
                        return Ok(rows);
                    }
                },
                notice = self.client.notice() => show(&mut *self.events, &notice),
                () = raised(self.interrupt.clone()), if self.give_up.is_none() => {
                    self.give_up = Some(Instant::now() + CANCEL_TIMEOUT);
                    // If the server cannot be asked to stop, the time limit ends the wait.
                    _ = self.client.cancel().await;
                }
                () = at(self.give_up) => {
                    self.client.hang_up();
                    return Err(Trouble::GaveUp);
                }
                () = at(limit) => {
                    limit = None;
                    _ = self.client.cancel().await;
                }
                () = at(patience) => {
                    patience = None;
                    (self.events)(Event::Waiting);
                }
            }
        }
    }

    /// Sends and waits.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Option<SimpleQueryRow>, Trouble> {
        let answer = self.send(sql).await?;
        self.answer(answer, false).await
    }

    /// Begins to open a transaction of a ledger that exists.
    pub(super) async fn open(&self, ledger: &Ledger, options: &Options, look: Look) -> Result<Opening, Trouble> {
        Ok(Opening { answer: self.send(&opening(ledger, options, Some(look))).await?, look })
    }

    /// Waits until it is open: the version that the ledger has under the lock.
    pub(super) async fn opened(&mut self, opening: Opening) -> Result<Option<Version>, Trouble> {
        let Opening { answer, look } = opening;
        let Rows { count, last } = self.rows(answer, true, &|_| None).await?;
        // One row is the lock's.
        Ok(last.and_then(|row| Version::seen(look, count.saturating_sub(1), &row)))
    }

    /// Whether the transaction that was opened is over, though nobody here has ended it. Takes back what is not committed.
    pub(super) async fn escaped(&mut self) -> bool {
        let back = self.ask(&format!("ROLLBACK TO SAVEPOINT {MARK}")).await;
        matches!(back, Err(trouble) if trouble.is_of_no_transaction())
    }

    /// Ends the transaction without its effects; if the connection is gone, the server does so itself.
    pub(super) async fn roll_back(&mut self) {
        _ = self.client.postgres.batch_execute("ROLLBACK").await;
        self.show_notices();
    }

    /// Waits, unless interrupted.
    pub(super) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = raised(self.interrupt.clone()) => {}
        }
    }

    fn show_notices(&mut self) {
        for notice in self.client.notices() {
            show(&mut *self.events, &notice);
        }
    }
}

impl Trouble {
    fn of(error: &tokio_postgres::Error, completed: usize) -> Self {
        match error.as_db_error() {
            // FATAL ends the connection; the word itself is in the server's language.
            Some(said) if matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) => {
                Trouble::Lost(said.message().to_owned())
            }
            Some(said) => Trouble::Said { completed, said: Box::new(said.clone()) },
            None => Trouble::Lost(error.to_string()),
        }
    }

    /// Whether the savepoint of the transaction is not there: no transaction, or another one.
    pub(super) fn is_of_no_transaction(&self) -> bool {
        matches!(self, Trouble::Said { said, .. } if ["25P01", "3B001"].contains(&said.code().code()))
    }
}

fn show(events: &mut (dyn FnMut(Event) + Send + Sync), notice: &DbError) {
    events(Event::Notice {
        severity: notice.severity().to_owned(),
        message: notice.message().to_owned(),
        detail: notice.detail().map(str::to_owned),
        hint: notice.hint().map(str::to_owned),
    });
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Ends when the user wants to stop; a sender that is gone will never say so.
pub(super) async fn raised(interrupt: Option<tokio::sync::watch::Receiver<bool>>) {
    if let Some(mut interrupt) = interrupt
        && interrupt.wait_for(|raised| *raised).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}
