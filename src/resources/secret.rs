//! The kind `secret`: the database's credentials.

pub(super) mod content;
pub(super) mod version;

use std::{collections::BTreeSet, sync::Arc};

use aws_sdk_secretsmanager::{
    operation::describe_secret::DescribeSecretOutput,
    types::{Filter, FilterNameStringType},
};
use futures::future::try_join;
use serde::Serialize;

use self::{
    content::{Content, Password},
    version::Held,
};
use crate::{
    aws::{Class, Clients, Error, Result, each, tags, unless_gone},
    engine::{Address, Change, Live, Outputs, Resource, Scope, Seen, Tags, Times, attributes::touches, identity},
    stack::OnDestroySecret,
};

/// A secret in the Secrets Manager: `{"username","password"}`, to which a `secret-attachment` adds the connection.
///
/// As CDK's `AWS::SecretsManager::Secret` with `GenerateSecretString`, but the password is made here, so that no run
/// after the first ever makes another. APIs: ListSecrets, DescribeSecret, GetResourcePolicy, CreateSecret, RestoreSecret,
/// UpdateSecret, DeleteResourcePolicy, DeleteSecret.
#[derive(Debug, Clone, Serialize)]
pub struct Secret {
    /// The secret's name, unique in account and region.
    pub name: String,
    /// What the console shows beside the name.
    pub description: String,
    /// The policy that lets others read it, in JSON. Ours has none: whom it names reads the password past all roles.
    pub resource_policy: String,
    /// The KMS key that encrypts it, by ARN; empty: AWS's own.
    pub kms_key: String,
    /// The user whose password it is; enters the content when it is made.
    #[serde(skip)]
    pub username: String,
    /// What deleting means.
    #[serde(skip)]
    pub on_destroy: OnDestroySecret,
    /// For how many days a scheduled deletion can be undone, 7 to 30.
    #[serde(skip)]
    pub recovery_days: i64,
    /// Where it is scheduled for deletion, and so to be restored.
    #[serde(skip)]
    pub scheduled: Option<Scheduled>,
}

/// A secret that is scheduled for deletion, and so not there for anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its ARN, which it keeps when it is restored.
    pub arn: String,
    /// When it was made, in seconds since the Unix epoch.
    pub created: i64,
}

/// What the Secrets Manager may call AWS's own key, where it names it at all.
const OWN_KEY: &str = "alias/aws/secretsmanager";

/// The longest window AWS offers, where nothing says which.
const LONGEST_RECOVERY: i64 = 30;

impl Resource for Secret {
    const KIND: &'static str = "secret";
    const IMMUTABLE: &'static [&'static str] = &["name"];
    const HOLDS_DATA: bool = true;
    // The cluster gets the password of a new one: see the attachment.
    const RENEWABLE: bool = true;
    const TIMES: Times = Times::seconds(2, 2, 2);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        let found = ours(scope).await?;
        let found = each(found.iter().map(|(address, secret)| live(address, secret, scope.aws))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let content = Content::new(&self.username, &Password::generate());
        let call = scope.aws.secretsmanager.create_secret();
        let call = call.name(&self.name).description(&self.description).client_request_token(scope.token());
        let call = call.secret_string(content.text()).set_tags(Some(tags::secretsmanager(scope.tags())));
        let call = call.set_kms_key_id(Some(self.kms_key.clone()).filter(|key| !key.is_empty()));
        match call.send().await.map_err(Error::from) {
            Ok(_) => Ok(()),
            Err(error) if is_scheduled(&error) => restore(&self.name, error, scope).await,
            Err(error) => Err(error),
        }
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        if touches(changes, "resource_policy") {
            unless_gone(scope.aws.secretsmanager.delete_resource_policy().secret_id(&live.id).send().await)?;
        }
        let call = scope.aws.secretsmanager.update_secret().secret_id(&live.id).description(&self.description);
        let key = Some(self.kms_key.clone()).filter(|_| touches(changes, "kms_key"));
        if key.is_some() {
            // Whoever may not decrypt with the former key leaves the content under it, where nobody looks for it any more.
            scope.aws.secretsmanager.get_secret_value().secret_id(&live.id).send().await?;
        }
        if touches(changes, "description") || key.is_some() {
            call.set_kms_key_id(key).send().await?;
        }
        Ok(())
    }

    fn foreseen(&self) -> Outputs {
        let restored = self.scheduled.iter().map(|secret| &secret.arn);
        restored.flat_map(|arn| [("id", arn.clone()), ("arn", arn.clone()), ("name", self.name.clone())]).collect()
    }

    fn side_effect<'a>(&self, _stays: &dyn Fn(&Address) -> Option<&'a Seen>) -> Option<String> {
        self.scheduled.as_ref().map(|_| "scheduled for deletion: it is restored, with what it holds".to_owned())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        let described = scope.described::<Self>(&live.address);
        let call = scope.aws.secretsmanager.delete_secret().secret_id(&live.id);
        let call = match described.map(|secret| secret.on_destroy) {
            Some(OnDestroySecret::Purge) => call.force_delete_without_recovery(true),
            // Deleted although it is to be kept: only a replacement that was asked for by name comes here.
            Some(OnDestroySecret::Schedule | OnDestroySecret::Keep) | None => {
                call.recovery_window_in_days(described.map_or(LONGEST_RECOVERY, |secret| secret.recovery_days))
            }
        };
        call.send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_secretsmanager(scope.aws, &live.id, set, unset).await
    }
}

