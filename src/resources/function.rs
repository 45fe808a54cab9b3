//! The kind `function`: infra itself inside the VPC, as a Lambda function, for what cannot be reached from outside.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use aws_sdk_lambda::{
    config::{Builder, StalledStreamProtectionConfig, timeout::TimeoutConfig},
    operation::get_function::GetFunctionOutput,
    types::{
        Architecture, Environment, FunctionCode, FunctionConfiguration, LastUpdateStatus, Runtime, State, VpcConfig,
    },
};
use aws_smithy_types::Blob;
use serde::Serialize;

use super::{role, role::Role, security_group::SecurityGroup, subnet::Subnet};
use crate::{
    aws::{Error, Result, each, tags, unless_gone},
    engine::{Anything, Change, Live, Phase, Ref, Resource, Scope, Tags, Times, attributes::touches},
    runner::package::Package,
};

/// A Lambda function whose code is this program.
///
/// As CDK's `AWS::Lambda::Function`. APIs: ListFunctions, GetFunction, CreateFunction, UpdateFunctionCode,
/// UpdateFunctionConfiguration, DeleteFunction. Its id is its name.
#[derive(Debug, Clone, Serialize)]
pub struct Function {
    /// The name, unique in account and region.
    pub name: String,
    /// The ARN of the role that it runs as.
    pub role: Ref<Role>,
    /// `provided.al2023`: a program of our own.
    pub runtime: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// What the program is told to run; there is one thing only.
    pub handler: String,
    /// Memory in MB, which processor time goes with.
    pub memory_mb: i32,
    /// After how many seconds a call is ended.
    pub timeout_seconds: i32,
    /// Where its network interfaces stand.
    pub subnets: Vec<Ref<Subnet>>,
    /// What they belong to.
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// Variables: all that it is told of where it works.
    pub environment: BTreeMap<String, Ref<Anything>>,
    /// The SHA-256 of the zip file, in base64.
    pub code: String,
    /// The zip file.
    #[serde(skip)]
    pub package: Option<Arc<Package>>,
}

/// The service that runs functions, as roles trust it.
pub const PRINCIPAL: &str = "lambda.amazonaws.com";

/// How long 50 MB may take on their way.
const UPLOAD: Duration = Duration::from_secs(15 * 60);

impl Resource for Function {
    const KIND: &'static str = "function";
    const IMMUTABLE: &'static [&'static str] = &["name"];
    const SENSITIVE: &'static [&'static str] = &["environment"];
    /// Nothing is reached from the subnets before they have their ways out.
    const AFTER: &'static [&'static str] = &["route-table", "vpc-endpoint"];
    const TIMES: Times = Times::seconds(75, 10, 5);

    async fn observe(scope: &Scope<'_>) -> Result<Vec<Live<Self>>> {
        Ok(ours(scope).await?.as_ref().clone())
    }

    async fn create(&self, scope: &Scope<'_>) -> Result<()> {
        let code = FunctionCode::builder().zip_file(Blob::new(self.package()?.zip.clone())).build();
        let call = scope.aws.lambda.create_function().function_name(&self.name).code(code);
        let call = call.runtime(Runtime::from(self.runtime.as_str())).handler(&self.handler);
        let call = call.architectures(Architecture::from(self.architecture.as_str()));
        let call = call.role(self.role.get(scope)?).memory_size(self.memory_mb).timeout(self.timeout_seconds);
        let call = call.environment(self.variables(scope)?);
        let call = call.vpc_config(self.network(scope)?).set_tags(Some(scope.tags().clone().into_iter().collect()));
        call.customize().config_override(lasting(UPLOAD)).send().await?;
        Ok(())
    }

    /// One call at a time: while one of them is carried out, AWS refuses the other.
    async fn update(&self, live: &Live<Self>, changes: &[Change], scope: &Scope<'_>) -> Result<()> {
        if touches(changes, "code") || touches(changes, "architecture") {
            let call = scope.aws.lambda.update_function_code().function_name(&live.id);
            let call = call.architectures(Architecture::from(self.architecture.as_str()));
            let call = call.zip_file(Blob::new(self.package()?.zip.clone()));
            call.customize().config_override(lasting(UPLOAD)).send().await?;
            return Ok(());
        }
        let call = scope.aws.lambda.update_function_configuration().function_name(&live.id);
        let call = call.runtime(Runtime::from(self.runtime.as_str())).handler(&self.handler);
        let call = call.role(self.role.get(scope)?).memory_size(self.memory_mb).timeout(self.timeout_seconds);
        let call = call.vpc_config(self.network(scope)?);
        call.environment(self.variables(scope)?).send().await?;
        Ok(())
    }

    async fn delete(live: &Live<Self>, scope: &Scope<'_>) -> Result<()> {
        scope.aws.lambda.delete_function().function_name(&live.id).send().await?;
        Ok(())
    }

    async fn retag(live: &Live<Self>, set: &Tags, unset: &[String], scope: &Scope<'_>) -> Result<()> {
        tags::retag_lambda(scope.aws, live.told("arn")?, set, unset).await
    }
}

