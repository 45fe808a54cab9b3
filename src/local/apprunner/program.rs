//! The program that runs in a service's image's place on this machine. `infra deploy --local` offers it to the cloud, as an
//! image is pushed to a registry before a deploy: outside AWS's API, and before the service is made.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Status, check, lifecycle,
    service::{AppService, Kind, Settings},
};
use crate::local::{cloud::Cloud, dispatch::is_region, world::Ctx};

/// What runs in an image's place.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Program {
    /// For `sh -c`.
    pub(crate) command: String,
    /// Where it is started.
    pub(crate) dir: PathBuf,
    /// Of the environment of who offered it, what is the machine's and not the service's: PATH, HOME and such.
    pub(crate) surroundings: BTreeMap<String, String>,
}

impl PartialEq for Program {
    /// Another shell's PATH does not make another program.
    fn eq(&self, other: &Self) -> bool {
        (&self.command, &self.dir) == (&other.command, &other.dir)
    }
}

/// A program for the service of this name, whether there is one by now or not; `None` takes it back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) program: Option<Program>,
}

impl Cloud {
    /// Takes an offer. Answers whether a service that runs is deployed anew because of it, as App Runner does where a new
    /// image is pushed.
    pub(crate) fn offer(&self, offer: Offer) -> Result<bool, String> {
        let Offer { account, region, service, program } = offer;
        if account.len() != 12 || !account.bytes().all(|digit| digit.is_ascii_digit()) || !is_region(&region) {
            return Err(format!("{account} in {region} is not an account in a region."));
        }
        let deploys = self.change(&account, &region, |ctx| {
            let store = &mut ctx.region.apprunner;
            match program.clone() {
                Some(program) => store.programs.insert(service.clone(), program),
                None => store.programs.remove(&service),
            };
            let running = store.services.values().find(|one| one.name == service && one.status == Status::Running);
            let other = running.filter(|one| one.running_operation().is_none() && one.settings.program != program);
            let arn = other.map(|one| one.arn.clone());
            arn.map(|arn| lifecycle::start(ctx, &arn, Kind::Deploy, super::UPDATE)).transpose()
        });
        let deploys = deploys.map_err(|error| error.to_string())?.map_err(|fault| fault.message)?.is_some();
        self.wake();
        Ok(deploys)
    }
}

/// The environment of a service's program: as App Runner fills it in, and what stands here for the instance's role, AWS's
/// certificate authority and the container's own port.
pub(super) fn environment(
    ctx: &Ctx<'_>,
    settings: &Settings,
    program: &Program,
    here: &Here,
) -> Result<BTreeMap<String, String>, String> {
    let mut all = program.surroundings.clone();
    let mut add = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
    add("PORT", &here.port.to_string());
    // What most servers take for the address to listen on: in a container all of them, here nobody's but this machine's.
    for name in ["HOST", "HOSTNAME"] {
        add(name, "127.0.0.1");
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        add(name, ctx.region_name);
    }
    add("AWS_ENDPOINT_URL", &here.endpoint);
    add("AWS_ACCESS_KEY_ID", ctx.account);
    add("AWS_SECRET_ACCESS_KEY", "local");
    if let Some(authority) = &here.authority {
        for name in ["NODE_EXTRA_CA_CERTS", "PGSSLROOTCERT", "DB_CA_FILE"] {
            add(name, authority);
        }
    }
    let runtime = settings.runtime();
    let given = |member: &str| runtime[member].as_object().into_iter().flatten().collect::<Vec<(&String, &Value)>>();
    for (name, value) in given("RuntimeEnvironmentVariables") {
        all.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    let role = settings.instance["InstanceRoleArn"].as_str().unwrap_or_default();
    for (name, arn) in given("RuntimeEnvironmentSecrets") {
        all.insert(name.clone(), check::fetch(ctx, role, name, arn.as_str().unwrap_or_default())?);
    }
    Ok(all)
}

/// What a program is told of the machine it runs on.
pub(super) struct Here {
    /// The port to listen on.
    pub(super) port: u16,
    /// The local cloud's URL.
    pub(super) endpoint: String,
    /// The certificate authority behind the databases' certificates; a path.
    pub(super) authority: Option<String>,
}

/// A service as `infra local status` tells of it.
#[derive(Debug, Serialize)]
pub(crate) struct Standing {
    account: String,
    region: String,
    name: String,
    /// The status in App Runner's words.
    status: &'static str,
    /// Where its page opens; `None` where only states are kept.
    url: Option<String>,
    /// What runs in its image's place.
    command: Option<String>,
}

impl Cloud {
    /// Every service that exists.
    pub(crate) fn app_runner_services(&self) -> Vec<Standing> {
        let mut services = Vec::new();
        for (account, content) in &self.world().accounts {
            for (region, place) in &content.regions {
                let there = place.apprunner.services.values().filter(|service| service.status != Status::Deleted);
                services.extend(there.map(|service: &AppService| Standing {
                    account: account.clone(),
                    region: region.clone(),
                    name: service.name.clone(),
                    status: service.status_text(),
                    url: service.address().map(|address| format!("http://{address}")),
                    command: service.settings.program.as_ref().map(|program| program.command.clone()),
                }));
            }
        }
        services
    }
}
