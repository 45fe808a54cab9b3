//! What is to be done with each resource, dependencies first.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Action, Step,
    uses::{Uses, key},
};
use crate::engine::{
    Address, Change, Desired, Kind, Phase, Replace, Seen,
    attributes::{compare, creation, references, resolve},
    identity::{self, Retag},
    scope::Known,
};

/// The decisions made so far.
pub(super) struct Decision<'a> {
    pub(super) steps: Vec<Step>,
    pub(super) known: Known,
    live: &'a [Seen],
    at: BTreeMap<&'a Address, Vec<&'a Seen>>,
    uses: &'a Uses<'a>,
    /// Addresses that get a new resource, so that what refers to them sees a new id.
    replaced: BTreeSet<Address>,
    /// Live resources that are gone before what replaces them comes.
    going_first: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Decision<'a> {
    pub(super) fn new(live: &'a [Seen], uses: &'a Uses<'a>) -> Self {
        let mut at: BTreeMap<&Address, Vec<&Seen>> = BTreeMap::new();
        for seen in live {
            at.entry(&seen.address).or_default().push(seen);
        }
        let (steps, known) = (Vec::new(), Known::new());
        Self { steps, known, live, at, uses, replaced: BTreeSet::new(), going_first: BTreeSet::new() }
    }

    pub(super) fn decide(&mut self, desired: &Desired, kind: &Kind) {
        let attributes = resolve(&desired.attributes, &|address, output| {
            if self.replaced.contains(address) { None } else { self.known.get(address)?.get(output).cloned() }
        });
        let here = self.at.get(&desired.address).cloned().unwrap_or_default();
        let (going, mut there): (Vec<&Seen>, Vec<&Seen>) =
            here.into_iter().partition(|seen| matches!(seen.phase, Phase::Deleting(_)));
        let chosen = self.choose(&mut there, &attributes, kind);
        // A second one with the same address: an answer was lost, or a replacement was interrupted.
        let first_extra = self.steps.len();
        let extras = there.len();
        for extra in there {
            let mut step = Step::new(desired.address.clone(), Action::Delete);
            step.reason = Some(if self.uses.is_used(extra) {
                "a second resource at this address; what uses it is switched over".into()
            } else {
                "a second resource at this address that nothing uses".into()
            });
            step.live = Some(extra.clone());
            step.old = true;
            self.steps.push(step);
        }
        let mut step = Step::new(desired.address.clone(), Action::Create);
        match chosen {
            None => {
                step.changes = creation(&attributes);
                if let Some(seen) = going.first().filter(|_| !kind.beside_deleted) {
                    step.live = Some((*seen).clone());
                    step.unsettled = true;
                    step.reason = Some("AWS is still deleting the former one; it is made again after that".into());
                }
                match desired.foreseen() {
                    nothing if nothing.is_empty() => drop(self.replaced.insert(desired.address.clone())),
                    foreseen => drop(self.known.insert(desired.address.clone(), foreseen)),
                }
            }
            Some(seen) => self.against(&mut step, desired, &attributes, seen, kind),
        }
        for extra in &mut self.steps[first_extra..first_extra + extras] {
            extra.deletes_first = step.deletes_first;
        }
        self.steps.push(step);
    }

    /// Takes out of `there` the one that stays: it needs no replacement, is in use, and is the oldest, in this order.
    fn choose(&self, there: &mut Vec<&'a Seen>, attributes: &Value, kind: &Kind) -> Option<&'a Seen> {
        if there.len() < 2 {
            return there.pop();
        }
        let best = (0..there.len()).min_by_key(|&index| {
            let seen = there[index];
            let replaced = compare(attributes, &seen.attributes)
                .iter()
                .any(|change| kind.immutable.contains(&change.top()) && references(&change.after).is_empty());
            let failed = matches!(seen.phase, Phase::Failed(_));
            (failed, replaced, !self.uses.is_used(seen), seen.created.unwrap_or(i64::MAX), seen.id.clone())
        })?;
        Some(there.remove(best))
    }

    /// Decides what to do with a resource that is there.
    fn against(&mut self, step: &mut Step, desired: &Desired, attributes: &Value, seen: &'a Seen, kind: &Kind) {
        step.changes = compare(attributes, &seen.attributes);
        if kind.tagged {
            step.changes.extend(tag_changes(desired, seen));
        }
        step.live = Some(seen.clone());
        let is_what_was_applied = seen.fingerprint() == Some(desired.fingerprint.as_str());
        step.drift = is_what_was_applied
            && seen.setback.is_none()
            && step.changes.iter().any(|change| references(&change.after).is_empty());
        step.unsettled = matches!(seen.phase, Phase::Changing(_) | Phase::Awaited(_) | Phase::Blocked { .. });
        let immutable = step
            .changes
            .iter()
            .find(|change| kind.immutable.contains(&change.top()) && !self.is_pending(change))
            .map(|change| change.top().to_owned());
        step.action = match (&seen.phase, immutable) {
            (Phase::Failed(why), _) => {
                // What follows the first line are logs: they are for who deals with the failure.
                step.reason = Some(format!("AWS gave up on it: {}", why.lines().next().unwrap_or_default()));
                Action::Replace
            }
            (_, Some(name)) => {
                step.reason = Some(format!("AWS cannot change `{name}` in place"));
                Action::Replace
            }
            (_, None) if step.changes.is_empty() => Action::Keep,
            _ => Action::Update,
        };
        if let (Some(why), Action::Update) = (seen.setback_event(), step.action) {
            step.reason = Some(format!("AWS took the last change back: {why}"));
        }
        match (&seen.phase, step.action) {
            (Phase::Changing(word), Action::Keep) => {
                step.reason = Some(format!("AWS says `{word}`; deploy waits for it"));
            }
            (Phase::Awaited(what), Action::Keep) => step.reason = Some(format!("{what}; deploy waits for it")),
            // That nobody knows what is there is no difference; whatever else differs is one.
            (Phase::Unknown(why), Action::Update) => {
                step.changes.retain(|change| !change.before.is_null());
                step.reason = Some(why.clone());
            }
            (Phase::Blocked { why, .. }, Action::Keep | Action::Update) => step.reason = Some(why.clone()),
            _ => {}
        }
        // What is changed or awaited gets its fingerprint last of all.
        let unstamped = kind.stamped && step.action == Action::Keep && !step.unsettled && !is_what_was_applied;
        // What was taken back before this description was applied, or after it, is over. What was not applied is not noted as if
        // it were.
        step.contradicted = unstamped && seen.setback.is_some();
        step.unstamped = unstamped && !step.contradicted;
        if step.action == Action::Update && step.reason.is_none() {
            step.reason = (kind.remark)(seen, &step.changes);
        }
        if step.action == Action::Replace {
            self.replace(step, seen, kind);
        } else {
            self.known.insert(desired.address.clone(), seen.outputs.clone());
        }
    }

    /// Whether all that differs is an output that a resource which stays does not offer yet: AWS is still at work
    /// on that one, so nothing says that the value will be another.
    fn is_pending(&self, change: &Change) -> bool {
        let to = references(&change.after);
        !to.is_empty() && to.iter().all(|address| self.known.contains_key(address))
    }

    /// The old half of a replacement. What stands in something that has to go first cannot outlive it, so it goes first
    /// too; what only refers to it, by an attribute that can be changed, can.
    fn replace(&mut self, step: &mut Step, seen: &'a Seen, kind: &Kind) {
        let forced = self.uses.through(seen, kind.immutable).any(|used| self.going_first.contains(&key(used)));
        step.deletes_first = forced || kind.replace == Replace::DeleteFirst;
        if step.deletes_first {
            self.going_first.insert(key(seen));
        }
        self.replaced.insert(step.address.clone());
        let mut old = Step::new(step.address.clone(), Action::Delete);
        old.live = Some(seen.clone());
        old.old = true;
        old.deletes_first = step.deletes_first;
        self.steps.push(old);
    }

    /// Deletes what nothing wants, at whatever address.
    pub(super) fn orphans(&mut self, wanted: &BTreeMap<&Address, &Desired>) {
        for seen in self.live.iter().filter(|seen| !wanted.contains_key(&seen.address)) {
            let mut step = Step::new(seen.address.clone(), Action::Delete);
            step.live = Some(seen.clone());
            step.unsettled = matches!(seen.phase, Phase::Deleting(_));
            self.known.entry(seen.address.clone()).or_insert_with(|| seen.outputs.clone());
            self.steps.push(step);
        }
    }
}

/// What differs between the tags wanted and the tags there. The fingerprint does not count: it is a record, not a wish.
fn tag_changes(desired: &Desired, seen: &Seen) -> Vec<Change> {
    let stack = seen.tags.get(identity::STACK).map_or("", String::as_str);
    let wanted = identity::tags(stack, &desired.address, &desired.fingerprint, &desired.own_tags);
    let mut retag = Retag::between(&wanted, &seen.tags);
    retag.set.remove(identity::FINGERPRINT);
    retag.changes(&seen.tags)
}
