//! What must be named before it happens: replacing or deleting what holds data, or what is protected.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use serde::Serialize;

use super::{
    Action, Step,
    lost::{Lost, Strays},
    uses::{Uses, key},
};
use crate::engine::{Address, Desired, Kind, Obstacle, Phase, Seen, identity};

/// What the command line and the description allow.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Resources with data that may be replaced.
    pub replace: BTreeSet<Address>,
    /// Resources that may be made anew although they were there before: with data, empty; else with all that stands in them.
    pub create: BTreeSet<Address>,
    /// Resources with data that may be deleted. Where several stand at one address this covers none of them: see `one_of`.
    pub delete: BTreeSet<Address>,
    /// Of several at one address: those that may be deleted, by address and id.
    pub one_of: BTreeSet<(Address, String)>,
    /// Protected resources whose protection may be lifted.
    pub unprotect: BTreeSet<Address>,
    /// Resources that stay when nothing wants them any more, and with them what they need.
    pub keep: BTreeMap<Address, String>,
    /// What must not be begun as things are, found by who looks at more than one resource; what a resource itself finds to
    /// stand in its way is asked of it.
    pub forbidden: Vec<Refusal>,
    /// The same of deletions, with the id of what must not be deleted.
    pub undeletable: Vec<(String, Refusal)>,
    /// What is there without a place in the stack: what seems to be gone may be one of these.
    pub strays: Strays,
    /// Whether to plan although something stands in the way: for showing only.
    pub despite_obstacles: bool,
}

impl Policy {
    /// Allows everything: for showing a plan, not for executing it.
    pub fn everything(desired: &[Desired], live: &[Seen]) -> Self {
        let all: BTreeSet<Address> = live.iter().map(|seen| seen.address.clone()).collect();
        let create = desired.iter().map(|one| one.address.clone()).collect();
        Self {
            replace: all.clone(),
            create,
            delete: all.clone(),
            one_of: live.iter().map(|seen| (seen.address.clone(), seen.id.clone())).collect(),
            unprotect: all,
            keep: BTreeMap::new(),
            forbidden: Vec::new(),
            undeletable: Vec::new(),
            strays: Strays::new(),
            despite_obstacles: true,
        }
    }
}

/// Something that was not done because it was not named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which resource.
    pub address: Address,
    /// What would have been done to it, and why.
    pub reason: String,
    /// How to allow it.
    pub remedy: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.address, self.reason, self.remedy)
    }
}

/// Turns deletions of what is to be kept, and of everything that it needs, into keeping.
pub(super) fn keep(steps: &mut [Step], live: &[Seen], uses: &Uses<'_>, policy: &Policy) -> Vec<(Address, String)> {
    let mut kept: Vec<(Address, String)> = Vec::new();
    let mut met = BTreeSet::new();
    // One after the other in the order met: what the description names is kept for that, and not for what needs it.
    let mut open: VecDeque<(&Seen, String)> =
        live.iter().filter_map(|seen| Some((seen, policy.keep.get(&seen.address)?.clone()))).collect();
    while let Some((seen, reason)) = open.pop_front() {
        if !met.insert(key(seen)) {
            continue;
        }
        let deletion = steps.iter_mut().find(|step| {
            step.action == Action::Delete && !step.old && step.live.as_ref().is_some_and(|live| key(live) == key(seen))
        });
        let Some(step) = deletion else { continue };
        step.action = Action::Keep;
        step.unsettled = false;
        step.reason = Some(reason.clone());
        kept.push((seen.address.clone(), reason));
        open.extend(uses.by(seen).map(|other| (other, format!("{} needs it", seen.address))));
    }
    kept
}

/// Refuses what is not named and what something stands in the way of, all at once.
pub(super) fn check(
    steps: &[Step],
    wanted: &BTreeMap<&Address, &Desired>,
    kinds: &[Kind],
    policy: &Policy,
) -> Result<(), super::Error> {
    let mut refused: Vec<Refusal> = steps.iter().filter_map(|step| refusal(step, steps, kinds, policy)).collect();
    if !policy.despite_obstacles {
        refused.extend(steps.iter().flat_map(|step| obstacles(step, wanted)));
        let mut first = forbidden(steps, policy);
        // What is said of the resource itself tells more than what was found beside it.
        first.retain(|one| refused.iter().all(|other| other.address != one.address));
        refused.splice(..0, first);
    }
    if refused.is_empty() { Ok(()) } else { Err(super::Error::Refused(refused)) }
}

/// What is forbidden of what the steps do.
fn forbidden(steps: &[Step], policy: &Policy) -> Vec<Refusal> {
    let deletes = |id: &str, address: &Address| {
        let deletions = steps.iter().filter(|step| step.action == Action::Delete && step.address == *address);
        deletions.filter_map(|step| step.live.as_ref()).any(|live| live.id == id)
    };
    let undeletable = policy.undeletable.iter().filter(|(id, refusal)| deletes(id, &refusal.address));
    policy.forbidden.iter().chain(undeletable.map(|(_, refusal)| refusal)).cloned().collect()
}

