//! The network and what depends on its ways out.

use super::{Found, Ground, twice};
use crate::stack::finding::nearest;
use crate::stack::{Acu, Nat, Runner};

/// Interface endpoints that a web service is likely to use; others are taken as they are.
const SERVICES: &[&str] = &[
    "apprunner.requests",
    "bedrock-runtime",
    "dynamodb",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "events",
    "execute-api",
    "kinesis-streams",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "rds",
    "rds-data",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
    "xray",
];

/// Regions as of 2026; a newer one is taken as it is.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Found> {
    let mut found = vec![
        region(ground),
        range(ground),
        no_way_out(ground),
        no_way_in(ground),
        single_nat(ground),
        few_addresses(ground),
    ];
    found.extend(endpoints(ground));
    found
}

fn region(ground: &Ground<'_>) -> Found {
    let region = ground.stack.region.as_ref()?.as_str();
    let area = |region: &'_ str| region.rsplit_once('-').map(|(area, _)| area.to_owned());
    if REGIONS.iter().any(|known| area(known) == area(region)) {
        return None;
    }
    let meant = nearest(region, REGIONS.iter().copied())?;
    let mut found = ground.warning(&["region"], format!("infra does not know a region `{region}`"))?;
    found.did_you_mean = Some(meant.to_owned());
    Some(found.help("a new region is fine; a mistyped one fails only when it is called"))
}

fn range(ground: &Ground<'_>) -> Found {
    let error = ground.stack.network.subnets().err()?;
    Some(
        ground
            .error(&["network.cidr", "network.zones"], error.to_string())?
            .help("choose a larger range, such as 10.0.0.0/16"),
    )
}

fn endpoints(ground: &Ground<'_>) -> Vec<Found> {
    let endpoints = &ground.stack.network.endpoints;
    let one = |(index, endpoint): (usize, &crate::stack::EndpointService)| {
        let path = format!("network.endpoints.{index}");
        let name = endpoint.as_str();
        let meant = nearest(name, SERVICES.iter().copied()).filter(|_| !SERVICES.contains(&name))?;
        let mut found = ground.warning(&[&path], format!("infra does not know an endpoint service `{name}`"))?;
        found.did_you_mean = Some(meant.to_owned());
        Some(found.help("AWS has many; a mistyped one fails only when it is made"))
    };
    // With an item left out as wrong, the places of the ones after it would be off by one.
    if ground.failed.iter().any(|failed| failed.starts_with("network.endpoints")) {
        return Vec::new();
    }
    endpoints.iter().enumerate().map(one).chain(twice(ground, "network.endpoints", endpoints)).collect()
}

fn no_way_out(ground: &Ground<'_>) -> Found {
    let network = &ground.stack.network;
    if network.nat != Nat::None || ground.stack.service.is_none() {
        return None;
    }
    let about = ["network.nat", "network.endpoints", "database", "service"];
    let secrets = network.endpoints.iter().any(|endpoint| endpoint.as_str() == "secretsmanager");
    if ground.stack.database.is_some() && !secrets {
        let message = "without a NAT gateway the service reaches neither the internet nor the Secrets Manager, where it finds the \
                       database's password";
        let help = "`nat: one` opens the way to both; `endpoints: [secretsmanager]` only to the Secrets Manager, for less money";
        return Some(ground.warning(&about, message)?.help(help));
    }
    let message =
        "without a NAT gateway the service does not reach the internet: calls to other services will time out";
    let help = "`nat: one` opens the way; `endpoints: […]` opens it to the AWS services that it names; without either need, all is well";
    Some(ground.warning(&about, message)?.help(help))
}

/// The function of the migrations asks the Secrets Manager for the password from inside the VPC.
fn no_way_in(ground: &Ground<'_>) -> Found {
    let network = &ground.stack.network;
    ground.stack.migrations.as_ref().filter(|migrations| migrations.runner == Runner::Lambda)?;
    let secrets = network.endpoints.iter().any(|endpoint| endpoint.as_str() == "secretsmanager");
    // Of a service that lacks the same way it is said already.
    if network.nat != Nat::None || secrets || (ground.stack.service.is_some() && ground.stack.database.is_some()) {
        return None;
    }
    let message = "without a NAT gateway the function that applies the migrations does not reach the Secrets Manager, where it \
                   finds the database's password";
    let help = "`endpoints: [secretsmanager]` opens the way; `nat: one` the one to the internet as well";
    Some(ground.warning(&["network.nat", "network.endpoints", "migrations.runner"], message)?.help(help))
}

fn single_nat(ground: &Ground<'_>) -> Found {
    let network = &ground.stack.network;
    let readers = ground.stack.database.as_ref().map_or(0, |database| database.readers);
    // The default is one NAT gateway for two zones; whoever pays for more than that wants to survive the loss of a zone.
    if network.nat != Nat::One || (network.zones < 3 && readers == 0) {
        return None;
    }
    let what = if readers > 0 { "a reader in another zone" } else { "three zones" };
    let message =
        format!("with {what} the stack survives the loss of a zone, but its one NAT gateway is in a single zone");
    let about = ["network.nat", "network.zones", "database.readers"];
    Some(
        ground
            .warning(&about, message)?
            .help("`nat: per-zone` keeps the way out open, for about 33 USD a month and zone"),
    )
}

fn few_addresses(ground: &Ground<'_>) -> Found {
    let network = &ground.stack.network;
    let most = ground.stack.database.as_ref()?.capacity.max;
    if ground.stack.proxy.is_none() || network.cidr.get().prefix_len() < 24 || most <= Acu::from_halves(32) {
        return None;
    }
    let message = format!(
        "the private subnets of {} have 11 addresses each; a proxy for up to {most} ACU can want more",
        network.cidr
    );
    Some(
        ground
            .warning(&["network.cidr", "database.capacity.max"], message)?
            .help("choose a larger range: it cannot be changed later"),
    )
}
