//! One function, and how the API describes it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{NEWEST, name::Name};
use crate::local::{
    fault::Fault,
    members::{Sealed, Tags, random_uuid},
    pace::Millis,
};

/// A function; only its newest version exists here.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) arn: String,
    /// What the API takes and gives back as it is: role, handler, runtime, memory … and environment variables, which may be
    /// secret.
    pub(super) settings: Sealed<Map<String, Value>>,
    pub(super) architectures: Vec<String>,
    pub(super) subnets: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) vpc: String,
    /// Whether it was ever said which subnets and groups it has, if only that it has none.
    pub(super) networked: bool,
    /// The digest of the zip file, in base64.
    pub(super) sha256: String,
    pub(super) code_size: usize,
    /// The key that the zip file was encrypted with.
    pub(super) source_key: Option<String>,
    pub(super) modified_at: Millis,
    pub(super) revision: String,
    /// What the revision is once what is under way has ended.
    pub(super) next_revision: String,
    pub(super) state: State,
    /// When the creation ends.
    pub(super) ready_at: Option<Millis>,
    /// When the change under way ends.
    pub(super) changed_at: Option<Millis>,
    /// Why what is under way fails, or what was under way has failed.
    pub(super) failure: Option<String>,
    /// The same in a word; Lambda's own fault where there is none.
    pub(super) failure_code: Option<String>,
    pub(super) tags: Tags,
}

/// Why a function or a change of it failed: a subnet has no address left.
pub(super) const OUT_OF_ADDRESSES: &str = "SubnetOutOfIPAddresses";

/// Whether a function can be called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    #[default]
    Pending,
    Active,
    Failed,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Failed => "Failed",
        }
    }
}

impl Function {
    pub(super) fn settle(&mut self, now: Millis) {
        if self.ready_at.is_some_and(|at| at <= now) {
            self.ready_at = None;
            self.state = if self.failure.is_some() { State::Failed } else { State::Active };
            self.revise();
        }
        if self.changed_at.is_some_and(|at| at <= now) {
            self.changed_at = None;
            // What kept it from being made may have been mended.
            if self.state == State::Failed && self.failure.is_none() {
                self.state = State::Active;
            }
            self.revise();
        }
    }

    /// The end of a change is one too.
    fn revise(&mut self) {
        let next = std::mem::take(&mut self.next_revision);
        if !next.is_empty() {
            self.revision = next;
        }
    }

    /// Its name, which a state that somebody edited may not have.
    pub(super) fn name(&self) -> Result<Name, Fault> {
        let nameless = || Fault::internal("lambda", format!("{} has no name", self.arn));
        Name::of(&self.name).ok_or_else(nameless)
    }

    pub(super) fn setting(&self, name: &str) -> Option<&Value> {
        self.settings.0.get(name)
    }

    /// A setting's text.
    pub(super) fn text(&self, name: &str) -> &str {
        self.setting(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Refuses a change while another one is under way.
    pub(super) fn check_free(&self) -> Result<(), Fault> {
        if self.state == State::Pending {
            return Err(super::conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            ));
        }
        if self.changed_at.is_some() {
            return Err(super::conflict(format!(
                "The operation cannot be performed at this time. An update is in progress for resource: {}",
                self.arn
            )));
        }
        Ok(())
    }

    /// A change begins.
    pub(super) fn begin(&mut self, now: Millis, until: Millis, failure: Option<String>) {
        self.modified_at = now;
        (self.revision, self.next_revision) = (random_uuid(), random_uuid());
        self.failure = failure;
        self.failure_code = None;
        self.changed_at = Some(until);
    }

    /// What is under way is going to fail: a subnet has no address left for it.
    pub(super) fn fail_for_lack_of_addresses(&mut self) {
        self.failure =
            Some("Lambda was not able to set up VPC resources, as a subnet is out of IP addresses.".to_owned());
        self.failure_code = Some(OUT_OF_ADDRESSES.to_owned());
    }

    /// Whether it has the network interfaces that it asks for, as far as it asks for any.
    pub(super) fn is_placed(&self) -> bool {
        self.state == State::Active || self.failure.is_none()
    }

    /// Why it fails, as a code.
    pub(super) fn failure_code(&self) -> &str {
        self.failure_code.as_deref().unwrap_or("InternalError")
    }

    /// As a list shows it: without its states.
    pub(super) fn listed(&self) -> Map<String, Value> {
        let mut described = self.settings.0.clone();
        let moment = i64::try_from(self.modified_at).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
        let modified = moment.map(|moment| moment.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string());
        let own = json!({
            "FunctionName": self.name,
            "FunctionArn": self.arn,
            "CodeSize": self.code_size,
            "CodeSha256": self.sha256,
            "LastModified": modified,
            "Version": NEWEST,
            "RevisionId": self.revision,
            "PackageType": "Zip",
            "Architectures": self.architectures,
        });
        described.extend(own.as_object().cloned().unwrap_or_default());
        if self.networked || !self.subnets.is_empty() {
            let network = json!({"SubnetIds": self.subnets, "SecurityGroupIds": self.groups, "VpcId": self.vpc,
                "Ipv6AllowedForDualStack": false});
            described.insert("VpcConfig".to_owned(), network);
        }
        described
    }

    /// As the API describes it.
    pub(super) fn described(&self) -> Value {
        let mut described = self.listed();
        let mut set = |name: &str, value: Value| described.insert(name.to_owned(), value);
        set("State", self.state.name().into());
        match self.state {
            State::Pending => {
                set("StateReason", "The function is being created.".into());
                set("StateReasonCode", "Creating".into());
            }
            State::Failed => {
                set("StateReason", self.failure.clone().into());
                set("StateReasonCode", self.failure_code().into());
            }
            State::Active => {}
        }
        let update = match (self.state, self.changed_at, &self.failure) {
            (State::Pending, ..) => return Value::Object(described),
            (_, Some(_), _) => "InProgress",
            (_, None, Some(_)) => "Failed",
            (_, None, None) => "Successful",
        };
        let mut set = |name: &str, value: Value| described.insert(name.to_owned(), value);
        set("LastUpdateStatus", update.into());
        match update {
            "InProgress" => {
                set("LastUpdateStatusReason", "The function is being created.".into());
                set("LastUpdateStatusReasonCode", "Creating".into());
            }
            "Failed" => {
                set("LastUpdateStatusReason", self.failure.clone().into());
                set("LastUpdateStatusReasonCode", self.failure_code().into());
            }
            _ => {}
        }
        Value::Object(described)
    }
}
