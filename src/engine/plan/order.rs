//! The order of a plan's steps: creation follows references, deletion runs against them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Action, Error, Step,
    uses::{Uses, key},
};
use crate::engine::{Address, Desired, Kind, Phase, graph::Graph};

/// The desired resources, each after what it refers to.
pub(super) fn topological<'a>(desired: &'a [Desired], kinds: &[Kind]) -> Result<Vec<&'a Desired>, Error> {
    let mut graph = Graph::new(desired.len());
    for (first, then) in edges(desired, kinds) {
        graph.order(first, then);
    }
    match graph.sorted() {
        Ok(sorted) => Ok(sorted.into_iter().map(|index| &desired[index]).collect()),
        Err(circle) => Err(Error::Circle(circle.into_iter().map(|index| desired[index].address.clone()).collect())),
    }
}

/// Pairs of desired resources, by their places: the first is needed by the second.
fn edges(desired: &[Desired], kinds: &[Kind]) -> Vec<(usize, usize)> {
    let places: BTreeMap<&Address, usize> =
        desired.iter().enumerate().map(|(place, one)| (&one.address, place)).collect();
    let mut of_kind: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, one) in desired.iter().enumerate() {
        of_kind.entry(one.kind).or_default().push(place);
    }
    let mut edges = Vec::new();
    for (then, one) in desired.iter().enumerate() {
        let referred = one.references.iter().filter_map(|to| places.get(to).copied());
        let before = comes_after(kinds, one.kind).iter().filter_map(|kind| of_kind.get(kind)).flatten().copied();
        edges.extend(referred.chain(before).map(|first| (first, then)));
    }
    edges
}

fn comes_after(kinds: &[Kind], kind: &str) -> &'static [&'static str] {
    kinds.iter().find(|one| one.name == kind).map_or(&[], |kind| kind.after)
}

/// Which step must be over before which.
///
/// What creation needs comes first and has no circle: references have none, and the old half of a replacement
/// either only waits or is only waited for. What deletion would like is added as far as it closes none: two
/// security groups may point at each other, and what is replaced may go on using something that has to be gone
/// before its successor comes.
pub(super) fn graph(steps: &[Step], desired: &[Desired], kinds: &[Kind], uses: &Uses<'_>) -> Graph {
    let mut graph = Graph::new(steps.len());
    let making: BTreeMap<&Address, usize> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.action != Action::Delete)
        .map(|(place, step)| (&step.address, place))
        .collect();
    for (first, then) in edges(desired, kinds) {
        if let (Some(&first), Some(&then)) = (making.get(&desired[first].address), making.get(&desired[then].address)) {
            graph.order(first, then);
        }
    }
    order_replacements(&mut graph, steps, desired, &making);
    let deleted: Vec<usize> = (0..steps.len()).filter(|&place| steps[place].action == Action::Delete).collect();
    order_uses(&mut graph, steps, &deleted, kinds, uses);
    for &user in &deleted {
        let after = comes_after(kinds, steps[user].kind());
        for &used in deleted.iter().filter(|&&used| after.contains(&steps[used].kind())) {
            graph.order_unless_circle(user, used);
        }
    }
    delete_late(&mut graph, steps, &deleted, kinds);
    graph
}

/// Nothing is taken away before what comes in its place can be had: whatever fails before that has cost nothing.
///
/// What nothing waits for is deleted last of all, as CloudFormation cleans up. What has to be gone before something else is
/// made waits for all that this needs besides; but what failed serves nobody, and its successor is not kept waiting.
fn delete_late(graph: &mut Graph, steps: &[Step], deleted: &[usize], kinds: &[Kind]) {
    let makes = |&place: &usize| matches!(steps[place].action, Action::Create | Action::Update | Action::Replace);
    let making: Vec<usize> = (0..steps.len()).filter(makes).collect();
    let after = graph.after();
    for &deletion in deleted {
        let waiting = reached(&[deletion], |step| &after[step]);
        let for_it: Vec<usize> = making.iter().copied().filter(|maker| waiting.contains(maker)).collect();
        if for_it.is_empty() {
            making.iter().for_each(|&maker| graph.order(maker, deletion));
            continue;
        }
        if is_spent(&steps[deletion], kinds) {
            continue;
        }
        let needed = reached(&for_it, |step| graph.before(step));
        for &maker in making.iter().filter(|maker| needed.contains(maker) && !waiting.contains(maker)) {
            graph.order_unless_circle(maker, deletion);
        }
    }
}

/// Whether nothing is lost with what is there: it failed, and holds no data.
fn is_spent(step: &Step, kinds: &[Kind]) -> bool {
    let failed = step.live.as_ref().is_some_and(|live| matches!(live.phase, Phase::Failed(_)));
    failed && !kinds.iter().any(|kind| kind.name == step.kind() && kind.holds_data)
}

/// The steps to which `ways` lead from `begin`, and those themselves.
fn reached<'a>(begin: &[usize], ways: impl Fn(usize) -> &'a [usize]) -> BTreeSet<usize> {
    let mut open = begin.to_vec();
    let mut met = BTreeSet::new();
    while let Some(step) = open.pop() {
        if met.insert(step) {
            open.extend(ways(step));
        }
    }
    met
}

/// The old half of a replacement goes before the new one comes, or after everything that is made from that.
fn order_replacements(graph: &mut Graph, steps: &[Step], desired: &[Desired], making: &BTreeMap<&Address, usize>) {
    let mut referring: BTreeMap<&Address, Vec<usize>> = BTreeMap::new();
    for one in desired {
        let Some(&user) = making.get(&one.address) else { continue };
        for to in &one.references {
            referring.entry(to).or_default().push(user);
        }
    }
    for (old, step) in steps.iter().enumerate().filter(|(_, step)| step.old) {
        let Some(&new) = making.get(&step.address) else { continue };
        if step.deletes_first {
            graph.order(old, new);
            continue;
        }
        graph.order(new, old);
        for &user in referring.get(&step.address).into_iter().flatten() {
            graph.order(user, old);
        }
    }
}

/// A deletion comes after whatever uses what it deletes has been switched over, or has been deleted itself.
fn order_uses(graph: &mut Graph, steps: &[Step], deleted: &[usize], kinds: &[Kind], uses: &Uses<'_>) {
    let by_key: BTreeMap<(&str, &str), usize> =
        deleted.iter().filter_map(|&place| Some((key(steps[place].live.as_ref()?), place))).collect();
    // What stands in something cannot be switched over: its order comes before all wishes that could close a circle with it.
    for &user in deleted {
        let Some(live) = &steps[user].live else { continue };
        let immutable =
            kinds.iter().find(|kind| kind.name == steps[user].kind()).map_or(&[][..], |kind| kind.immutable);
        for house in uses.through(live, immutable).filter_map(|seen| by_key.get(&key(seen)).copied()) {
            graph.order_unless_circle(user, house);
        }
    }
    for action in [Action::Update, Action::Delete] {
        for (user, step) in steps.iter().enumerate().filter(|(_, step)| step.action == action) {
            let targets: BTreeSet<usize> = step
                .live
                .iter()
                .flat_map(|live| uses.by(live))
                .filter_map(|seen| by_key.get(&key(seen)).copied())
                .collect();
            for used in targets {
                // Where the old one must go first, what refers to it is switched over afterwards, when there is a new one.
                if action == Action::Delete || !(steps[used].old && steps[used].deletes_first) {
                    graph.order_unless_circle(user, used);
                }
            }
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
