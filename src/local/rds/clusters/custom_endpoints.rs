//! Custom endpoints of a cluster: addresses for some of its instances. Behind them are the writer's or the readers' servers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Cluster;
use crate::local::rds::{
    Store, arn,
    input::{Input, combination, identifier, invalid, missing},
    instances::Instance,
    phase::Phase,
    tags::{self, Tags},
    times,
};
use crate::local::{fault::Fault, world::Ctx};

/// An endpoint that a user made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CustomEndpoint {
    pub(crate) name: String,
    pub(crate) arn: String,
    resource_id: String,
    pub(crate) cluster: String,
    pub(crate) phase: Phase,
    /// `READER`, `WRITER` or `ANY`.
    kind: String,
    members: Vec<String>,
    excluded: Vec<String>,
    /// Where it answers, whoever its members are; elsewhere than on Linux it has one of its cluster's endpoints.
    #[serde(default)]
    address: Option<String>,
    pub(crate) tags: Tags,
}

impl CustomEndpoint {
    /// Its address, while it is to answer there.
    pub(crate) fn address(&self) -> Option<String> {
        let answers = !["creating", "deleting"].contains(&self.phase.status.as_str());
        self.address.clone().filter(|_| answers)
    }

    /// Whether an instance is one of those that it leads to.
    fn has(&self, instance: &Instance) -> bool {
        let named = |names: &[String]| names.iter().any(|name| super::key(name) == instance.identifier);
        let chosen = if self.members.is_empty() { !named(&self.excluded) } else { named(&self.members) };
        chosen && (self.kind == "ANY" || instance.writer == (self.kind == "WRITER"))
    }

    /// Whether it leads to the writer's server: to the readers' where a reader is among its members, and nowhere where none of
    /// them is `served`.
    pub(crate) fn is_writer_s<'a>(&self, mut served: impl Iterator<Item = &'a Instance>) -> Option<bool> {
        let first = served.find(|one| self.has(one))?;
        Some(first.writer && !served.any(|one| self.has(one) && !one.writer))
    }

    /// The address that it shows.
    pub(super) fn shown<'a>(&'a self, cluster: &'a Cluster) -> &'a str {
        self.address.as_ref().unwrap_or(&cluster.endpoint(self.kind != "READER").address)
    }

    pub(super) fn view(&self, cluster: &Cluster) -> Value {
        json!({
            "DBClusterEndpointIdentifier": self.name, "DBClusterEndpointArn": self.arn,
            "DBClusterEndpointResourceIdentifier": self.resource_id, "DBClusterIdentifier": self.cluster,
            "Endpoint": self.shown(cluster), "Status": self.phase.status,
            "EndpointType": "CUSTOM", "CustomEndpointType": self.kind, "StaticMembers": self.members,
            "ExcludedMembers": self.excluded,
        })
    }

    /// Follows an instance to its new name.
    pub(crate) fn rename_member(&mut self, old: &str, new: &str) {
        for member in self.members.iter_mut().chain(&mut self.excluded).filter(|member| *member == old) {
            new.clone_into(member);
        }
    }

    /// Its kind, as filters ask for it.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }
}

fn absent(name: &str) -> Fault {
    missing("DBClusterEndpointNotFoundFault", format!("DBClusterEndpoint {name} not found."))
}

/// The kind and the members that a call gives.
struct Given {
    kind: Option<String>,
    members: Option<Vec<String>>,
    excluded: Option<Vec<String>>,
}

/// What a call gives, checked against the cluster.
fn read(store: &Store, cluster: &str, input: &Input) -> Result<Given, Fault> {
    let kind = input.text("EndpointType").map(str::to_ascii_uppercase);
    // The model has WRITER as well, which is the type of the cluster's own endpoint alone.
    if let Some(kind) = kind.as_deref().filter(|kind| !["READER", "ANY"].contains(kind)) {
        return Err(invalid(format!("Invalid endpoint type: {kind}. Valid values: READER, ANY")));
    }
    let list = |member: &str| -> Result<Option<Vec<String>>, Fault> {
        let Some(names) = input.texts(member) else { return Ok(None) };
        for name in &names {
            let instance = store.instance(name)?;
            if instance.cluster != cluster {
                return Err(Fault::new(
                    "InvalidDBInstanceState",
                    format!("DB instance {name} is not a member of the DB cluster {cluster}."),
                ));
            }
        }
        Ok(Some(names))
    };
    let (members, excluded) = (list("StaticMembers")?, list("ExcludedMembers")?);
    let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if some(&members) && some(&excluded) {
        return Err(combination("StaticMembers and ExcludedMembers are mutually exclusive."));
    }
    Ok(Given { kind, members, excluded })
}

