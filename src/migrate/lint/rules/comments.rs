//! Comments to the linter that say nothing it understands, or silence nothing.

use super::super::comment::Says;
use super::super::ground::Ground;
use super::super::hit::{Hit, Place};
use super::super::rule::find;
use super::{Rule, Severity};

pub(super) const UNKNOWN_RULE: Rule = Rule {
    name: "unknown-rule",
    severity: Severity::Error,
    finds: "A comment `-- infra: …` with a word or a rule that does not exist.",
    why: "It looks as if it switched something off or on, and does nothing.",
    fix: "Write `-- infra: allow RULE`; `infra migrate lint --rules` lists them.",
    check: unknown_rules,
};

fn unknown_rules(ground: &Ground<'_>) -> Vec<Hit> {
    let mut found = Vec::new();
    for script in ground.linted() {
        for directive in &script.directives {
            match &directive.says {
                Says::Unknown(word) => {
                    let message = format!("There is no comment `infra: {word}`.");
                    found.push(Hit::new(Place::within(script, directive.span.clone()), message, "not known"));
                }
                Says::Allow { rules, .. } if rules.is_empty() => {
                    let message = "The comment names no rule.";
                    found.push(Hit::new(Place::within(script, directive.span.clone()), message, "which rule?"));
                }
                Says::Allow { rules, .. } => {
                    for (name, span) in rules {
                        let Err(meant) = find(name) else { continue };
                        let hit = Hit::new(
                            Place::within(script, span.clone()),
                            format!("There is no rule {name}."),
                            "not known",
                        );
                        found.push(match meant {
                            Some(meant) => hit.fix(format!("Did you mean {meant}?")),
                            None => hit,
                        });
                    }
                }
                Says::Apply => {}
            }
        }
    }
    found
}

pub(super) const UNUSED_ALLOW: Rule = Rule {
    name: "unused-allow",
    severity: Severity::Warning,
    finds: "A comment `-- infra: allow RULE` where the rule finds nothing.",
    why: "It is out of date, or stands in the wrong place: it has to be before the statement, in it, or at the end of its line.",
    fix: "Remove it, or move it to the statement. For what is about the file as a whole, write `-- infra: allow-file RULE`.",
    // Known only when all the others have been asked: see `super::super::allow`.
    check: |_| Vec::new(),
};
