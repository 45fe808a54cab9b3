//! A new version of a secret's content, by which no password gets further away than it was.

use super::content::Content;
use crate::aws::{Clients, Result, unless_gone};

/// The stage of the version that was current before; the Secrets Manager moves it with each new one.
const PREVIOUS: &str = "AWSPREVIOUS";

/// Stores the content, unless it is what the secret holds.
///
/// A new version has the password of the current one, so it takes the stage AWSPREVIOUS from another password only by its
/// being written. Whoever put a wrong password into the secret has the right one nowhere else: it gets the stage back.
pub(in crate::resources) async fn store(aws: &Clients, arn: &str, held: &Held, content: &Content) -> Result<()> {
    if held.content == *content {
        return Ok(());
    }
    let previous = aws.secretsmanager.get_secret_value().secret_id(arn).version_stage(PREVIOUS);
    let previous = unless_gone(previous.send().await)?;
    aws.secretsmanager.put_secret_value().secret_id(arn).secret_string(content.text()).send().await?;
    let other = previous.filter(|version| {
        version.secret_string().and_then(Content::parse).is_some_and(|former| former.password() != content.password())
    });
    let Some(kept) = other else { return Ok(()) };
    let call = aws.secretsmanager.update_secret_version_stage().secret_id(arn).version_stage(PREVIOUS);
    call.set_move_to_version_id(kept.version_id).set_remove_from_version_id(held.version.clone()).send().await?;
    Ok(())
}

/// What the current version of a secret holds, and which one that is.
#[derive(Debug)]
pub(in crate::resources) struct Held {
    pub(in crate::resources) content: Content,
    pub(in crate::resources) version: Option<String>,
}
