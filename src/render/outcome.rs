//! How an execution ended: what was done, what failed and why, where the time went. And how a failure is told.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use console::style;
use serde_json::{Value, json};

use super::{
    output::wrapped,
    value::{count, duration},
};
use crate::{
    aws::{Class, Error},
    engine::{Address, execute::Outcome, plan::Action},
};

/// How many of the slowest resources are named.
const SLOWEST: usize = 5;

/// One failure: what was attempted, what AWS said, what to do next.
pub fn failure(address: &Address, action: Action, error: &Error) -> String {
    let mut text = format!("{} {}", style("✗").red().bold(), style(format!("{} {address}", verb(action))).bold());
    let _ = write!(text, "\n    {}", error.message);
    let call = match (&error.code, error.action.is_empty()) {
        (Some(code), false) => Some(format!("{} answered {code}", error.action)),
        (None, false) => Some(format!("in {}", error.action)),
        _ => None,
    };
    if let Some(call) = call {
        let request = error.request_id.as_ref().map_or(String::new(), |id| format!(", request {id}"));
        let _ = write!(text, "\n    {}", style(format!("({call}{request})")).dim());
    }
    if let Some(advice) = advice(error) {
        let _ = write!(text, "\n    {} {advice}", style("→").cyan());
    }
    text
}

/// What to do about an error: what it says itself, or what its class alone tells.
pub fn advice(error: &Error) -> Option<&str> {
    let of_class = match error.class {
        Class::Unauthenticated => {
            "Sign in (`aws sso login`, `aws configure`) or set AWS_PROFILE, and check with `aws sts get-caller-identity`."
        }
        // What the function's role may not do is no matter of these credentials.
        Class::Denied if !error.action.is_empty() => {
            "The credentials may not do this: `infra iam-policy` prints all that a deploy has to be allowed."
        }
        Class::Unreachable => {
            "Check the network, the proxy variables (HTTPS_PROXY, NO_PROXY), the region, and the endpoint."
        }
        _ => return error.advice.as_deref(),
    };
    error.advice.as_deref().or(Some(of_class))
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Keep => "waiting for",
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Delete => "deleting",
    }
}

/// The report at the end: what failed, what was skipped, the time and where it went.
pub fn text(outcome: &Outcome, what: &str, took: Duration) -> String {
    let mut text = String::new();
    // The failures themselves were told in full when they happened.
    if !outcome.failed.is_empty() {
        let names: Vec<&str> = outcome.failed.iter().map(|(address, ..)| address.as_str()).collect();
        let _ = writeln!(text, "{}", wrapped(&format!("Failed: {}.", names.join(", ")), "  "));
    }
    if !outcome.left.is_empty() {
        let names: Vec<&str> = outcome.left.iter().map(|(address, _)| address.as_str()).collect();
        let _ = writeln!(text, "{}", wrapped(&format!("Still under way: {}.", names.join(", ")), "  "));
    }
    if !outcome.skipped.is_empty() {
        let _ = writeln!(text, "Not done:");
        for (address, action, reason) in &outcome.skipped {
            let _ = writeln!(text, "  {} {address}  {}", action.glyph(), style(reason).dim());
        }
        text.push('\n');
    }
    let end = match (outcome.interrupted, outcome.is_complete()) {
        (true, false) => style(format!("{what} was interrupted")).yellow(),
        (_, true) => style(format!("{what} is complete")).green(),
        (false, false) if outcome.lock_lost.is_some() => style(format!("{what} was broken off")).red(),
        (false, false) => style(format!("{what} failed")).red(),
    };
    let _ = write!(
        text,
        "{} after {}: {} done",
        end.bold(),
        duration(took),
        count(resources(outcome, &outcome.done), "resource")
    );
    let kept = outcome.done.iter().filter(|(_, action, _)| *action == Action::Keep).count();
    for (number, how) in
        [(kept, "waited for"), (outcome.failed.len(), "failed"), (resources(outcome, &outcome.skipped), "not started")]
    {
        if number > 0 {
            let _ = write!(text, ", {number} {how}");
        }
    }
    text.push_str(".\n");
    if !outcome.is_complete() {
        let cause = if outcome.failed.is_empty() { "The" } else { "Once the cause is mended, the" };
        let _ = writeln!(text, "What was done stays. {cause} same command continues from here.");
    }
    if took > Duration::from_secs(1) {
        text.push_str(&slowest(outcome));
    }
    text
}

/// How many resources steps concern, as a plan counts them: a replacement once, whatever is only waited for not at all.
fn resources<T>(outcome: &Outcome, steps: &[(Address, Action, T)]) -> usize {
    let done = outcome.done.iter().map(|(address, action, _)| (address, action));
    let all = done.chain(outcome.skipped.iter().map(|(address, action, _)| (address, action)));
    let all = all.chain(outcome.failed.iter().map(|(address, action, _)| (address, action)));
    let replaced: BTreeSet<&Address> =
        all.filter(|(_, action)| **action == Action::Replace).map(|(address, _)| address).collect();
    let counts = |address: &Address, action: Action| match action {
        Action::Keep => false,
        Action::Delete => !replaced.contains(address),
        _ => true,
    };
    steps.iter().filter(|(address, action, _)| counts(address, *action)).count()
}

/// Where the time went.
fn slowest(outcome: &Outcome) -> String {
    let mut done: Vec<_> = outcome.done.iter().filter(|(_, _, took)| took.as_secs_f64() > 0.5).collect();
    done.sort_by_key(|(_, _, took)| std::cmp::Reverse(*took));
    let name = |(address, action, took): &&(Address, Action, Duration)| match action {
        Action::Delete => format!("{address} (deleted) {}", duration(*took)),
        _ => format!("{address} {}", duration(*took)),
    };
    let names: Vec<String> = done.iter().take(SLOWEST).map(name).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("{}\n", style(wrapped(&format!("Slowest: {}.", names.join(", ")), "  ")).dim())
    }
}

/// The same as one JSON object.
pub fn json(outcome: &Outcome, took: Duration) -> Value {
    let error = |error: &Error| {
        json!({
            "message": error.message, "action": error.action, "code": error.code,
            "request_id": error.request_id, "advice": advice(error),
        })
    };
    let result = match (outcome.is_complete(), outcome.interrupted) {
        (true, _) => "complete",
        (false, true) => "interrupted",
        (false, false) => "failed",
    };
    json!({
        "event": "finished",
        "result": result,
        "complete": outcome.is_complete(),
        "interrupted": outcome.interrupted,
        "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
        "done": outcome.done.iter().map(|(address, action, took)| json!({
            "address": address, "action": action, "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
        })).collect::<Vec<_>>(),
        "failed": outcome.failed.iter().map(|(address, action, failed)| json!({
            "address": address, "action": action, "error": error(failed),
        })).collect::<Vec<_>>(),
        "left": outcome.left.iter().map(|(address, _)| address).collect::<Vec<_>>(),
        "skipped": outcome.skipped.iter().map(|(address, action, reason)| json!({
            "address": address, "action": action, "reason": reason,
        })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_counts_as_the_plan_does() {
        console::set_colors_enabled(false);
        let step = |name: &str, action| (Address::new("node", name), action, Duration::ZERO);
        let outcome = Outcome {
            done: vec![
                step("made", Action::Create),
                step("replaced", Action::Replace),
                step("replaced", Action::Delete),
                step("double", Action::Delete),
                step("busy", Action::Keep),
            ],
            ..Outcome::default()
        };
        let told = text(&outcome, "The deploy", Duration::ZERO);
        assert!(told.contains("3 resources done, 1 waited for."), "{told}");
    }
}
