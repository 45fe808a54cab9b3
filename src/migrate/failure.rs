//! How applying can fail, with everything PostgreSQL said and where in the file it happened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use super::folder::{BREAKPOINT, Chunk, Migration};
use super::ledger::LedgerError;
use super::position::{Position, byte_of_character};
use super::refusal::Refusal;
use super::sql::{statements, tokens, unclosed_string};
use crate::excerpt::{Text, pointed};

/// Why not everything was applied. What was applied before stays applied.
#[derive(Debug, Error, Diagnostic)]
pub enum Failure {
    /// Something stands against it, and was found before anything was run.
    #[error("{}", refused(applied, refusals.len()))]
    Refused {
        /// Tags; none, unless another migrator changed the ledger meanwhile.
        applied: Vec<String>,
        /// Every reason; a report of its own each.
        refusals: Vec<Refusal>,
    },
    /// A statement failed; its migration was rolled back.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Statement(Box<StatementFailure>),
    /// The ledger cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ledger(#[from] LedgerError),
    /// Another migrator held the lock for too long.
    #[error(
        "Another migrator holds the lock of the ledger for more than {seconds} s{}; nothing was applied by this one.",
        holder.as_ref().map_or_else(String::new, |holder| format!(": {holder}"))
    )]
    #[diagnostic(help("`infra migrate unlock` shows who it is, and what can be done about one that does not end."))]
    Busy {
        /// How long this one waited.
        seconds: u64,
        /// Who, where that is known.
        holder: Option<String>,
    },
    /// Interrupted by the user.
    #[error("Interrupted. {}", account(applied, pending))]
    #[diagnostic(help("{} Run it again to go on.", half.as_ref().map_or_else(rolled_back, ToString::to_string)))]
    Interrupted {
        /// Tags.
        applied: Vec<String>,
        /// Tags.
        pending: Vec<String>,
        /// What is committed of a migration without a transaction.
        half: Option<Half>,
    },
    /// The connection was lost.
    #[error("The connection was lost while {tag} was applied ({reason}).{}", before(applied))]
    #[diagnostic(help(
        "Whether {tag} was committed is not known here. Run it again: what is applied is read from the ledger, and \
         nothing runs twice."
    ))]
    Lost {
        /// Which migration.
        tag: String,
        /// What is known of it.
        reason: String,
        /// Tags.
        applied: Vec<String>,
    },
    /// A statement ended the migration's transaction behind its back: found before the ledger row was written.
    #[error("A statement of {tag} ended the transaction that the migration ran in. {}", account(applied, pending))]
    #[diagnostic(help(
        "{} Remove the COMMIT or ROLLBACK from it; a migration has a transaction of its own.",
        outlived(tag)
    ))]
    Escaped {
        /// Which migration.
        tag: String,
        /// Tags.
        applied: Vec<String>,
        /// This one's tag and those after it.
        pending: Vec<String>,
    },
    /// Everything said success, but a look at the database says otherwise.
    #[error("The migrations were committed, but this is not in the database: {}.", missing.join(", "))]
    #[diagnostic(help(
        "Something removed it at once (an event trigger, another session), or the pooler leads elsewhere."
    ))]
    NotThere {
        /// Ledger rows or tables.
        missing: Vec<String>,
    },
}

/// A statement that PostgreSQL refused.
#[derive(Debug, Error)]
#[error("The migration {tag} failed in line {}: {message}.", position.line)]
pub struct StatementFailure {
    /// The migration it is in.
    pub tag: String,
    /// Its file.
    pub path: PathBuf,
    /// Where in the file.
    pub position: Position,
    /// The statement, from its first token to its last.
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
    pub remedy: Option<&'static str>,
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
        lines.extend(self.remedy.map(str::to_owned));
        lines.extend(self.left.as_ref().map(|index| {
            format!("It left the INVALID index {index}, which the next run drops before it tries again.")
        }));
        lines.push(match &self.half {
            Some(half) => half.to_string(),
            None if self.escaped => format!("A statement before it ended the transaction. {}", outlived(&self.tag)),
            None => nothing_of(&self.tag),
        });
        lines.push(account(&self.applied, &self.pending));
        Some(Box::new(lines.join("\n")))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&*self.source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let label = miette::LabeledSpan::new_with_span(Some("here".to_owned()), self.span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// How much of a migration without a transaction is committed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Half {
    /// Which migration.
    pub tag: String,
    /// How many of its statements are committed.
    pub done: usize,
    /// How many it has.
    pub of: usize,
    /// Whether the one after those may be committed too: nobody saw its end.
    pub uncertain: bool,
}

impl fmt::Display for Half {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Half { tag, done, of, uncertain } = self;
        let next = done + 1;
        match (done, uncertain) {
            (_, true) => write!(
                formatter,
                "{tag} has no transaction: {done} of its {of} statements are committed, and number {next} may be, as its \
                 first attempt was cut off. The next run goes on with number {next}."
            ),
            (0, false) => write!(formatter, "{} It has no transaction.", nothing_of(tag)),
            (done, false) if done == of => {
                write!(
                    formatter,
                    "{tag} has no transaction: all of its {of} statements are committed, but not recorded yet."
                )
            }
            (done, false) => write!(
                formatter,
                "{tag} has no transaction: {done} of its {of} statements are committed and stay. The next run goes on with \
                 number {next}."
            ),
        }
    }
}

