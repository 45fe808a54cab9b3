//! What a destruction leaves, what that costs, and how it is brought back or forgotten.

use super::leaves_snapshot;
use crate::{
    cli::survey::Stage,
    engine::{
        Desired, Resource as _, Seen,
        plan::{Plan, Step},
        scope::Stranger,
    },
    render::output::wrapped,
    resources::{
        cluster::{self, Cluster},
        cost,
        function::Function,
        proxy::Proxy,
        secret::Secret,
        service::Service,
    },
    stack::OnDestroySecret,
};

/// What is left after a destruction and what it costs to forget it.
pub(super) async fn told(stage: &Stage, plan: &Plan, unplaced: &[Stranger]) -> String {
    let is_local = stage.local.is_some();
    let mut lines: Vec<String> =
        unplaced.iter().map(|Stranger { kind, id, why }| format!("The {kind} {id} stays: it {why}.")).collect();
    lines.extend(plan.kept.iter().map(|(address, reason)| format!("{address} stays: {reason}.")));
    let stays = |desired: &&Desired| plan.kept.iter().any(|(address, _)| *address == desired.address);
    if !plan.kept.is_empty() && !is_local {
        lines.push(cost::sentence(stage.intended().iter().filter(stays)));
    }
    let deleted = |kind: &str| plan.steps.iter().filter(|step| step.acts()).find(|step| step.kind() == kind);
    let cluster = deleted(Cluster::KIND).and_then(|step| step.live.as_ref()).filter(|_| leaves_snapshot(stage));
    if let Some(cluster) = cluster {
        lines.push(snapshot(stage, cluster).await);
    }
    if deleted(Secret::KIND).is_some() && stage.description.secret.on_destroy == OnDestroySecret::Schedule {
        lines.push(format!(
            "The secret {} can be restored for {} days (the next deploy does so){}.",
            stage.description.secret.name_in(&stage.description.stack),
            stage.description.secret.recovery.as_days(),
            if is_local { "" } else { "; it costs nothing until then" },
        ));
    }
    let groups = log_groups(plan);
    if !groups.is_empty() {
        lines.push(
            "Log groups in CloudWatch, as far as they were made, stay until you delete them \
             (`aws logs delete-log-group --log-group-name NAME`):"
                .to_owned(),
        );
        lines.extend(groups.iter().map(|name| format!("  {name}")));
    }
    let earlier = stage.description.database.is_some() && deleted(Cluster::KIND).is_none() && leaves_snapshot(stage);
    let earlier = earlier.then_some(
        "An earlier run may have left a final snapshot, and for some days the secret \
         (`aws rds describe-db-cluster-snapshots`, `aws secretsmanager list-secrets --include-planned-deletion`).",
    );
    let first = if lines.is_empty() { "Nothing is left." } else { "What stays:" };
    let told = lines.iter().map(|line| wrapped(&format!("  {line}"), "  "));
    let mut told: Vec<String> = [first.to_owned()].into_iter().chain(told).collect();
    told.extend(earlier.map(|text| wrapped(text, "")));
    told.join("\n")
}

/// The final snapshot by its name, and how its data is had again: no description says so.
async fn snapshot(stage: &Stage, cluster: &Seen) -> String {
    let name = cluster::latest_final_snapshot(&stage.aws, &cluster.id).await;
    let named =
        name.as_ref().map_or_else(|| "A final snapshot".to_owned(), |name| format!("The final snapshot {name}"));
    let price = if stage.local.is_some() { "" } else { ", at about 0.021 USD per GB and month," };
    let name = name.unwrap_or_else(|| "SNAPSHOT".to_owned());
    format!(
        "{named} of the cluster stays{price} until you delete it (`aws rds delete-db-cluster-snapshot \
         --db-cluster-snapshot-identifier {name}`). `aws rds restore-db-cluster-from-snapshot --engine aurora-postgresql \
         --snapshot-identifier {name} --db-cluster-identifier NEW` makes a cluster of its own from it; \
         a deploy makes an empty one."
    )
}

/// The log groups in which AWS writes about what a plan deletes. It makes them, and never deletes one.
fn log_groups(plan: &Plan) -> Vec<String> {
    let mut groups = Vec::new();
    for step in plan.steps.iter().filter(|step: &&Step| step.acts()) {
        let Some(id) = step.live.as_ref().map(|live| live.id.as_str()) else { continue };
        match step.kind() {
            kind if kind == Cluster::KIND => groups.push(format!("/aws/rds/cluster/{id}/postgresql")),
            kind if kind == Proxy::KIND => groups.push(format!("/aws/rds/proxy/{id}")),
            kind if kind == Function::KIND => groups.push(format!("/aws/lambda/{id}")),
            kind if kind == Service::KIND => {
                // arn:aws:apprunner:REGION:ACCOUNT:service/NAME/ID
                let name = id.split_once(":service/").map_or(id, |(_, name)| name);
                groups.extend(["application", "service"].map(|kind| format!("/aws/apprunner/{name}/{kind}")));
            }
            _ => {}
        }
    }
    groups
}
