//! The roles of a service: refused at once if they cannot be assumed, fatal for the operation if they may not
//! read what the service needs.

use serde_json::Value;

use super::{invalid, service::Settings};
use crate::local::{fault::Fault, iam::Role, world::Ctx};

/// Refuses roles that do not exist, do not trust App Runner, or are too new to be known everywhere.
pub(super) fn check_roles(ctx: &Ctx<'_>, settings: &Settings) -> Result<(), Fault> {
    let access = settings.source.0["AuthenticationConfiguration"]["AccessRoleArn"].as_str();
    if let Some(arn) = access.filter(|arn| !can_assume(ctx, arn, "build.apprunner.amazonaws.com")) {
        return Err(invalid(format!("Error in assuming access role {arn}")));
    }
    let instance = settings.instance["InstanceRoleArn"].as_str();
    if let Some(arn) = instance.filter(|arn| !can_assume(ctx, arn, "tasks.apprunner.amazonaws.com")) {
        return Err(invalid(format!("Error in assuming instance role {arn}")));
    }
    Ok(())
}

fn can_assume(ctx: &Ctx<'_>, arn: &str, principal: &str) -> bool {
    let ready = |role: &Role| role.trusts_service(principal) && role.assumable_at <= ctx.now;
    !ctx.serves("iam") || ctx.iam.role(arn).is_some_and(ready)
}

/// Why an operation that starts the service with these settings fails, if it does.
pub(super) fn foresee(ctx: &Ctx<'_>, settings: &Settings) -> Option<String> {
    if !(ctx.serves("iam") && ctx.serves("secretsmanager") && ctx.serves("ssm")) {
        return None;
    }
    foresee_image(ctx, settings).or_else(|| {
        let role = settings.instance["InstanceRoleArn"].as_str()?;
        let secrets = settings.runtime()["RuntimeEnvironmentSecrets"].as_object()?;
        secrets.iter().find_map(|(name, arn)| foresee_secret(ctx, role, name, arn.as_str().unwrap_or_default()))
    })
}

/// The access role has to be allowed to pull from the registry.
fn foresee_image(ctx: &Ctx<'_>, settings: &Settings) -> Option<String> {
    let source = &settings.source.0;
    let image = source["ImageRepository"]["ImageIdentifier"].as_str()?;
    let role = source["AuthenticationConfiguration"]["AccessRoleArn"].as_str()?;
    let (host, path) = image.split_once('/')?;
    let mut parts = host.split('.');
    let (account, region) = (parts.next()?, parts.nth(2)?);
    let repository = path.split([':', '@']).next()?;
    let repository = format!("arn:aws:ecr:{region}:{account}:repository/{repository}");
    let needed = [
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchGetImage", &repository),
        ("ecr:GetDownloadUrlForLayer", &repository),
    ];
    let missing = needed.iter().find(|(action, resource)| !ctx.iam.role_allows(role, action, resource))?;
    Some(format!(
        "Failed to pull your application image. Be sure you configure your service with a valid access role to your ECR \
         repository: {role} is not allowed {} on {}.",
        missing.0, missing.1
    ))
}

/// Why a secret or parameter cannot be handed to the service, if so.
fn foresee_secret(ctx: &Ctx<'_>, role: &str, name: &str, arn: &str) -> Option<String> {
    fetch(ctx, role, name, arn).err()
}

/// The value of a secret or parameter for an environment variable. The instance role has to be allowed to read it, and it
/// has to be there.
pub(super) fn fetch(ctx: &Ctx<'_>, role: &str, name: &str, arn: &str) -> Result<String, String> {
    let failed = |why: String| {
        format!("Failed to fetch the secret for the environment variable {name} with the instance role {role}: {why}")
    };
    let named = || format!("arn:aws:ssm:{}:{}:parameter/{}", ctx.region_name, ctx.account, arn.trim_start_matches('/'));
    let full = if arn.starts_with("arn:") { arn.to_owned() } else { named() };
    let arn = full.as_str();
    if arn.starts_with("arn:aws:ssm:") {
        if !ctx.iam.role_allows(role, "ssm:GetParameters", arn) {
            return Err(failed(format!("AccessDeniedException: not allowed ssm:GetParameters on {arn}.")));
        }
        // A region sees no other's parameters here, and accounts share none.
        let here = arn.starts_with(&format!("arn:aws:ssm:{}:{}:", ctx.region_name, ctx.account));
        let value = ctx.region.ssm.parameter_value(arn).filter(|_| here);
        return value.map(str::to_owned).ok_or_else(|| failed(format!("ParameterNotFound: {arn}.")));
    }
    // arn:aws:secretsmanager:region:account:secret:name[:key[:stage[:version]]]
    let parts: Vec<&str> = arn.split(':').collect();
    let secret = parts[..parts.len().min(7)].join(":");
    let part = |index: usize| parts.get(index).filter(|part| !part.is_empty()).copied();
    let full = ctx.region.secretsmanager.secret(&secret).map_or(secret.as_str(), |secret| &secret.arn);
    if !ctx.iam.role_allows(role, "secretsmanager:GetSecretValue", full) {
        return Err(failed(format!("AccessDeniedException: not allowed secretsmanager:GetSecretValue on {secret}.")));
    }
    let text = ctx.region.secretsmanager.secret_string(&secret, part(8), part(9)).ok_or_else(|| {
        failed(format!("ResourceNotFoundException: Secrets Manager can't find the specified secret {secret}."))
    })?;
    let Some(key) = part(7) else { return Ok(text.to_owned()) };
    let content = serde_json::from_str::<Value>(text).unwrap_or_default();
    match content.get(key) {
        Some(Value::String(value)) => Ok(value.clone()),
        Some(value) => Ok(value.to_string()),
        None => Err(failed(format!("the secret {secret} has no JSON key {key}."))),
    }
}
