//! What the rules look at: the folder, its statements read, and what is known of the ledger.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::excerpt::Text;

use super::Known;
use super::comment::Directive;
use super::history::History;
use super::hit::{Place, first_line};
use super::statement::Statement;
use crate::migrate::folder::{Folder, FolderError, Layout, Migration};
use crate::migrate::journal;
use crate::migrate::refusal::Refusal;

pub(super) struct Ground<'a> {
    pub(super) folder: &'a Folder,
    /// What is wrong with the folder itself.
    pub(super) defects: &'a [FolderError],
    /// Whom was asked what is applied.
    pub(super) known: &'a Known,
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
    /// The journal, where something in it is pointed at; read once.
    pub(super) journal: OnceCell<Option<Journal>>,
}

/// The journal's text, and where in it each tag is.
pub(super) struct Journal {
    text: Arc<Text>,
    tags: HashMap<String, Range<usize>>,
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

    /// The migration's entry in the journal; in the v1 layout, its file.
    pub(super) fn entry(&self, tag: &str) -> Place {
        if self.folder.layout == Layout::V1 {
            let script = self.scripts.iter().find(|script| script.migration.tag == tag);
            return script.map_or_else(
                || Place::whole(self.folder.path.clone()),
                |script| Place::within(script, script.first_line()),
            );
        }
        let path = self.folder.journal();
        let read = || {
            let content = std::fs::read_to_string(&path).ok()?;
            let tags = journal::tags(&content);
            Some(Journal { text: Arc::new(Text::new(path.display().to_string(), content)), tags })
        };
        match self.journal.get_or_init(read) {
            Some(Journal { text, tags }) => {
                Place { path, migration: None, text: Some(Arc::clone(text)), span: tags.get(tag).cloned() }
            }
            None => Place::whole(path),
        }
    }

    /// Every statement that is looked at, with its migration.
    pub(super) fn statements(&self) -> impl Iterator<Item = (&Script<'a>, &Statement)> {
        self.linted().flat_map(|script| script.statements.iter().map(move |statement| (script, statement)))
    }
}

impl Script<'_> {
    /// The bytes of the first line that is not blank, for what is about the file as a whole.
    pub(super) fn first_line(&self) -> Range<usize> {
        first_line(&self.migration.sql)
    }
}
