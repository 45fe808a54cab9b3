//! The one place that decides: what is desired against what is live gives a plan. Pure.

mod decide;
mod lost;
mod order;
mod policy;
#[cfg(test)]
mod tests;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Address, Change, Desired, Kind, Occupant, Phase, Seen,
    attributes::{hide, references},
    graph::Graph,
    scope::Known,
};

use decide::Decision;
pub use lost::{Lost, Strays};
pub(crate) use order::usual;
pub use policy::{Policy, Refusal};
use uses::Uses;

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
    /// For the creation of something that was there before: how that is known.
    pub lost: Option<Lost>,
    /// The live resource that is changed, replaced or deleted.
    pub live: Option<Seen>,
    /// For a step that deletes the old half of a replacement, or a second resource at one address: true. It belongs
    /// to the step with the same address.
    pub old: bool,
    /// Whether the old half of a replacement is gone before the new one comes.
    pub deletes_first: bool,
    /// Whether AWS is still at work on it, so that there is something to wait for.
    pub unsettled: bool,
    /// Whether it is as described and does not say so: its fingerprint is of another description, or it has none. That is
    /// noted when the plan is executed, and is no change.
    pub unstamped: bool,
    /// Whether it is as described although AWS says that it took the change to that back.
    pub contradicted: bool,
    /// Of a deletion: what is not the stack's and keeps AWS from it, where that was asked.
    pub occupants: Vec<Occupant>,
    /// Whether the address alone may mislead about what goes: it holds data, or others claim the same address.
    pub goes_by_id: bool,
}

impl Step {
    fn new(address: Address, action: Action) -> Self {
        let (changes, drift, reason, lost, live) = (Vec::new(), false, None, None, None);
        Self {
            address,
            action,
            changes,
            drift,
            reason,
            lost,
            live,
            old: false,
            deletes_first: false,
            unsettled: false,
            unstamped: false,
            contradicted: false,
            occupants: Vec::new(),
            goes_by_id: false,
        }
    }

    /// The part of the address that names the kind.
    pub fn kind(&self) -> &str {
        self.address.kind()
    }

    /// Whether it is only looked at again, because what it is like could not be found out: that is no change by itself.
    pub fn is_unknown(&self) -> bool {
        let is_unknown = |live: &Seen| matches!(live.phase, Phase::Unknown(_));
        self.action == Action::Update && self.changes.is_empty() && self.live.as_ref().is_some_and(is_unknown)
    }

    /// Whether executing the step does anything that is worth telling.
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
    /// The deletions that AWS will refuse, because something that is not the stack's stands in what is to go.
    pub fn obstructed(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !step.occupants.is_empty())
    }

    /// Whether it changes nothing, as far as can be known.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Keep || step.is_unknown())
    }

    /// Whether something is to be noted on resources that are kept.
    pub fn stamps(&self) -> bool {
        self.steps.iter().any(|step| step.unstamped)
    }

    /// Whether both do the same to the same resources, however they give reasons for it.
    pub fn does_the_same_as(&self, other: &Self) -> bool {
        let (now, shown) = (self.deeds(), other.deeds());
        now.len() == shown.len() && now.iter().zip(&shown).all(|(now, shown)| now.is(shown))
    }

    /// Whether everything that it does is done by `other` too: what AWS has finished in between need not be done any more.
    pub fn does_no_more_than(&self, other: &Self) -> bool {
        let shown = other.deeds();
        self.deeds().iter().all(|now| shown.iter().any(|shown| now.is(shown)))
    }

    /// What is done to which resource, in one order. Waiting for what AWS is doing is no deed: it may be over by now.
    fn deeds(&self) -> Vec<Deed<'_>> {
        let acting = self.steps.iter().filter(|step| step.action != Action::Keep && !step.is_unknown());
        let mut deeds: Vec<_> = acting
            .map(|step| {
                let id = step.live.as_ref().map(|live| live.id.as_str());
                Deed { address: &step.address, action: step.action, id, changes: &step.changes }
            })
            .collect();
        deeds.sort_by_key(|deed| (deed.address, deed.action.glyph(), deed.id));
        deeds
    }

    /// Of how many resources it is not known what they are like.
    pub fn unknown(&self) -> usize {
        self.steps.iter().filter(|step| step.is_unknown()).count()
    }

    /// How many resources each action concerns; a replacement counts once.
    pub fn count(&self, action: Action) -> usize {
        let replaced: BTreeSet<&Address> =
            self.steps.iter().filter(|step| step.action == Action::Replace).map(|step| &step.address).collect();
        let is_half = |step: &Step| step.old && replaced.contains(&step.address);
        let counts = |step: &&Step| step.action == action && !is_half(step) && !step.is_unknown();
        self.steps.iter().filter(counts).count()
    }
}

