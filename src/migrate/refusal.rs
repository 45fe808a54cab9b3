//! What Drizzle would skip in silence or break on half-way, said before anything runs.

mod together;

use std::cell::LazyCell;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{Diagnostic, SourceSpan};
use thiserror::Error;

pub use together::{Group, MANY, groups};

use super::folder::{Folder, Layout, Migration, Stray};
use super::guard;
use super::lease::Lease;
use super::ledger::{Ledger, Row};
use super::plan::{Accept, Allow, Plan, State};
use crate::excerpt::{Text, pointed};

/// One reason not to apply anything.
#[derive(Debug, Error, Diagnostic)]
pub enum Refusal {
    /// Something newer is applied.
    #[error("The migration {tag} ({}) is not applied, but {after} after it is. {}", path.display(), elsewhere(*layout))]
    #[diagnostic(help(
        "Generate it again, so that it comes last; or, if it does not depend on the order, apply it with --allow-out-of-order."
    ))]
    OutOfOrder {
        /// Which migration.
        tag: String,
        /// Its file.
        path: PathBuf,
        /// The later one.
        after: String,
        /// By which Drizzle's ways with it differ.
        layout: Layout,
    },
    /// The journal's times are not in the journal's order.
    #[error("The migration {tag} comes after {after} in {}, but its `when` is not greater.", journal.display())]
    #[diagnostic(help(
        "Drizzle would skip it wherever {after} is applied. Generate it again, or give it a `when` greater than that; or, \
         if it does not depend on the order, apply it with --allow-out-of-order."
    ))]
    Misordered {
        /// Which migration.
        tag: String,
        /// The one before it.
        after: String,
        /// The journal.
        journal: PathBuf,
    },
    /// The file is not what was applied.
    #[error("The migration {tag} was edited after it was applied: {} is not the file that ran.", path.display())]
    #[diagnostic(help(
        "The ledger has the hash {applied_hash}, the file {hash}. Restore the file from version control and put the \
         change into a new migration; or, if the database has the change, apply with --accept-edited {tag}."
    ))]
    Edited {
        /// Which migration.
        tag: String,
        /// Its file.
        path: PathBuf,
        /// Hash in the ledger.
        applied_hash: String,
        /// Hash of the file.
        hash: String,
    },
    /// The file is what was applied, written with other line ends.
    #[error(
        "The migration {tag} is not byte for byte what was applied: {} has other line ends, and nothing else in it is \
         changed.",
        path.display()
    )]
    #[diagnostic(help(
        "git writes the line ends of its system (core.autocrlf), and Drizzle's hash is of the bytes. Keep them the same on \
         every machine: a line `*.sql text eol=lf` in .gitattributes, then `git add --renormalize .` and check the files out \
         again. If the ledger is to have the hash of the file as it is now, apply with --accept-edited {tag}."
    ))]
    LineEnds {
        /// Which migration.
        tag: String,
        /// Its file.
        path: PathBuf,
    },
    /// Rows that the folder does not account for, while there is something to apply.
    #[error("The ledger {ledger} has rows that no migration in {} accounts for: {rows}.", folder.display())]
    #[diagnostic(help(
        "Is this the folder of this database, and up to date? If those migrations were removed on purpose, apply with --allow-unknown-rows."
    ))]
    Unknown {
        /// The ledger.
        ledger: Ledger,
        /// The folder.
        folder: PathBuf,
        /// Ids and times.
        rows: String,
    },
    /// A row is of a migration by its hash, but not as Drizzle looks for it, which would run the migration a second time.
    #[error(
        "The migration {tag} is applied, it seems: the row {row} of the ledger {ledger} has the hash of {}, but {differs}.",
        path.display()
    )]
    #[diagnostic(help("It would run a second time. {remedy}"))]
    Moved {
        /// Which migration.
        tag: String,
        /// Its file.
        path: PathBuf,
        /// The ledger.
        ledger: Ledger,
        /// The row's id.
        row: i64,
        /// What stands against it, as the end of a sentence.
        differs: String,
        /// What makes it good.
        remedy: String,
    },
    /// A file that would never run.
    #[error("{} is not in the journal. {}", path.display(), ran(ledger.as_ref(), *row))]
    #[diagnostic(help("{}", if row.is_some() {
        "Its entry was lost, by a merge perhaps: restore the journal from version control."
    } else {
        "Add it with `infra migrate new NAME` (which writes the entry), move it out of the folder, or apply with --ignore-strays."
    }))]
    Stray {
        /// The file.
        path: PathBuf,
        /// The ledger, where there is one.
        ledger: Option<Ledger>,
        /// The id of the row in it that has the file's hash.
        row: Option<i64>,
    },
    /// A statement that cannot be in a migration's transaction, or a line that is none.
    #[error("{subject} {tag} {explanation}.")]
    #[diagnostic(help("{remedy}"))]
    Statement {
        /// Which migration.
        tag: String,
        /// What of it.
        subject: &'static str,
        /// What is wrong.
        explanation: &'static str,
        /// What to do.
        remedy: &'static str,
        /// The file.
        #[source_code]
        text: Arc<Text>,
        /// The statement.
        #[label("here")]
        span: SourceSpan,
    },
    /// IF NOT EXISTS would pass over an index that is none.
    #[error("The index {index} that {tag} makes IF NOT EXISTS is there, but INVALID: building it has failed.")]
    #[diagnostic(help(
        "No query uses it, and it keeps nothing unique. Remove it, then apply again: DROP INDEX CONCURRENTLY {index};"
    ))]
    Leftover {
        /// Which migration.
        tag: String,
        /// With its schema, as SQL.
        index: String,
        /// The file.
        #[source_code]
        text: Arc<Text>,
        /// The statement.
        #[label("would be passed over")]
        span: SourceSpan,
    },
    /// IF NOT EXISTS would pass over an index because something else has its name.
    #[error(
        "The index {name} that {tag} makes IF NOT EXISTS on {table} would not be made: its name belongs to {holder}."
    )]
    #[diagnostic(help("Give it another name; or, in a migration before it, remove or rename what has this one."))]
    NameTaken {
        /// Which migration.
        tag: String,
        /// The index.
        name: String,
        /// Its table, as written.
        table: String,
        /// What has the name.
        holder: String,
        /// The file.
        #[source_code]
        text: Arc<Text>,
        /// The statement.
        #[label("would be passed over")]
        span: SourceSpan,
    },
    /// A migration without a transaction is half done, and something else would come first.
    #[error("{lease} was not finished, and is not the next one to apply in {}.", folder.display())]
    #[diagnostic(help(
        "Its statements are in the database for good. Bring the migration back and apply it first; or, if the rest of it \
         is not wanted, forget it with `infra migrate unlock`."
    ))]
    HalfDone {
        /// What is known of it.
        lease: Box<Lease>,
        /// The folder.
        folder: PathBuf,
    },
    /// The statements of a half done migration that are committed are not those that the file has now.
    #[error("{lease}: the statements that are done are not the ones that {} begins with now.", path.display())]
    #[diagnostic(help(
        "Change only what is not done yet. Or make all of it run again from its first statement, after \
         `infra migrate unlock`; then it must be written so that it can (IF NOT EXISTS)."
    ))]
    DoneEdited {
        /// What is known of it.
        lease: Box<Lease>,
        /// Its file.
        path: PathBuf,
    },
    /// `--to` or `--accept-edited` names nothing.
    #[error("There is no migration {tag} in {}.", folder.display())]
    #[diagnostic(help("{}", suggestion.as_ref().map_or_else(|| "See `infra migrate status`.".to_owned(), |it| format!("Did you mean {it}?"))))]
    NoSuchTag {
        /// What was asked for.
        tag: String,
        /// The folder.
        folder: PathBuf,
        /// The nearest one.
        suggestion: Option<String>,
    },
    /// A v1 folder on a v0 table one of whose rows has no migration.
    #[error("The ledger {ledger} is of Drizzle 0.x and cannot be upgraded: no migration in {} accounts for {rows}.", folder.display())]
    #[diagnostic(help("Restore the missing migrations from version control; drizzle-kit refuses here as well."))]
    NoUpgrade {
        /// The ledger.
        ledger: Ledger,
        /// The folder.
        folder: PathBuf,
        /// Ids and times.
        rows: String,
    },
}

