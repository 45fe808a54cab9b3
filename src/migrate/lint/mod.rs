//! What is wrong or dangerous in migrations, found before they reach a database.
//!
//! ```text
//! Folder::inspect → statements (squawk-parser) → acts ─┐
//! ledger, if there is one → plan → refusals ──────────┴─ Ground → RULES → hits − allowances = Report → fixes
//! ```
//! - [`rule`], [`rules`]: one list; everything about a rule is in its entry
//! - `statement`, `parse`, `act`: PostgreSQL's grammar, and what a statement does; only `parse` knows the parser
//! - `history`: what the folder makes of its tables, so that new ones are told from those that have rows
//! - `comment`, `allow`: what is switched off, where
//! - [`stable`]: functions that a default calls once for all rows
//! - [`finding`], [`fix`]: what is reported, and the guards that `--fix` writes
//!
//! What `apply` refuses is not judged a second time: it comes from [`refusal`] and [`guard`](super::guard).

mod act;
mod allow;
mod comment;
mod edit;
pub mod finding;
pub mod fix;
mod ground;
mod history;
mod hit;
mod parse;
pub mod rule;
pub mod rules;
pub mod stable;
mod statement;

pub use finding::{Finding, Report};
pub use fix::Fix;
pub use rule::{Rule, Severity, find};
pub use rules::RULES;

use super::folder::{Folder, FolderError, Migration};
use super::guard;
use super::ledger::{Contents, Ledger};
use super::plan::{Allow, Plan, State, plan};
use super::refusal;
use ground::{Ground, Script};
use history::History;

/// What is linted, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is known of the migrations.
    pub known: Known,
    /// Applied migrations as well.
    pub all: bool,
    /// Rules that are off.
    pub off: Vec<&'static Rule>,
    /// Rules whose findings are errors.
    pub deny: Vec<&'static Rule>,
    /// Every warning is an error.
    pub deny_warnings: bool,
    /// All that is pending goes into one transaction.
    pub together: bool,
    /// The time in milliseconds since 1970.
    pub now_millis: i64,
}

/// Which migrations are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// What a database says.
    Ledger(Ledger, Box<Contents>),
    /// All up to this one, and none after it.
    AppliedUpTo(String),
    /// None of them.
    NoneApplied,
    /// It is not known: all are linted, none is rewritten.
    Nothing,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            known: Known::Nothing,
            all: false,
            off: Vec::new(),
            deny: Vec::new(),
            deny_warnings: false,
            together: false,
            now_millis: jiff::Timestamp::now().as_millisecond(),
        }
    }
}

/// Lints the folder; `defects` are what [`Folder::inspect`] found wrong with it.
///
/// # Errors
/// When the operating system gives no thread.
pub fn lint(folder: &Folder, defects: &[FolderError], settings: &Settings) -> std::io::Result<Report> {
    // The parser is recursive; this is room for statements that nest as deep as 48 KB of text can.
    const STACK: usize = 512 * 1024 * 1024;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("lint".into()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, || allow::report(&ground(folder, defects, settings), settings))?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn ground<'a>(folder: &'a Folder, defects: &'a [FolderError], settings: &'a Settings) -> Ground<'a> {
    let (ledger, contents) = match &settings.known {
        Known::Ledger(ledger, contents) => (ledger.clone(), Contents::clone(contents)),
        _ => (Ledger::default(), Contents::default()),
    };
    let mut plan = plan(folder, &contents);
    // A file that cannot be read has its row all the same.
    plan.account_for(defects.iter().filter_map(FolderError::migration).collect(), folder.layout);
    let refusals = refusal::refusals(&plan, folder, &ledger, contents.has_name, &Allow::default(), None);
    let pending = pending(folder, &plan, &settings.known);
    let scripts: Vec<Script<'a>> = folder
        .migrations
        .iter()
        .zip(pending)
        .enumerate()
        .map(|(index, (migration, pending))| Script {
            begun: contents.lease.as_ref().is_some_and(|lease| lease.tag == migration.tag),
            ..script(index, migration, pending, settings)
        })
        .collect();
    let history = History::of(&scripts);
    let (together, now, journal) = (settings.together, settings.now_millis, std::cell::OnceCell::new());
    Ground { folder, defects, known: &settings.known, refusals, history, scripts, together, now, journal }
}

fn script<'a>(index: usize, migration: &'a Migration, pending: Option<bool>, settings: &Settings) -> Script<'a> {
    // What is on the sides of an unfinished merge is nothing to judge, let alone to rewrite.
    let statements = if guard::conflict(&migration.sql).is_some() { Vec::new() } else { statement::read(migration) };
    Script {
        index,
        migration,
        source: migration.source(),
        directives: comment::read(migration, &statements),
        statements,
        linted: settings.all || pending != Some(false),
        pending,
        begun: false,
    }
}

/// For each migration whether it will run.
fn pending(folder: &Folder, plan: &Plan, known: &Known) -> Vec<Option<bool>> {
    let count = folder.migrations.len();
    match known {
        Known::Nothing => vec![None; count],
        Known::NoneApplied => vec![Some(true); count],
        Known::AppliedUpTo(tag) => {
            let last = folder.migrations.iter().position(|migration| migration.tag == *tag);
            (0..count).map(|index| Some(last.is_none_or(|last| index > last))).collect()
        }
        Known::Ledger(..) => {
            let applied = |state: &State| matches!(state, State::Applied { .. } | State::Edited { .. });
            plan.migrations.iter().map(|status| Some(!applied(&status.state))).collect()
        }
    }
}

#[cfg(test)]
mod tests;