/// What a plan does to one resource.
struct Deed<'a> {
    address: &'a Address,
    action: Action,
    id: Option<&'a str>,
    changes: &'a [Change],
}

impl Deed<'_> {
    /// Whether it is what was shown earlier. What was to be known later may be known by now.
    fn is(&self, shown: &Self) -> bool {
        let same = |(now, shown): (&Change, &Change)| {
            let known = now.after == shown.after || !references(&shown.after).is_empty();
            now.path == shown.path && now.before == shown.before && known
        };
        (self.address, self.action, self.id) == (shown.address, shown.action, shown.id)
            && self.changes.len() == shown.changes.len()
            && self.changes.iter().zip(shown.changes).all(same)
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
    /// A resource is of a kind that does not exist: a defect.
    #[error("{0} is of a kind that infra does not know; please report this as a defect of infra.")]
    UnknownKind(Address),
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

/// A plan is shown, printed in CI and kept: what may hold a secret is hidden in it.
fn hide_sensitive(step: &mut Step, kinds: &[Kind]) {
    let kind = kinds.iter().find(|kind| kind.name == step.address.kind());
    let (sensitive, open) = kind.map_or_else(Default::default, |kind| (kind.sensitive, kind.open));
    let is_open = |path: &str| path.rsplit_once('.').is_some_and(|(_, name)| open.contains(&name));
    for change in step.changes.iter_mut().filter(|change| sensitive.contains(&change.top()) && !is_open(&change.path)) {
        change.before = hide(&change.before, open);
        change.after = hide(&change.after, open);
    }
}

/// Marks what has to be called by its id.
fn identify(steps: &mut [Step], kinds: &[Kind]) {
    let mut ids: BTreeMap<Address, BTreeSet<String>> = BTreeMap::new();
    for step in steps.iter() {
        ids.entry(step.address.clone()).or_default().extend(step.live.as_ref().map(|live| live.id.clone()));
    }
    for step in steps.iter_mut().filter(|step| matches!(step.action, Action::Delete | Action::Replace)) {
        let holds_data = kinds.iter().any(|kind| kind.name == step.kind() && kind.holds_data);
        step.goes_by_id = holds_data || ids.get(&step.address).is_some_and(|ids| ids.len() > 1);
    }
}

/// Adds to each step what it does besides to what stays.
fn side_effects(steps: &mut [Step], wanted: &BTreeMap<&Address, &Desired>) {
    let staying = steps.iter().filter(|step| matches!(step.action, Action::Keep | Action::Update) && !step.old);
    let staying: BTreeMap<Address, Seen> =
        staying.filter_map(|step| Some((step.address.clone(), step.live.clone()?))).collect();
    let makes = |step: &&mut Step| matches!(step.action, Action::Create | Action::Update | Action::Replace);
    for step in steps.iter_mut().filter(makes) {
        let effect = wanted.get(&step.address).and_then(|desired| desired.side_effect(&|address| staying.get(address)));
        let said: Vec<String> = step.reason.take().into_iter().chain(effect).collect();
        step.reason = (!said.is_empty()).then(|| said.join("; "));
    }
}

/// Decides what leads from `live` to `desired`.
///
/// # Errors
/// [`Error::Refused`] where `policy` does not allow what would have to be done to data, or a kind knows an obstacle.
pub fn plan(desired: &[Desired], live: &[Seen], kinds: &[Kind], policy: &Policy) -> Result<Plan, Error> {
    let wanted: BTreeMap<&Address, &Desired> = desired.iter().map(|one| (&one.address, one)).collect();
    for one in desired {
        if let Some(to) = one.references.iter().find(|to| !wanted.contains_key(to)) {
            return Err(Error::Dangling { from: one.address.clone(), to: to.clone() });
        }
    }
    let uses = Uses::among(live);
    let mut decision = Decision::new(live, &uses);
    for one in order::topological(desired, kinds)? {
        let kind = kinds.iter().find(|kind| kind.name == one.kind);
        decision.decide(one, kind.ok_or_else(|| Error::UnknownKind(one.address.clone()))?);
    }
    decision.orphans(&wanted);
    let Decision { mut steps, known, .. } = decision;
    lost::mark(&mut steps, &wanted, live, kinds, &policy.strays);
    side_effects(&mut steps, &wanted);
    let kept = policy::keep(&mut steps, live, &uses, policy);
    policy::check(&steps, &wanted, kinds, policy)?;
    let graph = order::graph(&steps, desired, kinds, &uses);
    let sorted = graph
        .sorted()
        .map_err(|circle| Error::Circle(circle.into_iter().map(|step| steps[step].address.clone()).collect()))?;
    let (mut steps, graph) = order::arrange(steps, &graph, &sorted);
    steps.iter_mut().for_each(|step| hide_sensitive(step, kinds));
    identify(&mut steps, kinds);
    Ok(Plan { steps, known, kept, graph })
}
