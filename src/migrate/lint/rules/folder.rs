//! The folder and its journal: what Drizzle would skip in silence, and what makes the folder unusable.

use super::super::Known;
use super::super::ground::Ground;
use super::super::hit::{Hit, Place};
use super::{Rule, Severity};
use crate::migrate::folder::{FolderError, Layout};
use crate::migrate::refusal::Refusal;

pub(super) const DUPLICATE_ENTRY: Rule = Rule {
    name: "duplicate-entry",
    severity: Severity::Error,
    finds: "Two entries of the journal with one tag or one idx.",
    why: "Usually two branches were merged. Drizzle runs one file twice, or one of two migrations never.",
    fix: "Drop one of the two migrations and generate it again with drizzle-kit.",
    check: |ground| defects(ground, |defect| matches!(defect, FolderError::Duplicate { .. })),
};

pub(super) const BAD_NAME: Rule = Rule {
    name: "bad-name",
    severity: Severity::Error,
    finds: "A tag that cannot be a file's name, or a folder without its time.",
    why: "The file cannot be found, or its place in the order is unknown.",
    fix: "Give it the name that drizzle-kit would: 0007_add_users, or 20260131235900_add_users for a folder.",
    check: |ground| defects(ground, |it| matches!(it, FolderError::BadTag { .. } | FolderError::BadName { .. })),
};

pub(super) const MISSING_FILE: Rule = Rule {
    name: "missing-file",
    severity: Severity::Error,
    finds: "An entry of the journal, or a folder, without its SQL.",
    why: "Nothing can be applied: the migration may be one that the later ones need.",
    fix: "Restore the file from version control.",
    check: |ground| defects(ground, |defect| matches!(defect, FolderError::MissingFile { .. })),
};

pub(super) const NOT_UTF8: Rule = Rule {
    name: "not-utf8",
    severity: Severity::Error,
    finds: "A file that is not valid UTF-8, or cannot be read.",
    why: "Drizzle would put U+FFFD in place of what it cannot read, into the database.",
    fix: "Save the file as UTF-8.",
    check: |ground| {
        defects(ground, |defect| {
            matches!(defect, FolderError::NotUtf8 { .. } | FolderError::Nul { .. } | FolderError::Unreadable { .. })
        })
    },
};

pub(super) const NOT_IN_JOURNAL: Rule = Rule {
    name: "not-in-journal",
    severity: Severity::Error,
    finds: "A .sql file that the journal does not name.",
    why: "Drizzle never runs it, and says that everything is applied.",
    fix: "Make an empty one with `infra migrate new NAME`, which writes the entry, and put the SQL there; or move it out of the folder.",
    check: |ground| refused(ground, |refusal| matches!(refusal, Refusal::Stray { .. })),
};

pub(super) const JOURNAL_ORDER: Rule = Rule {
    name: "journal-order",
    severity: Severity::Error,
    finds: "A `when` in the journal that is not greater than the one before it.",
    why: "Drizzle skips the migration wherever the one before it is applied, and reports success.",
    fix: "Generate it again, so that it comes last, or give it a `when` greater than that. If it does not depend on the order: \
          `infra migrate apply --allow-out-of-order`.",
    check: |ground| refused(ground, |refusal| matches!(refusal, Refusal::Misordered { .. })),
};

pub(super) const OUT_OF_ORDER: Rule = Rule {
    name: "out-of-order",
    severity: Severity::Error,
    finds: "A pending migration that is older than an applied one.",
    why: "Drizzle 0.x skips it and reports success. In 1.0 drizzle-kit refuses it, and drizzle-orm runs it after what it was not \
          written for.",
    fix: "Generate it again, so that it comes last. If it does not depend on the order: `infra migrate apply \
          --allow-out-of-order`.",
    check: |ground| refused(ground, |refusal| matches!(refusal, Refusal::OutOfOrder { .. })),
};

pub(super) const EDITED: Rule = Rule {
    name: "edited",
    severity: Severity::Error,
    finds: "A migration that was edited after it was applied.",
    why: "The change will never run; Drizzle says nothing.",
    fix: "Restore the file from version control and put the change into a new migration. If the database has the change: \
          `infra migrate apply --accept-edited TAG`. Where line ends alone are others: `*.sql text eol=lf` in .gitattributes.",
    check: |ground| refused(ground, |it| matches!(it, Refusal::Edited { .. } | Refusal::LineEnds { .. })),
};

