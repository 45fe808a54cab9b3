//! A plan as people read it, and as JSON.

use std::fmt::Write as _;

use console::{Style, style};
use serde_json::{Value, json};

use super::value::{self, count};
use crate::engine::{
    Address, Change, Occupant, Phase,
    attributes::{HIDDEN, is_hidden},
    plan::{Action, Plan, Step},
};

/// The whole plan: each resource that is not simply kept, attribute by attribute, and the summary.
pub fn text(plan: &Plan) -> String {
    let mut text = String::new();
    for step in shown(plan) {
        describe(&mut text, step);
    }
    for (address, notice) in notices(plan) {
        let _ = writeln!(text, "  {} {address}  {}", style("!").yellow(), style(notice).yellow());
    }
    for (address, reason) in &plan.kept {
        let _ = writeln!(text, "  {} {address}  {}", style("=").dim(), style(format!("stays: {reason}")).dim());
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let hidden = |change: &Change| is_hidden(&change.before) || is_hidden(&change.after);
    if shown(plan).any(|step| step.changes.iter().any(hidden)) {
        let why =
            "values of environments and commands are not shown, because a secret may be among them and plans are kept.";
        let _ = writeln!(text, "{}", style(format!("{HIDDEN}: {why}")).dim());
    }
    text.push_str(&summary(plan));
    text.push('\n');
    text
}

/// The steps worth showing: the halves of a replacement as one.
fn shown(plan: &Plan) -> impl Iterator<Item = &Step> {
    let duplicate =
        |step: &Step| !plan.steps.iter().any(|other| other.action == Action::Replace && other.address == step.address);
    plan.steps.iter().filter(move |step| step.acts() && (!step.old || duplicate(step)))
}

/// What is worth knowing of what stays, besides what is done. Why it is changed, its step says.
fn notices(plan: &Plan) -> impl Iterator<Item = (&Address, String)> {
    plan.steps.iter().flat_map(|step| {
        let live = step.live.as_ref();
        let stays = matches!(step.action, Action::Keep | Action::Update);
        let notice = live.filter(|_| stays).and_then(|live| live.notice.clone());
        contradiction(step).into_iter().chain(notice).map(|notice| (&step.address, notice))
    })
}

/// What AWS says against what it shows.
fn contradiction(step: &Step) -> Option<String> {
    let event = step.live.as_ref().filter(|_| step.contradicted)?.setback_event()?.trim_end_matches('.');
    Some(format!(
        "AWS took its last change back: {event}. It shows it nevertheless, so a deploy finds nothing to change: fix the cause, \
         then change it once more, or retry in AWS what failed."
    ))
}

fn describe(text: &mut String, step: &Step) {
    let colour = colour(step.action);
    let _ = write!(
        text,
        "  {} {}",
        colour.apply_to(if step.is_unknown() { "?" } else { step.action.glyph() }),
        style(&step.address).bold()
    );
    if let Some(live) = step.live.as_ref().filter(|_| step.goes_by_id) {
        let _ = write!(text, "  {}", live.id);
    }
    if step.drift {
        let _ = write!(text, "  {}", style("changed by hand, or by a run that was interrupted").yellow());
    }
    if let Some(reason) = &step.reason {
        let _ = write!(text, "  {}", style(reason.replace('\n', "\n      ")).dim());
    }
    if let Some(lost) = &step.lost {
        let _ = write!(text, "  {}", style(lost).yellow());
    }
    if let Some(occupied) = occupied(step) {
        let _ = write!(text, "  {}", style(occupied).yellow());
    }
    text.push('\n');
    for change in &step.changes {
        let _ = writeln!(text, "      {}", line(step.action, change));
    }
}

/// What keeps AWS from deleting it.
fn occupied(step: &Step) -> Option<String> {
    let by = Occupant::list(&step.occupants);
    (!by.is_empty()).then(|| format!("AWS will not: {by} is not of this stack and stands in it"))
}

fn line(action: Action, change: &Change) -> String {
    let path = style(format!("{}:", change.path)).dim();
    let after = || value::text(&change.after);
    match (action, &change.before, &change.after) {
        (Action::Create, _, _) => format!("{path} {}", after()),
        (_, Value::Array(before), Value::Array(wanted)) => {
            let gone = before.iter().filter(|item| !wanted.contains(item)).map(|item| ("-", item));
            let new = wanted.iter().filter(|item| !before.contains(item)).map(|item| ("+", item));
            let lines: Vec<String> =
                gone.chain(new).map(|(sign, item)| format!("{sign} {}", value::text(item))).collect();
            format!("{path} {}", lines.join("  "))
        }
        (_, before, Value::Null) => format!("{path} {} → {}", value::text(before), style("removed").red()),
        (_, before, _) => format!("{path} {} → {}", value::text(before), after()),
    }
}

fn colour(action: Action) -> Style {
    match action {
        Action::Keep => Style::new().dim(),
        Action::Create => Style::new().green(),
        Action::Update => Style::new().yellow(),
        Action::Replace => Style::new().magenta(),
        Action::Delete => Style::new().red(),
    }
}

/// One line: how many of what.
pub fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        let is_blocked =
            |step: &&Step| step.live.as_ref().is_some_and(|live| matches!(live.phase, Phase::Blocked { .. }));
        let blocked = plan.steps.iter().filter(is_blocked).count();
        if blocked > 0 {
            return format!("No changes, but AWS cannot bring up {}.", count(blocked, "resource"));
        }
        let unknown = plan.unknown();
        if unknown > 0 {
            return format!("No changes, as far as can be known: of {} it is not known.", count(unknown, "resource"));
        }
        let unsettled = plan.steps.iter().filter(|step| step.unsettled).count();
        return match unsettled {
            0 if plan.count(Action::Keep) == 0 => "No changes: nothing of this stack exists.".to_owned(),
            0 => format!("No changes: {} as described.", count(plan.count(Action::Keep), "resource")),
            _ => format!("No changes; AWS is still at work on {}.", count(unsettled, "resource")),
        };
    }
    let parts = [
        (Action::Create, "to create"),
        (Action::Update, "to change"),
        (Action::Replace, "to replace"),
        (Action::Delete, "to delete"),
    ];
    let parts = parts.into_iter().map(|(action, verb)| (plan.count(action), verb));
    let parts: Vec<String> = parts
        .chain([(plan.unknown(), "not known")])
        .filter(|(number, _)| *number > 0)
        .map(|(number, verb)| format!("{number} {verb}"))
        .collect();
    let unchanged = plan.steps.iter().filter(|step| step.action == Action::Keep && !step.old).count();
    match unchanged {
        0 => format!("Plan: {}.", parts.join(", ")),
        _ => format!("Plan: {}, {unchanged} unchanged.", parts.join(", ")),
    }
}

/// The plan as one JSON object.
pub fn json(plan: &Plan) -> Value {
    let steps: Vec<Value> = shown(plan)
        .map(|step| {
            json!({
                "address": step.address,
                "action": if step.is_unknown() { json!("unknown") } else { json!(step.action) },
                "drift": step.drift,
                "reason": step.reason.clone().or_else(|| step.lost.as_ref().map(ToString::to_string)).or_else(|| occupied(step)),
                "id": step.live.as_ref().map(|live| &live.id),
                "changes": step.changes,
            })
        })
        .collect();
    json!({
        "changes": !plan.is_empty(),
        "steps": steps,
        "notices": notices(plan).map(|(address, notice)| json!({"address": address, "notice": notice})).collect::<Vec<_>>(),
        "kept": plan.kept.iter().map(|(address, reason)| json!({"address": address, "reason": reason})).collect::<Vec<_>>(),
        "summary": {
            "create": plan.count(Action::Create),
            "update": plan.count(Action::Update),
            "replace": plan.count(Action::Replace),
            "delete": plan.count(Action::Delete),
            "keep": plan.count(Action::Keep),
            "unknown": plan.unknown(),
        },
    })
}
