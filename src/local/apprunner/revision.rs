//! What connectors and configurations have in common: a name, a revision, ACTIVE until deleted.

use serde::{Deserialize, Serialize};

use super::{Store, invalid, tag};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, merge_tags, random_hex},
    pace::Millis,
    world::Ctx,
};

/// One revision of a name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Revision {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) created_at: Millis,
    pub(super) deleted_at: Option<Millis>,
    pub(super) tags: Tags,
}

impl Revision {
    /// The next revision of `name`; `kind` as it stands in ARNs.
    pub(super) fn next(ctx: &mut Ctx<'_>, kind: &str, name: &str, tags: Vec<Tag>) -> Result<Self, Fault> {
        tag::check(&tags)?;
        let last = ctx.region.apprunner.revisions.entry(format!("{kind}/{name}")).or_default();
        *last += 1;
        let number = *last;
        let mut revision = Self {
            arn: format!(
                "arn:aws:apprunner:{}:{}:{kind}/{name}/{number}/{}",
                ctx.region_name,
                ctx.account,
                random_hex(32)
            ),
            name: name.to_owned(),
            number,
            created_at: ctx.now,
            ..Self::default()
        };
        merge_tags(&mut revision.tags, tags);
        Ok(revision)
    }

    pub(super) fn is_active(&self) -> bool {
        self.deleted_at.is_none()
    }

    pub(super) fn status(&self) -> &'static str {
        if self.is_active() { "ACTIVE" } else { "INACTIVE" }
    }

    /// Whether an ARN means this revision: in full, or without the random end.
    pub(super) fn is_named(&self, arn: &str) -> bool {
        self.arn == arn || self.arn.rsplit_once('/').is_some_and(|(start, _)| start == arn)
    }

    /// Whether an ARN ends with the name alone, which means its newest revision.
    pub(super) fn is_family(&self, arn: &str) -> bool {
        let family = self.arn.rsplitn(3, '/').nth(2);
        family == Some(arn)
    }
}

/// The ARN in full of the revision that `arn` means, among active and remembered ones.
pub(super) fn resolve<'a>(revisions: impl Iterator<Item = &'a Revision>, arn: &str) -> Option<String> {
    let mut newest: Option<&Revision> = None;
    for revision in revisions {
        if revision.is_named(arn) {
            return Some(revision.arn.clone());
        }
        if revision.is_active() && revision.is_family(arn) && newest.is_none_or(|other| other.number < revision.number)
        {
            newest = Some(revision);
        }
    }
    newest.map(|revision| revision.arn.clone())
}

/// Refuses what AWS's own tag keys and quotas refuse.
pub(super) fn check_count(count: usize, limit: usize, what: &str) -> Result<(), Fault> {
    if count < limit {
        Ok(())
    } else {
        Err(super::quota(format!("The limit of {limit} {what} in this region is reached.")))
    }
}

impl Store {
    /// Refuses the deletion of what services use, by naming them.
    pub(super) fn check_unused(
        &self,
        message: &str,
        uses: impl Fn(&super::service::Settings) -> bool,
    ) -> Result<(), Fault> {
        match self.services.values().find(|service| service.holds(&uses)) {
            Some(_) => Err(invalid(message)),
            None => Ok(()),
        }
    }
}
