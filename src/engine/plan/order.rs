//! The order of a plan's steps: creation follows references, deletion runs against them.

use std::{collections::BTreeMap, time::Duration};

use super::{Action, Error, Step, deletes_first};
use crate::engine::{Address, Desired, Kind, Seen, attributes::strings, graph::Graph};

/// The desired resources, each after what it refers to.
pub(super) fn topological<'a>(desired: &'a [Desired], kinds: &[Kind]) -> Result<Vec<&'a Desired>, Error> {
    let mut graph = Graph::new(desired.len());
    for (then, one) in desired.iter().enumerate() {
        for (first, other) in desired.iter().enumerate() {
            if one.references.contains(&other.address) || comes_after(kinds, one.kind, other.kind) {
                graph.order(first, then);
            }
        }
    }
    match graph.sorted() {
        Ok(sorted) => Ok(sorted.into_iter().map(|index| &desired[index]).collect()),
        Err(circle) => Err(Error::Circle(circle.into_iter().map(|index| desired[index].address.clone()).collect())),
    }
}

fn comes_after(kinds: &[Kind], kind: &str, other: &str) -> bool {
    kinds.iter().any(|one| one.name == kind && one.after.contains(&other))
}

/// Whether `one` refers to `other` in what AWS says of it.
fn uses(one: &Seen, other: &Seen) -> bool {
    let mut found = false;
    strings(&one.attributes, &mut |text| {
        found |= text == other.id || other.outputs.iter().any(|(name, value)| *name != "url" && value == text);
    });
    found && one.id != other.id
}

/// Whether any live resource refers to `seen`.
pub(super) fn is_used(seen: &Seen, live: &[Seen]) -> bool {
    live.iter().any(|other| uses(other, seen))
}

/// What `seen` refers to among `live`.
pub(super) fn used_by<'a>(seen: &'a Seen, live: &'a [Seen]) -> impl Iterator<Item = &'a Seen> {
    live.iter().filter(move |other| uses(seen, other))
}

/// Which step must be over before which.
pub(super) fn graph(steps: &[Step], desired: &[Desired], kinds: &[Kind]) -> Graph {
    let mut graph = Graph::new(steps.len());
    let making: BTreeMap<&Address, usize> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.action != Action::Delete)
        .map(|(i, s)| (&s.address, i))
        .collect();
    for one in desired {
        let Some(&then) = making.get(&one.address) else { continue };
        for other in desired {
            let first = one.references.contains(&other.address) || comes_after(kinds, one.kind, other.kind);
            if let (true, Some(&first)) = (first, making.get(&other.address)) {
                graph.order(first, then);
            }
        }
    }
    for (deletion, step) in steps.iter().enumerate().filter(|(_, step)| step.action == Action::Delete) {
        order_deletion(&mut graph, deletion, step, steps, &making, kinds);
    }
    // Nothing may be deleted from under what is still to be made from it.
    for one in desired {
        for to in &one.references {
            let replaced = steps.iter().position(|step| step.old && step.address == *to && !deletes_first(kinds, to));
            if let (Some(old), Some(&user)) = (replaced, making.get(&one.address)) {
                graph.order(user, old);
            }
        }
    }
    order_uses(&mut graph, steps);
    graph
}

/// What uses something is deleted before it, as long as nothing else in the plan forbids that: two security groups
/// may point at each other, and what is replaced may go on using something that has to be gone before its
/// successor comes.
fn order_uses(graph: &mut Graph, steps: &[Step]) {
    let deleted = |step: &'_ (usize, &Step)| step.1.action == Action::Delete;
    for (used, step) in steps.iter().enumerate().filter(deleted) {
        for (user, other) in steps.iter().enumerate().filter(deleted) {
            if let (Some(seen), Some(live)) = (&step.live, &other.live)
                && uses(live, seen)
            {
                graph.order_unless_circle(user, used);
            }
        }
    }
}

/// A deletion comes after everything that uses what it deletes has been switched over, and in its kind's order.
fn order_deletion(
    graph: &mut Graph,
    deletion: usize,
    step: &Step,
    steps: &[Step],
    making: &BTreeMap<&Address, usize>,
    kinds: &[Kind],
) {
    let Some(seen) = &step.live else { return };
    let first = deletes_first(kinds, &step.address);
    for (other, user) in steps.iter().enumerate() {
        let Some(live) = user.live.as_ref().filter(|_| other != deletion) else { continue };
        let gone_before = user.action == Action::Delete && comes_after(kinds, user.address.kind(), step.address.kind());
        // Where the old one must go first, what refers to it is switched over afterwards, when there is a new one.
        let switched_before = user.action == Action::Update && uses(live, seen) && !(step.old && first);
        if gone_before || switched_before {
            graph.order(other, deletion);
        }
    }
    if let Some(&make) = making.get(&step.address).filter(|_| step.old) {
        if first {
            graph.order(deletion, make);
        } else {
            graph.order(make, deletion);
        }
    }
}

/// The steps in an order that can be executed and reads well: as sorted.
pub(super) fn arrange(steps: Vec<Step>, graph: &Graph, sorted: &[usize]) -> (Vec<Step>, Graph) {
    let mut place = vec![0; steps.len()];
    for (new, &old) in sorted.iter().enumerate() {
        place[old] = new;
    }
    let mut arranged = Graph::new(steps.len());
    for (old, &new) in place.iter().enumerate() {
        for &first in graph.before(old) {
            arranged.order(place[first], new);
        }
    }
    let mut slots: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    (sorted.iter().filter_map(|&old| slots[old].take()).collect(), arranged)
}

/// How long a step usually takes in AWS.
pub(crate) fn usual(step: &Step, kinds: &[Kind]) -> Duration {
    let Some(kind) = kinds.iter().find(|kind| kind.name == step.address.kind()) else { return Duration::ZERO };
    match step.action {
        Action::Keep if step.unsettled => kind.times.update,
        Action::Keep => Duration::ZERO,
        Action::Create | Action::Replace => kind.times.create,
        Action::Update => kind.times.update,
        Action::Delete => kind.times.delete,
    }
}