impl Refusal {
    /// The option of `infra migrate apply` that lets it through.
    pub fn option(&self) -> Option<String> {
        let option = match self {
            Refusal::OutOfOrder { .. } | Refusal::Misordered { .. } => "--allow-out-of-order",
            Refusal::Edited { tag, .. } | Refusal::LineEnds { tag, .. } => {
                return Some(format!("--accept-edited {tag}"));
            }
            Refusal::Unknown { .. } => "--allow-unknown-rows",
            Refusal::Stray { .. } => "--ignore-strays",
            _ => return None,
        };
        Some(option.to_owned())
    }
}

/// Everything that stands against applying what is pending up to and including `to`.
pub fn refusals(
    plan: &Plan,
    folder: &Folder,
    ledger: &Ledger,
    has_name: bool,
    allow: &Allow,
    to: Option<&str>,
) -> Vec<Refusal> {
    let mut found = Vec::new();
    let accepted = match &allow.edited {
        Accept::Only(tags) => &tags[..],
        Accept::Nothing | Accept::All => &[],
    };
    let unknown = |tag: &&str| !folder.migrations.iter().any(|migration| migration.tag == **tag);
    if let Some(tag) = to.into_iter().chain(accepted.iter().map(String::as_str)).find(unknown) {
        return vec![no_such_tag(folder, tag)];
    }
    let moved = plan.moved(folder);
    for (migration, status) in plan.up_to(folder, to) {
        let tag = migration.tag.clone();
        match &status.state {
            _ if moved.iter().any(|(_, it)| *it == migration) => {}
            State::OutOfOrder { after } if !allow.out_of_order => {
                let (path, after) = (migration.path.clone(), after.clone());
                found.push(Refusal::OutOfOrder { tag, path, after, layout: folder.layout });
            }
            State::Misordered { after } if !allow.out_of_order => {
                found.push(Refusal::Misordered { tag, after: after.clone(), journal: folder.journal() });
            }
            State::Edited { .. } if allow.edited.includes(&tag) => {}
            State::Edited { line_ends: true, .. } => {
                found.push(Refusal::LineEnds { tag, path: migration.path.clone() });
            }
            State::Edited { applied_hash, .. } => found.push(Refusal::Edited {
                tag,
                path: migration.path.clone(),
                applied_hash: applied_hash.clone(),
                hash: migration.hash.clone(),
            }),
            _ => {}
        }
    }
    if !allow.strays {
        found.extend(folder.strays.iter().map(|Stray { path, hash }| Refusal::Stray {
            path: path.clone(),
            ledger: plan.ledger_exists.then(|| ledger.clone()),
            row: plan.unknown.iter().find(|row| hash.as_ref() == Some(&row.hash)).map(|row| row.id),
        }));
    }
    let pending = plan.to_apply(folder, allow, to);
    let upgrade = folder.layout == Layout::V1 && !has_name;
    // With nothing to apply an older folder is no danger: that is how a service is rolled back. Where rows are of another
    // folder, everything here looks late or edited, so that is said first.
    let refused = !found.is_empty();
    let unknown: Vec<&Row> = plan.unknown.iter().filter(|row| !moved.iter().any(|(it, _)| it.id == row.id)).collect();
    let within = |wanted: &Migration| plan.up_to(folder, to).any(|(migration, _)| migration == wanted);
    found.extend(moved.iter().filter(|(_, it)| within(it)).map(|(row, migration)| of_moved(row, migration, ledger)));
    if !unknown.is_empty() && (upgrade || refused || !pending.is_empty()) {
        let (ledger, folder, rows) = (ledger.clone(), folder.path.clone(), list(&unknown));
        if upgrade {
            found.insert(0, Refusal::NoUpgrade { ledger, folder, rows });
        } else if !allow.unknown_rows {
            found.insert(0, Refusal::Unknown { ledger, folder, rows });
        }
    }
    for migration in pending {
        let source = LazyCell::new(|| migration.source());
        found.extend(guard::offences(migration).into_iter().map(|offence| Refusal::Statement {
            tag: migration.tag.clone(),
            subject: offence.reason.subject(),
            explanation: offence.reason.explanation(),
            remedy: offence.reason.remedy(),
            text: Arc::clone(&source),
            span: pointed(&migration.sql, offence.span).into(),
        }));
    }
    found
}

