//! A service of the local cloud: a name, and a list of actions.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::{cloud::Cloud, fault::Fault, world::Ctx};

/// Answers one action. The input has passed the official model (names, types, required members), with
/// numbers as JSON numbers and timestamps as RFC 3339 text; the output is written by the same model's
/// member names, so a service never sees a wire format.
pub(crate) type Action = fn(&mut Ctx<'_>, Value) -> Result<Value, Fault>;

/// What goes on after an action has answered, outside of the state: something runs, and its end is the answer. It is
/// given what the action answered, and goes on also where nobody waits for it any more.
pub(crate) type Run = fn(Arc<Cloud>, Value) -> BoxFuture<'static, Result<Value, Fault>>;

/// One AWS service.
pub(crate) struct Service {
    /// The signing name, e.g. `ec2`; also the name of its model.
    pub(crate) name: &'static str,
    /// Every action it answers, by its official name, e.g. `CreateVpc`.
    pub(crate) actions: &'static [(&'static str, Action)],
    /// The actions of these after whose answer something runs.
    pub(crate) runs: &'static [(&'static str, Run)],
}

/// Every service, in the order in which they are listed to users.
pub(crate) static SERVICES: &[&Service] = &[
    &super::ec2::SERVICE,
    &super::rds::SERVICE,
    &super::apprunner::SERVICE,
    &super::secretsmanager::SERVICE,
    &super::iam::SERVICE,
    &super::sts::SERVICE,
    &super::ssm::SERVICE,
    &super::logs::SERVICE,
    &super::lambda::SERVICE,
];
