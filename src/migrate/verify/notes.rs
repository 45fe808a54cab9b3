//! What a reader of a report has to know besides the differences, a sentence each. Pure.

use std::collections::BTreeMap;

use super::compare::counted;
use crate::migrate::plan::{Plan, State};

/// What is not looked at, where the migrations make such a thing.
pub(super) fn note_of(uncompared: &BTreeMap<String, usize>, what: &str) -> Option<String> {
    (!uncompared.is_empty()).then(|| format!("{what}: {}.", counted(uncompared)))
}

/// What the ledger says that a reader of the report has to know.
pub(super) fn notes(plan: &Plan) -> Vec<String> {
    let tags = |wanted: fn(&State) -> bool| {
        let statuses = plan.migrations.iter().filter(|status| wanted(&status.state));
        statuses.map(|status| status.tag.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut notes = Vec::new();
    let pending = tags(|state| !matches!(state, State::Applied { .. } | State::Edited { .. }));
    if !pending.is_empty() {
        notes.push(format!("Not applied, so not looked for: {pending}."));
    }
    let edited = tags(|state| matches!(state, State::Edited { .. }));
    if !edited.is_empty() {
        notes.push(format!("Edited after it was applied; looked for as the file is now: {edited}."));
    }
    if !plan.unknown.is_empty() {
        let number = plan.unknown.len();
        notes.push(format!(
            "Rows in the ledger that no migration of the folder accounts for: {number}. What they made shows as extra."
        ));
    }
    notes
}
