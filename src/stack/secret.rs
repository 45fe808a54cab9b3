//! The section `secret`: the database's credentials in the Secrets Manager.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, KmsKeyArn, SecretName, StackName};

/// The database's credentials in the Secrets Manager: `{"username","password","engine","host","port","dbname"}`. The password is made
/// once, by the first deploy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Secret {
    /// The secret's name. Left out: `<stack>-database`. Changing it means a new secret and a new password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<SecretName>,

    /// What the console shows next to the name.
    #[schemars(length(max = 2048))]
    pub description: String,

    /// The KMS key that encrypts it, by ARN; the roles of proxy and service may decrypt with it. Left out: AWS's own key for secrets.
    /// Whoever changes it needs kms:Decrypt for the previous one, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<KmsKeyArn>,

    /// What becomes of the secret when it is deleted.
    pub on_destroy: OnDestroySecret,

    /// With `on_destroy: schedule`: how long it can still be restored, 7 to 30 days.
    #[schemars(extend("x-minimum" = "7 days", "x-maximum" = "30 days", "x-step" = "1 day"))]
    pub recovery: Duration,
}

impl Secret {
    /// The name, given or derived from the stack's.
    #[must_use]
    pub fn name_in(&self, stack: &StackName) -> String {
        self.name.as_ref().map_or_else(|| format!("{}-database", stack.as_str()), |name| name.as_str().to_owned())
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self {
            name: None,
            description: "Credentials of the database's master user".to_owned(),
            kms_key: None,
            on_destroy: OnDestroySecret::default(),
            recovery: Duration::from_days(30),
        }
    }
}

/// What becomes of the secret when it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnDestroySecret {
    /// Its deletion is scheduled; a deploy within `recovery` restores it.
    #[default]
    Schedule,
    /// It is deleted at once.
    Purge,
    /// It stays.
    Keep,
}
