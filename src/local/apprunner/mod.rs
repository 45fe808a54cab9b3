//! App Runner: services and their operations, VPC connectors, configurations with revisions, connections.
//!
//! A service is under OPERATION_IN_PROGRESS while an operation runs; how the operation ends is decided when it
//! begins and carried out by `settle`. Where a program was offered in the image's place ([`program`]), it is run
//! ([`run`]), and an operation ends as the program comes up or does not.

mod check;
mod connection;
mod connector;
mod domain;
mod events;
mod ingress;
mod lifecycle;
mod list;
mod observability;
pub(crate) mod program;
mod revision;
pub(crate) mod run;
mod scaling;
mod service;
mod settings;
mod tag;

use std::{collections::BTreeMap, mem, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    fault::Fault,
    inventory::Item,
    logs::Destination,
    members::{Page, Tags, page},
    pace::Millis,
    service::Service,
};
pub(crate) use service::{AppService, Status};

/// AWS's times.
const CREATE: Duration = Duration::from_secs(300);
const UPDATE: Duration = Duration::from_secs(300);
const DELETE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(60);
const RESUME: Duration = Duration::from_secs(120);
/// What the first use of a connector adds to an operation: its network interfaces are made.
const FIRST_USE: Duration = Duration::from_secs(180);
/// How long what was deleted can still be described.
const REMEMBERED: Millis = 60 * 60 * 1000;

/// What exists in one region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// By ARN, as everything here.
    services: BTreeMap<String, AppService>,
    connectors: BTreeMap<String, connector::Connector>,
    scaling: BTreeMap<String, scaling::Configuration>,
    observability: BTreeMap<String, observability::Configuration>,
    connections: BTreeMap<String, connection::Connection>,
    ingress: BTreeMap<String, ingress::Ingress>,
    /// The last revision of each name, deleted ones included; the key begins with the kind.
    revisions: BTreeMap<String, u32>,
    /// Whether the auto scaling configuration was provided that every region begins with.
    provided: bool,
    /// What runs in the images' place, by the service's name.
    programs: BTreeMap<String, program::Program>,
    /// Log lines that `Region::settle` passes on.
    lines: Vec<Line>,
}

/// The stream of deployment events in a service's log.
const EVENTS: &str = "events";

/// A line for a service's log of deployment events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) group: String,
    pub(crate) at: Millis,
    pub(crate) message: String,
}

impl Line {
    /// Where it goes.
    pub(crate) fn destination(&self) -> Destination<'_> {
        Destination { account: &self.account, region: &self.region, group: &self.group, stream: EVENTS }
    }
}

impl Store {
    /// Ends the operations whose time has come, and forgets what was deleted an hour ago.
    pub(crate) fn settle(&mut self, now: Millis) {
        let mut lines = Vec::new();
        for service in self.services.values_mut() {
            if let Some((at, text)) = service.settle(now) {
                lines.push(line(service, at, &text));
            }
        }
        self.lines.extend(lines);
        self.ingress.values_mut().for_each(|one| one.settle(now));
        let remembered = |deleted_at: Option<Millis>| deleted_at.is_none_or(|at| at + REMEMBERED > now);
        self.services.retain(|_, service| remembered(service.deleted_at));
        self.ingress.retain(|_, one| remembered(one.deleted_at));
        self.connectors.retain(|_, connector| remembered(connector.revision.deleted_at));
        self.scaling.retain(|_, configuration| remembered(configuration.revision.deleted_at));
        self.observability.retain(|_, configuration| remembered(configuration.revision.deleted_at));
    }

    /// Hands over the log lines that came up since the last time.
    pub(crate) fn take_lines(&mut self) -> Vec<Line> {
        mem::take(&mut self.lines)
    }

    /// The ARNs of the services that are not deleted.
    pub(crate) fn standing_services(&self) -> Vec<String> {
        self.services.values().filter(|it| it.status != Status::Deleted).map(|it| it.arn.clone()).collect()
    }

    /// The ARNs of the VPC connectors that are not deleted.
    pub(crate) fn active_connectors(&self) -> Vec<String> {
        self.connectors.values().filter(|it| it.revision.is_active()).map(|it| it.revision.arn.clone()).collect()
    }

