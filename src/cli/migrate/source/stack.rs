//! The database of a stack: its proxy, with the credentials in its secret.

use std::path::Path;

use miette::{IntoDiagnostic as _, miette};

use crate::{
    cli::{
        Failure, outputs,
        survey::{CloudArgs, StackArgs, Stage},
    },
    engine::{Phase, Resource, Seen, scope::Known},
    migrate::{Client, ConnectError, Roots, Secret, Target, Tls, target::CONNECT_TIMEOUT},
    resources::{cluster::Cluster, instance::Instance, proxy_target::ProxyTarget},
    stack::Runner,
};

/// Connects through the stack's proxy.
pub(super) async fn connect(file: &Path, set: &[String], cloud: &CloudArgs) -> Result<Client, Failure> {
    let args = StackArgs { file: file.into(), set: set.to_vec(), skip_migrations: true, cloud: cloud.clone() };
    let stage = Box::pin(Stage::asked(&args)).await?;
    let runner = stage.description.migrations.as_ref().map(|migrations| migrations.runner).unwrap_or_default();
    let target = target(&stage, &args).await?;
    Client::connect(&target).await.map_err(|error| match error {
        ConnectError::Unreachable { .. } => unreached(&error, runner),
        other => Failure::Other(other.into()),
    })
}

/// The proxy and the secret that the stack has in AWS.
async fn target(stage: &Stage, args: &StackArgs) -> Result<Target, Failure> {
    let live = stage.live().await?;
    let silent = silent(&live, &args.deploy());
    let known: Known = live.into_iter().map(|seen| (seen.address, seen.outputs)).collect();
    let outputs = outputs::of(stage, &known);
    let output = |name: &str| {
        outputs.get(name).cloned().ok_or_else(|| {
            miette!(
                help = format!("Run `{}` first.", args.deploy()),
                "The stack {} has no {} yet.",
                stage.name(),
                name.replace('_', " ")
            )
        })
    };
    // A proxy with nothing behind it takes the connection, and says nothing until it is given up.
    if let Some((what, help)) = silent {
        return Err(miette!(help = help, "{what}").into());
    }
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

/// Why no database can answer, and what to do about it, as far as AWS shows it. Where the proxy reaches a writer, nothing of the
/// rest is asked; what only comes up, and has an instance that runs, is left to the connection.
fn silent(live: &[Seen], deploy: &str) -> Option<(String, String)> {
    let of = |kind: &'static str| live.iter().filter(move |seen| seen.address.kind() == kind);
    let is_ready = |seen: &Seen| seen.phase == Phase::Ready;
    let cluster = of(Cluster::KIND).next()?;
    let id = &cluster.id;
    if of(Cluster::KIND).all(|seen| matches!(seen.phase, Phase::Stopped(_))) {
        let help = format!(
            "`{deploy}` starts it and waits for it; `aws rds start-db-cluster --db-cluster-identifier {id}` only starts it. Then run the \
             same command again."
        );
        return Some((format!("The cluster {id} is stopped, so its database does not answer."), help));
    }
    if of(ProxyTarget::KIND).any(is_ready) || of(Instance::KIND).any(is_ready) {
        return None;
    }
    let states: Vec<String> = of(Instance::KIND).map(|seen| format!("{} is {}", seen.id, state(&seen.phase))).collect();
    Some(match states.is_empty() {
        true => (
            format!("The cluster {id} has no instance, so its database does not answer."),
            format!("`{deploy}` makes the instances that the description asks for."),
        ),
        false => (
            format!(
                "The cluster {id} has no instance that is available, so its database does not answer: {}.",
                states.join(", ")
            ),
            "Run the same command again when one is available; `infra status` shows that.".to_owned(),
        ),
    })
}

/// In AWS's word, where there is one.
fn state(phase: &Phase) -> &str {
    match phase {
        Phase::Ready => "available",
        Phase::Changing(word) | Phase::Deleting(word) | Phase::Stopped(word) => word,
        Phase::Awaited(why) | Phase::Unknown(why) | Phase::Failed(why) | Phase::Blocked { why, .. } => why,
    }
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