impl Function {
    fn package(&self) -> Result<&Package> {
        self.package.as_deref().ok_or_else(|| Error::internal(format!("There is no code for {}.", self.name)))
    }

    fn variables(&self, scope: &Scope<'_>) -> Result<Environment> {
        let all = self.environment.iter().map(|(name, value)| Ok((name.clone(), value.get(scope)?)));
        Ok(Environment::builder().set_variables(Some(all.collect::<Result<HashMap<_, _>>>()?)).build())
    }

    fn network(&self, scope: &Scope<'_>) -> Result<VpcConfig> {
        let subnets = Ref::get_all(&self.subnets, scope)?;
        let groups = Ref::get_all(&self.security_groups, scope)?;
        Ok(VpcConfig::builder().set_subnet_ids(Some(subnets)).set_security_group_ids(Some(groups)).build())
    }
}

/// What lets a call take longer than others: nothing passes on the wire while a function works.
pub(super) fn lasting(time: Duration) -> Builder {
    let times =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).operation_attempt_timeout(time).build();
    aws_sdk_lambda::Config::builder()
        .timeout_config(times)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// The stack's functions, once a round. They run as roles of the stack: where none of these trusts Lambda and none is asked for,
/// there is no function, and nobody is asked.
pub(super) async fn ours(scope: &Scope<'_>) -> Result<Arc<Vec<Live<Function>>>> {
    scope.once("ListFunctions", || list(scope)).await
}

async fn list(scope: &Scope<'_>) -> Result<Vec<Live<Function>>> {
    let is_wanted = || scope.described.iter().any(|desired| desired.kind == Function::KIND);
    if !is_wanted() && scope.adopted().is_none() && !role::some_trusts(PRINCIPAL, scope).await? {
        return Ok(Vec::new());
    }
    let pages = scope.aws.lambda.list_functions().into_paginator().items().send();
    let all: Vec<FunctionConfiguration> = pages.try_collect().await?;
    let named = all.iter().filter_map(FunctionConfiguration::function_name).filter(|name| scope.is_named(Some(name)));
    // The list tells neither states nor tags.
    let found = each(named.map(|name| async move {
        let answer = unless_gone(scope.aws.lambda.get_function().function_name(name).send().await)?;
        Ok(answer.and_then(|answer| live(&answer, scope)))
    }));
    Ok(found.await?.into_iter().flatten().collect())
}

fn live(answer: &GetFunctionOutput, scope: &Scope<'_>) -> Option<Live<Function>> {
    let found = answer.configuration()?;
    let name = found.function_name()?;
    let tags: Tags = answer.tags().cloned().unwrap_or_default().into_iter().collect();
    let address = scope.address::<Function>(&tags, name)?;
    let network = found.vpc_config();
    let variables = found.environment().and_then(|environment| environment.variables()).cloned().unwrap_or_default();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let failed = found.last_update_status() == Some(&LastUpdateStatus::Failed);
    let spec = Function {
        name: name.to_owned(),
        role: Ref::value(found.role().unwrap_or_default()),
        runtime: text(found.runtime().map(Runtime::as_str)),
        architecture: text(found.architectures().first().map(Architecture::as_str)),
        handler: text(found.handler()),
        memory_mb: found.memory_size().unwrap_or_default(),
        timeout_seconds: found.timeout().unwrap_or_default(),
        subnets: network.into_iter().flat_map(|network| network.subnet_ids()).map(Ref::value).collect(),
        security_groups: network.into_iter().flat_map(|network| network.security_group_ids()).map(Ref::value).collect(),
        environment: variables.into_iter().map(|(name, value)| (name, Ref::value(value))).collect(),
        // After an update that failed, the former code may run under the name of the new one: it is sent again.
        code: if failed { String::new() } else { text(found.code_sha256()) },
        package: None,
    };
    let live = Live::new(address, name, spec).phase(phase(found)).tags(tags);
    let why = || found.last_update_status_reason().unwrap_or("AWS does not say why.").to_owned();
    Some(live.output("arn", found.function_arn()).setback(failed.then(why)))
}

/// One that was idle for weeks is made ready again by the next call.
fn phase(found: &FunctionConfiguration) -> Phase {
    match (found.state(), found.last_update_status()) {
        (Some(State::Pending), _) => Phase::Changing("Pending".into()),
        (Some(State::Failed), _) => Phase::Failed(found.state_reason().unwrap_or("Failed").to_owned()),
        (_, Some(LastUpdateStatus::InProgress)) => Phase::Changing("InProgress".into()),
        _ => Phase::Ready,
    }
}