async fn live(address: &Address, secret: &DescribeSecretOutput, aws: &Clients) -> Result<Option<Live<Secret>>> {
    let (Some(name), Some(arn)) = (secret.name(), secret.arn()) else { return Ok(None) };
    // No description tells of it.
    let policy = match unless_gone(aws.secretsmanager.get_resource_policy().secret_id(arn).send().await) {
        // Since it was described; one that is to be deleted is not there.
        Err(error) if is_scheduled(&error) => return Ok(None),
        policy => policy?,
    };
    let spec = Secret {
        name: name.to_owned(),
        resource_policy: policy.and_then(|answer| answer.resource_policy).unwrap_or_default(),
        description: secret.description().unwrap_or_default().to_owned(),
        kms_key: secret.kms_key_id().filter(|key| !key.ends_with(OWN_KEY)).unwrap_or_default().to_owned(),
        username: String::new(),
        on_destroy: OnDestroySecret::default(),
        recovery_days: LONGEST_RECOVERY,
        scheduled: None,
    };
    let live = Live::new(address.clone(), arn, spec)
        .output("arn", secret.arn())
        .output("name", secret.name())
        .tags(tags_of(secret))
        .created(secret.created_date().map(aws_smithy_types::DateTime::secs));
    Ok(Some(live))
}

pub(super) fn tags_of(secret: &DescribeSecretOutput) -> Tags {
    tags::collect(secret.tags(), |tag| (tag.key(), tag.value()))
}

/// The stack's secrets, shared with the kind that looks into them. Those scheduled for deletion are not there.
pub(super) async fn ours(scope: &Scope<'_>) -> Result<Arc<Vec<(Address, DescribeSecretOutput)>>> {
    scope.once("ListSecrets", || list(scope)).await
}

async fn list(scope: &Scope<'_>) -> Result<Vec<(Address, DescribeSecretOutput)>> {
    let described = scope.described.iter().filter_map(|desired| desired.spec::<Secret>());
    let mut likely: BTreeSet<String> = described.map(|secret| secret.name.clone()).collect();
    likely.extend(scope.adopted().map(str::to_owned));
    if likely.is_empty() {
        likely.insert(scope.name("database"));
    }
    // ListSecrets may lack what happened in the last five minutes, so the likely names are asked for besides.
    let (found, mut secrets) = try_join(names(scope), describe_all(scope.aws, &likely)).await?;
    let others = found.difference(&likely).cloned().collect();
    secrets.extend(describe_all(scope.aws, &others).await?);
    let ours = secrets.into_iter().filter(|secret| secret.deleted_date().is_none());
    let ours = ours.filter_map(|secret| Some((scope.address::<Secret>(&tags_of(&secret), secret.arn()?)?, secret)));
    let mut ours: Vec<_> = ours.collect();
    // By its name and by its ARN it is one.
    ours.dedup_by(|(_, one), (_, other)| one.arn() == other.arn());
    Ok(ours)
}

