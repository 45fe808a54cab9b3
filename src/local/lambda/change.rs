//! Functions made, changed and deleted.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    CREATE, CREATE_IN_VPC, UPDATE, check,
    code::Code,
    conflict,
    function::{Function, State},
    invalid,
    name::{self, Name},
    network, settings,
    upload::Place,
};
use crate::local::{
    fault::Fault,
    members::{Sealed, Tags, is_reserved, random_uuid},
    world::Ctx,
};

/// How many tags a function has at most.
const MOST_TAGS: usize = 50;

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_default()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The function that a creation asks for: everything but its code and its interfaces.
pub(super) fn draft(ctx: &mut Ctx<'_>, input: &Value) -> Result<(Name, Function), Fault> {
    let name = name::new(ctx, text(input, "FunctionName"))?;
    if ctx.region.lambda.functions.contains_key(name.as_str()) {
        return Err(conflict(format!("Function already exist: {}", name.as_str())));
    }
    check::unpublished(input)?;
    if input["PackageType"] == "Image" {
        return Err(invalid("The local cloud runs functions of zip files only."));
    }
    for needed in ["Runtime", "Handler"] {
        if text(input, needed).is_empty() {
            return Err(invalid(format!("{needed} is mandatory for functions created with deployment packages.")));
        }
    }
    let mut all = settings::defaults(name.as_str());
    settings::take(&mut all, input)?;
    let (subnets, groups) = places(input);
    let vpc = check::vpc(ctx, &subnets, &groups)?;
    check::role(ctx, text(input, "Role"), !subnets.is_empty())?;
    let architectures = list(&input["Architectures"]);
    let function = Function {
        arn: name::arn(ctx, name.as_str()),
        name: name.as_str().to_owned(),
        settings: Sealed(all),
        architectures: if architectures.is_empty() { vec!["x86_64".to_owned()] } else { architectures },
        vpc,
        modified_at: ctx.now,
        revision: random_uuid(),
        next_revision: random_uuid(),
        networked: input["VpcConfig"].is_object(),
        source_key: source_key(&input["Code"])?,
        state: State::Pending,
        ready_at: Some(ctx.pace.after(ctx.now, if subnets.is_empty() { CREATE } else { CREATE_IN_VPC })),
        tags: tags(&input["Tags"])?,
        ..Function::default()
    };
    Ok((name, function))
}

/// The key that a zip file was encrypted with.
fn source_key(code: &Value) -> Result<Option<String>, Fault> {
    let key = code.get("SourceKMSKeyArn");
    check::key(key)?;
    Ok(key.and_then(Value::as_str).filter(|arn| !arn.is_empty()).map(str::to_owned))
}

/// The subnets and groups that an input has.
fn places(input: &Value) -> (Vec<String>, Vec<String>) {
    let config = &input["VpcConfig"];
    (list(&config["SubnetIds"]), list(&config["SecurityGroupIds"]))
}

pub(super) fn created(ctx: &mut Ctx<'_>, input: &Value, code: Code, failure: Option<String>) -> Result<Value, Fault> {
    let (name, mut function) = draft(ctx, input)?;
    function.failure = failure;
    function.take_code(ctx.data, code, &Place::of(ctx, name))?;
    let (subnets, groups) = places(input);
    match network::attach(ctx, &function, &subnets, &groups) {
        Ok(()) => {}
        Err(_full) => function.fail_for_lack_of_addresses(),
    }
    (function.subnets, function.groups) = (subnets, groups);
    let output = function.described();
    ctx.region.lambda.functions.insert(function.name.clone(), function);
    Ok(output)
}

fn tags(given: &Value) -> Result<Tags, Fault> {
    let given = given.as_object().into_iter().flatten();
    let tags: Tags = given.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
    match tags.keys().find(|key| is_reserved(key)) {
        Some(key) => Err(invalid(format!("The tag key {key} is reserved: keys must not begin with aws:."))),
        None => check_number(&tags).map(|()| tags),
    }
}

fn check_number(tags: &Tags) -> Result<(), Fault> {
    if tags.len() > MOST_TAGS {
        return Err(invalid("Number of tags exceeds resource tag limit."));
    }
    Ok(())
}

