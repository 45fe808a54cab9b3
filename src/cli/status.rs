//! `infra status`: how the stack stands.

mod fate;

use console::style;
use fate::Fate;
use serde_json::json;

use super::{
    CLEAN, Failure, print, program,
    survey::{StackArgs, Stage},
};
use crate::engine::{Desired, Phase, Resource as _, Seen};
use crate::render::{output::wrapped, value::count};
use crate::resources::{KINDS, service::Service};

/// Show every resource of the stack and what AWS is doing with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  infra status\n  infra status --json")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Whether the answer is for a program.
    pub(super) fn json(&self) -> bool {
        self.json
    }
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let stage = Stage::look(args.stack).await?;
    let mut live = stage.in_sight().await?;
    live.sort_by(|a, b| a.address.cmp(&b.address));
    // What a secret holds is nobody's business who only asks how the stack stands.
    let unread: Vec<&str> =
        stage.intended().iter().filter(|one| reads_secrets(one)).map(|one| one.address.as_str()).collect();
    let holder = crate::engine::lock::holder(&stage.aws, stage.name()).await?;
    let fates = fate::of(&stage, &live).await;
    let fate = |seen: &Seen| fates.get(&(&seen.address, seen.id.as_str())).copied();
    if args.json {
        let resources: Vec<_> = live
            .iter()
            .map(|seen| json!({"address": seen.address, "id": seen.id, "phase": word(&seen.phase), "detail": detail(&seen.phase), "next_deploy": fate(seen).map(Fate::word), "notice": seen.notice, "setback": seen.setback, "outputs": seen.outputs}))
            .collect();
        print(
            &json!({"stack": stage.name(), "region": stage.aws.region, "resources": resources, "unread": unread, "lock": holder})
                .to_string(),
        );
        return Ok(CLEAN);
    }
    let mut lines = vec![stage.title(), String::new()];
    let width = live.iter().map(|seen| seen.address.as_str().len()).max().unwrap_or(0);
    let wide = live.iter().map(|seen| shown(&seen.phase).len()).max().unwrap_or(0).max(9);
    let shared = fate::shared(&live);
    for seen in &live {
        let phase = style(format!("{:wide$}", shown(&seen.phase)));
        let phase = match &seen.phase {
            Phase::Ready => phase.green(),
            Phase::Failed(_) | Phase::Blocked { .. } => phase.red(),
            _ => phase.yellow(),
        };
        let mut line = format!("  {:width$}  {phase}  {}", seen.address, style(&seen.id).dim());
        if let Some(fate) = fate(seen) {
            let unwanted = if shared.contains(&seen.address) { "" } else { "not in the description: " };
            let told = style(format!("{unwanted}{}", fate.sentence()));
            let told = if fate == Fate::Stays { told.green() } else { told.yellow() };
            line.push_str(&format!("  {told}"));
        }
        lines.push(line);
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
    if !shared.is_empty() {
        let text = "Where an address is shown more than once, a run was stopped before it deleted what it had replaced, or never got \
                    AWS's answer. `infra diff` shows why each goes or stays; `infra deploy` does it.";
        lines.push(format!("\n{}", wrapped(text, "")));
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

/// In AWS's own word, where it is at work.
fn shown(phase: &Phase) -> &str {
    match phase {
        Phase::Changing(word) | Phase::Deleting(word) | Phase::Stopped(word) => word,
        phase => word(phase),
    }
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
