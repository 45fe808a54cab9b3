//! The kind `function`: infra itself inside the VPC, as a Lambda function, for what cannot be reached from outside.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use aws_sdk_ec2::types::{Filter, NetworkInterface};
use aws_sdk_lambda::{
    config::{Builder, StalledStreamProtectionConfig, timeout::TimeoutConfig},
    operation::get_function::GetFunctionOutput,
    types::{
        Architecture, Environment, FunctionCode, FunctionConfiguration, LastUpdateStatus, Runtime, State, VpcConfig,
    },
};
use aws_smithy_types::Blob;
use serde::Serialize;

use super::{
    occupants::OF_FUNCTIONS,
    role::{self, Role},
    security_group::{self, SecurityGroup},
    subnet::Subnet,
};
use crate::{
    aws::{Error, Result, each, tags, unless_gone},
    engine::{
        Address, Anything, Change, Live, Phase, Ref, Replace, Resource, Scope, Tags, Times,
        attributes::touches,
        identity::{self, Stray},
    },
    runner::{bound, package::Package},
};

/// A Lambda function whose code is this program.
///
/// As CDK's `AWS::Lambda::Function`. APIs: ListFunctions, GetFunction, CreateFunction, UpdateFunctionCode,
/// UpdateFunctionConfiguration, DeleteFunction, DescribeNetworkInterfaces. Its id is its name.
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
    /// The key of the account that encrypts the variables; empty for Lambda's own, so that another one is a difference.
    pub kms_key_arn: String,
    /// What is unpacked beside the code, and may run with it: ARNs of versions.
    pub layers: Vec<String>,
    /// The SHA-256 of the zip file, in base64.
    pub code: String,
    /// The zip file.
    #[serde(skip)]
    pub package: Option<Arc<Package>>,
}

/// The name of the stack's one function, its role and its security group, in their addresses.
pub const NAME: &str = "migrations";

/// The service that runs functions, as roles trust it.
pub const PRINCIPAL: &str = "lambda.amazonaws.com";

/// What ends the description of an interface, in the wildcards of EC2's filters.
const UUID: &str = "????????-????-????-????-????????????";

/// How long 50 MB may take on their way.
const UPLOAD: Duration = Duration::from_secs(15 * 60);

impl Resource for Function {
    const KIND: &'static str = "function";
    const IMMUTABLE: &'static [&'static str] = &["name"];
    /// Of two of the same name the second one is refused, though the first one has failed.
    const REPLACE: Replace = Replace::DeleteFirst;
    const SENSITIVE: &'static [&'static str] = &["environment"];
    const OPEN: &'static [&'static str] = &[bound::HOST, bound::PORT, bound::DBNAME, bound::SECRET];
    /// Nothing is reached from the subnets before they have their ways out.
    const AFTER: &'static [&'static str] = &["route-table", "vpc-endpoint"];
    /// Lambda keeps its network interfaces for 20 to 45 minutes after it.
    const TIMES: Times = Times::seconds(75, 10, 30 * 60);
    /// What is left of the former one are its interfaces, which one of the same name takes over.
    const BESIDE_DELETED: bool = true;

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
        let call = call.set_kms_key_arn((!self.kms_key_arn.is_empty()).then(|| self.kms_key_arn.clone()));
        let call = call.set_layers((!self.layers.is_empty()).then(|| self.layers.clone()));
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
        // Said only where it differs; none is an empty text, and an empty list.
        let key = touches(changes, "kms_key_arn").then(|| self.kms_key_arn.clone());
        let call = call.set_kms_key_arn(key).set_layers(touches(changes, "layers").then(|| self.layers.clone()));
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

/// The stack's functions, once a round, and what is left of one that is gone.
pub(super) async fn ours(scope: &Scope<'_>) -> Result<Arc<Vec<Live<Function>>>> {
    scope.once("ListFunctions", || list(scope)).await
}

