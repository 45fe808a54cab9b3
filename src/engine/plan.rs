//! The one place that decides: what is desired against what is live gives a plan. Pure.

mod order;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::{
    Address, Change, Desired, Kind, Phase, Replace, Seen,
    attributes::{compare, creation, resolve},
    graph::Graph,
    identity, reference,
    scope::Known,
};

pub(crate) use order::usual;
pub use policy::{Policy, Refusal};

/// What is to be done with one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing, or only wait for what AWS is already doing.
    Keep,
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Make another one and delete this one, in the kind's order.
    Replace,
    /// Delete it.
    Delete,
}

impl Action {
    /// The sign that stands before it in a plan.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Keep => "=",
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "±",
            Self::Delete => "-",
        }
    }
}

/// One resource in a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which resource.
    pub address: Address,
    /// What is to be done.
    pub action: Action,
    /// What differs; for a creation, all attributes.
    pub changes: Vec<Change>,
    /// Whether AWS was changed behind our back (the description is what was last applied).
    pub drift: bool,
    /// Why, where the changes alone do not say it.
    pub reason: Option<String>,
    /// The live resource that is changed, replaced or deleted.
    pub live: Option<Seen>,
    /// For a step that deletes the old half of a replacement: true. It is part of the step with the same address.
    pub old: bool,
    /// Whether AWS is still at work on it, so that there is something to wait for.
    pub unsettled: bool,
}

impl Step {
    fn new(address: Address, action: Action) -> Self {
        let (changes, drift, reason, live) = (Vec::new(), false, None, None);
        Self { address, action, changes, drift, reason, live, old: false, unsettled: false }
    }

    /// The part of the address that names the kind.
    pub fn kind(&self) -> &str {
        self.address.kind()
    }

    /// Whether executing the step does anything.
    pub fn acts(&self) -> bool {
        self.action != Action::Keep || self.unsettled
    }
}

/// What `deploy` (or `destroy`) will do, in an order that can be executed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Every resource of the stack once; a replacement in two steps.
    pub steps: Vec<Step>,
    /// The outputs of what is there already.
    pub known: Known,
    /// Resources that stay although nothing wants them, each with the reason.
    pub kept: Vec<(Address, String)>,
    pub(crate) graph: Graph,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep)
    }

    /// How many resources each action concerns; a replacement counts once.
    pub fn count(&self, action: Action) -> usize {
        self.steps.iter().filter(|step| step.action == action && !step.old).count()
    }
}

/// Why no plan can be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Something must not happen without being named on the command line.
    #[error("{}", refusals(.0))]
    Refused(Vec<Refusal>),
    /// The steps wait for each other.
    #[error("These steps wait for each other, so there is no order for them: {}.", list(.0))]
    Circle(Vec<Address>),
    /// A reference points at nothing.
    #[error("{from} refers to {to}, which is not part of the stack.")]
    Dangling {
        /// The resource with the reference.
        from: Address,
        /// What it points at.
        to: Address,
    },
}

fn refusals(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn list(addresses: &[Address]) -> String {
    addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(", ")
}

/// Decides what leads from `live` to `desired`.
///
/// # Errors
/// [`Error::Refused`] where `policy` does not allow what would have to be done to data.
pub fn plan(desired: &[Desired], live: &[Seen], kinds: &[Kind], policy: &Policy) -> Result<Plan, Error> {
    let wanted: BTreeMap<&Address, &Desired> = desired.iter().map(|one| (&one.address, one)).collect();
    for one in desired {
        if let Some(to) = one.references.iter().find(|to| !wanted.contains_key(to)) {
            return Err(Error::Dangling { from: one.address.clone(), to: to.clone() });
        }
    }
    let mut decision = Decision { kinds, known: Known::new(), steps: Vec::new(), replaced: BTreeSet::new() };
    for one in order::topological(desired, kinds)? {
        decision.decide(one, live);
    }
    decision.orphans(&wanted, live);
    let kept = policy::keep(&mut decision.steps, live, policy);
    policy::check(&decision.steps, kinds, policy)?;
    let graph = order::graph(&decision.steps, desired, kinds);
    let sorted = graph.sorted().map_err(|circle| {
        Error::Circle(circle.into_iter().map(|step| decision.steps[step].address.clone()).collect())
    })?;
    let (steps, graph) = order::arrange(decision.steps, &graph, &sorted);
    Ok(Plan { steps, known: decision.known, kept, graph })
}

/// The decisions made so far, resource by resource, dependencies first.
struct Decision<'a> {
    kinds: &'a [Kind],
    known: Known,
    steps: Vec<Step>,
    /// Addresses that get a new resource, so that what refers to them sees a new id.
    replaced: BTreeSet<Address>,
}