pub(super) const UNKNOWN_ROW: Rule = Rule {
    name: "unknown-row",
    severity: Severity::Error,
    finds: "Rows of the ledger that no migration accounts for.",
    why: "This may not be the folder of this database, or not all of it.",
    fix: "Bring the folder up to date.",
    check: |ground| {
        refused(ground, |it| matches!(it, Refusal::Unknown { .. } | Refusal::NoUpgrade { .. } | Refusal::Moved { .. }))
    },
};

pub(super) const FUTURE_TIME: Rule = Rule {
    name: "future-time",
    severity: Severity::Error,
    finds: "A migration whose time is more than an hour ahead.",
    why: "Until that time has come, every migration that is generated after it is older than it: Drizzle skips them all \
          and reports success.",
    fix: "Set the clock right and generate it again, or give it the time it was made.",
    check: future_time,
};

/// Clocks differ; what is generated within the hour after is the risk that remains.
const AHEAD: i64 = 3_600_000;

fn future_time(ground: &Ground<'_>) -> Vec<Hit> {
    let late = ground.linted().filter(|script| script.migration.when_millis > ground.now + AHEAD);
    late.map(|script| {
        let time = jiff::Timestamp::from_millisecond(script.migration.when_millis);
        let time =
            time.map_or_else(|_| "a time beyond all".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string());
        Hit::new(
            ground.entry(&script.migration.tag),
            format!("{} is of {time} UTC.", script.migration.tag),
            "in the future",
        )
    })
    .collect()
}

pub(super) fn defects(ground: &Ground<'_>, wanted: fn(&FolderError) -> bool) -> Vec<Hit> {
    ground.defects.iter().filter(|defect| wanted(defect)).map(|defect| hit(ground, defect)).collect()
}

fn hit(ground: &Ground<'_>, defect: &FolderError) -> Hit {
    use miette::Diagnostic as _;
    let marked = defect.labels().and_then(|mut labels| labels.next());
    let label = marked.as_ref().and_then(|label| label.label().map(str::to_owned));
    let span = marked.map(|label| label.offset()..label.offset() + label.len());
    let (place, label) = match defect {
        FolderError::Duplicate { path, text, .. }
        | FolderError::BadTag { path, text, .. }
        | FolderError::Conflict { path, text, .. } => {
            (Place { path: path.clone(), migration: None, text: Some(text.clone()), span }, label)
        }
        // A file that is not there has no line; what names it has one.
        FolderError::MissingFile { tag, path } => match ground.folder.layout {
            Layout::V0 => (ground.entry(tag), Some("has no file".to_owned())),
            Layout::V1 => (Place::whole(path.clone()), None),
        },
        FolderError::NotUtf8 { path, byte, .. } => (Place::of_bad_byte(path, *byte), Some("not UTF-8".to_owned())),
        FolderError::BadName { path } | FolderError::Nul { path, .. } | FolderError::Unreadable { path, .. } => {
            (Place::whole(path.clone()), None)
        }
        _ => (Place::whole(ground.folder.path.clone()), None),
    };
    let label = label.unwrap_or_default();
    if !defect.is_for_ledger() {
        return Hit::new(place, defect.to_string(), label);
    }
    // What is to be done about it depends on what is applied.
    let (standing, remedy) = match ground.known {
        Known::Ledger(ledger, contents) => defect.standing(ledger, contents),
        _ => (String::new(), defect.asking("infra migrate status")),
    };
    let hit = Hit::new(place, format!("{defect}{standing}"), label);
    match remedy {
        Some(remedy) => hit.fix(remedy),
        None => hit,
    }
}

fn refused(ground: &Ground<'_>, wanted: fn(&Refusal) -> bool) -> Vec<Hit> {
    let found = ground.refusals.iter().filter(|refusal| wanted(refusal));
    found
        .map(|refusal| {
            let place = match refusal {
                Refusal::OutOfOrder { tag, .. } | Refusal::Misordered { tag, .. } => ground.entry(tag),
                Refusal::Edited { path, .. } | Refusal::LineEnds { path, .. } => Place::whole(path.clone()),
                Refusal::Stray { path, .. } => Place::beginning(path),
                _ => Place::whole(ground.folder.path.clone()),
            };
            Hit::new(place, refusal.to_string(), "here")
        })
        .collect()
}