    /// Everything that exists; what is DELETED or INACTIVE does not, and the default configuration is AWS's.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let item = |kind, id: &str, name: &str, state: &str, tags: &Tags| Item {
            service: "apprunner",
            kind,
            id: id.to_owned(),
            name: name.to_owned(),
            state: state.to_owned(),
            tags: tags.clone(),
        };
        let services = self.services.values().filter(|service| service.status != Status::Deleted);
        let services = services.map(|it| item("service", &it.arn, &it.name, it.status_text(), &it.tags));
        let revision = |kind, it: &revision::Revision| item(kind, &it.arn, &it.name, it.status(), &it.tags);
        let connectors = self.connectors.values().filter(|it| it.revision.is_active());
        let scaling = self.scaling.values().filter(|it| it.revision.is_active() && !it.is_provided());
        let observability = self.observability.values().filter(|it| it.revision.is_active());
        services
            .chain(connectors.map(|it| revision("vpc-connector", &it.revision)))
            .chain(scaling.map(|it| revision("auto-scaling-configuration", &it.revision)))
            .chain(observability.map(|it| revision("observability-configuration", &it.revision)))
            .chain(
                self.ingress
                    .values()
                    .filter(|it| !it.is_deleted())
                    .map(|it| item("vpc-ingress-connection", &it.arn, &it.name, it.status(), &it.tags)),
            )
            .chain(self.connections.values().map(|it| item("connection", &it.arn, &it.name, it.status(), &it.tags)))
            .collect()
    }

    /// Writes a line into a service's log of deployment events.
    fn log(&mut self, arn: &str, at: Millis, text: &str) {
        if let Some(service) = self.services.get(arn) {
            let line = line(service, at, text);
            self.lines.push(line);
        }
    }
}

/// A line about a service; account and region stand in its ARN.
fn line(service: &AppService, at: Millis, text: &str) -> Line {
    let mut parts = service.arn.split(':').skip(3).map(str::to_owned);
    let region = parts.next().unwrap_or_default();
    let account = parts.next().unwrap_or_default();
    Line { account, region, group: service.log_group("service"), at, message: format!("[AppRunner] {text}") }
}

/// Cuts a page, or refuses the token; whoever gives no limit gets everything.
fn cut<T>(
    items: Vec<T>,
    token: Option<&str>,
    limit: Option<usize>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, Fault> {
    page(items, token, limit.unwrap_or(usize::MAX), key).ok_or_else(|| invalid("The provided NextToken is invalid."))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidRequestException", message)
}

fn not_found(what: &str, arn: &str) -> Fault {
    Fault::new("ResourceNotFoundException", format!("No {what} found for the provided ARN: {arn}"))
}

fn quota(message: impl Into<String>) -> Fault {
    Fault::new("ServiceQuotaExceededException", message)
}

/// The service's actions.
pub(crate) static SERVICE: Service = Service {
    name: "apprunner",
    actions: &[
        ("CreateService", lifecycle::create_service),
        ("UpdateService", lifecycle::update_service),
        ("DeleteService", lifecycle::delete_service),
        ("PauseService", lifecycle::pause_service),
        ("ResumeService", lifecycle::resume_service),
        ("StartDeployment", lifecycle::start_deployment),
        ("DescribeService", list::describe_service),
        ("ListServices", list::list_services),
        ("ListOperations", list::list_operations),
        ("CreateVpcConnector", connector::create_vpc_connector),
        ("DescribeVpcConnector", connector::describe_vpc_connector),
        ("ListVpcConnectors", connector::list_vpc_connectors),
        ("DeleteVpcConnector", connector::delete_vpc_connector),
        ("CreateAutoScalingConfiguration", scaling::create_auto_scaling_configuration),
        ("DescribeAutoScalingConfiguration", scaling::describe_auto_scaling_configuration),
        ("ListAutoScalingConfigurations", scaling::list_auto_scaling_configurations),
        ("ListServicesForAutoScalingConfiguration", scaling::list_services_for_auto_scaling_configuration),
        ("DeleteAutoScalingConfiguration", scaling::delete_auto_scaling_configuration),
        ("UpdateDefaultAutoScalingConfiguration", scaling::update_default_auto_scaling_configuration),
        ("CreateObservabilityConfiguration", observability::create_observability_configuration),
        ("DescribeObservabilityConfiguration", observability::describe_observability_configuration),
        ("ListObservabilityConfigurations", observability::list_observability_configurations),
        ("DeleteObservabilityConfiguration", observability::delete_observability_configuration),
        ("CreateConnection", connection::create_connection),
        ("ListConnections", connection::list_connections),
        ("DeleteConnection", connection::delete_connection),
        ("AssociateCustomDomain", domain::associate_custom_domain),
        ("DescribeCustomDomains", domain::describe_custom_domains),
        ("DisassociateCustomDomain", domain::disassociate_custom_domain),
        ("CreateVpcIngressConnection", ingress::create_vpc_ingress_connection),
        ("UpdateVpcIngressConnection", ingress::update_vpc_ingress_connection),
        ("DeleteVpcIngressConnection", ingress::delete_vpc_ingress_connection),
        ("DescribeVpcIngressConnection", ingress::describe_vpc_ingress_connection),
        ("ListVpcIngressConnections", ingress::list_vpc_ingress_connections),
        ("TagResource", tag::tag_resource),
        ("UntagResource", tag::untag_resource),
        ("ListTagsForResource", tag::list_tags_for_resource),
    ],
    runs: &[],
};

#[cfg(test)]
mod tests;
