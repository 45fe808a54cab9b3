//! `infra iam-policy`: what the credentials of a deploy have to be allowed.

use super::{
    CLEAN, Failure, print,
    survey::{StackArgs, Stage},
};
use crate::{
    render::output::tell,
    resources::permissions::{makes_administrators, policy},
};

/// How many characters without blanks a managed policy may have, and all inline policies of a role together.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MANAGED: usize = 6_144;
const INLINE: usize = 10_240;

/// Print the least-privilege IAM policy that diffs, deploys and destroys this stack.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The policy is for the stack as described: where something is taken out of the description, the deploy that deletes it\nstill needs the policy from before. `infra import` of a part of the network needs ec2:CreateTags on it besides, since it is\nnot the stack's yet.\n\nExamples:\n  infra iam-policy > policy.json\n  infra iam-policy production.yaml > policy.json\n  aws iam put-role-policy --role-name deploy --policy-name shop --policy-document file://policy.json"
)]
pub(super) struct Args {
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) async fn run(mut args: Args) -> Result<u8, Failure> {
    // They are applied with the database's own credentials.
    args.stack.skip_migrations = true;
    let stage = Stage::open(&args.stack).await?;
    let policy = policy(stage.name(), stage.intended(), stage.facts());
    let length = policy.to_string().len();
    if length > MANAGED {
        let fits = if length <= INLINE { "as an inline policy of a role it fits" } else { "divide it into two" };
        tell(&format!("The policy has {length} characters. A managed policy takes {MANAGED}; {fits} ({INLINE})."));
    }
    if makes_administrators(stage.intended()) {
        tell(
            "Whoever has this policy can make himself administrator of the account: it allows to make roles, and to let them do \
             anything. Set `permissions_boundary` in the description to a policy that says what these roles may do at most; \
             or give this one only to those who may be administrators.",
        );
    }
    print(&format!("{policy:#}"));
    Ok(CLEAN)
}
