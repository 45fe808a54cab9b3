//! What an answer is written from: the store, and where it is.

use serde_json::{Value, json};

use super::{Store, kind::Kind};
use crate::local::world::Ctx;

/// The store as answers see it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) store: &'a Store,
    /// The account's twelve digits, `OwnerId` in answers.
    pub(super) account: &'a str,
    pub(super) region: &'a str,
}

impl<'a> View<'a> {
    /// The store of the call's account and region.
    pub(super) fn of(ctx: &'a Ctx<'_>) -> Self {
        Self { store: &ctx.region.ec2, account: ctx.account, region: ctx.region_name }
    }

    /// The ARN of a resource.
    pub(super) fn arn(&self, kind: &Kind, id: &str) -> String {
        format!("arn:aws:ec2:{}:{}:{}/{id}", self.region, self.account, kind.resource_type)
    }

    /// The tags of a resource, as a list.
    pub(super) fn tags(&self, id: &str) -> Value {
        let tags = self.store.tags.get(id).into_iter().flatten();
        tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    }

    /// The same of the kinds of which AWS does not say that they have none.
    pub(super) fn tags_if_any(&self, id: &str) -> Value {
        if self.store.tags.contains_key(id) { self.tags(id) } else { Value::Null }
    }
}

/// Of whether public traffic is kept from networks: it is nowhere.
pub(super) fn no_block() -> Value {
    json!({"InternetGatewayBlockMode": "off"})
}

/// A moment in the form of the answers.
pub(super) fn timestamp(millis: crate::local::pace::Millis) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}
