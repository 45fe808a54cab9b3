//! `infra diff`: what deploy would do.

use super::{
    CHANGES, CLEAN, Failure,
    survey::{self, StackArgs, Stage},
};
use crate::{
    render::{self, output::wrapped},
    resources::cost,
};

/// Show what a deploy would do, attribute by attribute. Never changes anything.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infra diff\n  infra diff production.yaml --exit-code   exit with 2 unless all is as described\n  infra diff --json | jq .summary"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,

    /// Exit with 2 if there are changes, or if that cannot be known: if the database does not say which migrations it has, for
    /// example. 0 means that everything was looked at, and is as described.
    #[arg(long)]
    exit_code: bool,
}

impl Args {
    /// Whether the answer is for a program.
    pub(super) fn json(&self) -> bool {
        self.json
    }
}

pub(super) async fn run(args: Args) -> Result<u8, Failure> {
    let stage = Stage::open(&args.stack).await?;
    let survey = stage.survey().await?;
    // What may not happen without being named is shown all the same: deploy is where it is refused.
    let plan = survey.plan_of_everything()?;
    let refused = survey.refused();
    if args.json {
        let mut json = render::plan::json(&plan);
        json["stack"] = stage.name().into();
        json["region"] = stage.aws.region.clone().into();
        json["account"] = stage.account.id.clone().into();
        json["refused"] = serde_json::json!(refused);
        super::print(&json.to_string());
    } else {
        super::print(&format!("{}\n\n{}", stage.title(), render::plan::text(&plan)));
        if !plan.is_empty() && stage.local.is_none() {
            super::print(&wrapped(&cost::sentence(survey.desired.iter()), ""));
        }
        if let Some(refused) = survey::refusal(&refused) {
            super::print(&refused);
        }
    }
    // What nobody could look at may have changed: a check for drift does not pass because the database is silent.
    let is_as_described = plan.is_empty() && plan.unknown() == 0;
    Ok(if args.exit_code && !is_as_described { CHANGES } else { CLEAN })
}
