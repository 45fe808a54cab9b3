//! What a stack of CloudFormation owns: it can be taken in where it is named, and CloudFormation has to let go of it.

use miette::miette;

use crate::{cli::Failure, engine::Tags};

/// The tag that CloudFormation puts on what it makes; nobody else can.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>
const OWNER: &str = "aws:cloudformation:stack-name";

/// The stack of CloudFormation that owns what carries these tags.
pub(super) fn owner(tags: &Tags) -> Option<&str> {
    tags.get(OWNER).map(String::as_str)
}

/// What comes of two that run one thing.
pub(super) fn warning(id: &str, owner: &str) -> String {
    format!(
        "{id} is owned by the CloudFormation stack {owner}, which continues to own it: whoever deletes that stack, or removes this \
         out of its template, deletes what infra runs, data included. Set `DeletionPolicy: Retain` and `UpdateReplacePolicy: \
         Retain` on it in the template, and deploy that, before anything else is done with {owner}."
    )
}

/// Demands that the owner is named where nobody is asked, and that it is the right one wherever it is named.
pub(super) fn check(id: &str, owner: Option<&str>, named: Option<&str>, asks: bool) -> Result<(), Failure> {
    let wrong = match (owner, named) {
        (Some(owner), None) if !asks => miette!(
            help = format!("When `DeletionPolicy: Retain` is in force there, give `--from-cloudformation {owner}`."),
            "{id} is owned by the CloudFormation stack {owner}, which was not named. Nothing was changed."
        ),
        (Some(owner), Some(named)) if owner != named => miette!(
            help = "Look again which one is meant.",
            "{id} is owned by the CloudFormation stack {owner}, and not by {named}. Nothing was changed."
        ),
        (None, Some(named)) => miette!(
            help = "Leave `--from-cloudformation` out, or look again which one is meant.",
            "{id} is not owned by the CloudFormation stack {named}: it has no tag {OWNER}. Nothing was changed."
        ),
        _ => return Ok(()),
    };
    Err(Failure::Input(wrong))
}
