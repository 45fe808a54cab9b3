//! Connections to source code providers. They stay in PENDING_HANDSHAKE: the handshake is a person's, in a browser.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Store, cut, invalid, not_found, revision::check_count, tag};
use crate::local::{
    fault::Fault,
    members::{Tag, Tags, decode, merge_tags, random_hex, time},
    pace::Millis,
    world::Ctx,
};

/// A connection.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Connection {
    pub(super) arn: String,
    pub(super) name: String,
    provider: String,
    created_at: Millis,
    pub(super) tags: Tags,
}

impl Connection {
    pub(super) fn status(&self) -> &'static str {
        "PENDING_HANDSHAKE"
    }

    fn describe(&self, status: &str) -> Value {
        json!({
            "ConnectionName": self.name,
            "ConnectionArn": self.arn,
            "ProviderType": self.provider,
            "Status": status,
            "CreatedAt": time(self.created_at),
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    connection_name: Option<String>,
    connection_arn: String,
    provider_type: String,
    tags: Vec<Tag>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn create_connection(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    tag::check(&input.tags)?;
    let name = input.connection_name.unwrap_or_default();
    let connections = &ctx.region.apprunner.connections;
    if connections.values().any(|connection| connection.name == name) {
        return Err(invalid(format!("Connection with the provided name already exists: {name}.")));
    }
    check_count(connections.len(), 10, "connections")?;
    let mut connection = Connection {
        arn: format!("arn:aws:apprunner:{}:{}:connection/{name}/{}", ctx.region_name, ctx.account, random_hex(32)),
        name,
        provider: input.provider_type,
        created_at: ctx.now,
        tags: Tags::new(),
    };
    merge_tags(&mut connection.tags, input.tags);
    let output = connection.describe(connection.status());
    ctx.region.apprunner.connections.insert(connection.arn.clone(), connection);
    Ok(json!({ "Connection": output }))
}

pub(super) fn list_connections(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let name = input.connection_name.as_deref();
    let chosen = ctx.region.apprunner.connections.values().filter(|it| name.is_none_or(|name| name == it.name));
    let page = cut(chosen.collect(), input.next_token.as_deref(), input.max_results, |it| it.arn.clone())?;
    let list: Vec<Value> = page.items.into_iter().map(|it| it.describe(it.status())).collect();
    Ok(json!({ "ConnectionSummaryList": list, "NextToken": page.next }))
}

pub(super) fn delete_connection(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input: Input = decode(input)?;
    let arn = &input.connection_arn;
    let message = format!("Connection is being used by one or more services. ARN: {arn}");
    ctx.region.apprunner.check_unused(&message, |settings| {
        settings.source.0["AuthenticationConfiguration"]["ConnectionArn"].as_str() == Some(arn)
    })?;
    let connection = ctx.region.apprunner.connections.remove(arn).ok_or_else(|| not_found("connection", arn))?;
    Ok(json!({ "Connection": connection.describe("DELETED") }))
}

impl Store {
    /// Refuses a connection that a service cannot read code through.
    pub(super) fn check_connection(&self, arn: &str) -> Result<(), Fault> {
        match self.connections.get(arn) {
            None => Err(invalid(format!("Connection ARN is invalid: {arn}"))),
            Some(connection) => Err(invalid(format!(
                "Authentication configuration is invalid: the connection {arn} is in {}, and its handshake cannot be done in \
                 the local cloud. Use an image instead.",
                connection.status()
            ))),
        }
    }
}
