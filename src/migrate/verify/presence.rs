//! Whether a migration made what its statements name, looked for while it runs; and whether it is recorded. The looks cost
//! no round trip of their own: they go out with the statements.

use tokio_postgres::SimpleQueryRow;

use super::absent::{Object, absent_of, query};
use super::guarded::{Look, later, later_of, looks, of_statement};
use super::named::Named;
use crate::migrate::connect::Client;
use crate::migrate::folder::{Chunk, Folder, Migration};
use crate::migrate::ledger::{Ledger, LedgerError};
use crate::migrate::sql::is_blank;

/// Looks for what one migration makes by statements that succeed also where they make nothing; any other statement has made
/// what it names, or failed. What is absent when it should be there may still be made good by the file: it is asked for once
/// more at the end.
pub(in crate::migrate) struct Presence<'m> {
    migration: &'m Migration,
    looks: Vec<Look>,
    absent: Vec<(Named, Object)>,
}

/// A part of a migration, and the look that follows it.
pub(in crate::migrate) struct Piece<'m> {
    pub(in crate::migrate) chunk: Chunk<'m>,
    /// The number of the look.
    pub(in crate::migrate) look: Option<usize>,
}

impl<'m> Presence<'m> {
    pub(in crate::migrate) fn of(migration: &'m Migration) -> Self {
        Self { migration, looks: looks(migration), absent: Vec::new() }
    }

    /// For a statement that is committed on its own: what it makes, unless a later one speaks of that too; none if there is nothing.
    pub(in crate::migrate) fn of_statement(migration: &'m Migration, chunk: Chunk<'_>) -> Option<Self> {
        let mut expected = of_statement(migration, chunk);
        expected.retain(|it| !later(migration, it).is_named);
        Self::of_look(migration, expected)
    }

    /// For the end of statements that were committed on their own: what was left out by [`Presence::of_statement`], as far as it is certain.
    pub(in crate::migrate) fn of_rest(migration: &'m Migration) -> Option<Self> {
        let mut expected: Vec<Named> = looks(migration).into_iter().flat_map(|look| look.expected).collect();
        expected.retain(|it| {
            let own = later(migration, it);
            own.is_named && !own.is_removed && !later_of(migration, &it.table, None, it.at).is_removed
        });
        Self::of_look(migration, expected)
    }

    fn of_look(migration: &'m Migration, expected: Vec<Named>) -> Option<Self> {
        let looks = vec![Look { before: None, expected }];
        looks.iter().any(|look| !look.expected.is_empty()).then_some(Self { migration, looks, absent: Vec::new() })
    }

    /// The migration's chunks, divided where there is a look within one.
    pub(in crate::migrate) fn pieces(&self) -> Vec<Piece<'m>> {
        let mut pieces: Vec<Piece<'m>> = Vec::new();
        let early = self.looks.iter().enumerate().filter_map(|(look, it)| Some((look, it.before?)));
        let mut early = early.peekable();
        for mut rest in self.migration.chunks() {
            let end = rest.offset + rest.text.len();
            while let Some((look, at)) = early.next_if(|(_, at)| *at < end) {
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
        let last = self.looks.iter().position(|look| look.before.is_none());
        if let (Some(piece), Some(look)) = (pieces.last_mut(), last) {
            piece.look = Some(look);
        }
        pieces
    }

    /// What to ask in a transaction, whose settings it leaves as they are. It is about catalogs alone and takes no lock that another
    /// session could hold, so no limit of the migration's applies.
    pub(in crate::migrate) fn query(&self, look: usize) -> String {
        aside(&self.alone(look))
    }

    /// The same where there is no transaction.
    pub(in crate::migrate) fn query_alone(&self, look: usize) -> String {
        unlimited(&self.alone(look))
    }

    fn alone(&self, look: usize) -> String {
        let expected = self.looks.get(look).map_or(&[][..], |look| &look.expected);
        query(&expected.iter().map(|it| (it, Object::Made)).collect::<Vec<_>>())
    }

    /// Takes the answer to a look.
    pub(in crate::migrate) fn take(&mut self, look: usize, answer: Option<&SimpleQueryRow>) {
        let Some(look) = self.looks.get(look) else { return };
        let absent = absent_of(answer).into_iter();
        self.absent.extend(absent.filter_map(|(number, object)| Some((look.expected.get(number)?.clone(), object))));
    }

    /// What to ask at the end, in the transaction, of what was absent before; none if that is nothing. What a later statement
    /// removes or renames need not be there.
    pub(in crate::migrate) fn again(&mut self) -> Option<String> {
        let migration = self.migration;
        self.absent.retain(|(it, _)| !later(migration, it).is_removed);
        let asked: Vec<(&Named, Object)> = self.absent.iter().map(|(it, object)| (it, *object)).collect();
        (!asked.is_empty()).then(|| aside(&query(&asked)))
    }

    /// What is not there, by the answer to that.
    pub(in crate::migrate) fn absent(self, answer: Option<&SimpleQueryRow>) -> Vec<Named> {
        let absent = absent_of(answer);
        let pairs = self.absent.into_iter().enumerate();
        without_parts(pairs.filter(|(number, _)| absent.contains_key(number)).map(|(_, (it, _))| it).collect())
    }

    /// What was not there, without asking again.
    pub(in crate::migrate) fn absent_now(self) -> Vec<Named> {
        without_parts(self.absent.into_iter().map(|(it, _)| it).collect())
    }
}

fn unlimited(query: &str) -> String {
    format!("SET LOCAL statement_timeout = 0; {query}")
}

fn aside(query: &str) -> String {
    format!("SAVEPOINT {MARK}; {}; ROLLBACK TO SAVEPOINT {MARK}; RELEASE SAVEPOINT {MARK}", unlimited(query))
}

/// The savepoint of a look.
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