fn of_moved(row: &Row, migration: &Migration, ledger: &Ledger) -> Refusal {
    let (id, when) = (row.id, migration.when_millis);
    let (differs, back) = match (&row.name, row.created_at) {
        (Some(name), _) => {
            (format!("the name {name}"), format!("If its folder was renamed, give it the name {name} again; or"))
        }
        (None, Some(at)) => {
            let what = format!("created_at {at} instead of {when}");
            (what, format!("If its `when` in the journal was changed, make it {at} again; or"))
        }
        (None, None) => ("no created_at".to_owned(), "If the file is what ran,".to_owned()),
    };
    Refusal::Moved {
        tag: migration.tag.clone(),
        path: migration.path.clone(),
        ledger: ledger.clone(),
        row: id,
        differs,
        remedy: format!("{back} correct the row: {}", ledger.correction(row, migration)),
    }
}

/// Whether a file that the journal does not name has run.
fn ran(ledger: Option<&Ledger>, row: Option<i64>) -> String {
    match (ledger, row) {
        (Some(ledger), Some(row)) => {
            format!("It was applied all the same: the row {row} of the ledger {ledger} has its hash.")
        }
        (Some(ledger), None) => format!("Drizzle would never run it, and the ledger {ledger} has no row of it."),
        (None, _) => "Drizzle would never run it.".to_owned(),
    }
}

/// What Drizzle does with a migration that is older than an applied one.
fn elsewhere(layout: Layout) -> &'static str {
    match layout {
        Layout::V0 => "Drizzle would skip it and report success.",
        Layout::V1 => "drizzle-kit refuses it as well; drizzle-orm would run it after what it was not written for.",
    }
}

fn no_such_tag(folder: &Folder, tag: &str) -> Refusal {
    let near = folder.migrations.iter().map(|migration| (strsim::jaro_winkler(&migration.tag, tag), &migration.tag));
    let best = near.filter(|(likeness, _)| *likeness > 0.7).max_by(|(a, _), (b, _)| a.total_cmp(b));
    Refusal::NoSuchTag {
        tag: tag.to_owned(),
        folder: folder.path.clone(),
        suggestion: best.map(|(_, tag)| tag.clone()),
    }
}

fn list(rows: &[&Row]) -> String {
    let shown: Vec<String> = rows
        .iter()
        .take(5)
        .map(|row| match (&row.name, row.created_at) {
            (Some(name), _) => format!("id {} ({name})", row.id),
            (None, Some(at)) => format!("id {} (created_at {at})", row.id),
            (None, None) => format!("id {} (no created_at: Drizzle would run everything again)", row.id),
        })
        .collect();
    let more = if rows.len() > shown.len() { format!(" and {} more", rows.len() - shown.len()) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
