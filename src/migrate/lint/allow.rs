//! From what the rules found to what is reported: what is switched off goes, and what switched off nothing is told.

use super::Settings;
use super::comment::{Says, Within};
use super::finding::{Finding, Report};
use super::ground::Ground;
use super::hit::{Hit, Place};
use super::rule::{Rule, Severity, find};
use super::rules::{CREATED_TWICE, NOT_IDEMPOTENT, RULES, UNUSED_ALLOW};

/// An allowance in a comment, and whether it was needed.
struct Allowance {
    script: usize,
    rule: &'static Rule,
    within: Within,
    /// The rule's name in the comment.
    span: std::ops::Range<usize>,
    used: bool,
}

pub(super) fn report(ground: &Ground<'_>, settings: &Settings) -> Report {
    let mut allowances = allowances(ground);
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| !settings.off.contains(rule)) {
        let hits = (rule.check)(ground).into_iter();
        let left: Vec<Hit> = hits.filter(|hit| !is_allowed(&mut allowances, rule, hit)).collect();
        findings.extend(left.into_iter().map(|hit| {
            let doubtful = hit.doubt && !settings.deny.contains(rule) && !settings.deny_warnings;
            let severity = if doubtful { Severity::Warning } else { severity(rule, settings) };
            Finding::new(rule, severity, hit)
        }));
    }
    if !settings.off.contains(&UNUSED_ALLOW) {
        let unused = allowances.iter().filter(|allowance| !allowance.used);
        findings.extend(unused.map(|allowance| {
            let message = match allowance.within {
                Within::Nowhere => format!("No statement follows that {} could be allowed for.", allowance.rule.name),
                _ => format!("{} finds nothing here.", allowance.rule.name),
            };
            let place = Place::within(&ground.scripts[allowance.script], allowance.span.clone());
            Finding::new(UNUSED_ALLOW, severity(UNUSED_ALLOW, settings), Hit::new(place, message, "silences nothing"))
        }));
    }
    leave_unguarded(ground, &mut findings);
    let known = ground.scripts.iter().all(|script| script.pending.is_some());
    Report {
        findings,
        linted: ground.linted().count(),
        migrations: ground.scripts.len(),
        applied: known.then(|| ground.scripts.iter().filter(|script| script.pending == Some(false)).count()),
        changeable: ground
            .linted()
            .filter(|script| script.pending == Some(true) && !script.begun)
            .map(|script| script.index)
            .collect(),
    }
}

/// What makes a thing for the second time is not guarded: it would do nothing then, and say nothing.
fn leave_unguarded(ground: &Ground<'_>, findings: &mut [Finding]) {
    let statement = |finding: &Finding| {
        let (script, start) = (finding.migration?, finding.span.as_ref()?.start);
        let script = ground.scripts.iter().find(|one| one.index == script)?;
        let number = script.statements.iter().position(|one| one.span.contains(&start))?;
        Some((script.index, number))
    };
    let twice: Vec<_> = findings.iter().filter(|it| it.rule.name == CREATED_TWICE.name).filter_map(statement).collect();
    let hiding = findings.iter_mut().filter(|it| it.is_fixable() && it.rule.name == NOT_IDEMPOTENT.name);
    for finding in hiding.filter(|it| statement(it).is_some_and(|place| twice.contains(&place))) {
        finding.edits.clear();
        "Not by a guard: it is made elsewhere as well (created-twice).".clone_into(&mut finding.fix);
    }
}

fn severity(rule: &'static Rule, settings: &Settings) -> Severity {
    let denied = settings.deny.contains(&rule) || (settings.deny_warnings && rule.severity == Severity::Warning);
    if denied { Severity::Error } else { rule.severity }
}

fn allowances(ground: &Ground<'_>) -> Vec<Allowance> {
    let mut found = Vec::new();
    for script in ground.linted() {
        for directive in &script.directives {
            let Says::Allow { rules, within } = &directive.says else { continue };
            for (name, span) in rules {
                let Ok(rule) = find(name) else { continue };
                let (within, span) = (within.clone(), span.clone());
                found.push(Allowance { script: script.index, rule, within, span, used: false });
            }
        }
    }
    found
}

fn is_allowed(allowances: &mut [Allowance], rule: &'static Rule, hit: &Hit) -> bool {
    let (Some(script), Some(span)) = (hit.place.migration, &hit.place.span) else { return false };
    let mut allowed = false;
    for allowance in allowances.iter_mut().filter(|it| it.script == script && it.rule == rule) {
        let here = match &allowance.within {
            Within::File => true,
            Within::Statement(statement) => statement.start <= span.start && span.start <= statement.end,
            Within::Nowhere => false,
        };
        allowance.used |= here;
        allowed |= here;
    }
    allowed
}
