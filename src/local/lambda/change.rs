//! Functions made, changed and deleted.

use serde_json::{Value, json};

use super::{
    CREATE, CREATE_IN_VPC, LINGER, UPDATE, check, code, conflict,
    function::{Function, State},
    invalid, name, settings,
};
use crate::local::{
    ec2::Purpose,
    fault::Fault,
    members::{Tags, is_reserved, random_uuid},
    world::Ctx,
};

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_default()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let folder = name::new(text(&input, "FunctionName"))?;
    let name = folder.as_str().to_owned();
    if ctx.region.lambda.functions.contains_key(&name) {
        return Err(conflict(format!("Function already exist: {name}")));
    }
    if input["PackageType"] == "Image" {
        return Err(invalid("The local cloud runs functions of zip files only."));
    }
    for needed in ["Runtime", "Handler"] {
        if text(&input, needed).is_empty() {
            return Err(invalid(format!("{needed} is mandatory for functions created with deployment packages.")));
        }
    }
    let mut all = settings::defaults(&name);
    settings::take(&mut all, &input)?;
    let (subnets, groups) = (list(&input["VpcConfig"]["SubnetIds"]), list(&input["VpcConfig"]["SecurityGroupIds"]));
    let vpc = check::vpc(ctx, &subnets, &groups)?;
    check::role(ctx, text(&input, "Role"), !subnets.is_empty())?;
    let tags: Tags = tags(&input["Tags"])?;
    let Some(zip) = input["Code"]["ZipFile"].as_str() else {
        return Err(invalid("Please provide a source for function code."));
    };
    let code = code::take(ctx.data, ctx.account, ctx.region_name, &folder, zip)?;
    let architectures = list(&input["Architectures"]);
    let mut function = Function {
        arn: format!("arn:aws:lambda:{}:{}:function:{name}", ctx.region_name, ctx.account),
        name: name.clone(),
        settings: all,
        architectures: if architectures.is_empty() { vec!["x86_64".to_owned()] } else { architectures },
        vpc,
        sha256: code.sha256,
        code_size: code.size,
        modified_at: ctx.now,
        revision: random_uuid(),
        state: State::Pending,
        ready_at: Some(ctx.pace.after(ctx.now, if subnets.is_empty() { CREATE } else { CREATE_IN_VPC })),
        failure: ctx.doom.take(),
        tags,
        ..Function::default()
    };
    attach(ctx, &mut function, subnets, groups);
    let output = function.described();
    ctx.region.lambda.functions.insert(name, function);
    Ok(output)
}

/// Puts a function into subnets and groups; its network interfaces are made, and those elsewhere stay for a while.
fn attach(ctx: &mut Ctx<'_>, function: &mut Function, subnets: Vec<String>, groups: Vec<String>) {
    detach(ctx, function);
    if ctx.serves("ec2") {
        for subnet in &subnets {
            let description = format!("AWS Lambda VPC ENI-{}-{}", function.name, random_uuid());
            // Lambda makes them as the function's role, and EC2 takes them for that one's.
            let role = ctx.iam.role(function.text("Role")).map_or("AROA", |role| role.unique_id());
            let requester = format!("{role}:{}", ctx.account);
            let purpose = Purpose::of_function(&function.arn, &description, &requester);
            ctx.region.ec2.attach_interface(&purpose, subnet, &groups, ctx.now);
        }
    }
    (function.subnets, function.groups) = (subnets, groups);
}

fn detach(ctx: &mut Ctx<'_>, function: &Function) {
    let linger = ctx.pace.after(0, LINGER);
    let role = ctx.serves("iam").then(|| function.text("Role"));
    ctx.region.ec2.outlast(&function.arn, linger, role);
    ctx.region.ec2.detach_interfaces(&function.arn);
}

fn tags(given: &Value) -> Result<Tags, Fault> {
    let given = given.as_object().into_iter().flatten();
    let tags: Tags = given.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    match tags.keys().find(|key| is_reserved(key)) {
        Some(key) => Err(invalid(format!("The tag key {key} is reserved: keys must not begin with aws:."))),
        None => Ok(tags),
    }
}

impl Function {
    /// Takes tags, each in place of the one of the same key.
    pub(super) fn retag(&mut self, given: &Value) -> Result<(), Fault> {
        self.tags.extend(tags(given)?);
        Ok(())
    }
}

pub(super) fn update_code(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let (now, until) = (ctx.now, ctx.pace.after(ctx.now, UPDATE));
    let function = ctx.region.lambda.find(&input)?;
    function.check_free()?;
    let name = function.name()?;
    let Some(zip) = input["ZipFile"].as_str() else {
        return Err(invalid("Please provide a source for function code."));
    };
    let code = code::take(ctx.data, ctx.account, ctx.region_name, &name, zip)?;
    let failure = ctx.doom.take();
    let function = ctx.region.lambda.find(&input)?;
    let architectures = list(&input["Architectures"]);
    if !architectures.is_empty() {
        function.architectures = architectures;
    }
    (function.sha256, function.code_size) = (code.sha256, code.size);
    function.begin(now, until, failure);
    Ok(function.described())
}

pub(super) fn update_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let mut function = ctx.region.lambda.find(&input)?.clone();
    function.check_free()?;
    settings::take(&mut function.settings, &input)?;
    let mut duration = UPDATE;
    if let Some(vpc) = input.get("VpcConfig") {
        let chosen = |name: &str, so_far: &[String]| vpc.get(name).map_or_else(|| so_far.to_vec(), list);
        let (subnets, groups) = (chosen("SubnetIds", &function.subnets), chosen("SecurityGroupIds", &function.groups));
        function.vpc = check::vpc(ctx, &subnets, &groups)?;
        if (&subnets, &groups) != (&function.subnets, &function.groups) {
            duration = CREATE_IN_VPC;
            check::role(ctx, function.text("Role"), !subnets.is_empty())?;
            attach(ctx, &mut function, subnets, groups);
        }
    }
    check::role(ctx, function.text("Role"), !function.subnets.is_empty())?;
    function.begin(ctx.now, ctx.pace.after(ctx.now, duration), ctx.doom.take());
    let output = function.described();
    ctx.region.lambda.functions.insert(function.name.clone(), function);
    Ok(output)
}

pub(super) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let function = ctx.region.lambda.find_deletable(&input)?;
    // A version that is not there can be deleted in AWS too.
    let Some(function) = function.cloned() else { return Ok(json!({"StatusCode": 204})) };
    ctx.region.lambda.functions.remove(&function.name);
    detach(ctx, &function);
    code::remove(ctx.data, ctx.account, ctx.region_name, &function.name()?);
    Ok(json!({"StatusCode": 204}))
}
