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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{iam::wildcard, model::Model};

    /// What people read about what is not there.
    const DECISION: &str = include_str!("../../docs/decisions/local-cloud.md");

    /// The rows of its table that speak of a service: the patterns of actions in them.
    fn rows(service: &str) -> Vec<&'static str> {
        let title = match service {
            "ec2" => "EC2",
            "rds" => "RDS",
            "apprunner" => "App Runner",
            "secretsmanager" => "Secrets Manager",
            "iam" => "IAM",
            "sts" => "STS",
            "ssm" => "SSM",
            "logs" => "CloudWatch Logs",
            "lambda" => "Lambda",
            other => panic!("{other} has no title"),
        };
        let rows = DECISION.lines().filter(|line| line.starts_with(&format!("| {title}: ")));
        let marked = rows
            .filter_map(|row| row.split_once("efused: ").or(row.split_once("by name: ")))
            .flat_map(|(_, row)| row.split('`').skip(1).step_by(2));
        marked.collect()
    }

    /// Whether an action is about what this cloud has. EC2 and SSM have much that it has nothing to do with.
    fn concerns(service: &str, action: &str) -> bool {
        let about: &[&str] = match service {
            "ec2" => &[
                "Vpc",
                "Subnet",
                "Gateway",
                "Address",
                "Route",
                "SecurityGroup",
                "Endpoint",
                "Interface",
                "PrefixList",
                "Zone",
                "Tag",
                "NetworkAcl",
                "DhcpOptions",
                "PublicIp",
                "Ipv4",
                "Ipv6",
                "FlowLogs",
            ],
            "ssm" => &["Parameter", "Tag", "ResourcePolic", "ServiceSetting"],
            _ => &[""],
        };
        about.iter().any(|word| action.contains(word))
    }

    #[test]
    fn every_refused_action_stands_in_the_table_of_what_stays_out() {
        for service in SERVICES {
            let model = Model::of(service.name).unwrap();
            let refused: Vec<&str> =
                model.all_names().filter(|name| !service.actions.iter().any(|(known, _)| known == name)).collect();
            let patterns = rows(service.name);
            let unsaid: Vec<_> = refused
                .iter()
                .filter(|name| concerns(service.name, name) && !patterns.iter().any(|pattern| wildcard(pattern, name)))
                .collect();
            assert!(unsaid.is_empty(), "{}: {unsaid:?}", service.name);
            let stale: Vec<_> =
                patterns.iter().filter(|pattern| !refused.iter().any(|name| wildcard(pattern, name))).collect();
            assert!(stale.is_empty(), "{}: nothing is refused that is named {stale:?}", service.name);
        }
    }
}
