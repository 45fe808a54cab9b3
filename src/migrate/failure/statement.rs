//! A statement that PostgreSQL refused: everything it said, and where in the file it is.

use std::path::PathBuf;
use std::sync::Arc;

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use super::{Half, account, nothing_of, outlived};
use crate::excerpt::{Text, pointed};
use crate::migrate::folder::{BREAKPOINT, Chunk, Migration};
use crate::migrate::mask::said_of;
use crate::migrate::position::{Position, byte_of_character};
use crate::migrate::sql::{statements, tokens, unclosed_string};
use crate::migrate::verify::named::Named;

/// A statement that PostgreSQL refused.
#[derive(Debug, Error)]
#[error("{}: {message}.", self.heading())]
pub struct StatementFailure {
    /// The migration it is in.
    pub tag: String,
    /// Its file.
    pub path: PathBuf,
    /// Where in the file; of what failed at the migration's end, the end.
    pub position: Position,
    /// Whether it failed at the migration's end, when deferred constraints were checked: no statement is to blame alone.
    pub at_end: bool,
    /// The statement, from its first token to its last; empty if it failed at the end.
    pub statement: String,
    /// SQLSTATE.
    pub code: String,
    /// What PostgreSQL said.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// More of it.
    pub hint: Option<String>,
    /// The place inside of functions and DO blocks.
    pub context: Option<String>,
    /// What to do, where that is known for this error.
    pub remedy: Option<String>,
    /// What is committed of it, where it has no transaction.
    pub half: Option<Half>,
    /// The INVALID index that the statement left behind.
    pub left: Option<String>,
    /// Whether a statement before it ended the migration's transaction.
    pub escaped: bool,
    /// Tags that were applied before this one in this run.
    pub applied: Vec<String>,
    /// This one's tag and those after it.
    pub pending: Vec<String>,
    source_code: Arc<Text>,
    span: SourceSpan,
}

impl Diagnostic for StatementFailure {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(format!("SQLSTATE {}", self.code)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let said = [("Detail", &self.detail), ("Hint", &self.hint), ("Context", &self.context)];
        let mut lines: Vec<String> =
            said.iter().filter_map(|(name, text)| text.as_ref().map(|text| format!("{name}: {text}"))).collect();
        lines.extend(self.remedy.clone());
        lines.extend(self.left.as_ref().map(|index| {
            format!("It left the INVALID index {index}, which the next run drops before it tries again.")
        }));
        lines.push(match &self.half {
            Some(half) => half.to_string(),
            None if self.escaped => format!("A statement before it ended the transaction. {}", outlived(&self.tag)),
            None => nothing_of(&self.tag),
        });
        // That nothing of the only one is there says it all.
        let is_all =
            self.half.is_none() && !self.escaped && self.applied.is_empty() && self.pending == [self.tag.as_str()];
        if !is_all {
            lines.push(account(&self.applied, &self.pending));
        }
        Some(Box::new(lines.join("\n")))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        (!self.at_end).then_some(&*self.source_code as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        if self.at_end {
            return None;
        }
        let label = miette::LabeledSpan::new_with_span(Some("here".to_owned()), self.span);
        Some(Box::new(std::iter::once(label)))
    }
}

impl StatementFailure {
    fn heading(&self) -> String {
        match self.at_end {
            true => format!(
                "The migration {} ({}) failed at its end, when deferred constraints were checked",
                self.tag,
                self.path.display()
            ),
            false => format!("The migration {} failed in line {}", self.tag, self.position.line),
        }
    }

    /// Whether what the statement makes is there already.
    pub(in crate::migrate) fn exists(&self) -> bool {
        ["42P07", "42710", "42701", "42723", "42P06"].contains(&self.code.as_str())
    }

    /// `completed` statements of the chunk ran before the error, and `skipped` characters were sent before it.
    pub(in crate::migrate) fn new(
        migration: &Migration,
        chunk: Chunk<'_>,
        completed: usize,
        skipped: usize,
        said: &DbError,
    ) -> Self {
        let character = match said.position() {
            Some(ErrorPosition::Original(at)) => Some(at.saturating_sub(u32::try_from(skipped).unwrap_or(0))),
            _ => None,
        };
        let place = Place::find(chunk, completed, character);
        StatementFailure {
            remedy: remedy(migration, chunk, said.code()).map(str::to_owned),
            ..Self::said(migration, place, said)
        }
    }

    /// Everything ran, and then a deferred constraint did not hold.
    pub(in crate::migrate) fn at_end(migration: &Migration, said: &DbError) -> Self {
        let end = migration.sql.trim_end().len();
        let place = Place { statement: end..end, span: end..end };
        StatementFailure { at_end: true, ..Self::said(migration, place, said) }
    }

    fn said(migration: &Migration, place: Place, said: &DbError) -> Self {
        let shown = |text: &str| said_of(&migration.sql, text);
        StatementFailure {
            detail: said.detail().map(shown),
            hint: said.hint().map(shown),
            context: said.where_().map(shown),
            ..Self::at(migration, place, said.code(), shown(said.message()))
        }
    }

    /// IF NOT EXISTS passed over a statement of one chunk, because something else has the name.
    pub(in crate::migrate) fn passed_over(migration: &Migration, chunk: Chunk<'_>, what: String) -> Self {
        let remedy = "Something else has the name, and IF NOT EXISTS passed over it: give the index another name, or rename the \
                      other one.";
        let place = Place::find(chunk, 0, None);
        let message = format!("PostgreSQL reported success, but {what}");
        let failure = Self::at(migration, place, &SqlState::DUPLICATE_TABLE, message);
        StatementFailure { remedy: Some(remedy.to_owned()), ..failure }
    }

