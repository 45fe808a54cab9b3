//! What happens while migrations are applied, as it happens.

use serde::Serialize;

use super::plan::Unaccepted;

/// One thing that happened. The receiver decides what to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Another migrator holds the lock; this one waits for it.
    Waiting,
    /// Another migrator is at work without a transaction; this one waits for it. Said again while nothing is seen of it, until
    /// this one takes over.
    Held {
        /// Which migration, how far it is, who, and until when.
        by: String,
        /// In how many seconds this one takes over unless the other is seen again; none while something of it runs.
        #[serde(skip_serializing_if = "Option::is_none")]
        takes_over_in: Option<u64>,
    },
    /// A migration's first statement is about to run.
    Started {
        /// Which migration.
        tag: String,
    },
    /// A migration has no statement: it is recorded as applied, and nothing runs.
    Empty {
        /// Which migration.
        tag: String,
        /// Whether text follows Drizzle's comment on its line, and so is a part of the comment.
        swallowed: bool,
    },
    /// The ledger has the hash of a file that was edited after it was applied; nothing of the file runs.
    Accepted {
        /// Which migration.
        tag: String,
    },
    /// A file was to be taken as what was applied, and there is nothing to take.
    NotAccepted {
        /// Which migration.
        tag: String,
        /// Why not.
        why: Unaccepted,
    },
    /// A migration is about to be applied although a later one is, as it was asked for.
    Late {
        /// Which migration.
        tag: String,
        /// The later one.
        after: String,
    },
    /// A migration is about to be applied although its time is not after that of one before it, as it was asked for.
    Misordered {
        /// Which migration.
        tag: String,
        /// The one before it.
        after: String,
    },
    /// All of these are about to be applied in one transaction.
    Together {
        /// How many.
        count: usize,
        /// Those that have none: what comes before each is committed first.
        apart: Vec<String>,
    },
    /// A migration is recorded more than once: two migrators without a common lock ran it at the same time.
    Twice {
        /// Which migration.
        tag: String,
        /// The rows' ids.
        rows: Vec<i64>,
    },
    /// A statement of the migration is what runs now. Of hundreds without a breakpoint between them, not each is told.
    Statement {
        /// Which migration.
        tag: String,
        /// Which statement, from 1.
        number: usize,
        /// How many the migration has.
        of: usize,
        /// Its first line.
        text: String,
    },
    /// The migration and its ledger row are committed.
    Applied {
        /// Which migration.
        tag: String,
        /// How long it took, from its first attempt on.
        millis: u64,
    },
    /// The migration could not get a lock or was in the way of another transaction; it is tried again.
    Retrying {
        /// Which migration.
        tag: String,
        /// The attempt that starts now, from 2.
        attempt: u32,
        /// How many there are.
        of: u32,
        /// What PostgreSQL said.
        message: String,
        /// Who holds the lock, where it is one and that can be seen.
        held_by: Vec<String>,
    },
    /// A migration without a transaction was begun before and not finished; it goes on where it stopped.
    Resumed {
        /// Which migration.
        tag: String,
        /// How many of its statements are committed.
        done: usize,
        /// How many it has.
        of: usize,
    },
    /// An INVALID index, left behind by a failed CREATE INDEX or REINDEX CONCURRENTLY, was dropped.
    Dropped {
        /// Which migration.
        tag: String,
        /// The index, as `schema.name`.
        index: String,
    },
    /// The server said something.
    Notice {
        /// NOTICE, WARNING, INFO …
        severity: String,
        /// What.
        message: String,
        /// More of it.
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// What the server advises.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}
