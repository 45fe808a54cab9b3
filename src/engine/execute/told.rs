//! What is said of a step that does not come to its end.

use crate::{
    aws::Error,
    engine::{
        Change, Kind, identity,
        plan::{Action, Step},
    },
};

pub(super) fn given_up(step: &Step, kind: &Kind, why: &str) -> Error {
    let address = &step.address;
    let advice = match (kind.holds_data, step.action) {
        (false, _) => "Fix what it names and run the same command again: the failed one is then replaced.".to_owned(),
        (true, Action::Create | Action::Replace) => format!(
            "Fix what it names. The failed one holds nothing yet; to have it replaced, name it: run the same command again with \
             `--allow-replace {address}`."
        ),
        (true, _) => format!(
            "It holds data: repair it in AWS, then run the same command again. To give its data up, run it with \
             `--allow-replace {address}`."
        ),
    };
    Error::other(format!("AWS gave up on {address}: {why}")).advise(advice)
}

pub(super) fn unstamped(step: &Step, error: Error) -> Error {
    let message = format!(
        "{} is as described, which could not be noted in its tag {}: {}",
        step.address,
        identity::FINGERPRINT,
        error.message
    );
    Error { message, ..error }
}

pub(super) fn undeletable(step: &Step, why: &str, error: Error) -> Error {
    let message = format!("AWS does not delete {} as it is: {} {why}", step.address, error.message);
    Error { message, ..error }.advise("Fix what it names, or delete it in AWS, and run the same command again.")
}

pub(super) fn invisible(step: &Step) -> Error {
    Error::other(format!("AWS accepted {} but does not show it.", step.address)).advise("Run the same command again.")
}

pub(super) fn vanished(step: &Step) -> Error {
    Error::other(format!("{} existed when this was planned, but is gone now.", step.address))
        .advise("Somebody deleted it during this run. Run the same command again for a new plan.")
}

pub(super) fn taken_back(step: &Step, why: &str, shown: bool) -> Error {
    let advice = if shown {
        "AWS nevertheless shows it as described, so another run would find nothing to change. Fix the cause, then change it \
         once more, or retry what failed in AWS."
    } else {
        // Not what ran before: what the configuration names, an image's tag or a program's files, may be something else by now.
        "Its former configuration is in effect again. Fix the cause and run the same command again."
    };
    Error::other(format!("AWS reverted the change of {}: {why}", step.address)).advise(advice)
}

pub(super) fn unmoved(step: &Step, paths: &[String]) -> Error {
    Error::other(format!("AWS accepted the change of {} but `{}` stays as it was.", step.address, paths.join("`, `")))
        .advise("Look at the resource's events in AWS's console, then run the same command again.")
}

pub(super) fn overtaken(step: &Step, change: &Change) -> Error {
    let planned = match step.action {
        Action::Keep => "kept",
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
    };
    Error::other(format!(
        "{} was planned to be {planned}, but `{}` differs now and AWS cannot change it in place.",
        step.address, change.path
    ))
    .advise("It was changed while this ran. Run the same command again to plan anew.")
}
