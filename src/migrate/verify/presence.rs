//! Whether a migration made what its statements name, looked for while it runs; and whether it is recorded. The looks cost
//! no round trip of their own: they go out with the statements.

use tokio_postgres::SimpleQueryRow;

use super::absent::{numbers, query};
use super::named::{Guarded, Named};
use crate::migrate::connect::Client;
use crate::migrate::folder::{Chunk, Folder, Migration};
use crate::migrate::ledger::{Ledger, LedgerError};
use crate::migrate::sql::is_blank;

/// Looks for what one migration makes, in the course of it: at its end, and before each statement that might remove or rename
/// something without saying so. Only what its words name for certain is looked for, and only as far as its statements would have succeeded
/// without making it; any other statement has made what it names, or failed.
pub(in crate::migrate) struct Presence {
    looks: Vec<Look>,
    absent: Vec<Named>,
}

struct Look {
    /// The byte of the file at which the statement begins that comes after it; none at the end.
    before: Option<usize>,
    expected: Vec<Named>,
    /// How many of these, from the first on, were not looked for before. The others need not be there any more, but where one is that was
    /// absent, it was made after all.
    fresh: usize,
}

/// A part of a migration, and the look that follows it.
pub(in crate::migrate) struct Piece<'m> {
    pub(in crate::migrate) chunk: Chunk<'m>,
    /// The number of the look.
    pub(in crate::migrate) look: Option<usize>,
}

impl Presence {
    pub(in crate::migrate) fn of(migration: &Migration) -> Self {
        let Guarded { doubted, left } = Guarded::of(migration);
        let fresh = left.len();
        let again = doubted.iter().flat_map(|(_, expected)| expected.clone());
        let last = Look { before: None, expected: left.into_iter().chain(again).collect(), fresh };
        let early = doubted.into_iter().map(|(at, expected)| {
            let fresh = expected.len();
            Look { before: Some(at), expected, fresh }
        });
        let looks = early.chain((!last.expected.is_empty()).then_some(last)).collect();
        Self { looks, absent: Vec::new() }
    }

    /// The migration's chunks, divided where there is a look within one.
    pub(in crate::migrate) fn pieces<'m>(&self, migration: &'m Migration) -> Vec<Piece<'m>> {
        let mut pieces: Vec<Piece<'m>> = Vec::new();
        let mut looks = self.looks.iter().enumerate().peekable();
        for mut rest in migration.chunks() {
            let end = rest.offset + rest.text.len();
            while let Some((look, at)) = looks
                .next_if(|(_, it)| it.before.is_some_and(|at| at < end))
                .and_then(|(look, it)| Some((look, it.before?)))
            {
                let (done, next) = rest.text.split_at(at - rest.offset);
                match pieces.last_mut() {
                    // The statement is the first of its chunk.
                    Some(piece) if is_blank(done) => piece.look = Some(look),
                    _ => pieces.push(Piece { chunk: Chunk { text: done, ..rest }, look: Some(look) }),
                }
                rest = Chunk { offset: at, text: next };
            }
            pieces.push(Piece { chunk: rest, look: None });
        }
        if let (Some(piece), Some((look, _))) = (pieces.last_mut(), looks.next()) {
            piece.look = Some(look);
        }
        pieces
    }

    /// The look before the statements of this chunk; of no chunk, the one at the end.
    pub(in crate::migrate) fn before(&self, chunk: Option<Chunk<'_>>) -> Option<usize> {
        self.looks.iter().position(|it| match (it.before, chunk) {
            (Some(at), Some(chunk)) => (chunk.offset..chunk.offset + chunk.text.len()).contains(&at),
            (None, None) => true,
            _ => false,
        })
    }

    /// What to ask, as one message. It is about catalogs alone and takes no lock that another session could hold, so no
    /// limit of the migration's applies.
    pub(in crate::migrate) fn query(&self, look: usize) -> String {
        let query = self.looks.get(look).map(|look| query(&look.expected)).unwrap_or_default();
        format!("SET LOCAL statement_timeout = 0; {query}")
    }

    /// The same in the midst of a transaction, whose settings it leaves as they are.
    pub(in crate::migrate) fn query_amid(&self, look: usize) -> String {
        let query = self.query(look);
        match self.looks.get(look).and_then(|look| look.before) {
            Some(_) => format!("SAVEPOINT {MARK}; {query}; ROLLBACK TO SAVEPOINT {MARK}; RELEASE SAVEPOINT {MARK}"),
            None => query,
        }
    }

    /// Takes the answer to a look.
    pub(in crate::migrate) fn take(&mut self, look: usize, answer: Option<&SimpleQueryRow>) {
        let Some(Look { expected, fresh, .. }) = self.looks.get(look) else { return };
        let numbers = numbers(answer);
        for (number, named) in expected.iter().enumerate() {
            let is_same = |it: &Named| it.is_the_same_as(named);
            if !numbers.contains(&number) {
                self.absent.retain(|it| !is_same(it));
            } else if number < *fresh && !self.absent.iter().any(is_same) {
                self.absent.push(named.clone());
            }
        }
    }

    /// What was not there, and is not looked for again.
    pub(in crate::migrate) fn absent_for_good(&self, look: usize) -> Vec<Named> {
        let later = |named: &Named| {
            let mut fresh = self.looks.iter().skip(look + 1).flat_map(|it| it.expected.iter().take(it.fresh));
            fresh.any(|it| it.is_the_same_as(named))
        };
        without_parts(self.absent.iter().filter(|it| !later(it)).cloned().collect())
    }

    /// What is not there.
    pub(in crate::migrate) fn absent(self) -> Vec<Named> {
        without_parts(self.absent)
    }
}

/// The savepoint of a look in the midst of a transaction.
const MARK: &str = "infra_look";

/// The migrations of these tags that the ledger has no row of.
pub(in crate::migrate) async fn unrecorded(
    client: &Client,
    folder: &Folder,
    ledger: &Ledger,
    tags: &[String],
) -> Result<Vec<String>, LedgerError> {
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    let rows = ledger.read(client).await?.rows;
    let is_recorded =
        |it: &&Migration| rows.iter().any(|row| row.hash == it.hash && row.created_at == Some(it.when_millis));
    let meant = folder.migrations.iter().filter(|it| tags.contains(&it.tag));
    Ok(meant.filter(|it| !is_recorded(it)).map(|it| it.tag.clone()).collect())
}

/// Where a table is not there, nothing need be said of its parts.
fn without_parts(absent: Vec<Named>) -> Vec<Named> {
    let lost: Vec<Named> = absent.iter().filter(|it| it.table.is_empty()).cloned().collect();
    let is_part = |it: &Named| lost.iter().any(|table| table.name == it.table && table.schema == it.schema);
    absent.into_iter().filter(|it| !is_part(it)).collect()
}
