//! The database of a stack: its proxy, with the credentials in its secret.

use std::path::Path;

use miette::{IntoDiagnostic as _, miette};

use crate::{
    cli::{
        Failure, outputs,
        survey::{CloudArgs, StackArgs, Stage},
    },
    engine::scope::Known,
    migrate::{Client, ConnectError, Roots, Secret, Target, Tls, target::CONNECT_TIMEOUT},
    stack::Runner,
};

/// Connects through the stack's proxy.
pub(super) async fn connect(file: &Path, set: &[String], cloud: &CloudArgs) -> Result<Client, Failure> {
    let args = StackArgs { file: file.into(), set: set.to_vec(), skip_migrations: true, cloud: cloud.clone() };
    let stage = Box::pin(Stage::asked(&args)).await?;
    let runner = stage.description.migrations.as_ref().map(|migrations| migrations.runner).unwrap_or_default();
    let target = target(&stage).await?;
    Client::connect(&target).await.map_err(|error| match error {
        ConnectError::Unreachable { .. } => unreached(&error, runner),
        other => Failure::Other(other.into()),
    })
}

/// The proxy and the secret that the stack has in AWS.
async fn target(stage: &Stage) -> Result<Target, Failure> {
    let known: Known = stage.live().await?.into_iter().map(|seen| (seen.address, seen.outputs)).collect();
    let outputs = outputs::of(stage, &known);
    let output = |name: &str| {
        outputs.get(name).cloned().ok_or_else(|| {
            miette!(
                help = "Run `infra deploy` first.",
                "The stack {} has no {} yet.",
                stage.name(),
                name.replace('_', " ")
            )
        })
    };
    let (host, port, dbname) = (output("proxy_endpoint")?, output("proxy_port")?, output("database_name")?);
    let call = stage.aws.secretsmanager.get_secret_value().secret_id(output("secret_arn")?);
    let secret = call.send().await.map_err(crate::aws::Error::from)?;
    // What the parser says could quote the secret, so it is not passed on.
    let credentials: serde_json::Value =
        serde_json::from_str(secret.secret_string().unwrap_or_default()).unwrap_or_default();
    let part = |name: &str| {
        let text = credentials.get(name).and_then(serde_json::Value::as_str);
        text.map(str::to_owned).ok_or_else(|| miette!("The stack's secret has no {name}."))
    };
    Ok(Target {
        host,
        port: port.parse().into_diagnostic()?,
        dbname,
        user: part("username")?,
        password: Secret::new(part("password")?),
        tls: Tls::Verify(Roots::of(stage.ca().map(Path::to_path_buf))),
        connect_timeout: CONNECT_TIMEOUT,
    })
}

/// A proxy that does not answer: it is private, and this command runs outside of its VPC.
pub(super) fn unreached(error: &ConnectError, runner: Runner) -> Failure {
    const INSIDE: &str =
        "a CI runner in the VPC, a bastion, CloudShell with a VPC environment, which `proxy.allow_from` lets in.";
    match runner {
        Runner::Here => {
            let help = format!("An RDS Proxy can be reached from inside its VPC only. Run this there: {INSIDE}");
            Failure::Other(miette!(help = help, "{error}"))
        }
        Runner::Lambda => {
            let help = format!(
                "The function of `migrations.runner: lambda` works for deploys: `infra diff` shows what is pending, `infra deploy` applies \
                 it, both from here. What `infra migrate` alone can do (--to, --accept-edited, verify, repair, baseline, unlock), run inside \
                 the VPC: {INSIDE}"
            );
            Failure::Other(miette!(
                help = help,
                "{error} An RDS Proxy can be reached from inside its VPC only, and `infra migrate` connects from where it runs."
            ))
        }
    }
}