impl Function {
    /// Puts its code where its calls find it.
    fn take_code(&mut self, data: &Path, code: Code, place: &Place) -> Result<(), Fault> {
        (self.sha256, self.code_size) = (code.sha256.clone(), code.size);
        code.place(data, place)
    }

    /// Takes tags, each in place of the one of the same key.
    pub(super) fn retag(&mut self, given: &Value) -> Result<(), Fault> {
        let given = tags(given)?;
        if given.is_empty() {
            return Err(invalid("An error occurred and the request cannot be processed."));
        }
        let mut all = self.tags.clone();
        all.extend(given);
        check_number(&all)?;
        self.tags = all;
        self.revision = random_uuid();
        Ok(())
    }

    /// Gives tags up.
    pub(super) fn untag(&mut self, keys: &Value) {
        for key in list(keys) {
            self.tags.remove(&key);
        }
        self.revision = random_uuid();
    }
}

/// The function that gets other code, as it will be but for that.
pub(super) fn code_draft(ctx: &mut Ctx<'_>, input: &Value) -> Result<Function, Fault> {
    let mut function = name::find(ctx, input)?.clone();
    function.check_free()?;
    check::revision(&function, input)?;
    check::unpublished(input)?;
    function.source_key = source_key(input)?;
    let architectures = list(&input["Architectures"]);
    if !architectures.is_empty() {
        function.architectures = architectures;
    }
    Ok(function)
}

pub(super) fn updated(ctx: &mut Ctx<'_>, input: &Value, code: Code, failure: Option<String>) -> Result<Value, Fault> {
    let mut function = code_draft(ctx, input)?;
    if input["DryRun"] == true {
        (function.sha256, function.code_size) = (code.sha256, code.size);
        return Ok(function.described());
    }
    let place = Place::of(ctx, function.name()?);
    function.take_code(ctx.data, code, &place)?;
    function.begin(ctx.now, ctx.pace.after(ctx.now, UPDATE), failure);
    network::recover(ctx, &mut function);
    let output = function.described();
    ctx.region.lambda.functions.insert(function.name.clone(), function);
    Ok(output)
}

pub(super) fn update_configuration(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let mut function = name::find(ctx, &input)?.clone();
    function.check_free()?;
    check::revision(&function, &input)?;
    settings::take(&mut function.settings.0, &input)?;
    let (mut duration, mut wanted) = (UPDATE, None);
    if let Some(vpc) = input.get("VpcConfig") {
        function.networked = true;
        let chosen = |name: &str, so_far: &[String]| vpc.get(name).map_or_else(|| so_far.to_vec(), list);
        let (subnets, groups) = (chosen("SubnetIds", &function.subnets), chosen("SecurityGroupIds", &function.groups));
        let vpc = check::vpc(ctx, &subnets, &groups)?;
        if (&subnets, &groups) != (&function.subnets, &function.groups) {
            duration = CREATE_IN_VPC;
            wanted = Some((subnets, groups, vpc));
        }
    }
    let subnets = wanted.as_ref().map_or(&function.subnets, |(subnets, ..)| subnets);
    check::role(ctx, function.text("Role"), !subnets.is_empty())?;
    function.begin(ctx.now, ctx.pace.after(ctx.now, duration), ctx.doom.take());
    match wanted {
        Some((subnets, groups, vpc)) => match network::attach(ctx, &function, &subnets, &groups) {
            Ok(()) => (function.subnets, function.groups, function.vpc) = (subnets, groups, vpc),
            // The function stays where it is.
            Err(_full) => function.fail_for_lack_of_addresses(),
        },
        None => network::recover(ctx, &mut function),
    }
    let output = function.described();
    ctx.region.lambda.functions.insert(function.name.clone(), function);
    Ok(output)
}

/// Deletes a function; its code goes when that was saved.
pub(super) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let name = name::meant(&input)?;
    // A version that is not there can be deleted in AWS too.
    if let Some(function) = name::find_deletable(ctx, &input)?.cloned() {
        ctx.region.lambda.functions.remove(&function.name);
        network::detach(ctx, &function);
    }
    Ok(json!(Place::of(ctx, name)))
}
