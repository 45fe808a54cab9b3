//! What pending migrations take away for good, said beside them in the plan.

use super::Settings;
use crate::migrate::{
    Folder,
    ledger::Contents,
    lint::{self, Known},
};

/// Rules whose findings are about rows and values that are there.
const LOSING: [&str; 3] = ["drop-table", "drop-column", "empties-table"];
/// How many are named; the linter tells all of them.
const NAMED: usize = 3;

/// What the migrations that are not in the ledger drop or empty, each with its migration: tables that they make themselves are none.
pub(super) fn losses(folder: &Folder, contents: &Contents, settings: &Settings) -> Vec<String> {
    let linted = lint::Settings {
        known: Known::Ledger(settings.ledger.clone(), Box::new(contents.clone())),
        off: settings.allowed.clone(),
        ..lint::Settings::default()
    };
    // Without a thread to parse in, the migrations can be applied all the same.
    let found = lint::lint(folder, &[], &linted).map_or_else(|_| Vec::new(), |report| report.findings);
    let losing = found.into_iter().filter(|finding| LOSING.contains(&finding.rule.name));
    let told = losing.filter_map(|finding| {
        let migration = folder.migrations.get(finding.migration?)?;
        Some((finding.migration, format!("{}: {}", migration.tag, finding.message)))
    });
    let mut told: Vec<_> = told.collect();
    // As they are applied, and not rule by rule.
    told.sort_by_key(|(place, _)| *place);
    told.into_iter().map(|(_, text)| text).collect()
}

/// The same as one text, where there is anything to say.
pub(super) fn told(losses: &[String]) -> Option<String> {
    let named = losses.get(..NAMED).unwrap_or(losses).join("\n");
    let more = losses.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!("\nand {more} more of the kind.") };
    (!losses.is_empty()).then(|| format!("{named}{more} `infra migrate lint` tells more."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_few_are_named_and_the_rest_counted() {
        let all: Vec<String> = (0..5).map(|number| format!("000{number}_a: Gone.")).collect();
        assert_eq!(told(&[]), None);
        assert_eq!(told(&all[..1]).unwrap(), "0000_a: Gone. `infra migrate lint` tells more.");
        let text = told(&all).unwrap();
        assert!(text.ends_with("0002_a: Gone.\nand 2 more of the kind. `infra migrate lint` tells more."), "{text}");
    }
}