fn nothing_of(tag: &str) -> String {
    format!("Nothing of {tag} is in the database.")
}

fn outlived(tag: &str) -> String {
    format!(
        "What {tag} did until then is in the database, and not in the ledger: undo it before it runs again; or, if all of \
         {tag} is there, record it with `infra migrate baseline`."
    )
}

fn rolled_back() -> String {
    "The migration that was running is rolled back.".to_owned()
}

impl StatementFailure {
    /// `completed` statements of the chunk ran before the error, and `skipped` characters were sent before it.
    pub(super) fn new(
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
            tag: migration.tag.clone(),
            path: migration.path.clone(),
            position: Position::of(&migration.sql, place.span.start),
            statement: migration.sql[place.statement].to_owned(),
            code: said.code().code().to_owned(),
            message: said.message().to_owned(),
            detail: said.detail().map(str::to_owned),
            hint: said.hint().map(str::to_owned),
            context: said.where_().map(str::to_owned),
            remedy: remedy(migration, chunk, said.code()),
            half: None,
            left: None,
            escaped: false,
            applied: Vec::new(),
            pending: Vec::new(),
            source_code: migration.source(),
            span: pointed(&migration.sql, place.span).into(),
        }
    }
}

/// Where in the file an error is: the statement, and in it what to point at.
struct Place {
    statement: std::ops::Range<usize>,
    span: std::ops::Range<usize>,
}

impl Place {
    fn find(chunk: Chunk<'_>, completed: usize, character: Option<u32>) -> Self {
        let byte = character.map(|character| byte_of_character(chunk.text, character));
        let all = statements(chunk.text);
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
        "42P07" | "42710" | "42701" => Some(
            "It exists already, though the ledger says this migration is not applied: made by hand, or by a migrator that \
             was stopped half-way. Compare what is there; then either remove it, or guard the statement with IF NOT EXISTS.",
        ),
        "55P03" => Some(
            "Another session holds a lock on the table for too long: see pg_stat_activity, or allow more time with \
             --lock-timeout (in a stack: migrations.lock_timeout).",
        ),
        _ => None,
    }
}

fn refused(applied: &[String], refusals: usize) -> String {
    let reasons = if refusals == 1 { "one reason".to_owned() } else { format!("{refusals} reasons") };
    match applied {
        [] => format!("Nothing was applied, for {reasons}."),
        applied => format!("Nothing was applied after {}, for {reasons}.", list(applied)),
    }
}

/// What this run has done, and what it was to do besides.
fn account(applied: &[String], pending: &[String]) -> String {
    let done =
        if applied.is_empty() { "This run applied nothing".to_owned() } else { format!("Applied: {}", list(applied)) };
    if pending.is_empty() { format!("{done}.") } else { format!("{done}; still to be applied: {}.", list(pending)) }
}

fn before(applied: &[String]) -> String {
    if applied.is_empty() { String::new() } else { format!(" Applied before it: {}.", list(applied)) }
}

fn list(tags: &[String]) -> String {
    match tags {
        [first, .., last] if tags.len() > 4 => format!("{first} … {last} ({})", tags.len()),
        tags => tags.join(", "),
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

    #[test]
    fn long_lists_are_cut() {
        let tags: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        assert_eq!(list(&tags), "0 … 8 (9)");
        assert_eq!(list(&tags[..2]), "0, 1");
        assert_eq!(account(&[], &tags[..1]), "This run applied nothing; still to be applied: 0.");
        assert_eq!(account(&tags[..1], &tags[1..3]), "Applied: 0; still to be applied: 1, 2.");
    }
}
