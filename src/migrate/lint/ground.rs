//! What the rules look at: the folder, its statements read, and what is known of the ledger.

use std::ops::Range;
use std::sync::Arc;

use crate::excerpt::Text;

use super::comment::Directive;
use super::history::History;
use super::statement::Statement;
use crate::migrate::folder::{Folder, FolderError, Migration};
use crate::migrate::refusal::Refusal;

pub(super) struct Ground<'a> {
    pub(super) folder: &'a Folder,
    /// What is wrong with the folder itself.
    pub(super) defects: &'a [FolderError],
    /// What `apply` would refuse.
    pub(super) refusals: Vec<Refusal>,
    /// Every migration, in the folder's order.
    pub(super) scripts: Vec<Script<'a>>,
    /// What the statements make and take away, in order.
    pub(super) history: History,
    /// All that is pending goes into one transaction.
    pub(super) together: bool,
    /// The time, in milliseconds.
    pub(super) now: i64,
}

/// A migration, read.
pub(super) struct Script<'a> {
    pub(super) index: usize,
    pub(super) migration: &'a Migration,
    pub(super) source: Arc<Text>,
    pub(super) statements: Vec<Statement>,
    pub(super) directives: Vec<Directive>,
    /// Whether it is looked at; the others are only remembered.
    pub(super) linted: bool,
    /// Whether it will run; unknown without a ledger.
    pub(super) pending: Option<bool>,
    /// Whether some of its statements are committed: what is known of them holds for the file as it is.
    pub(super) begun: bool,
}

impl<'a> Ground<'a> {
    /// The migrations that are looked at.
    pub(super) fn linted(&self) -> impl Iterator<Item = &Script<'a>> {
        self.scripts.iter().filter(|script| script.linted)
    }

    /// Every statement that is looked at, with its migration.
    pub(super) fn statements(&self) -> impl Iterator<Item = (&Script<'a>, &Statement)> {
        self.linted().flat_map(|script| script.statements.iter().map(move |statement| (script, statement)))
    }
}

impl Script<'_> {
    /// The bytes of the first line that is not blank, for what is about the file as a whole.
    pub(super) fn first_line(&self) -> Range<usize> {
        let sql = &self.migration.sql;
        let start = sql.len() - sql.trim_start().len();
        let end = sql[start..].find('\n').map_or(sql.len(), |end| start + end);
        start..start + sql[start..end].trim_end().len()
    }
}
