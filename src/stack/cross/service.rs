//! The service.

use super::{Found, Ground};
use crate::stack::finding::Finding;
use crate::stack::{Cpu, HealthProtocol, Memory};

/// What App Runner runs: the memory that goes with each amount of processing power, in 1/1024 vCPU and MB.
const SIZES: &[(u32, &[u32])] = &[
    (256, &[512, 1024]),
    (512, &[1024]),
    (1024, &[2048, 3072, 4096]),
    (2048, &[4096, 6144]),
    (4096, &[8192, 10240, 12288]),
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Found> {
    let mut found = vec![
        without_proxy(ground),
        size(ground),
        no_power(ground),
        scaling(ground),
        health(ground),
        private(ground),
        last_push(ground),
        program(ground),
    ];
    found.extend(twice(ground));
    found
}

fn without_proxy(ground: &Ground<'_>) -> Found {
    ground.stack.service.as_ref()?;
    if ground.stack.database.is_none() || ground.stack.proxy.is_some() {
        return None;
    }
    let found = ground.error(
        &["service", "proxy", "database"],
        "the service reaches the database through the proxy, and there is none",
    )?;
    Some(found.help("add `proxy: {}`"))
}

fn size(ground: &Ground<'_>) -> Found {
    let service = ground.stack.service.as_ref()?;
    let (cpu, memory) = (service.cpu, service.memory);
    let about = ["service.cpu", "service.memory"];
    let Some((_, sizes)) = SIZES.iter().find(|(units, _)| *units == cpu.as_units()) else {
        let powers = SIZES.iter().map(|(units, _)| Cpu::from_units(*units).to_string());
        let mut found = ground.error(&about[..1], format!("App Runner has no instances with {cpu}"))?;
        found.allowed = powers.collect();
        return Some(found);
    };
    if sizes.contains(&memory.as_mb()) {
        return None;
    }
    let mut found = ground
        .error(&["service.memory", "service.cpu"], format!("App Runner has no instances with {cpu} and {memory}"))?;
    found.allowed = sizes.iter().map(|mb| Memory::from_mb(*mb).to_string()).collect();
    let fits = SIZES.iter().find(|(_, sizes)| sizes.contains(&memory.as_mb()));
    found.help = fits.map(|(units, _)| format!("{memory} goes with {}", Cpu::from_units(*units)));
    Some(found)
}

/// Memory that goes with no amount of processing power, where that amount is wrong by itself.
fn no_power(ground: &Ground<'_>) -> Found {
    let memory = ground.stack.service.as_ref()?.memory;
    let mut sizes: Vec<u32> = SIZES.iter().flat_map(|(_, sizes)| *sizes).copied().collect();
    let cpu_is_known = ground.known(&["service.cpu"]) && SIZES.iter().any(|(units, _)| fits(ground, *units));
    if cpu_is_known || sizes.contains(&memory.as_mb()) {
        return None;
    }
    let mut found = ground.error(&["service.memory"], format!("App Runner has no instances with {memory}"))?;
    sizes.sort_unstable();
    sizes.dedup();
    found.allowed = sizes.iter().map(|mb| Memory::from_mb(*mb).to_string()).collect();
    Some(found)
}

fn fits(ground: &Ground<'_>, units: u32) -> bool {
    ground.stack.service.as_ref().is_some_and(|service| service.cpu.as_units() == units)
}

/// The field that names the folder of the program that stands for the image on this machine.
pub(crate) const PROGRAM_FOLDER: &str = "service.local.dir";

fn program(ground: &Ground<'_>) -> Found {
    let folder = &ground.stack.service.as_ref()?.local.as_ref()?.dir;
    // What is left out is the folder of the description.
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return None;
    }
    let what = if folder.exists() { "is not a folder" } else { "does not exist" };
    // Only the local cloud needs it.
    let message = format!("the folder {} to start the service in {what}", folder.display());
    let found = ground.warning(&[PROGRAM_FOLDER], message)?;
    Some(found.help("write a folder, relative to the file it is in; or create it"))
}

fn private(ground: &Ground<'_>) -> Found {
    ground.stack.service.as_ref().filter(|service| !service.public)?;
    let message = "with `public: false` nobody reaches the service until it has a VPC ingress connection, which infra does not make";
    let found = ground.warning(&["service.public"], message)?;
    Some(
        found.help(
            "add `apprunner.requests` to `network.endpoints`, deploy, connect the service to that endpoint with `aws apprunner \
             create-vpc-ingress-connection`, and delete the connection before `infra destroy`",
        ),
    )
}

/// A deploy goes by what the description says, and what is pushed to a registry changes nothing in that. Images that others
/// publish are theirs to name.
fn last_push(ground: &Ground<'_>) -> Found {
    let image = &ground.stack.service.as_ref()?.image;
    image.private().filter(|_| image.is_of_the_last_push())?;
    let message =
        "`latest` is whatever was pushed last: a deploy after the next push finds nothing changed, and deploys nothing";
    let found = ground.warning(&["service.image"], message)?;
    let bare = image.as_str().trim_end_matches(":latest");
    Some(found.help(format!(
        "give each push a tag of its own, and name it: `--set service.image={bare}:<tag>`; or name the digest"
    )))
}

fn scaling(ground: &Ground<'_>) -> Found {
    let scaling = &ground.stack.service.as_ref()?.scaling;
    if scaling.min <= scaling.max {
        return None;
    }
    let message = format!("the least number of instances, {}, is more than the most, {}", scaling.min, scaling.max);
    Some(ground.error(&["service.scaling.min", "service.scaling.max"], message)?.help("lower `min`, or raise `max`"))
}

fn health(ground: &Ground<'_>) -> Found {
    let check = &ground.stack.service.as_ref()?.health_check;
    if check.protocol == HealthProtocol::Tcp || check.path.starts_with('/') {
        return None;
    }
    let found = ground.error(
        &["service.health_check.path"],
        format!("the path of the health check, `{}`, does not start with `/`", check.path),
    )?;
    Some(found.help(format!("write `path: /{}`", check.path)))
}

fn twice(ground: &Ground<'_>) -> Vec<Found> {
    let Some(service) = &ground.stack.service else { return Vec::new() };
    let both = service.secrets.keys().filter(|name| service.env.contains_key(*name));
    let finding = |name: &String| {
        let place = ground.root.locate(&["service", "secrets", name], false);
        let other = ground.root.locate(&["service", "env", name], false);
        let message = format!("`{name}` is both in `env` and in `secrets`; a variable has one value");
        Some(
            Finding::error(place, &format!("service.secrets.{name}"), message)
                .help("delete one of them")
                .also(other, "here it is in `env`"),
        )
    };
    both.map(finding).collect()
}
