//! What a rule is: a name, how bad it is, why, what to do, and the function that looks for it.

use super::ground::Ground;
use super::hit::Hit;

/// How bad what a rule finds is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should know; never fails a run.
    Note,
    /// Works, and is dangerous: on a large table, while the service runs, or when it runs twice.
    Warning,
    /// Cannot work, is skipped in silence, or loses data.
    Error,
}

/// A rule. Each is one entry of [`RULES`](super::RULES), and all that is said of it is in its entry.
#[derive(Debug)]
pub struct Rule {
    /// What it is called in comments, in the stack description and in the output.
    pub name: &'static str,
    /// How bad what it finds is.
    pub severity: Severity,
    /// What it finds, in one line.
    pub finds: &'static str,
    /// Why that is a problem.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// Looks for it.
    pub(super) check: fn(&Ground<'_>) -> Vec<Hit>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The rule of this name; else the name that was probably meant.
pub fn find(name: &str) -> Result<&'static Rule, Option<&'static str>> {
    let known = super::RULES.iter().copied().find(|rule| rule.name == name);
    known.ok_or_else(|| {
        let near = super::RULES.iter().map(|rule| (strsim::jaro_winkler(rule.name, &name.to_lowercase()), rule.name));
        let best = near.filter(|(likeness, _)| *likeness > 0.75).max_by(|(a, _), (b, _)| a.total_cmp(b));
        best.map(|(_, name)| name)
    })
}
