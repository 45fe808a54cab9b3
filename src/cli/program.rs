//! `service.local`: the program that the local cloud runs in the image's place. It is handed over beside AWS's API, as an image
//! is pushed to a registry, so that everything else can go on without knowing which cloud it calls.

use std::{collections::BTreeMap, path::Path, time::Duration};

use miette::{IntoDiagnostic as _, miette};
use serde_json::json;

use super::{
    Failure, outputs,
    survey::{StackArgs, Stage},
};
use crate::{
    engine::{Address, Desired, Phase, Resource as _, Seen, scope::Known},
    local::client,
    resources::service::Service,
    stack::LocalProgram,
};

/// What a program needs of this machine; all else in its environment is the service's.
const SURROUNDINGS: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TMPDIR", "TZ"];

/// What to say where a service runs nothing.
pub(super) const NOTHING_RUNS: &str = "The local cloud runs no container for the service. `service.local` in the description can name a program to run instead.";

fn of(stage: &Stage) -> Option<&LocalProgram> {
    stage.description.service.as_ref()?.local.as_ref().filter(|_| stage.local.is_some())
}

/// Whether the stack has a service for which nothing runs.
pub(super) fn is_missing(stage: &Stage) -> bool {
    stage.local.is_some() && stage.description.service.as_ref().is_some_and(|service| service.local.is_none())
}

/// Hands the program over, or takes the former one back. Answers whether the service is deployed anew because of that alone.
pub(super) async fn offer(stage: &Stage, args: &StackArgs, desired: &[Desired]) -> Result<bool, Failure> {
    let Some(service) = desired.iter().find(|one| one.kind == Service::KIND).filter(|_| stage.local.is_some()) else {
        return Ok(false);
    };
    let program = of(stage).map(|program| {
        let dir = std::path::absolute(&program.dir).unwrap_or_else(|_| program.dir.clone());
        let dir = dir.canonicalize().unwrap_or(dir);
        json!({ "command": program.command, "dir": dir, "surroundings": surroundings() })
    });
    let offer = json!({
        "account": stage.account.id, "region": stage.aws.region,
        "service": service.attributes["name"], "program": program,
    });
    let answer = client::send(Path::new(&args.cloud.local_data), "programs", &offer).await.into_diagnostic()?;
    Ok(answer["deploys"] == true)
}

fn surroundings() -> BTreeMap<&'static str, String> {
    SURROUNDINGS.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?))).collect()
}

/// Hands the program over where nothing else is to be done, and waits until it runs; gives what is known after that.
///
/// # Errors
/// When it did not come up: why, and what it said.
pub(super) async fn deploy_alone(
    stage: &Stage,
    args: &StackArgs,
    desired: &[Desired],
    known: Known,
) -> Result<Known, Failure> {
    if !offer(stage, args, desired).await? {
        return Ok(known);
    }
    crate::render::output::tell("The service's program has changed; starting it …");
    settled(stage).await?;
    outputs::known(stage).await
}

/// Waits until the service runs its program.
///
/// # Errors
/// When it did not come up: why, and what it said.
pub(super) async fn settled(stage: &Stage) -> Result<(), Failure> {
    loop {
        let live = stage.live().await?;
        let here = |seen: &&Seen| seen.address == Address::new(Service::KIND, "main");
        match live.iter().find(here) {
            Some(Seen { phase: Phase::Changing(_), .. }) => tokio::time::sleep(Duration::from_millis(200)).await,
            Some(Seen { address, setback: Some(why), .. }) => {
                let help = "The previous program keeps running. Fix the new one, then run the same command again.";
                return Err(miette!(help = help, "{address} was not deployed: {why}").into());
            }
            _ => return Ok(()),
        }
    }
}
