//! A parameter and its versions.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::local::{
    members::{Sealed, Tags, time},
    pace::Millis,
};

/// A parameter with its versions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Parameter {
    pub(super) arn: String,
    pub(super) name: String,
    /// `String`, `StringList` or `SecureString`.
    pub(super) kind: String,
    pub(super) tags: Tags,
    /// The version in force.
    pub(super) newest: Version,
    /// The versions before it, oldest first.
    pub(super) earlier: Vec<Version>,
}

/// One version of a parameter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) value: Sealed<String>,
    /// What is shown in place of a SecureString's value to those who do not decrypt it.
    pub(super) cipher: Option<String>,
    pub(super) description: Option<String>,
    pub(super) allowed_pattern: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) tier: String,
    pub(super) data_type: String,
    pub(super) labels: Vec<String>,
    pub(super) modified_at: Millis,
    pub(super) modified_by: String,
}

impl Parameter {
    /// Every version, oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.earlier.iter().chain([&self.newest])
    }

    /// The same, to change them.
    pub(super) fn versions_mut(&mut self) -> impl Iterator<Item = &mut Version> {
        self.earlier.iter_mut().chain([&mut self.newest])
    }

    /// The version that `selector` (a number or a label) means; the newest without one.
    pub(super) fn version(&self, selector: Option<&str>) -> Option<&Version> {
        match selector {
            None => Some(&self.newest),
            Some(selector) => self.versions().find(|version| {
                version.number.to_string() == selector || version.labels.iter().any(|label| label == selector)
            }),
        }
    }

    /// As GetParameter shows a version.
    pub(super) fn value(&self, version: &Version, selector: Option<&str>, decrypt: bool) -> Value {
        json!({
            "Name": self.name,
            "Type": self.kind,
            "Value": version.shown(decrypt),
            "Version": version.number,
            "Selector": selector.map(|selector| format!(":{selector}")),
            "LastModifiedDate": time(version.modified_at),
            "ARN": self.arn,
            "DataType": version.data_type,
        })
    }

    /// As DescribeParameters and GetParameterHistory show a version, without its value.
    pub(super) fn metadata(&self, version: &Version) -> Value {
        json!({
            "Name": self.name,
            "Type": self.kind,
            "KeyId": version.key_id,
            "LastModifiedDate": time(version.modified_at),
            "LastModifiedUser": version.modified_by,
            "Description": version.description,
            "AllowedPattern": version.allowed_pattern,
            "Version": version.number,
            "Tier": version.tier,
            "Policies": [],
            "DataType": version.data_type,
        })
    }
}

impl Version {
    /// The value, or for a SecureString that is not to be decrypted its cipher.
    pub(super) fn shown(&self, decrypt: bool) -> &str {
        match &self.cipher {
            Some(cipher) if !decrypt => cipher,
            _ => &self.value.0,
        }
    }
}