fn obstacles(step: &Step, wanted: &BTreeMap<&Address, &Desired>) -> Vec<Refusal> {
    let makes = matches!(step.action, Action::Create | Action::Update | Action::Replace);
    let Some(desired) = wanted.get(&step.address).filter(|_| makes) else { return Vec::new() };
    // What is replaced is made, whatever became of the former one.
    let changed = step.live.as_ref().filter(|_| step.action != Action::Replace);
    let found = desired.obstacles(changed).into_iter();
    found.map(|Obstacle { reason, remedy }| Refusal { address: step.address.clone(), reason, remedy }).collect()
}

fn of_lost(address: &Address, lost: &Lost) -> Refusal {
    let id = &lost.id;
    let (reason, remedy) = if lost.stray.is_some() {
        (
            format!("{lost} A new one would be empty, and AWS refuses it as long as this one has its name."),
            format!("Take it back into the stack: `infra import {address} {id}`."),
        )
    } else if lost.held_data {
        (
            format!("{lost} A new one would be empty."),
            format!(
                "Restore it and adopt it: `infra import {address} {id}`. Or, to begin with an empty one, name it: \
                 `--allow-create {address}`."
            ),
        )
    } else {
        (
            format!("{lost} With a new one, all that stands in it would be replaced as well."),
            format!(
                "Take it in: `infra import {address} {id}`. Or, if it is gone for good, name it: `--allow-create {address}`."
            ),
        )
    };
    Refusal { address: address.clone(), reason, remedy }
}

fn refusal(step: &Step, steps: &[Step], kinds: &[Kind], policy: &Policy) -> Option<Refusal> {
    // Who allowed it to be replaced, and was stopped in between, has allowed it to be made anew.
    let allowed = policy.create.contains(&step.address) || policy.replace.contains(&step.address);
    if let Some(lost) = step.lost.as_ref().filter(|_| !allowed) {
        return Some(of_lost(&step.address, lost));
    }
    let live = step.live.as_ref().filter(|_| step.action == Action::Delete)?;
    let address = step.address.clone();
    let holds_data = kinds.iter().any(|kind| kind.name == address.kind() && kind.holds_data);
    let replacement = steps.iter().find(|other| other.action == Action::Replace && other.address == address);
    if let Some(replacement) = replacement.filter(|_| holds_data && !policy.replace.contains(&address)) {
        let why = replacement.reason.clone().unwrap_or_default();
        if matches!(live.phase, Phase::Failed(_)) {
            return Some(Refusal {
                reason: format!("{why}."),
                remedy: format!(
                    "What it holds would be lost: start or repair it in AWS, then run the same command again. If it never held \
                     anything, or its data can be given up: `--allow-replace {address}`."
                ),
                address,
            });
        }
        return Some(Refusal {
            reason: format!("It holds data and would be replaced ({why}); what is in it would be lost."),
            remedy: format!("Undo the change, or name it: `--allow-replace {address}`."),
            address,
        });
    }
    let others = steps.iter().filter(|other| other.address == address).filter_map(|other| other.live.as_ref());
    if holds_data && others.clone().any(|other| other.id != live.id) && replacement.is_none() {
        let id = &live.id;
        let mut ids: Vec<&str> = others.map(|other| other.id.as_str()).collect();
        ids.dedup();
        return (!policy.one_of.contains(&(address.clone(), id.clone()))).then(|| Refusal {
            reason: format!("{id} holds data and would be deleted; {} claim this address.", ids.join(" and ")),
            remedy: format!(
                "Take the tag `{}` off the one that is not the stack's; or name the one that may go: `--allow-delete {address}={id}`.",
                identity::ADDRESS
            ),
            address,
        });
    }
    let named = policy.delete.contains(&address) || policy.one_of.contains(&(address.clone(), live.id.clone()));
    if replacement.is_none() && holds_data && !named {
        return Some(Refusal {
            reason: match &live.guard {
                Some(guard) => format!("It holds data and would be deleted: {}. {guard}", live.id),
                None => format!("It holds data and would be deleted: {}.", live.id),
            },
            remedy: match &live.guard {
                Some(_) => format!("To lift that and delete it anyway, name it: `--allow-delete {address}`."),
                None => format!("To allow that, name it: `--allow-delete {address}`."),
            },
            address,
        });
    }
    let guard = live.guard.as_ref().filter(|_| !policy.unprotect.contains(&address))?;
    Some(Refusal {
        reason: guard.clone(),
        remedy: format!("To lift it and delete it anyway: `--allow-delete {address}`."),
        address,
    })
}
