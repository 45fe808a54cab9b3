//! `infra outputs` and `infra status`: what the stack offers, and how it stands.

use std::collections::BTreeMap;

use console::style;
use serde_json::json;

use super::{
    CLEAN, Failure, print, program,
    survey::{StackArgs, Stage},
};
use crate::engine::{Desired, Phase, Resource as _, scope::Known};
use crate::render::{output::wrapped, value::count};
use crate::resources::{
    KINDS,
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

/// Show every resource of the stack and what AWS is doing with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  infra status\n  infra status --json")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl StatusArgs {
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

pub(super) async fn status(args: StatusArgs) -> Result<u8, Failure> {
    let stage = Stage::look(args.stack).await?;
    let mut live = stage.in_sight().await?;
    live.sort_by(|a, b| a.address.cmp(&b.address));
    // What a secret holds is nobody's business who only asks how the stack stands.
    let unread: Vec<&str> =
        stage.intended().iter().filter(|one| reads_secrets(one)).map(|one| one.address.as_str()).collect();
    let holder = crate::engine::lock::holder(&stage.aws, stage.name()).await?;
    if args.json {
        let resources: Vec<_> = live
            .iter()
            .map(|seen| json!({"address": seen.address, "id": seen.id, "phase": word(&seen.phase), "detail": detail(&seen.phase), "notice": seen.notice, "setback": seen.setback, "outputs": seen.outputs}))
            .collect();
        print(
            &json!({"stack": stage.name(), "region": stage.aws.region, "resources": resources, "unread": unread, "lock": holder})
                .to_string(),
        );
        return Ok(CLEAN);
    }
    let mut lines = vec![stage.title(), String::new()];
    let width = live.iter().map(|seen| seen.address.as_str().len()).max().unwrap_or(0);
    for seen in &live {
        let phase = match &seen.phase {
            Phase::Ready => style(format!("{:9}", "ready")).green(),
            Phase::Failed(_) | Phase::Blocked { .. } => style(format!("{:9}", word(&seen.phase))).red(),
            Phase::Awaited(_) | Phase::Unknown(_) => style(format!("{:9}", word(&seen.phase))).yellow(),
            Phase::Changing(word) | Phase::Deleting(word) | Phase::Stopped(word) => style(format!("{word:9}")).yellow(),
        };
        lines.push(format!("  {:width$}  {phase}  {}", seen.address, style(&seen.id).dim()));
        if let Phase::Awaited(why) | Phase::Unknown(why) | Phase::Failed(why) | Phase::Blocked { why, .. } = &seen.phase
        {
            lines.push(format!("      {}", why.replace('\n', "\n      ")));
        }
        lines.extend(seen.notices().map(|notice| format!("      {notice}")));
    }
    if live.is_empty() {
        lines.push("Nothing of this stack exists.".to_owned());
    }
    if !live.is_empty() && !unread.is_empty() {
        let text = format!(
            "{}. Not looked at here, since that would read the secret: {}. `infra diff` shows and counts these as well.",
            count(live.len(), "resource"),
            unread.join(", ")
        );
        lines.push(format!("\n{}", wrapped(&text, "")));
    }
    if program::is_missing(&stage) && live.iter().any(|seen| seen.address.kind() == Service::KIND) {
        lines.push(format!("\n{}", program::NOTHING_RUNS));
    }
    if let Some(holder) = holder {
        let fate = match holder.is_gone() {
            true => " The next deploy takes the lock over; `infra unlock` removes it.",
            false => "",
        };
        lines.push(format!("\nLocked by {holder}.{fate}"));
    }
    print(&lines.join("\n"));
    Ok(CLEAN)
}

fn reads_secrets(desired: &Desired) -> bool {
    KINDS.iter().any(|kind| kind.name == desired.kind && kind.reads_secrets)
}

fn word(phase: &Phase) -> &'static str {
    match phase {
        Phase::Ready => "ready",
        Phase::Changing(_) => "changing",
        Phase::Awaited(_) => "waiting",
        Phase::Unknown(_) => "unknown",
        Phase::Deleting(_) => "deleting",
        Phase::Stopped(_) => "stopped",
        Phase::Failed(_) => "failed",
        Phase::Blocked { .. } => "blocked",
    }
}

fn detail(phase: &Phase) -> Option<&str> {
    match phase {
        Phase::Ready => None,
        Phase::Changing(text) | Phase::Deleting(text) | Phase::Stopped(text) | Phase::Failed(text) => Some(text),
        Phase::Awaited(text) | Phase::Unknown(text) => Some(text),
        Phase::Blocked { why, .. } => Some(why),
    }
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