async fn list(scope: &Scope<'_>) -> Result<Vec<Live<Function>>> {
    if !may_have_some(scope).await? {
        return Ok(Vec::new());
    }
    let pages = scope.aws.lambda.list_functions().into_paginator().items().send();
    let all: Vec<FunctionConfiguration> = pages.try_collect().await?;
    let named = all.iter().filter_map(FunctionConfiguration::function_name).filter(|name| scope.is_named(Some(name)));
    // The list tells neither states nor tags.
    let answers = each(named.map(|name| get(name, scope))).await?;
    let there = || answers.iter().flatten();
    let found: Vec<Live<Function>> = there().filter_map(|answer| live(answer, scope)).collect();
    // Where one has the name and not the place, the interfaces are its own: it goes nowhere.
    let is_there = there().any(|answer| name_of(answer) == Some(scope.name(NAME).as_str()));
    if !found.is_empty() || is_there || scope.adopted().is_some() {
        return Ok(found);
    }
    Ok(leaving(scope).await?.into_iter().collect())
}

async fn get(name: &str, scope: &Scope<'_>) -> Result<Option<GetFunctionOutput>> {
    unless_gone(scope.aws.lambda.get_function().function_name(name).send().await)
}

fn name_of(answer: &GetFunctionOutput) -> Option<&str> {
    answer.configuration()?.function_name()
}

fn tags_of(answer: &GetFunctionOutput) -> Tags {
    answer.tags().cloned().unwrap_or_default().into_iter().collect()
}

/// Why the function that has the name of the stack's own has no place in the stack; `None` where it has, and where there is none.
pub(super) async fn stray(scope: &Scope<'_>) -> Result<Option<Stray>> {
    let found = scope.once("GetFunction", || async {
        let answer = get(&scope.name(NAME), scope).await?;
        Ok(answer.and_then(|answer| identity::place(&tags_of(&answer), scope.stack, Function::KIND).err()))
    });
    Ok(found.await?.as_ref().clone())
}

/// A function runs as a role of the stack and in a group of its own, of which somebody may have deleted one: where there is
/// neither and none is asked for, there is no function, and nobody is asked.
async fn may_have_some(scope: &Scope<'_>) -> Result<bool> {
    let is_wanted = scope.described.iter().any(|desired| desired.kind == Function::KIND);
    Ok(is_wanted
        || scope.adopted().is_some()
        || !role::trusting(PRINCIPAL, scope).await?.is_empty()
        || security_group::exists(NAME, scope).await?)
}

/// The function that is gone while Lambda still holds its network interfaces. It removes them with the function's role, and
/// never does without it: what the function needed is to stay until then. Where the role is gone there is nothing to wait for.
async fn leaving(scope: &Scope<'_>) -> Result<Option<Live<Function>>> {
    let Some(role) = role::trusting(PRINCIPAL, scope).await?.into_iter().next() else { return Ok(None) };
    let name = scope.name(NAME);
    // In full, as a function of another stack may have a longer name that begins so.
    let of_it = Filter::builder().name("description").values(format!("{OF_FUNCTIONS}{name}-{UUID}")).build();
    let pages = scope.aws.ec2.describe_network_interfaces().filters(of_it).into_paginator();
    let held: Vec<NetworkInterface> = pages.items().send().try_collect().await?;
    if held.is_empty() {
        return Ok(None);
    }
    let subnets: BTreeSet<&str> = held.iter().filter_map(NetworkInterface::subnet_id).collect();
    let groups: BTreeSet<&str> =
        held.iter().flat_map(NetworkInterface::groups).filter_map(|group| group.group_id()).collect();
    let spec = Function {
        name: name.clone(),
        role: Ref::value(role),
        runtime: String::new(),
        architecture: String::new(),
        handler: String::new(),
        memory_mb: 0,
        timeout_seconds: 0,
        subnets: subnets.into_iter().map(Ref::value).collect(),
        security_groups: groups.into_iter().map(Ref::value).collect(),
        environment: BTreeMap::new(),
        kms_key_arn: String::new(),
        layers: Vec::new(),
        code: String::new(),
        package: None,
    };
    let phase = Phase::Deleting("Lambda still holds its network interfaces".to_owned());
    Ok(Some(Live::new(Address::new(Function::KIND, NAME), name, spec).phase(phase)))
}

fn live(answer: &GetFunctionOutput, scope: &Scope<'_>) -> Option<Live<Function>> {
    let found = answer.configuration()?;
    let name = found.function_name()?;
    let tags = tags_of(answer);
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
        kms_key_arn: text(found.kms_key_arn()),
        layers: found.layers().iter().filter_map(|layer| layer.arn()).map(str::to_owned).collect(),
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
