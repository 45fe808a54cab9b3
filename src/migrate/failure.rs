//! How applying can fail, and what is said of it.

mod statement;

use std::fmt;

use miette::Diagnostic;
use thiserror::Error;

use super::ledger::LedgerError;
use super::refusal::Refusal;
pub use statement::StatementFailure;

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
        "Another migrator holds the lock of the ledger for more than {seconds} s{}.{}",
        holder.as_ref().map_or_else(String::new, |holder| format!(": {holder}")),
        if applied.is_empty() { " Nothing was applied by this one.".to_owned() } else { before(applied) }
    )]
    #[diagnostic(help("`infra migrate unlock` shows who it is, and what can be done about one that does not end."))]
    Busy {
        /// How long this one waited.
        seconds: u64,
        /// Who, where that is known.
        holder: Option<String>,
        /// Tags.
        applied: Vec<String>,
    },
    /// The ledger could not be used any more after something was applied.
    #[error("{error}{}", before(applied))]
    #[diagnostic(forward(error))]
    Halted {
        /// Why.
        error: LedgerError,
        /// Tags.
        applied: Vec<String>,
    },
    /// Interrupted by the user.
    #[error("Interrupted. {}", account(applied, pending))]
    #[diagnostic(help("{} Run it again to go on.", half.as_ref().map_or_else(whole, ToString::to_string)))]
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
    #[diagnostic(help("{}", unknown(tag, half.as_ref())))]
    Lost {
        /// Which migration.
        tag: String,
        /// What is known of it.
        reason: String,
        /// Tags.
        applied: Vec<String>,
        /// What is committed of a migration without a transaction.
        half: Option<Half>,
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
    /// The lease of a migration without a transaction was removed while this run held it.
    #[error(
        "The lease of {} was taken away (`infra migrate unlock`), so this run stopped. {}",
        half.tag,
        account(applied, pending)
    )]
    #[diagnostic(help(
        "{} The next run begins at its first statement: see that it may run twice, or undo what it did.",
        half.committed()
    ))]
    TakenAway {
        /// What is committed of it.
        half: Half,
        /// Tags.
        applied: Vec<String>,
        /// This one's tag and those after it.
        pending: Vec<String>,
    },
    /// Everything said success, but the ledger says otherwise.
    #[error("The migrations were committed, and yet the ledger has no row of {}.", missing.join(", "))]
    #[diagnostic(help(
        "Something removed the rows at once (a trigger, another session), or the pooler leads elsewhere. What the migrations \
         make is in the database: `infra migrate baseline` records it."
    ))]
    Unrecorded {
        /// Tags without a row.
        missing: Vec<String>,
        /// Tags.
        applied: Vec<String>,
    },
}

impl Failure {
    /// With what was applied before the ledger could not be used any more.
    pub(super) fn after(self, applied: Vec<String>) -> Self {
        match self {
            Failure::Ledger(error) if !applied.is_empty() => Failure::Halted { error, applied },
            other => other,
        }
    }

    /// The tags that were applied all the same.
    pub fn applied(&self) -> &[String] {
        match self {
            Failure::Statement(failure) => &failure.applied,
            Failure::Refused { applied, .. }
            | Failure::Busy { applied, .. }
            | Failure::Halted { applied, .. }
            | Failure::Interrupted { applied, .. }
            | Failure::Lost { applied, .. }
            | Failure::Escaped { applied, .. }
            | Failure::TakenAway { applied, .. }
            | Failure::Unrecorded { applied, .. } => applied,
            Failure::Ledger(_) => &[],
        }
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

impl Half {
    /// What is in the database of it, as a sentence.
    fn committed(&self) -> String {
        let Half { done, of, uncertain, .. } = self;
        let next = if *uncertain { format!(", and number {} may be", done + 1) } else { String::new() };
        format!("{done} of its {of} statements are committed and stay{next}.")
    }
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
            (0, false) => write!(formatter, "{tag} has no transaction; this run has committed nothing of it."),
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

/// What is to be said where the end of a migration was not seen.
fn unknown(tag: &str, half: Option<&Half>) -> String {
    match half.filter(|half| half.uncertain) {
        Some(half) => format!("{half} See whether it may run twice, then run it again."),
        None => format!(
            "Whether {tag} was committed is not known here. Run it again: what is applied is read from the ledger, and \
             nothing runs twice."
        ),
    }
}

/// What was running is rolled back, if anything was.
fn whole() -> String {
    "No migration is half done.".to_owned()
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

/// Tags as they are told: of many the first and the last.
pub(crate) fn list(tags: &[String]) -> String {
    match tags {
        [first, .., last] if tags.len() > 4 => format!("{first} … {last} ({})", tags.len()),
        tags => tags.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let tags: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        assert_eq!(list(&tags), "0 … 8 (9)");
        assert_eq!(list(&tags[..2]), "0, 1");
        assert_eq!(account(&[], &tags[..1]), "This run applied nothing; still to be applied: 0.");
        assert_eq!(account(&tags[..1], &tags[1..3]), "Applied: 0; still to be applied: 1, 2.");
    }
}
