//! `infra outputs`: what the stack offers.

use std::collections::BTreeMap;

use console::style;

use super::{
    CLEAN, Failure, print, program,
    survey::{StackArgs, Stage},
};
use crate::engine::{Resource as _, scope::Known};
use crate::resources::{
    cluster::Cluster,
    proxy::{PROXY_PORT, Proxy},
    secret::Secret,
    service::Service,
    vpc::Vpc,
};

/// Print the stack's outputs: service URL, proxy endpoint, secret ARN, VPC id.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infra outputs\n  infra outputs --env > .env.production\n  infra outputs --json | jq -r .service_url"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    /// Print one JSON object.
    #[arg(long, conflicts_with = "env")]
    json: bool,

    /// Print variables for the service's environment: DB_HOST, DB_PORT, DB_NAME, DB_SECRET_ARN.
    #[arg(long)]
    env: bool,
}

impl Args {
    /// Whether the answer is for a program.
    pub(super) fn json(&self) -> bool {
        self.json
    }
}

/// What a stack offers, by name, in the order in which it is shown.
pub(super) type Outputs = BTreeMap<&'static str, String>;

pub(super) async fn run(mut args: Args) -> Result<u8, Failure> {
    args.stack.skip_migrations = true;
    let stage = Stage::quietly(&args.stack).await?;
    let known = known(&stage).await?;
    let outputs = of(&stage, &known);
    if outputs.is_empty() {
        crate::render::output::tell(&format!("The stack {} has no outputs yet: it is not deployed.", stage.name()));
    }
    if args.json {
        print(&serde_json::to_string_pretty(&outputs).unwrap_or_default());
    } else if args.env {
        let variables = [
            ("DB_HOST", "proxy_endpoint"),
            ("DB_PORT", "proxy_port"),
            ("DB_NAME", "database_name"),
            ("DB_SECRET_ARN", "secret_arn"),
        ];
        let lines: Vec<String> =
            variables.iter().filter_map(|(name, output)| Some(format!("{name}={}", outputs.get(output)?))).collect();
        print(&lines.join("\n"));
    } else if !outputs.is_empty() {
        print(&text(&outputs));
    }
    Ok(CLEAN)
}

/// What the live resources put out.
pub(super) async fn known(stage: &Stage) -> Result<Known, Failure> {
    Ok(stage.in_sight().await?.into_iter().map(|seen| (seen.address, seen.outputs)).collect())
}

/// The outputs worth showing, from everything that is known.
pub(super) fn of(stage: &Stage, known: &Known) -> Outputs {
    // A stack has one of each.
    let wanted = [
        ("service_url", Service::KIND, "url"),
        ("proxy_endpoint", Proxy::KIND, "endpoint"),
        ("cluster_endpoint", Cluster::KIND, "endpoint"),
        ("reader_endpoint", Cluster::KIND, "reader_endpoint"),
        ("secret_arn", Secret::KIND, "arn"),
        ("vpc_id", Vpc::KIND, "id"),
    ];
    let told = |kind: &str, output: &str| {
        let (_, offered) = known.iter().find(|(address, _)| address.kind() == kind)?;
        offered.get(output).cloned()
    };
    let mut outputs: Outputs =
        wanted.into_iter().filter_map(|(name, kind, output)| Some((name, told(kind, output)?))).collect();
    if outputs.contains_key("proxy_endpoint") {
        outputs.insert("proxy_port", PROXY_PORT.to_string());
    }
    if let Some(database) = stage.description.database.as_ref().filter(|_| outputs.contains_key("cluster_endpoint")) {
        outputs.insert("database_name", database.name.as_str().to_owned());
    }
    outputs
}

/// Prints what the stack offers, and says where that leads nowhere.
pub(super) fn show(stage: &Stage, outputs: &Outputs) {
    print(&text(outputs));
    if let Some(moved) = moved(stage, outputs) {
        print(&moved);
    }
    if program::is_missing(stage) {
        print(program::NOTHING_RUNS);
    }
}

/// That the service listens on another port than its own on this machine.
fn moved(stage: &Stage, outputs: &Outputs) -> Option<String> {
    let service = stage.description.service.as_ref().filter(|service| service.local.is_some())?;
    let (_, port) = outputs.get("service_url").filter(|_| stage.local.is_some())?.rsplit_once(':')?;
    let wanted = service.port.to_string();
    (port != wanted).then(|| format!("Port {wanted} was taken on this machine, so the service listens on {port}."))
}

/// The outputs, one a line.
fn text(outputs: &Outputs) -> String {
    let width = outputs.keys().map(|name| name.len()).max().unwrap_or(0);
    let lines: Vec<String> =
        outputs.iter().map(|(name, value)| format!("  {} {value}", style(format!("{name:width$}")).dim())).collect();
    lines.join("\n")
}
