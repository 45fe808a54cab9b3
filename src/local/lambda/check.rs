//! What a function needs outside of itself: a role that Lambda can assume and that may make network interfaces, subnets and
//! groups of one VPC.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{function::Function, invalid};
use crate::local::{fault::Fault, kms::is_key_arn, world::Ctx};

/// Variables that Lambda sets itself.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Refuses a role that does not exist, does not trust Lambda, is too new to be known everywhere, or may not put the
/// function into its VPC.
pub(super) fn role(ctx: &Ctx<'_>, arn: &str, in_vpc: bool) -> Result<(), Fault> {
    if !ctx.serves("iam") {
        return Ok(());
    }
    let found = ctx.iam.role(arn).filter(|role| role.assumable_at <= ctx.now);
    if !found.is_some_and(|role| role.trusts_service("lambda.amazonaws.com")) {
        return Err(invalid("The role defined for the function cannot be assumed by Lambda."));
    }
    let needed = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"];
    match needed.iter().find(|action| in_vpc && !ctx.iam.role_allows(arn, action, "*")) {
        Some(missing) => {
            let action = missing.trim_start_matches("ec2:");
            Err(invalid(format!("The provided execution role does not have permissions to call {action} on EC2")))
        }
        None => Ok(()),
    }
}

/// Where a function is attached to: the VPC of its subnets and groups; empty where there are none.
pub(super) fn vpc(ctx: &Ctx<'_>, subnets: &[String], groups: &[String]) -> Result<String, Fault> {
    if subnets.is_empty() != groups.is_empty() {
        return Err(invalid(
            "A function in a VPC needs subnets and security groups: SubnetIds or SecurityGroupIds is empty.",
        ));
    }
    if subnets.is_empty() || !ctx.serves("ec2") {
        return Ok(String::new());
    }
    let ec2 = &ctx.region.ec2;
    let absent = |call: &str, code: &str, what: &str, id: &str| {
        invalid(format!(
            "Error occurred while {call}. EC2 Error Code: {code}. EC2 Error Message: The {what} '{id}' does not exist"
        ))
    };
    let mut vpcs = Vec::new();
    for id in subnets {
        let subnet = ec2.subnet(id);
        let subnet = subnet.ok_or_else(|| absent("DescribeSubnets", "InvalidSubnetID.NotFound", "subnet ID", id))?;
        vpcs.push(subnet.vpc_id.clone());
    }
    vpcs.dedup();
    let apart = || invalid("The subnets and security groups of a function must be of one VPC.");
    let [vpc] = vpcs.as_slice() else { return Err(apart()) };
    for id in groups {
        let group = ec2.security_group(id);
        let group =
            group.ok_or_else(|| absent("DescribeSecurityGroups", "InvalidGroup.NotFound", "security group", id))?;
        if !group.serves(vpc) {
            return Err(apart());
        }
    }
    Ok(vpc.clone())
}

/// What is asked of versions, of which a function has none here but its newest.
pub(super) fn unpublished(input: &Value) -> Result<(), Fault> {
    if input["Publish"] == true || input["PublishTo"].is_string() {
        return Err(invalid(
            "The local cloud publishes no versions: a function has only $LATEST. Ask without Publish and PublishTo.",
        ));
    }
    Ok(())
}

/// Refuses code that comes from anywhere but the call itself.
pub(super) fn source(code: &Value, zip: &Value) -> Result<(), Fault> {
    let elsewhere = ["S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri"].iter().find(|name| code[**name].is_string());
    match (zip, elsewhere) {
        (Value::String(_), None) => Ok(()),
        (Value::String(_), Some(_)) => {
            Err(invalid("Please do not provide other FunctionCode parameters when providing a ZipFile."))
        }
        (_, Some(&"ImageUri")) => {
            Err(invalid("Please don't provide ImageUri when updating a function with packageType Zip."))
        }
        // There is no S3.
        (_, Some(_)) => Err(invalid(
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist",
        )),
        (_, None) => Err(invalid("Please provide a source for function code.")),
    }
}

/// Refuses a change of what somebody else has changed meanwhile.
pub(super) fn revision(function: &Function, input: &Value) -> Result<(), Fault> {
    match input["RevisionId"].as_str() {
        Some(given) if given != function.revision => Err(Fault::new(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve \
             the latest Revision Id",
        )
        .with_status(412)),
        _ => Ok(()),
    }
}

/// Refuses what is not a key's ARN, as Lambda does when KMS refuses it.
pub(super) fn key(arn: Option<&Value>) -> Result<(), Fault> {
    match arn.and_then(Value::as_str).filter(|arn| !arn.is_empty() && !is_key_arn(arn)) {
        None => Ok(()),
        Some(arn) => Err(invalid(format!(
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid for \
             CreateGrant. Please check your KMS key settings. KMS Exception: NotFoundException KMS Message: Invalid arn {arn}"
        ))),
    }
}

