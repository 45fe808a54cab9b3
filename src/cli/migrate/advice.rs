//! What to do about what `infra migrate status` shows: a line for each state that is not clean.

use super::source::Source;
use crate::migrate::{Plan, State, Status};

/// The lines: first what keeps everything else from being applied, last what is to be applied.
pub(super) fn lines(plan: &Plan, source: &Source) -> Vec<String> {
    let moved = plan.moved(&source.folder);
    // A migration that has run by its hash is none of these, whatever it is by its name and time.
    let tags = |wanted: fn(&State) -> bool| -> Vec<&str> {
        let ran = |status: &&Status| moved.iter().any(|(_, migration)| migration.tag == status.tag);
        let found = plan.migrations.iter().filter(|status| wanted(&status.state) && !ran(status));
        found.map(|status| status.tag.as_str()).collect()
    };
    let edited = tags(|state| matches!(state, State::Edited { line_ends: false, .. }));
    let line_ends = tags(|state| matches!(state, State::Edited { line_ends: true, .. }));
    let late = tags(|state| matches!(state, State::OutOfOrder { .. } | State::Misordered { .. }));
    let pending = tags(|state| matches!(state, State::Pending));
    let corrections: Vec<String> =
        moved.iter().map(|(row, migration)| source.ledger.correction(row, migration)).collect();
    let (apply, unlock) = (source.command("apply"), source.command("unlock"));
    let missing = |applied: bool| plan.missing.iter().any(|it| it.applied == applied);
    let advice = [
        (
            missing(true),
            "missing file, applied: restore it from version control; without it nothing is applied or verified.".to_owned(),
        ),
        (
            missing(false),
            "missing file, not applied: restore it from version control, or remove its entry from the journal.".to_owned(),
        ),
        (
            !edited.is_empty(),
            format!(
                "edited: put the file back, and the change into a new migration; or, if the database has the change: {apply} \
                 --accept-edited{}",
                arguments(&edited)
            ),
        ),
        (
            !line_ends.is_empty(),
            format!(
                "line ends: `*.sql text eol=lf` in .gitattributes, then `git add --renormalize .` and check the files out \
                 again; or take them as they are: {apply} --accept-edited{}",
                arguments(&line_ends)
            ),
        ),
        (
            !late.is_empty(),
            format!(
                "out of order: generate it again, so that it comes last; or, if it does not depend on the order: {apply} \
                 --allow-out-of-order"
            ),
        ),
        (
            !plan.strays.is_empty(),
            "not in the journal: `infra migrate new NAME` writes an empty one with its entry, put the SQL there; or move the \
             file out of the folder."
                .to_owned(),
        ),
        (
            plan.unknown.len() > moved.len(),
            format!(
                "unknown row: is {} the folder of this database, and up to date? If those migrations were removed on \
                 purpose: {apply} --allow-unknown-rows",
                source.folder.path.display()
            ),
        ),
        (
            !moved.is_empty(),
            format!(
                "unknown row that is a migration's by its hash: it would run a second time. Give it its name and `when` again, or \
                 correct the row: {}",
                corrections.join(" ")
            ),
        ),
        (
            plan.lease.is_some(),
            format!("begun without a transaction: `{apply}` goes on with it; `{unlock}` says who holds it."),
        ),
        (!pending.is_empty(), format!("pending: {apply} (--dry-run shows the SQL first)")),
    ];
    advice.into_iter().filter(|(applies, _)| *applies).map(|(_, line)| line).collect()
}

/// The tags as they are given to an option, where they are few enough to be typed.
fn arguments(tags: &[&str]) -> String {
    const FEW: usize = 4;
    if tags.len() > FEW { String::new() } else { tags.iter().map(|tag| format!(" {tag}")).collect() }
}