impl Decision<'_> {
    fn decide(&mut self, desired: &Desired, live: &[Seen]) {
        let Some(kind) = self.kinds.iter().find(|kind| kind.name == desired.kind) else { return };
        let attributes = resolve(&desired.attributes, &|address, output| {
            if self.replaced.contains(address) { None } else { self.known.get(address)?.get(output).cloned() }
        });
        let same: Vec<&Seen> = live.iter().filter(|seen| seen.address == desired.address).collect();
        let (going, mut there): (Vec<&Seen>, Vec<&Seen>) =
            same.into_iter().partition(|seen| matches!(seen.phase, Phase::Deleting(_)));
        let chosen = choose(&mut there, &attributes, kind, live);
        // A second one with the same address: an answer was lost, or a replacement was interrupted.
        for extra in there {
            let mut step = Step::new(desired.address.clone(), Action::Delete);
            step.reason = Some("a second resource at this address that nothing uses".into());
            step.live = Some(extra.clone());
            step.old = chosen.is_some();
            self.steps.push(step);
        }
        let mut step = Step::new(desired.address.clone(), Action::Create);
        match chosen {
            None => {
                step.changes = creation(&attributes);
                if let Some(seen) = going.first() {
                    step.live = Some((*seen).clone());
                    step.reason = Some("AWS is still deleting the former one; it is made again after that".into());
                }
                self.replaced.insert(desired.address.clone());
            }
            Some(seen) => self.against(&mut step, desired, &attributes, seen, kind),
        }
        self.steps.push(step);
    }

    /// Decides what to do with a resource that is there.
    fn against(&mut self, step: &mut Step, desired: &Desired, attributes: &Value, seen: &Seen, kind: &Kind) {
        step.changes = compare(attributes, &seen.attributes);
        if kind.tagged {
            step.changes.extend(tag_changes(desired, seen));
        }
        step.live = Some(seen.clone());
        step.drift = !step.changes.is_empty()
            && seen.fingerprint() == Some(desired.fingerprint.as_str())
            && step.changes.iter().any(|change| reference::read(&change.after).is_none());
        step.unsettled = matches!(seen.phase, Phase::Changing(_));
        let immutable = step.changes.iter().find(|change| kind.immutable.contains(&change.top()));
        step.action = match (&seen.phase, immutable) {
            (Phase::Failed(why), _) => {
                step.reason = Some(format!("AWS gave up on it: {why}"));
                Action::Replace
            }
            (_, Some(change)) => {
                step.reason = Some(format!("AWS cannot change `{}` in place", change.top()));
                Action::Replace
            }
            (_, None) if step.changes.is_empty() => Action::Keep,
            _ => Action::Update,
        };
        if let (Some(why), Action::Update) = (&seen.setback, step.action) {
            step.reason = Some(format!("AWS took the last change back: {why}"));
        }
        if let (Phase::Changing(word), Action::Keep) = (&seen.phase, step.action) {
            step.reason = Some(format!("AWS says `{word}`; deploy waits for it"));
        }
        if step.action == Action::Replace {
            self.replaced.insert(desired.address.clone());
            let mut old = Step::new(desired.address.clone(), Action::Delete);
            old.live = Some(seen.clone());
            old.old = true;
            self.steps.push(old);
        } else {
            self.known.insert(desired.address.clone(), seen.outputs.clone());
        }
    }

    /// Deletes what nothing wants, at whatever address.
    fn orphans(&mut self, wanted: &BTreeMap<&Address, &Desired>, live: &[Seen]) {
        for seen in live.iter().filter(|seen| !wanted.contains_key(&seen.address)) {
            let mut step = Step::new(seen.address.clone(), Action::Delete);
            step.live = Some(seen.clone());
            step.unsettled = matches!(seen.phase, Phase::Deleting(_));
            self.known.entry(seen.address.clone()).or_insert_with(|| seen.outputs.clone());
            self.steps.push(step);
        }
    }
}

/// Takes out of `there` the one that stays: it needs no replacement, is in use, and is the oldest, in this order.
fn choose<'a>(there: &mut Vec<&'a Seen>, attributes: &Value, kind: &Kind, live: &[Seen]) -> Option<&'a Seen> {
    let best = (0..there.len()).min_by_key(|&index| {
        let seen = there[index];
        let replaced = compare(attributes, &seen.attributes)
            .iter()
            .any(|change| kind.immutable.contains(&change.top()) && reference::read(&change.after).is_none());
        let failed = matches!(seen.phase, Phase::Failed(_));
        (failed, replaced, !order::is_used(seen, live), seen.created.unwrap_or(i64::MAX), seen.id.clone())
    })?;
    Some(there.remove(best))
}

/// What differs between the tags wanted and the tags there. AWS's own (`aws:…`) and the fingerprint do not count.
fn tag_changes(desired: &Desired, seen: &Seen) -> Vec<Change> {
    let stack = seen.tags.get(identity::STACK).map_or("", String::as_str);
    let wanted = identity::tags(stack, &desired.address, &desired.fingerprint, &desired.own_tags);
    let ignored = |key: &str| key == identity::FINGERPRINT || key.starts_with("aws:");
    let keys: BTreeSet<&String> = wanted.keys().chain(seen.tags.keys()).filter(|key| !ignored(key)).collect();
    let value = |tag: Option<&String>| tag.cloned().map_or(Value::Null, Value::String);
    keys.into_iter()
        .filter(|key| wanted.get(*key) != seen.tags.get(*key))
        .map(|key| Change {
            path: format!("tags.{key}"),
            before: value(seen.tags.get(key)),
            after: value(wanted.get(key)),
        })
        .collect()
}

/// Whether a kind's old resource must go before the new one comes.
pub(crate) fn deletes_first(kinds: &[Kind], address: &Address) -> bool {
    kinds.iter().any(|kind| kind.name == address.kind() && kind.replace == Replace::DeleteFirst)
}
