//! Sessions: who somebody is that signs with temporary credentials.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{caller, caller_id};
use crate::local::{
    cloud::{Cloud, now},
    fault::Fault,
    iam::Context,
    members::{Tags, random_text, time},
    model::Protocol,
    pace::Millis,
    world::Ctx,
};

/// How long an expired session is told apart from a key that was never given out.
const REMEMBERED: Millis = 24 * 60 * 60 * 1000;

/// What temporary credentials stand for. Their secret is nowhere kept: nothing here checks a signature. Of their token
/// there is a hash.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    /// As `GetCallerIdentity` tells it.
    pub(super) arn: String,
    pub(super) user_id: String,
    /// The ARN of the role; none for a session of the user itself.
    pub(super) role: Option<String>,
    pub(super) issued_at: Millis,
    pub(super) expires_at: Millis,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub(super) tags: Tags,
    /// The keys of the tags that sessions have as well that this one opens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) transitive_tag_keys: Vec<String>,
    /// Who began, however many roles are assumed one by the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source_identity: Option<String>,
    pub(super) token_hash: String,
}

/// Whether the caller is somebody else than the account's user.
pub(crate) fn is_of_no_user(ctx: &Ctx<'_>) -> Result<bool, Fault> {
    Session::of(ctx).map(|session| session.is_of_no_user())
}

impl Session {
    /// Whether it ended so long ago that its key is like any other.
    pub(crate) fn is_forgotten(&self, now: Millis) -> bool {
        self.expires_at + REMEMBERED < now
    }

    /// The one whose key signed this call; the account's user where it is no session's.
    pub(super) fn of(ctx: &Ctx<'_>) -> Result<Self, Fault> {
        if let Some(visitor) = &ctx.visitor {
            return Ok(visitor.clone());
        }
        let Some(session) = ctx.iam.session(&ctx.access_key) else { return Ok(Self::of_the_user(ctx, Millis::MAX)) };
        if session.expires_at <= ctx.now {
            let message = "The security token included in the request is expired";
            return Err(Fault::new("ExpiredToken", message).with_status(403));
        }
        Ok(session.clone())
    }

    /// The account's one user.
    pub(super) fn of_the_user(ctx: &Ctx<'_>, expires_at: Millis) -> Self {
        Self {
            arn: caller(ctx.account),
            user_id: caller_id(ctx.account),
            issued_at: ctx.now,
            expires_at,
            ..Self::default()
        }
    }

    /// Whether it is a role's, or somebody's whom the user has let in, and not the user's own.
    fn is_of_no_user(&self) -> bool {
        !self.arn.contains(":user/")
    }

    /// The account that its ARN names.
    pub(super) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    pub(super) fn transitive_tags(&self) -> impl Iterator<Item = (&String, &String)> {
        self.tags.iter().filter(|(key, _)| self.transitive_tag_keys.iter().any(|other| other.eq_ignore_ascii_case(key)))
    }

    /// Who this is, as condition keys. Nobody here has a device, so a session says that it was opened without one, and the
    /// user's own key says nothing of it, as in AWS.
    pub(super) fn describe(&self, request: &mut Context) {
        request.set("aws:PrincipalAccount", self.account());
        request.set("aws:userid", &self.user_id);
        request.set("aws:PrincipalArn", self.role.as_ref().unwrap_or(&self.arn));
        let kind = match self.arn.split([':', '/']).nth(5) {
            Some("assumed-role") => "AssumedRole",
            Some("federated-user") => "FederatedUser",
            _ => "User",
        };
        request.set("aws:PrincipalType", kind);
        if kind == "User" {
            request.set("aws:username", self.arn.rsplit('/').next().unwrap_or_default());
        }
        if self.expires_at != Millis::MAX {
            request.set("aws:MultiFactorAuthPresent", "false");
            request.set("aws:TokenIssueTime", time(self.issued_at).as_str().unwrap_or_default());
        }
        for (key, value) in &self.tags {
            request.set(&format!("aws:PrincipalTag/{key}"), value);
        }
        if let Some(identity) = &self.source_identity {
            request.set("aws:SourceIdentity", identity);
        }
    }

    /// Gives out credentials for it. Any key opens the local cloud; these have AWS's form, and are known again.
    pub(super) fn open(mut self, ctx: &mut Ctx<'_>) -> Value {
        const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let key = format!("ASIA{}", random_text(16, BASE32));
        let token = random_text(200, BASE64);
        self.token_hash = hash(&token);
        let credentials = json!({
            "AccessKeyId": key,
            "SecretAccessKey": random_text(40, BASE64),
            "SessionToken": token,
            "Expiration": time(self.expires_at),
        });
        ctx.iam.open_session(key, self);
        credentials
    }

    /// Why whoever signs with this session's key is refused: another token than the one that came with the key, or its end.
    /// Each kind of service has codes of its own for that.
    fn refusal(&self, protocol: Protocol, token: Option<&str>, now: Millis) -> Option<Fault> {
        let is_right = token.is_some_and(|token| hash(token) == self.token_hash);
        let (code, message, status) = match protocol {
            _ if is_right && self.expires_at > now => return None,
            Protocol::Ec2 if is_right => ("RequestExpired", "Request has expired.", 400),
            Protocol::Ec2 => ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
            Protocol::Query if is_right => ("ExpiredToken", EXPIRED, 403),
            Protocol::Query => ("InvalidClientTokenId", INVALID, 403),
            Protocol::Json if is_right => ("ExpiredTokenException", EXPIRED, 400),
            Protocol::Json => ("UnrecognizedClientException", INVALID, 400),
            Protocol::RestJson if is_right => ("ExpiredTokenException", EXPIRED, 403),
            Protocol::RestJson => ("UnrecognizedClientException", INVALID, 403),
        };
        Some(Fault::new(code, message).with_status(status))
    }
}

const EXPIRED: &str = "The security token included in the request is expired";
const INVALID: &str = "The security token included in the request is invalid.";

fn hash(token: &str) -> String {
    STANDARD.encode(Sha256::digest(token.as_bytes()))
}

/// Refuses a call that is signed with a key that STS gave out here, but not with the token that belongs to it. Keys from
/// elsewhere are let in as all others are: whoever is signed in to AWS need not sign out to call the local cloud.
pub(crate) fn admit(cloud: &Cloud, protocol: Protocol, access_key: &str, token: Option<&str>) -> Result<(), Fault> {
    if !access_key.starts_with("ASIA") {
        return Ok(());
    }
    let world = cloud.world();
    let session = world.accounts.values().find_map(|account| account.iam.session(access_key));
    session.and_then(|session| session.refusal(protocol, token, now())).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_key_is_worth_nothing_without_its_token() {
        let session = Session { expires_at: 10, token_hash: hash("right"), ..Session::default() };
        let code = |protocol, token, now| session.refusal(protocol, token, now).map(|fault| fault.code);
        for (protocol, invalid, expired) in [
            (Protocol::Ec2, "AuthFailure", "RequestExpired"),
            (Protocol::Query, "InvalidClientTokenId", "ExpiredToken"),
            (Protocol::Json, "UnrecognizedClientException", "ExpiredTokenException"),
            (Protocol::RestJson, "UnrecognizedClientException", "ExpiredTokenException"),
        ] {
            assert_eq!(code(protocol, Some("right"), 9), None);
            assert_eq!(code(protocol, Some("wrong"), 9).as_deref(), Some(invalid));
            assert_eq!(code(protocol, None, 9).as_deref(), Some(invalid));
            assert_eq!(code(protocol, Some("right"), 10).as_deref(), Some(expired));
        }
    }
}
