//! What the next deploy does with resources of which several stand at one address, or that nothing asks for any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cli::survey::Stage,
    engine::{
        Address, Desired, Phase, Seen,
        plan::{Action, Error, Policy, plan},
    },
    resources::KINDS,
};

/// What becomes of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is the one at its address that stays.
    Stays,
    /// It is the one at its address that the next deploy replaces once more.
    Replaced,
    /// It goes.
    Deleted,
    /// It would go, and a deploy refuses that unless it is named.
    Refused,
}

impl Fate {
    /// For a program.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Stays => "keep",
            Self::Replaced => "replace",
            Self::Deleted => "delete",
            Self::Refused => "refuse",
        }
    }

    /// For people.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Stays => "stays",
            Self::Replaced => "the next deploy replaces it",
            Self::Deleted => "the next deploy deletes it",
            Self::Refused => "the next deploy refuses to delete it unless it is named",
        }
    }
}

/// By address and id.
pub(super) type Fates<'a> = BTreeMap<(&'a Address, &'a str), Fate>;

/// The addresses at which more than one stands. What AWS is deleting already does not count.
pub(super) fn shared(live: &[Seen]) -> BTreeSet<&Address> {
    let mut met = BTreeSet::new();
    standing(live).map(|seen| &seen.address).filter(|address| !met.insert(*address)).collect()
}

fn standing(live: &[Seen]) -> impl Iterator<Item = &Seen> {
    live.iter().filter(|seen| !matches!(seen.phase, Phase::Deleting(_)))
}

/// What the next deploy of this description does, where a row alone does not say it. How the stack stands can be told without:
/// where it cannot be found out, nothing is said of it.
pub(super) async fn of<'a>(stage: &Stage, live: &'a [Seen]) -> Fates<'a> {
    let is_wanted = |seen: &&Seen| stage.intended().iter().any(|one| one.address == seen.address);
    if shared(live).is_empty() && standing(live).all(|seen| is_wanted(&seen)) {
        return Fates::new();
    }
    match stage.desired(live).await {
        Ok(desired) => decided(&desired, live),
        Err(_) => Fates::new(),
    }
}

fn decided<'a>(desired: &[Desired], live: &'a [Seen]) -> Fates<'a> {
    let Ok(plan_of_everything) = plan(desired, live, KINDS, &Policy::everything(desired, live)) else {
        return Fates::new();
    };
    let refused: Vec<Address> = match plan(desired, live, KINDS, &Policy::default()) {
        Err(Error::Refused(refused)) => refused.into_iter().map(|one| one.address).collect(),
        _ => Vec::new(),
    };
    let steps = || plan_of_everything.steps.iter().filter_map(|step| Some((step.action, step.live.as_ref()?)));
    let is = |seen: &Seen, wanted: Action| {
        steps().any(|(action, live)| action == wanted && (&live.address, &live.id) == (&seen.address, &seen.id))
    };
    let shared = shared(live);
    let fates = standing(live).filter_map(|seen| {
        let fate = match (is(seen, Action::Replace), is(seen, Action::Delete), shared.contains(&seen.address)) {
            (false, true, _) if refused.contains(&seen.address) => Fate::Refused,
            (false, true, _) => Fate::Deleted,
            (true, _, true) => Fate::Replaced,
            (false, false, true) => Fate::Stays,
            (_, _, false) => return None,
        };
        Some(((&seen.address, seen.id.as_str()), fate))
    });
    fates.collect()
}
