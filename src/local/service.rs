//! A service of the local cloud: a name, and a list of actions.

use serde_json::Value;

use super::{fault::Fault, world::Ctx};

/// Answers one action. The input has passed the official model (names, types, required members), with
/// numbers as JSON numbers and timestamps as RFC 3339 text; the output is written by the same model's
/// member names, so a service never sees a wire format.
pub(crate) type Action = fn(&mut Ctx<'_>, Value) -> Result<Value, Fault>;

/// One AWS service.
pub(crate) struct Service {
    /// The signing name, e.g. `ec2`; also the name of its model.
    pub(crate) name: &'static str,
    /// Every action it answers, by its official name, e.g. `CreateVpc`.
    pub(crate) actions: &'static [(&'static str, Action)],
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
];