/// The longest that a function may run, in seconds, and the most memory that it may have, in MB.
const LIMITS: [(&str, &str, u64); 2] = [("Timeout", "timeout", 900), ("MemorySize", "memorySize", 10_240)];

/// Refuses what is more than a function may have.
pub(super) fn limits(settings: &Map<String, Value>) -> Result<(), Fault> {
    for (name, shown, most) in LIMITS {
        if let Some(value) = settings.get(name).and_then(Value::as_u64).filter(|value| *value > most) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{value}' at '{shown}' failed to satisfy constraint: Member must have \
                 value less than or equal to {most}"
            )));
        }
    }
    Ok(())
}

/// Refuses snapshots, which only managed runtimes have.
pub(super) fn snapshots(settings: &Map<String, Value>) -> Result<(), Fault> {
    let runtime = settings.get("Runtime").and_then(Value::as_str).unwrap_or_default();
    if settings.get("SnapStart").is_some_and(|given| given["ApplyOn"] == "PublishedVersions") {
        return Err(invalid(format!("{runtime} is not supported for SnapStart enabled functions.")));
    }
    Ok(())
}

/// What a layer is named by, as the API's model says it.
const LAYER: &str = "arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+";

/// The most layers that a function has.
const LAYERS: usize = 5;

/// Refuses layers that are not named by the ARN of a version, and more of them than go together.
pub(super) fn layers(given: &[Value]) -> Result<(), Fault> {
    let is_version = |arn: &str| {
        let parts: Vec<&str> = arn.split(':').collect();
        let [_, _, "lambda", _, _, "layer", _, version] = parts[..] else { return false };
        version.parse::<u64>().is_ok()
    };
    if let Some(layer) = given.iter().find(|layer| !layer.as_str().is_some_and(is_version)) {
        return Err(invalid(format!(
            "1 validation error detected: Value '[{}]' at 'layers' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must satisfy regular expression pattern: {LAYER}]",
            layer.as_str().unwrap_or_default()
        )));
    }
    if given.len() > LAYERS {
        return Err(invalid(format!("Cannot reference more than {LAYERS} layers.")));
    }
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for arn in given.iter().filter_map(Value::as_str) {
        let layer = arn.rsplit_once(':').map_or(arn, |(layer, _)| layer);
        if let Some(other) = seen.insert(layer, arn) {
            return Err(invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the same function. {other} and \
                 {arn} are versions of the same layer."
            )));
        }
    }
    Ok(())
}

/// Runtimes that the API still knows, and of which no function is made any more.
const RETIRED: &[&str] = &[
    "nodejs",
    "nodejs4.3",
    "nodejs4.3-edge",
    "nodejs6.10",
    "nodejs8.10",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "java8",
    "python2.7",
    "python3.6",
    "python3.7",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "go1.x",
    "ruby2.5",
    "ruby2.7",
    "provided",
];

/// Refuses a runtime that AWS no longer maintains.
pub(super) fn runtime(given: &Value) -> Result<(), Fault> {
    match given.as_str().filter(|runtime| RETIRED.contains(runtime)) {
        None if given.as_str().is_none_or(|runtime| runtime.is_empty() || runtime.starts_with("provided.")) => Ok(()),
        None => Err(invalid(format!(
            "The local cloud has none of AWS's managed runtimes, so {given} is not available: a function's code brings the \
             program `bootstrap`, which runs with the runtime provided.al2023."
        ))),
        Some(runtime) => Err(invalid(format!(
            "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. We \
             recommend you use a supported runtime while creating or updating functions."
        ))),
    }
}

/// How long all variables are together at most, as JSON; bytes.
const VARIABLES: usize = 4 << 10;

/// Refuses variables that are Lambda's own, and more than fit.
pub(super) fn environment(settings: &Map<String, Value>) -> Result<(), Fault> {
    const REFUSED: &str = "Lambda was unable to configure your environment variables because the environment variables you \
                           have provided";
    let variables = settings.get("Environment").and_then(|given| given["Variables"].as_object());
    let Some(variables) = variables else { return Ok(()) };
    let reserved: Vec<&str> = variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(invalid(format!(
            "{REFUSED} contains reserved keys that are currently not supported for modification. Reserved keys used in this \
             request: {}",
            reserved.join(", ")
        )));
    }
    let measured = Value::from(variables.clone()).to_string();
    if measured.len() > VARIABLES {
        return Err(invalid(format!("{REFUSED} exceeded the 4KB limit. String measured: {measured}")));
    }
    Ok(())
}
