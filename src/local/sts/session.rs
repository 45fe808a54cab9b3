//! Sessions: who somebody is that signs with temporary credentials.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{caller, caller_id};
use crate::local::{
    fault::Fault,
    members::{random_text, time},
    pace::Millis,
    world::Ctx,
};

/// How long an expired session is told apart from a key that was never given out.
const REMEMBERED: Millis = 24 * 60 * 60 * 1000;

/// What temporary credentials stand for. Their secret is nowhere kept: nothing here checks a signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    /// As `GetCallerIdentity` tells it.
    pub(super) arn: String,
    pub(super) user_id: String,
    /// The ARN of the role; none for a session of the user itself.
    pub(super) role: Option<String>,
    pub(super) expires_at: Millis,
}

impl Session {
    /// Whether it ended so long ago that its key is like any other.
    pub(crate) fn is_forgotten(&self, now: Millis) -> bool {
        self.expires_at + REMEMBERED < now
    }

    /// The one whose key signed this call; the account's user where it is no session's.
    pub(super) fn of(ctx: &Ctx<'_>) -> Result<Self, Fault> {
        let Some(session) = ctx.iam.session(&ctx.access_key) else { return Ok(Self::of_the_user(ctx, Millis::MAX)) };
        if session.expires_at <= ctx.now {
            let message = "The security token included in the request is expired";
            return Err(Fault::new("ExpiredToken", message).with_status(403));
        }
        Ok(session.clone())
    }

    /// The account's one user.
    pub(super) fn of_the_user(ctx: &Ctx<'_>, expires_at: Millis) -> Self {
        Self { arn: caller(ctx.account), user_id: caller_id(ctx.account), role: None, expires_at }
    }

    /// Gives out credentials for it. Any key opens the local cloud; these have AWS's form, and are known again.
    pub(super) fn open(self, ctx: &mut Ctx<'_>) -> Value {
        const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let key = format!("ASIA{}", random_text(16, BASE32));
        let credentials = json!({
            "AccessKeyId": key,
            "SecretAccessKey": random_text(40, BASE64),
            "SessionToken": random_text(200, BASE64),
            "Expiration": time(self.expires_at),
        });
        ctx.iam.open_session(key, self);
        credentials
    }
}
