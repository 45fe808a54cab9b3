//! `infra iam-policy`: what the credentials of a deploy have to be allowed.

use miette::miette;
use serde_json::{Value, json};

use super::{
    CLEAN, Failure, print,
    survey::{StackArgs, Stage},
};
use crate::{
    render::output::tell,
    resources::permissions::{makes_administrators, policy},
    stack::AccountId,
};

/// How many characters without blanks a managed policy may have. A role may have ten.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const LONGEST: usize = 6_144;

/// Print the least-privilege IAM policy for diffing, deploying and destroying this stack.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The policy is for the stack as described. If you remove something from the description, the deploy that deletes it still needs the previous policy. To import a part of the network, `infra import` also needs ec2:CreateTags on it, because it does not belong to the stack yet.\n\nExamples:\n  infra iam-policy > policy.json\n  infra iam-policy --account 123456789012 > policy.json     needs no credentials\n  infra iam-policy production.yaml --part 1 > part-1.json   the first of two managed policies\n  aws iam create-policy --policy-name shop-deploy-1 --policy-document file://part-1.json"
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) stack: StackArgs,

    /// The account that the policy is for, 12 digits. With this, or `account` in the description, no credentials are needed.
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,

    /// Print only the Nth of the parts, each of which fits into a managed policy.
    #[arg(long, value_name = "N")]
    part: Option<usize>,
}

pub(super) async fn run(mut args: Args) -> Result<u8, Failure> {
    // They are applied with the database's own credentials.
    args.stack.skip_migrations = true;
    let stage = Stage::told(&args.stack, args.account.as_ref()).await?;
    let policy = policy(stage.name(), stage.intended(), stage.facts());
    let parts = parts(&policy);
    let shown = match args.part {
        Some(number) => {
            number.checked_sub(1).and_then(|at| parts.get(at)).ok_or_else(|| none_such(number, parts.len()))?
        }
        None => &policy,
    };
    if args.part.is_none() && parts.len() > 1 {
        tell(&format!(
            "The policy has {} characters, and IAM takes {LONGEST} in one. Make {} of it: `--part 1` to `--part {}` print them.",
            policy.to_string().len(),
            parts.len(),
            parts.len()
        ));
    }
    if makes_administrators(stage.intended()) {
        tell(
            "Whoever has this policy can make himself administrator of the account: it allows to make roles, and to let them do \
             anything. Set `permissions_boundary` in the description to a policy that says what these roles may do at most; \
             or give this one only to those who may be administrators.",
        );
    }
    print(&format!("{shown:#}"));
    Ok(CLEAN)
}

/// The policy in as few policies as IAM takes, in the same order.
fn parts(policy: &Value) -> Vec<Value> {
    let document = |statements: &[Value]| json!({"Version": policy["Version"], "Statement": statements});
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        part.push(statement.clone());
        if part.len() > 1 && document(&part).to_string().len() > LONGEST {
            let next = part.split_off(part.len() - 1);
            parts.push(document(&part));
            part = next;
        }
    }
    parts.push(document(&part));
    parts
}

fn none_such(number: usize, parts: usize) -> Failure {
    let there = if parts == 1 { "one part".to_owned() } else { format!("{parts} parts") };
    Failure::Input(miette!(help = "Parts are counted from 1.", "The policy has {there}; there is no part {number}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_in_one_part_and_no_part_is_too_long() {
        let statements: Vec<Value> = (0..40).map(|n| json!({"Sid": n, "Resource": "x".repeat(n * 30)})).collect();
        let parts = parts(&json!({"Version": "2012-10-17", "Statement": statements}));
        assert!(parts.len() > 1 && parts.iter().all(|part| part.to_string().len() <= LONGEST));
        let all: Vec<Value> = parts.iter().flat_map(|part| part["Statement"].as_array().unwrap().clone()).collect();
        assert_eq!(all, statements);
        assert!(parts.iter().all(|part| part["Version"] == "2012-10-17"));
    }
}
