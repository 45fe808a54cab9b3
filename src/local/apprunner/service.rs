//! A service, the settings it runs with, and the operations on it.

use std::mem;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::program::Program;
use crate::local::{
    members::{Sealed, Tags, optional_time, random_uuid, time},
    pace::Millis,
};

/// A service's state between operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    /// Before its first operation is over.
    #[default]
    New,
    Running,
    Paused,
    CreateFailed,
    DeleteFailed,
    Deleted,
}

impl Status {
    /// As the API writes it.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::New => "OPERATION_IN_PROGRESS",
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::CreateFailed => "CREATE_FAILED",
            Self::DeleteFailed => "DELETE_FAILED",
            Self::Deleted => "DELETED",
        }
    }
}

/// What a service runs and how. The blocks have the API's own members.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// `SourceConfiguration`; its environment variables may be secret.
    pub(crate) source: Sealed<Value>,
    pub(crate) instance: Value,
    pub(crate) health_check: Value,
    /// The ARN of the auto scaling configuration.
    pub(crate) scaling: String,
    pub(crate) network: Value,
    pub(crate) observability: Value,
    pub(crate) encryption: Value,
    /// What runs in the image's place; where there is none, the service only passes through its states.
    pub(crate) program: Option<Program>,
}

impl Settings {
    /// The connector through which the service reaches its VPC.
    pub(super) fn connector(&self) -> Option<&str> {
        self.network["EgressConfiguration"]["VpcConnectorArn"].as_str()
    }

    /// The configuration of the image or the code: port, environment, command.
    pub(super) fn runtime(&self) -> &Value {
        let source = &self.source.0;
        match source.get("ImageRepository") {
            Some(image) => &image["ImageConfiguration"],
            None => &source["CodeRepository"]["CodeConfiguration"]["CodeConfigurationValues"],
        }
    }
}

/// A service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AppService {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) id: String,
    /// The host under which it is reached, without a scheme.
    pub(crate) url: String,
    pub(super) created_at: Millis,
    pub(super) updated_at: Millis,
    pub(super) deleted_at: Option<Millis>,
    /// The state that the running operation, if there is one, began from.
    pub(crate) status: Status,
    pub(crate) settings: Settings,
    /// What is in force until the running update succeeds, and again if it fails.
    pub(super) fallback: Option<Settings>,
    /// What did not come up, held on to until the service is back at what ran before.
    pub(super) given_up: Option<Settings>,
    /// Oldest first.
    pub(super) operations: Vec<Operation>,
    pub(super) domains: Vec<super::domain::Domain>,
    pub(super) tags: Tags,
    /// The port on this machine that its program was told to listen on.
    pub(super) port: Option<u16>,
    /// Grows whenever its program has to be started anew.
    pub(super) generation: u64,
}

/// What is done to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Create,
    Update,
    Deploy,
    Pause,
    Resume,
    Delete,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Create => "CREATE_SERVICE",
            Self::Update => "UPDATE_SERVICE",
            Self::Deploy => "START_DEPLOYMENT",
            Self::Pause => "PAUSE_SERVICE",
            Self::Resume => "RESUME_SERVICE",
            Self::Delete => "DELETE_SERVICE",
        }
    }
}

/// One operation on a service. How it ends is known from its beginning, and shown when its time has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) started_at: Millis,
    pub(super) ends_at: Millis,
    /// Why it fails, if it does.
    pub(super) failure: Option<String>,
    /// Whether its end has been carried out.
    pub(super) over: bool,
    /// What its end waits for besides the time, where a program runs.
    #[serde(default)]
    pub(super) awaits: Option<Awaits>,
}

/// What an operation waits for where a program runs in the image's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Awaits {
    /// That the new program answers, or does not.
    Start,
    /// That the former one answers again.
    Rollback,
    /// That the program has ended.
    End,
}

impl Operation {
    pub(super) fn new(kind: Kind, started_at: Millis, ends_at: Millis, failure: Option<String>) -> Self {
        Self { id: random_uuid(), kind, started_at, ends_at, failure, over: false, awaits: None }
    }

    /// A failed update or deployment of a service that runs is rolled back, in the second half of its time.
    fn status(&self, now: Millis) -> &'static str {
        let rolls_back = matches!(self.kind, Kind::Update | Kind::Deploy);
        match (&self.failure, self.over) {
            (None, true) => "SUCCEEDED",
            (Some(_), true) if rolls_back => "ROLLBACK_SUCCEEDED",
            (Some(_), true) => "FAILED",
            (Some(_), false) if rolls_back && now > self.started_at + (self.ends_at - self.started_at) / 2 => {
                "ROLLBACK_IN_PROGRESS"
            }
            (_, false) => "IN_PROGRESS",
        }
    }

    pub(super) fn describe(&self, target: &str, now: Millis) -> Value {
        json!({
            "Id": self.id,
            "Type": self.kind.text(),
            "Status": self.status(now),
            "TargetArn": target,
            "StartedAt": time(self.started_at),
            "EndedAt": optional_time(self.over.then_some(self.ends_at)),
            "UpdatedAt": time(if self.over { self.ends_at } else { self.started_at }),
        })
    }
}

impl AppService {
    /// The operation that is under way.
    pub(super) fn running_operation(&self) -> Option<&Operation> {
        self.operations.last().filter(|operation| !operation.over)
    }