/// The names of the secrets that carry the stack's tag.
async fn names(scope: &Scope<'_>) -> Result<BTreeSet<String>> {
    let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
    let call = scope.aws.secretsmanager.list_secrets();
    let call = call.filters(filter(FilterNameStringType::TagKey, identity::STACK));
    let call = call.filters(filter(FilterNameStringType::TagValue, scope.stack));
    let pages = call.into_paginator().send().try_collect().await?;
    Ok(pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default()).filter_map(|entry| entry.name).collect())
}

async fn describe_all(aws: &Clients, names: &BTreeSet<String>) -> Result<Vec<DescribeSecretOutput>> {
    let found = each(names.iter().map(|name| describe(aws, name))).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn describe(aws: &Clients, name: &str) -> Result<Option<DescribeSecretOutput>> {
    unless_gone(aws.secretsmanager.describe_secret().secret_id(name).send().await)
}

/// Whether a call was refused because the secret is to be deleted.
pub(super) fn is_scheduled(error: &Error) -> bool {
    let told = ["scheduled for deletion", "marked for deletion"];
    error.is("InvalidRequestException") && told.iter().any(|text| error.message.contains(text))
}

/// Whether the secret is there, and its key does not open it: a key that is disabled, is to be deleted, or is not ours to use.
pub(super) fn is_locked(error: &Error) -> bool {
    error.code.as_deref().is_some_and(|code| code.starts_with("DecryptionFailure") || code.starts_with("KMS"))
}

/// A secret of the stack, where it is scheduled for deletion.
///
/// # Errors
/// The Secrets Manager's own.
pub(super) async fn scheduled(aws: &Clients, name: &str, stack: &str) -> Result<Option<Scheduled>> {
    let found = describe(aws, name).await?.filter(|secret| secret.deleted_date().is_some());
    let ours = found.filter(|secret| identity::place(&tags_of(secret), stack, Secret::KIND).is_ok());
    Ok(ours
        .and_then(|secret| Some(Scheduled { arn: secret.arn()?.to_owned(), created: secret.created_date()?.secs() })))
}

/// Takes back the deletion of a secret of this stack; its password is still right for a cluster that was kept or restored.
async fn restore(name: &str, refusal: Error, scope: &Scope<'_>) -> Result<()> {
    let Some(secret) = describe(scope.aws, name).await? else {
        // Purged a moment ago: the name becomes free.
        return Err(refusal);
    };
    if scope.address::<Secret>(&tags_of(&secret), secret.arn().unwrap_or_default()).is_none() {
        return Err(Error::new(
            Class::AlreadyExists,
            format!(
                "The secret {name} is scheduled for deletion, but it does not belong to the stack {}.",
                scope.stack
            ),
        ));
    }
    scope.aws.secretsmanager.restore_secret().secret_id(name).send().await?;
    Ok(())
}

/// What a secret holds.
///
/// # Errors
/// The Secrets Manager's own, and one where the secret does not hold a JSON object.
pub(super) async fn read(aws: &Clients, id: &str) -> Result<Held> {
    let answer = aws.secretsmanager.get_secret_value().secret_id(id).send().await?;
    let content = answer.secret_string().and_then(Content::parse);
    let content = content.ok_or_else(|| Error::other(no_json(id)).advise(MEND))?;
    Ok(Held { content, version: answer.version_id })
}

/// What is wrong with a secret that holds something else.
pub(super) fn no_json(id: &str) -> String {
    format!("The secret {id} does not hold a JSON object, so there is no password to be read from it.")
}

/// What to do about it.
pub(super) const MEND: &str =
    "Store {\"username\": …, \"password\": …} in it, or name another secret in the description.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_does_not_open_it_is_told_from_other_failures() {
        let is_locked = |code: &str| is_locked(&Error::refusal("GetSecretValue", code, "…"));
        for code in
            ["DecryptionFailure", "DecryptionFailureException", "KMSAccessDeniedException", "KMSInvalidStateException"]
        {
            assert!(is_locked(code), "{code}");
        }
        for code in ["InternalServiceError", "ThrottlingException", "InvalidRequestException"] {
            assert!(!is_locked(code), "{code}");
        }
    }
}
