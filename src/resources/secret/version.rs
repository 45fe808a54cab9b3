//! A new version of a secret's content, by which no password gets further away than it was.

use std::collections::HashMap;

use super::{content::Content, is_locked};
use crate::aws::{Class, Clients, Error, Result, unless_gone};

/// The stage of the version in force.
const CURRENT: &str = "AWSCURRENT";

/// The stage of the version that was current before; the Secrets Manager moves it with each new one.
const PREVIOUS: &str = "AWSPREVIOUS";

/// The stage of the version that is to have AWSPREVIOUS, as long as a new one is being written. Without any stage it could not be
/// told from others, and AWS would forget it some day.
const KEPT: &str = "infra-previous";

/// Stores the content, unless it is what the secret holds.
///
/// A new version has the password of the current one, so it takes the stage AWSPREVIOUS from another password only by its
/// being written. Whoever put a wrong password into the secret has the right one nowhere else: it gets the stage back.
pub(in crate::resources) async fn store(aws: &Clients, arn: &str, held: &Held, content: &Content) -> Result<()> {
    let secret = aws.secretsmanager.describe_secret().secret_id(arn).send().await?;
    let stages = secret.version_ids_to_stages().cloned().unwrap_or_default();
    if let Some(kept) = displaced(&stages) {
        give_back(aws, arn, kept, &stages).await?;
    }
    if held.content == *content {
        return Ok(());
    }
    let other = match staged(&stages, PREVIOUS) {
        Some(previous) if is_other(aws, arn, previous, content).await? => Some(previous),
        _ => None,
    };
    if let Some(kept) = other {
        move_stage(aws, arn, KEPT, Some(kept), None).await?;
    }
    aws.secretsmanager.put_secret_value().secret_id(arn).secret_string(content.text()).send().await?;
    if let Some(kept) = other {
        move_stage(aws, arn, PREVIOUS, Some(kept), held.version.as_deref()).await?;
        move_stage(aws, arn, KEPT, None, Some(kept)).await?;
    }
    Ok(())
}

/// The version that an interrupted run has not given AWSPREVIOUS back to, by the stages of all versions.
pub(in crate::resources) fn displaced(stages: &HashMap<String, Vec<String>>) -> Option<&str> {
    staged(stages, KEPT)
}

fn staged<'a>(stages: &'a HashMap<String, Vec<String>>, stage: &str) -> Option<&'a str> {
    let mut versions = stages.iter();
    versions.find(|(_, stages)| stages.iter().any(|one| one == stage)).map(|(version, _)| version.as_str())
}

async fn give_back(aws: &Clients, arn: &str, kept: &str, stages: &HashMap<String, Vec<String>>) -> Result<()> {
    let previous = staged(stages, PREVIOUS);
    // Somebody may have made it the current one since.
    if previous != Some(kept) && staged(stages, CURRENT) != Some(kept) {
        move_stage(aws, arn, PREVIOUS, Some(kept), previous).await?;
    }
    move_stage(aws, arn, KEPT, None, Some(kept)).await
}

/// Whether a version has another password than the content, or one that nobody can tell.
async fn is_other(aws: &Clients, arn: &str, version: &str, content: &Content) -> Result<bool> {
    let answer = aws.secretsmanager.get_secret_value().secret_id(arn).version_id(version).send().await;
    match answer.map_err(Error::from) {
        Err(error) if error.class == Class::Denied || is_locked(&error) => Ok(true),
        answer => Ok(unless_gone(answer)?
            .and_then(|version| Content::parse(version.secret_string()?))
            .is_some_and(|former| former.password() != content.password())),
    }
}

async fn move_stage(aws: &Clients, arn: &str, stage: &str, to: Option<&str>, from: Option<&str>) -> Result<()> {
    let call = aws.secretsmanager.update_secret_version_stage().secret_id(arn).version_stage(stage);
    let owned = |version: Option<&str>| version.map(str::to_owned);
    call.set_move_to_version_id(owned(to)).set_remove_from_version_id(owned(from)).send().await?;
    Ok(())
}

/// What the current version of a secret holds, and which one that is.
#[derive(Debug)]
pub(in crate::resources) struct Held {
    pub(in crate::resources) content: Content,
    pub(in crate::resources) version: Option<String>,
}
