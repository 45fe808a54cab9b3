//! A service's settings: AWS's defaults filled in, sizes as numbers, and refusals of what cannot be.

use serde_json::{Value, json};

use super::{invalid, scaling, service::Settings};
use crate::local::{fault::Fault, world::Ctx};

/// vCPU units and the megabytes that go with them.
const SIZES: [(&str, &[&str]); 5] = [
    ("256", &["512", "1024"]),
    ("512", &["1024"]),
    ("1024", &["2048", "3072", "4096"]),
    ("2048", &["4096", "6144"]),
    ("4096", &["8192", "10240", "12288"]),
];

/// The settings that a call asks for, on top of those that are in force.
pub(super) fn desired(ctx: &mut Ctx<'_>, input: &Value, current: Option<&Settings>) -> Result<Settings, Fault> {
    let nothing = Settings::default();
    let before = current.unwrap_or(&nothing);
    let source = match input.get("SourceConfiguration").filter(|given| !given.is_null()) {
        Some(given) => source(ctx, given, current)?,
        None => before.source.0.clone(),
    };
    let scaling = match input["AutoScalingConfigurationArn"].as_str() {
        Some(arn) => scaling::usable(ctx, arn)?,
        None if before.scaling.is_empty() => scaling::default(ctx),
        None => before.scaling.clone(),
    };
    let observability = match input.get("ObservabilityConfiguration").filter(|given| !given.is_null()) {
        Some(given) => super::observability::wanted(ctx, given)?,
        None => before.observability.clone(),
    };
    let encryption = match current {
        None => input["EncryptionConfiguration"].clone(),
        Some(current) => current.encryption.clone(),
    };
    let settings = Settings {
        source: crate::local::members::Sealed(source),
        instance: instance(&input["InstanceConfiguration"], &before.instance)?,
        health_check: health_check(&input["HealthCheckConfiguration"], &before.health_check)?,
        scaling,
        network: network(ctx, &input["NetworkConfiguration"], &before.network)?,
        observability,
        encryption,
        program: before.program.clone(),
    };
    check_environment(&settings)?;
    Ok(settings)
}

/// Exactly one kind of source, with what it needs to be read.
fn source(ctx: &Ctx<'_>, given: &Value, current: Option<&Settings>) -> Result<Value, Fault> {
    let mut source = given.clone();
    let image = given.get("ImageRepository").filter(|image| !image.is_null());
    let code = given.get("CodeRepository").filter(|code| !code.is_null());
    let kind = match (image, code) {
        (Some(_), None) => "ImageRepository",
        (None, Some(_)) => "CodeRepository",
        _ => {
            return Err(invalid(
                "Exactly one of CodeRepository or ImageRepository must be specified in SourceConfiguration.",
            ));
        }
    };
    if current.is_some_and(|current| current.source.0.get(kind).is_none()) {
        return Err(invalid("The source type of a service, code or image, cannot be changed."));
    }
    let authentication = &given["AuthenticationConfiguration"];
    let automatic = given["AutoDeploymentsEnabled"].as_bool();
    if let Some(image) = image {
        let identifier = image["ImageIdentifier"].as_str().unwrap_or_default();
        let public = image["ImageRepositoryType"] == "ECR_PUBLIC";
        if identifier.starts_with("public.ecr.aws/") != public {
            let kind = image["ImageRepositoryType"].as_str().unwrap_or_default();
            return Err(invalid(format!("The image {identifier} is not of the repository type {kind}.")));
        }
        if public && automatic == Some(true) {
            return Err(invalid("AutoDeploymentsEnabled cannot be true for images of ECR_PUBLIC repositories."));
        }
        if !public && authentication["AccessRoleArn"].as_str().is_none() {
            return Err(invalid(
                "Authentication configuration is invalid: an image of the type ECR needs AuthenticationConfiguration.\
                 AccessRoleArn.",
            ));
        }
        let own = identifier.starts_with(ctx.account);
        source["AutoDeploymentsEnabled"] = json!(automatic.unwrap_or(!public && own));
        let configuration = &mut source["ImageRepository"]["ImageConfiguration"];
        if configuration["Port"].as_str().is_none() {
            configuration["Port"] = json!("8080");
        }
    } else {
        let connection = authentication["ConnectionArn"].as_str();
        let connection = connection
            .ok_or_else(|| invalid("Authentication configuration is invalid: code needs a ConnectionArn."))?;
        ctx.region.apprunner.check_connection(connection)?;
        source["AutoDeploymentsEnabled"] = json!(automatic.unwrap_or(true));
    }
    check_port(&source)?;
    Ok(source)
}

fn check_port(source: &Value) -> Result<(), Fault> {
    match source["ImageRepository"]["ImageConfiguration"]["Port"].as_str() {
        Some(port) if !port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Err(invalid(format!("Port is invalid: {port} is not between 1 and 65535.")))
        }
        _ => Ok(()),
    }
}