pub(crate) fn create(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let store = &ctx.region.rds;
    let cluster = store.available_cluster(input.required("DBClusterIdentifier")?)?.clone();
    let name = identifier("DBClusterEndpointIdentifier", input.required("DBClusterEndpointIdentifier")?, 63)?;
    if store.custom_endpoints.contains_key(&name) {
        return Err(Fault::new(
            "DBClusterEndpointAlreadyExistsFault",
            format!("DBClusterEndpoint {name} already exists."),
        ));
    }
    if store.custom_endpoints.values().filter(|one| one.cluster == cluster.identifier).count() >= 5 {
        let message = format!("DB cluster {} has 5 custom endpoints already.", cluster.identifier);
        return Err(Fault::new("DBClusterEndpointQuotaExceededFault", message).with_status(403));
    }
    input.required("EndpointType")?;
    let Given { kind, members, excluded } = read(store, &cluster.identifier, &input)?;
    let mut endpoint = CustomEndpoint {
        arn: ctx.rds_arn("cluster-endpoint", &name),
        resource_id: arn::resource_id("cluster-endpoint-"),
        cluster: cluster.identifier.clone(),
        phase: Phase::until("creating", ctx.pace.after(ctx.now, times::PROXY_ENDPOINT), "available"),
        kind: kind.unwrap_or_default(),
        members: members.unwrap_or_default(),
        excluded: excluded.unwrap_or_default(),
        address: None,
        tags: tags::given(&input)?,
        name: name.clone(),
    };
    endpoint.address = cfg!(target_os = "linux").then(|| ctx.region.rds.listener(cluster.port).address);
    let answer = endpoint.view(&cluster);
    ctx.region.rds.custom_endpoints.insert(name, endpoint);
    Ok(answer)
}

/// The endpoint that a call means, in the state that it needs, and its cluster.
fn available(store: &Store, input: &Input) -> Result<(CustomEndpoint, Cluster), Fault> {
    let name = input.required("DBClusterEndpointIdentifier")?;
    let found = store.custom_endpoints.get(&name.to_ascii_lowercase()).ok_or_else(|| absent(name))?;
    if !found.phase.is("available") {
        let message = format!("DBClusterEndpoint {name} is not in the available state: it is {}.", found.phase.status);
        return Err(Fault::new("InvalidDBClusterEndpointStateFault", message));
    }
    Ok((found.clone(), store.cluster(&found.cluster)?.clone()))
}

pub(crate) fn modify(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let (mut endpoint, cluster) = available(&ctx.region.rds, &input)?;
    let Given { kind, members, excluded } = read(&ctx.region.rds, &cluster.identifier, &input)?;
    endpoint.kind = kind.unwrap_or(endpoint.kind);
    // One list takes the other's place; an empty one clears its own alone.
    let names = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let (by_members, by_exclusion) = (names(&members), names(&excluded));
    if members.is_some() || by_exclusion {
        endpoint.members = members.unwrap_or_default();
    }
    if excluded.is_some() || by_members {
        endpoint.excluded = excluded.unwrap_or_default();
    }
    endpoint.phase = Phase::until("modifying", ctx.pace.after(ctx.now, times::MODIFICATION), "available");
    let answer = endpoint.view(&cluster);
    ctx.region.rds.custom_endpoints.insert(endpoint.name.clone(), endpoint);
    Ok(answer)
}

pub(crate) fn delete(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let (mut endpoint, cluster) = available(&ctx.region.rds, &Input(input))?;
    endpoint.phase = Phase::until("deleting", ctx.pace.after(ctx.now, times::MODIFICATION), "deleted");
    let answer = endpoint.view(&cluster);
    ctx.region.rds.custom_endpoints.insert(endpoint.name.clone(), endpoint);
    Ok(answer)
}