    /// The status as the API shows it.
    pub(crate) fn status_text(&self) -> &'static str {
        if self.running_operation().is_some() { "OPERATION_IN_PROGRESS" } else { self.status.text() }
    }

    /// Whether the service holds on to a connector, a configuration: in force, to come, to fall back to, or given up.
    pub(super) fn holds(&self, what: impl Fn(&Settings) -> bool) -> bool {
        let all = [Some(&self.settings), self.fallback.as_ref(), self.given_up.as_ref()];
        self.status != Status::Deleted && all.into_iter().flatten().any(what)
    }

    /// The settings with which instances are to run now, if any are.
    pub(super) fn to_run(&self) -> Option<&Settings> {
        let Some(operation) = self.running_operation() else {
            return (self.status == Status::Running).then_some(&self.settings);
        };
        let failed = operation.failure.is_some();
        let runs = match operation.kind {
            Kind::Pause | Kind::Delete => false,
            Kind::Create | Kind::Resume => !failed,
            Kind::Update | Kind::Deploy => {
                self.status == Status::Running || self.status == Status::CreateFailed && !failed
            }
        };
        let former = self.fallback.as_ref().filter(|_| failed);
        runs.then(|| former.unwrap_or(&self.settings))
    }

    /// Where the service's program answers on this machine.
    pub(super) fn address(&self) -> Option<String> {
        let port = self.port.filter(|_| self.settings.program.is_some())?;
        Some(format!("localhost:{port}"))
    }

    fn awaiting(&mut self) -> Option<&mut Operation> {
        self.operations.last_mut().filter(|operation| !operation.over && operation.awaits.is_some())
    }

    /// What the running operation waited for has come; nothing to do where it waited for nothing.
    pub(super) fn go_on(&mut self, now: Millis) {
        if let Some(operation) = self.awaiting() {
            operation.awaits = None;
            operation.ends_at = operation.ends_at.max(now);
        }
    }

    /// The program did not come up: what waited for it fails, and the former one is started again, if one ran. Answers
    /// whether an operation waited for it.
    pub(super) fn fail(&mut self, now: Millis, why: &str) -> bool {
        if self.awaiting().is_none() {
            return false;
        }
        let former = self.fallback.take_if(|_| self.status == Status::Running);
        let Some(operation) = self.awaiting() else { return false };
        let first = operation.awaits.replace(Awaits::Rollback) == Some(Awaits::Start);
        if first {
            operation.failure = Some(why.to_owned());
        }
        match former.filter(|_| first) {
            Some(former) => {
                self.given_up = Some(mem::replace(&mut self.settings, former));
                self.generation += 1;
            }
            None => self.go_on(now),
        }
        true
    }

    /// The log group of a kind, `service` (deployment events) or `application` (its own output).
    pub(crate) fn log_group(&self, kind: &str) -> String {
        format!("/aws/apprunner/{}/{}/{kind}", self.name, self.id)
    }

    pub(super) fn summary(&self) -> Value {
        json!({
            "ServiceName": self.name,
            "ServiceId": self.id,
            "ServiceArn": self.arn,
            "ServiceUrl": self.address().unwrap_or_else(|| self.url.clone()),
            "CreatedAt": time(self.created_at),
            "UpdatedAt": time(self.updated_at),
            "Status": self.status_text(),
        })
    }

    /// Everything that DescribeService shows; `scaling` is the configuration's summary.
    pub(super) fn describe(&self, scaling: Value) -> Value {
        let mut members = self.summary();
        members["DeletedAt"] = optional_time(self.deleted_at);
        members["SourceConfiguration"] = self.settings.source.0.clone();
        members["InstanceConfiguration"] = self.settings.instance.clone();
        members["HealthCheckConfiguration"] = self.settings.health_check.clone();
        members["NetworkConfiguration"] = self.settings.network.clone();
        members["ObservabilityConfiguration"] = self.settings.observability.clone();
        members["EncryptionConfiguration"] = self.settings.encryption.clone();
        members["AutoScalingConfigurationSummary"] = scaling;
        members
    }

    /// Carries out the end of the running operation if its time has come; says what it then logs.
    pub(super) fn settle(&mut self, now: Millis) -> Option<(Millis, String)> {
        let due = |one: &&mut Operation| !one.over && one.awaits.is_none() && one.ends_at <= now;
        let operation = self.operations.last_mut().filter(due)?;
        operation.over = true;
        let (kind, ended_at, failure) = (operation.kind, operation.ends_at, operation.failure.clone());
        let failed = failure.is_some();
        self.status = match kind {
            Kind::Create if failed => Status::CreateFailed,
            Kind::Create | Kind::Resume if !failed => Status::Running,
            Kind::Pause if !failed => Status::Paused,
            Kind::Update if !failed && self.status == Status::CreateFailed => Status::Running,
            Kind::Delete if failed => Status::DeleteFailed,
            Kind::Delete => Status::Deleted,
            _ => self.status,
        };
        if self.status == Status::Deleted {
            self.deleted_at = Some(ended_at);
        }
        self.given_up = None;
        let fallback = self.fallback.take();
        if failed && let Some(fallback) = fallback {
            self.settings = fallback;
        }
        self.updated_at = ended_at;
        let text = match (kind, failure) {
            (Kind::Create, None) => "Service creation completed successfully.".to_owned(),
            (Kind::Create, Some(reason)) => format!("Service creation failed. {reason}"),
            (Kind::Update, None) => "Service update completed successfully.".to_owned(),
            (Kind::Update, Some(reason)) => format!("Service update failed and was rolled back. {reason}"),
            (Kind::Deploy, None) => "Successfully deployed your application image.".to_owned(),
            (Kind::Deploy, Some(reason)) => format!("Deployment failed and was rolled back. {reason}"),
            (Kind::Pause | Kind::Resume, Some(reason)) => format!("Changing the service's state failed. {reason}"),
            (Kind::Pause | Kind::Resume, None) => format!("Service status is set to {}.", self.status.text()),
            (Kind::Delete, None) => "Service deletion completed successfully.".to_owned(),
            (Kind::Delete, Some(reason)) => format!("Service deletion failed. {reason}"),
        };
        Some((ended_at, text))
    }
}
