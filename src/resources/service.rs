//! The kind `service`: the web service.

mod live;
mod logs;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apprunner::types::{
    AuthenticationConfiguration, EgressConfiguration, EgressType, HealthCheckConfiguration, HealthCheckProtocol,
    ImageConfiguration, ImageRepository, ImageRepositoryType, IngressConfiguration, InstanceConfiguration,
    IpAddressType, NetworkConfiguration, ServiceObservabilityConfiguration, SourceConfiguration,
};
use serde::{Serialize, Serializer};

use super::{apprunner, auto_scaling::AutoScaling, role::Role, vpc_connector::VpcConnector};
use crate::{
    aws::{Error, Result, tags},
    engine::{Anything, Change, Live, Ref, Replace, Resource, Scope, Tags, Times},
    stack,
};

/// An App Runner service that runs an image.
///
/// As CDK's `AWS::AppRunner::Service`. APIs: ListServices, DescribeService, ListOperations, CreateService, UpdateService,
/// PauseService, ResumeService, DeleteService. Its id is its ARN.
#[derive(Debug, Clone, Serialize)]
pub struct Service {
    /// The name, of 4 to 40 characters, unique in account and region.
    pub name: String,
    /// The image with its tag or digest.
    pub image: String,
    /// `ECR` or `ECR_PUBLIC`.
    pub repository_type: String,
    /// Lets App Runner pull a private image, by ARN.
    pub access_role: Option<Ref<Role>>,
    /// Whether App Runner deploys every image pushed under this tag by itself.
    pub auto_deployments: bool,
    /// The port on which the container listens.
    pub port: u16,
    /// The command that starts the container. Left out: the image's own.
    #[serde(serialize_with = "or_empty")]
    pub command: Option<String>,
    /// In units of 1/1024 vCPU.
    pub cpu: String,
    /// In megabytes.
    pub memory: String,
    /// What the container may do, by ARN.
    pub instance_role: Ref<Role>,
    /// The way into the VPC, by ARN. Left out: requests go to the internet directly.
    #[serde(serialize_with = "or_direct")]
    pub connector: Option<Ref<VpcConnector>>,
    /// How many instances run, by ARN of the revision.
    pub auto_scaling: Ref<AutoScaling>,
    /// Environment variables.
    pub env: BTreeMap<String, Ref<Anything>>,
    /// Environment variables filled from secrets and parameters, by ARN.
    pub secrets: BTreeMap<String, Ref<Anything>>,
    /// How it is found out whether an instance is well.
    pub health_check: HealthCheck,
    /// Whether the internet reaches it.
    pub public: bool,
    /// By which addresses it is reached: `IPV4`, or `DUAL_STACK`, which nothing describes.
    pub ip_address_type: String,
    /// Whether it sends traces; what it would need for that is not described either.
    pub observability: bool,
    /// Whether it runs, and is not paused.
    pub running: bool,
}

/// How it is found out whether an instance is well.
#[derive(Debug, Clone, Serialize)]
pub struct HealthCheck {
    /// `HTTP` or `TCP`.
    pub protocol: String,
    /// What is requested, with `HTTP`.
    pub path: Option<String>,
    /// Seconds from check to check.
    pub interval_seconds: i32,
    /// Seconds that an answer may take.
    pub timeout_seconds: i32,
    /// Good answers in a row that make an instance well.
    pub healthy_threshold: i32,
    /// Bad answers in a row that make it unwell.
    pub unhealthy_threshold: i32,
}

/// A command taken out of the description must be seen as a change, so its absence is a value.
fn or_empty<S: Serializer>(command: &Option<String>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(command.as_deref().unwrap_or_default())
}

/// The same of the connector, in App Runner's word for going without.
fn or_direct<S: Serializer>(
    connector: &Option<Ref<VpcConnector>>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    match connector {
        Some(connector) => connector.serialize(serializer),
        None => serializer.serialize_str(EgressType::Default.as_str()),
    }
}

/// Attributes that UpdateService takes as a part of the source; the source is sent whole.
const SOURCE: &[&str] =
    &["image", "repository_type", "access_role", "auto_deployments", "port", "command", "env", "secrets"];

