//! What the user lets through, and what that comes to. Pure.

use std::fmt;

use serde::Serialize;

use super::{Plan, State, Status};
use crate::migrate::folder::{Folder, Migration};

/// Which edited files are taken as what was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Accept {
    /// None.
    #[default]
    Nothing,
    /// Those of these migrations.
    Only(Vec<String>),
    /// Every one.
    All,
}

impl Accept {
    /// Whether the file of this migration is.
    pub fn includes(&self, tag: &str) -> bool {
        match self {
            Accept::Nothing => false,
            Accept::Only(tags) => tags.iter().any(|it| it == tag),
            Accept::All => true,
        }
    }
}

/// What the user explicitly lets through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allow {
    /// Apply migrations that are older than an applied one, or than one before them in the journal.
    pub out_of_order: bool,
    /// Take edited files as what was applied: their hash is written to the ledger, nothing is run.
    pub edited: Accept,
    /// Go on although the ledger has rows the folder does not account for.
    pub unknown_rows: bool,
    /// Ignore `.sql` files that are not in the journal.
    pub strays: bool,
}

/// Why an edited file is not taken, though it was asked for. None of it is wrong: the same command is given once more, or for another
/// database, and what it is to bring about is so already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unaccepted {
    /// The file is what was applied.
    AsApplied,
    /// It is not applied: there is no hash to take its place.
    NotApplied,
    /// It was edited, and comes after the last one that is wanted.
    BeyondTo,
}

impl fmt::Display for Unaccepted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AsApplied => "its file is what was applied, so there is no edit to accept",
            Self::NotApplied => "it is not applied, so there is no edit to accept: it runs when its turn comes",
            Self::BeyondTo => "it was edited, and comes after the migration of --to: not accepted",
        })
    }
}

impl Plan {
    /// The edited migrations whose hash becomes the applied one, with their rows; none after `to`.
    pub fn to_accept<'a>(&self, folder: &'a Folder, allow: &Allow, to: Option<&str>) -> Vec<(i64, &'a Migration)> {
        let row = |status: &Status| match status.state {
            State::Edited { row, .. } if allow.edited.includes(&status.tag) => Some(row),
            _ => None,
        };
        self.up_to(folder, to).filter_map(|(migration, status)| Some((row(status)?, migration))).collect()
    }

    /// The migrations that `accept` names though there is nothing to take; those that are nowhere are refused.
    pub fn not_accepted(&self, accept: &Accept, to: Option<&str>) -> Vec<(String, Unaccepted)> {
        let Accept::Only(tags) = accept else { return Vec::new() };
        let index = |tag: &str| self.migrations.iter().position(|status| status.tag == tag);
        let last = to.and_then(index).unwrap_or(usize::MAX);
        let found = self.migrations.iter().enumerate().filter(|(_, status)| tags.contains(&status.tag));
        let why = |index: usize, status: &Status| match status.state {
            State::Applied { .. } => Some(Unaccepted::AsApplied),
            State::Edited { .. } => (index > last).then_some(Unaccepted::BeyondTo),
            State::Pending | State::OutOfOrder { .. } | State::Misordered { .. } => Some(Unaccepted::NotApplied),
        };
        found.filter_map(|(index, status)| Some((status.tag.clone(), why(index, status)?))).collect()
    }
}
