//! Roles that a cluster may take for a feature: reading from S3, calling Lambda.

use serde_json::Value;

use crate::local::rds::input::{Input, invalid, missing};
use crate::local::{fault::Fault, world::Ctx};

/// The features of Aurora PostgreSQL that take a role.
const FEATURES: &[&str] = &["s3Import", "s3Export", "Lambda", "SageMaker", "Comprehend", "Bedrock"];

/// The cluster, the role and the feature that a call names.
fn read(ctx: &Ctx<'_>, input: &Input) -> Result<(String, String, String), Fault> {
    let cluster = ctx.region.rds.cluster(input.required("DBClusterIdentifier")?)?;
    let feature = input.text("FeatureName").unwrap_or_default();
    if !FEATURES.contains(&feature) {
        return Err(invalid(format!(
            "The feature-name parameter must be provided with the current operation for the \
            Aurora (PostgreSQL) engine: {feature:?} is none of {}.",
            FEATURES.join(", ")
        )));
    }
    Ok((cluster.identifier.clone(), input.required("RoleArn")?.to_owned(), feature.to_owned()))
}

pub(crate) fn add(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let (name, role, feature) = read(ctx, &Input(input))?;
    if !ctx.iam.role(&role).is_some_and(|known| known.trusts_service("rds.amazonaws.com")) {
        return Err(invalid(format!(
            "The IAM role ARN value is invalid or does not include the required permissions: {role}"
        )));
    }
    ctx.region.rds.available_cluster(&name)?;
    let cluster = ctx.region.rds.cluster_mut(&name)?;
    if cluster.roles.iter().any(|(known, of)| *known == role || *of == feature) {
        let message = format!("Role {role} or another one for {feature} is already associated with DB cluster {name}.");
        return Err(Fault::new("DBClusterRoleAlreadyExists", message));
    }
    cluster.roles.push((role, feature));
    Ok(Value::Null)
}

pub(crate) fn remove(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let (name, role, feature) = read(ctx, &Input(input))?;
    let cluster = ctx.region.rds.cluster_mut(&name)?;
    let before = cluster.roles.len();
    cluster.roles.retain(|one| *one != (role.clone(), feature.clone()));
    if cluster.roles.len() == before {
        let message = format!("Role {role} for {feature} is not associated with DB cluster {name}.");
        return Err(missing("DBClusterRoleNotFound", message));
    }
    Ok(Value::Null)
}