impl Resource for Service {
    const KIND: &'static str = "service";
    const SENSITIVE: &'static [&'static str] = &["env", "command"];
    const OPEN: &'static [&'static str] = stack::RESERVED_ENV;
    const IMMUTABLE: &'static [&'static str] = &["name"];
    const AFTER: &'static [&'static str] = &["migrations", "proxy-target", "route-table", "vpc-endpoint"];
    const REPLACE: Replace = Replace::DeleteFirst;
    const TIMES: Times = Times::seconds(300, 180, 120);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        live::observe(scope).await
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let call = scope.aws.apprunner.create_service().service_name(&self.name);
        let call = call.source_configuration(self.source(scope)?).instance_configuration(self.instance(scope)?);
        let call = call.health_check_configuration(self.health_check.configuration());
        let call = call.auto_scaling_configuration_arn(self.auto_scaling.get(scope)?);
        let call = call.network_configuration(self.network(scope)?);
        call.set_tags(Some(tags::apprunner(scope.tags()))).send().await.map_err(apprunner::refused)?;
        Ok(())
    }

    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        let touched = |names: &[&str]| changes.iter().any(|change| names.contains(&change.top()));
        if touched(&["running"]) {
            // The operation forbids every other; what else differs is seen again after it.
            return self.pause_or_resume(&live.id, scope).await;
        }
        let mut call = scope.aws.apprunner.update_service().service_arn(&live.id);
        if touched(SOURCE) {
            call = call.source_configuration(self.source(scope)?);
        }
        if touched(&["cpu", "memory", "instance_role"]) {
            call = call.instance_configuration(self.instance(scope)?);
        }
        if touched(&["health_check"]) {
            call = call.health_check_configuration(self.health_check.configuration());
        }
        if touched(&["auto_scaling"]) {
            call = call.auto_scaling_configuration_arn(self.auto_scaling.get(scope)?);
        }
        if touched(&["connector", "public", "ip_address_type"]) {
            call = call.network_configuration(self.network(scope)?);
        }
        if touched(&["observability"]) {
            let off = ServiceObservabilityConfiguration::builder().observability_enabled(self.observability).build();
            call = call.observability_configuration(off);
        }
        call.send().await?;
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.apprunner.delete_service().service_arn(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_apprunner(scope.aws, &live.id, set, unset).await
    }
}

impl Service {
    async fn pause_or_resume(&self, arn: &str, scope: &Scope<'_>) -> Result<()> {
        if self.running {
            scope.aws.apprunner.resume_service().service_arn(arn).send().await?;
        } else {
            scope.aws.apprunner.pause_service().service_arn(arn).send().await?;
        }
        Ok(())
    }

    fn source(&self, scope: &Scope<'_>) -> Result<SourceConfiguration> {
        let values = |map: &BTreeMap<String, Ref<Anything>>| -> Result<HashMap<String, String>> {
            map.iter().map(|(name, value)| Ok((name.clone(), value.get(scope)?))).collect()
        };
        let configuration = ImageConfiguration::builder()
            .port(self.port.to_string())
            .set_start_command(self.command.clone())
            .set_runtime_environment_variables(Some(values(&self.env)?))
            .set_runtime_environment_secrets(Some(values(&self.secrets)?))
            .build();
        let repository = ImageRepository::builder()
            .image_identifier(&self.image)
            .image_repository_type(ImageRepositoryType::from(self.repository_type.as_str()))
            .image_configuration(configuration)
            .build()
            .map_err(|error| Error::internal(error.to_string()))?;
        let access = self.access_role.as_ref().map(|role| role.get(scope)).transpose()?;
        let access = access.map(|arn| AuthenticationConfiguration::builder().access_role_arn(arn).build());
        Ok(SourceConfiguration::builder()
            .image_repository(repository)
            .set_authentication_configuration(access)
            .auto_deployments_enabled(self.auto_deployments)
            .build())
    }

    fn instance(&self, scope: &Scope<'_>) -> Result<InstanceConfiguration> {
        let role = self.instance_role.get(scope)?;
        Ok(InstanceConfiguration::builder().cpu(&self.cpu).memory(&self.memory).instance_role_arn(role).build())
    }

    fn network(&self, scope: &Scope<'_>) -> Result<NetworkConfiguration> {
        let connector = self.connector.as_ref().map(|connector| connector.get(scope)).transpose()?;
        let kind = if connector.is_some() { EgressType::Vpc } else { EgressType::Default };
        let egress = EgressConfiguration::builder().egress_type(kind).set_vpc_connector_arn(connector).build();
        let ingress = IngressConfiguration::builder().is_publicly_accessible(self.public).build();
        Ok(NetworkConfiguration::builder()
            .egress_configuration(egress)
            .ingress_configuration(ingress)
            .ip_address_type(IpAddressType::from(self.ip_address_type.as_str()))
            .build())
    }
}

impl HealthCheck {
    fn configuration(&self) -> HealthCheckConfiguration {
        HealthCheckConfiguration::builder()
            .protocol(HealthCheckProtocol::from(self.protocol.as_str()))
            .set_path(self.path.clone())
            .interval(self.interval_seconds)
            .timeout(self.timeout_seconds)
            .healthy_threshold(self.healthy_threshold)
            .unhealthy_threshold(self.unhealthy_threshold)
            .build()
    }
}