    /// Everything ran, and yet something is not there that a statement makes: IF NOT EXISTS, or EXCEPTION, passed over it.
    pub(in crate::migrate) fn not_made(migration: &Migration, absent: &[Named]) -> Self {
        let what: Vec<String> = absent.iter().map(|it| format!("the {it}")).collect();
        let message = format!("PostgreSQL reported success, but this is not in the database: {}", what.join(", "));
        let place = Place::beginning(migration, absent.first().map_or(0, |it| it.at));
        let tag = &migration.tag;
        let remedy = format!(
            "Something of that name was there before in another form, and the statement passed over it. Bring it into the form \
             that the migration wants, by hand or in this file (ALTER TABLE … ADD COLUMN IF NOT EXISTS …), and run it again. If \
             the database is right as it is: `infra migrate baseline --to {tag} --without-verifying` records {tag} without \
             running it."
        );
        StatementFailure { remedy: Some(remedy), ..Self::at(migration, place, &SqlState::DUPLICATE_OBJECT, message) }
    }

    fn at(migration: &Migration, place: Place, code: &SqlState, message: String) -> Self {
        let source_code = migration.source();
        StatementFailure {
            tag: migration.tag.clone(),
            path: migration.path.clone(),
            position: Position::of(&migration.sql, place.span.start),
            at_end: false,
            statement: source_code.inner()[place.statement].to_owned(),
            code: code.code().to_owned(),
            message,
            detail: None,
            hint: None,
            context: None,
            remedy: None,
            half: None,
            left: None,
            escaped: false,
            applied: Vec::new(),
            pending: Vec::new(),
            span: pointed(&migration.sql, place.span).into(),
            source_code,
        }
    }
}

/// Where in the file an error is: the statement, and in it what to point at.
struct Place {
    statement: std::ops::Range<usize>,
    span: std::ops::Range<usize>,
}

impl Place {
    /// The statement that begins at a byte of the file.
    fn beginning(migration: &Migration, at: usize) -> Self {
        let chunks = migration.chunks();
        let mut all = chunks.flat_map(|chunk| {
            statements(chunk.text).map(move |it| chunk.offset + it.span().start..chunk.offset + it.span().end)
        });
        let statement = all.find(|statement| statement.contains(&at)).unwrap_or(0..migration.sql.len());
        Self { span: statement.clone(), statement }
    }

    fn find(chunk: Chunk<'_>, completed: usize, character: Option<u32>) -> Self {
        let byte = character.map(|character| byte_of_character(chunk.text, character));
        let all: Vec<_> = statements(chunk.text).collect();
        let statement = match byte {
            Some(byte) => all.iter().find(|statement| byte <= statement.span().end).or(all.last()),
            None => all.get(completed).or(all.last()),
        };
        let statement = statement.map_or(0..chunk.text.len(), |statement| statement.span());
        let token = byte.and_then(|byte| tokens(chunk.text).into_iter().find(|token| token.span.contains(&byte)));
        let span = match (token, byte) {
            (Some(token), _) => token.span,
            (None, Some(byte)) => byte..byte,
            (None, None) => statement.clone(),
        };
        let in_file = |range: std::ops::Range<usize>| chunk.offset + range.start..chunk.offset + range.end;
        Place { statement: in_file(statement), span: in_file(span) }
    }
}

/// What to do about errors whose own message does not say it.
fn remedy(migration: &Migration, chunk: Chunk<'_>, code: &SqlState) -> Option<&'static str> {
    let cut = migration.sql.contains(BREAKPOINT) && unclosed_string(chunk.text).is_some();
    match code.code() {
        "42601" if cut => Some(
            "The text \"--> statement-breakpoint\" stands inside a string here; Drizzle splits the file there all the same. \
             Write it as two strings joined by ||.",
        ),
        "55P04" => Some(
            "A new value of an enum can be used once it is committed: put the statement into a migration of its own after \
             this one.",
        ),
        "25001" => Some(
            "Put the statement into a migration of its own that begins with `-- infra: no-transaction`: it cannot be in a \
             transaction, and every other migration is in one.",
        ),
        "57014" => Some(
            "It took longer than allowed: by --statement-timeout (in a stack: migrations.statement_timeout), or outside of a \
             transaction by a statement_timeout that the role or the database has (ALTER ROLE … SET statement_timeout).",
        ),
        "42501" => Some(
            "The role of this connection may not do it: connect as the owner of what the statement is about, or give the role \
             the right. Since PostgreSQL 15 that is so of the schema public as well: GRANT CREATE ON SCHEMA public TO ….",
        ),
        "55P03" => Some(
            "Another session holds a lock on the table for too long: see pg_stat_activity, or allow more time with \
             --lock-timeout (in a stack: migrations.lock_timeout).",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(chunk: &str, completed: usize, position: Option<u32>) -> (&str, &str) {
        let place = Place::find(Chunk { offset: 0, text: chunk }, completed, position);
        (&chunk[place.statement], &chunk[place.span])
    }

    #[test]
    fn the_statement_and_the_token_are_found() {
        let sql = "-- é\nSELECT 'ü';\n INSERT INTO nope VALUES (1); SELECT 2";
        let insert = "INSERT INTO nope VALUES (1)";
        assert_eq!(places(sql, 0, Some(32)), (insert, "nope"));
        assert_eq!(places(sql, 1, None), (insert, insert));
        assert_eq!(places(sql, 99, None), ("SELECT 2", "SELECT 2"));
        assert_eq!(places("", 0, Some(1)), ("", ""));
    }
}