/// CPU and memory as numbers, and only in AWS's pairs.
fn instance(given: &Value, before: &Value) -> Result<Value, Fault> {
    let text = |key: &str| given[key].as_str().or_else(|| before[key].as_str());
    let cpu = units(text("Cpu").unwrap_or("1024"), " vCPU");
    let memory = units(text("Memory").unwrap_or("2048"), " GB");
    let fits = SIZES.iter().any(|(known, sizes)| *known == cpu && sizes.contains(&memory.as_str()));
    if !fits {
        return Err(invalid(format!(
            "The CPU and memory combination is invalid: Cpu {cpu} does not go with Memory {memory}."
        )));
    }
    let mut instance = json!({ "Cpu": cpu, "Memory": memory });
    if let Some(role) = text("InstanceRoleArn") {
        instance["InstanceRoleArn"] = json!(role);
    }
    Ok(instance)
}

/// A size as a number of 1024ths: `0.25 vCPU` is 256, `2 GB` is 2048.
fn units(text: &str, unit: &str) -> String {
    let whole = text.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok());
    whole.map_or_else(|| text.to_owned(), |number| format!("{:.0}", number * 1024.0))
}

fn health_check(given: &Value, before: &Value) -> Result<Value, Fault> {
    let member = |key: &str, default: Value| {
        let known = given.get(key).filter(|value| !value.is_null()).or_else(|| before.get(key));
        known.cloned().unwrap_or(default)
    };
    let check = json!({
        "Protocol": member("Protocol", json!("TCP")),
        "Path": member("Path", json!("/")),
        "Interval": member("Interval", json!(5)),
        "Timeout": member("Timeout", json!(2)),
        "HealthyThreshold": member("HealthyThreshold", json!(1)),
        "UnhealthyThreshold": member("UnhealthyThreshold", json!(5)),
    });
    match check["Path"].as_str() {
        Some(path) if !path.starts_with('/') => {
            Err(invalid(format!("Health check path is invalid: {path} does not begin with a slash.")))
        }
        _ => Ok(check),
    }
}

fn network(ctx: &Ctx<'_>, given: &Value, before: &Value) -> Result<Value, Fault> {
    let block = |key: &str, default: Value| {
        let known = given.get(key).filter(|value| !value.is_null()).or_else(|| before.get(key));
        known.cloned().unwrap_or(default)
    };
    let mut egress = block("EgressConfiguration", json!({ "EgressType": "DEFAULT" }));
    let mut ingress = block("IngressConfiguration", json!({ "IsPubliclyAccessible": true }));
    if ingress["IsPubliclyAccessible"].is_null() {
        // By the model its default is false, so an SDK leaves it out where it is false.
        ingress["IsPubliclyAccessible"] = json!(false);
    }
    if egress["EgressType"].is_null() {
        egress["EgressType"] = json!("DEFAULT");
    }
    match (egress["EgressType"].as_str(), egress["VpcConnectorArn"].as_str()) {
        (Some("VPC"), Some(arn)) => egress["VpcConnectorArn"] = json!(ctx.region.apprunner.usable_connector(arn)?),
        (Some("VPC"), None) => {
            return Err(invalid("Egress configuration is invalid: EgressType VPC needs a VpcConnectorArn."));
        }
        (_, Some(_)) => {
            return Err(invalid("Egress configuration is invalid: a VpcConnectorArn needs EgressType VPC."));
        }
        _ => {}
    }
    Ok(json!({
        "EgressConfiguration": egress,
        "IngressConfiguration": ingress,
        "IpAddressType": block("IpAddressType", json!("IPV4")),
    }))
}

/// Environment variables and secrets: no reserved names, none in both, secrets by ARN and with a role to read them.
fn check_environment(settings: &Settings) -> Result<(), Fault> {
    let runtime = settings.runtime();
    let variables = runtime["RuntimeEnvironmentVariables"].as_object();
    let secrets = runtime["RuntimeEnvironmentSecrets"].as_object();
    let names = || variables.into_iter().chain(secrets).flat_map(|map| map.keys());
    if let Some(name) = names().find(|name| name.starts_with("AWSAPPRUNNER")) {
        return Err(invalid(format!(
            "The environment variable {name} is invalid: the prefix AWSAPPRUNNER is reserved."
        )));
    }
    if names().any(|name| name == "PORT") {
        return Err(invalid("The environment variable PORT is invalid: the name PORT is reserved."));
    }
    let Some(secrets) = secrets.filter(|secrets| !secrets.is_empty()) else { return Ok(()) };
    if let Some(name) = secrets.keys().find(|name| variables.is_some_and(|variables| variables.contains_key(*name))) {
        return Err(invalid(format!("The environment variable {name} is both in variables and in secrets.")));
    }
    if settings.instance["InstanceRoleArn"].as_str().is_none() {
        return Err(invalid("Instance Role have to be provided if passing in RuntimeEnvironmentSecrets."));
    }
    for (name, arn) in secrets {
        let arn = arn.as_str().unwrap_or_default();
        // A parameter of the same region can be named by its name alone.
        let is_name = !arn.is_empty() && !arn.contains(':') && (arn.starts_with('/') || !arn.contains('/'));
        let valid = arn.starts_with("arn:aws:secretsmanager:") || arn.starts_with("arn:aws:ssm:") || is_name;
        if !valid {
            return Err(invalid(format!(
                "The secret for the environment variable {name} is invalid: it has to be the ARN of a Secrets Manager secret, \
                 or the ARN of an SSM parameter or the name of one in this region."
            )));
        }
    }
    Ok(())
}
