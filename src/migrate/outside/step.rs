//! The statements of a migration without a transaction, and how each of them is committed.

use crate::migrate::concurrent::Concurrent;
use crate::migrate::folder::{Chunk, Migration};
use crate::migrate::guard;
use crate::migrate::sql::statements;

/// A statement and where it is.
pub(in crate::migrate) struct Step<'m> {
    pub(in crate::migrate) chunk: Chunk<'m>,
    pub(in crate::migrate) concurrent: Option<Concurrent>,
    pub(in crate::migrate) commit: Commit,
}

/// When a statement is committed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::migrate) enum Commit {
    /// With the lease that says so.
    WithLease,
    /// Usually so; but DO and CALL may hold a COMMIT of their own, and then they are alone.
    Either,
    /// Before the lease says so.
    Alone,
}

/// The statements of a migration, over all its breakpoints.
pub(in crate::migrate) fn steps(migration: &Migration) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for chunk in migration.chunks() {
        for statement in statements(chunk.text) {
            let span = statement.span();
            let concurrent = Concurrent::of(chunk.text, &statement);
            let starts = |keyword| statement.starts_with(chunk.text, &[keyword]);
            let commit = match guard::is_outside_only(chunk.text, &statement) {
                true => Commit::Alone,
                false if starts("do") || starts("call") => Commit::Either,
                false => Commit::WithLease,
            };
            let chunk = Chunk { offset: chunk.offset + span.start, text: &chunk.text[span] };
            steps.push(Step { chunk, concurrent, commit });
        }
    }
    steps
}
