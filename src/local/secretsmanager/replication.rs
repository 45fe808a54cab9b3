//! How a secret comes into other regions. Each region keeps its own secrets; what a primary secret is goes over to its replicas
//! after the calls that change it, as in AWS, and never within one. Primary and replica know each other by a link, so that this
//! can be done again at any time: also after an end in the middle of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Store, secret::Secret};
use crate::local::{kms, pace::Millis, world::Region};

/// A replica, as its primary secret knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Replica {
    /// What it and no other has in common with its primary secret.
    pub(super) link: String,
    pub(super) kms_key_id: Option<String>,
    /// Whether it takes the place of another secret of its name.
    pub(super) overwrites: bool,
    pub(super) stage: Stage,
    pub(super) accessed_at: Option<Millis>,
}

/// How far a replica is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    InProgress { until: Millis },
    InSync,
    Failed { message: String },
}

/// What a replica is a replica of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Original {
    /// The primary secret's region.
    pub(super) region: String,
    pub(super) link: String,
}

impl Secret {
    /// Whether it is the replica with this link.
    fn is_linked_by(&self, link: &str) -> bool {
        self.original.as_ref().is_some_and(|original| original.link == link)
    }

    /// What the replica in `region` is to be; when it was read, it knows itself.
    fn copy(&self, home: &str, region: &str, replica: &Replica, before: Option<&Self>) -> Self {
        let mut copy = Self {
            arn: self.arn.replacen(&format!(":{home}:"), &format!(":{region}:"), 1),
            kms_key_id: replica.kms_key_id.clone(),
            accessed_at: before.and_then(|before| before.accessed_at),
            replicas: BTreeMap::new(),
            original: Some(Original { region: home.to_owned(), link: replica.link.clone() }),
            released: None,
            ..self.clone()
        };
        for (id, version) in &mut copy.versions {
            version.accessed_at = before.and_then(|before| before.versions.get(id)?.accessed_at);
        }
        copy
    }
}

impl Store {
    /// Makes this region's replica of a primary secret what it is to be; whether that changed anything here.
    fn follow(&mut self, primary: &Secret, home: &str, region: &str, replica: &mut Replica, now: Millis) -> bool {
        let name = &primary.name;
        let found = self.secrets.get(name);
        let own = found.filter(|found| found.is_linked_by(&replica.link));
        match &replica.stage {
            Stage::InProgress { until } if *until > now => return false,
            Stage::Failed { .. } => return false,
            Stage::InProgress { .. } | Stage::InSync => {}
        }
        let arrives = replica.stage != Stage::InSync;
        let failed = |why: String| Stage::Failed { message: format!("Replication failed: {why}") };
        if let Some(key) = replica.kms_key_id.as_ref().filter(|key| arrives && !kms::is_key(key)) {
            replica.stage = failed(format!("KMS key {key} can't be used in region {region}."));
            return false;
        }
        if found.is_some() && own.is_none() && !(arrives && replica.overwrites) {
            replica.stage = failed(format!("Secret name {name} already exists in region {region}."));
            return false;
        }
        replica.stage = Stage::InSync;
        if let Some(own) = own {
            // Its key is the one thing that a replica's own region decides.
            replica.kms_key_id.clone_from(&own.kms_key_id);
            replica.accessed_at = own.accessed_at;
        }
        let copy = primary.copy(home, region, replica, own);
        if own == Some(&copy) {
            return false;
        }
        self.secrets.insert(name.clone(), copy);
        true
    }
}

fn secrets(region: &Region) -> impl Iterator<Item = &Secret> {
    region.secretsmanager.secrets.values()
}

/// Carries what primary secrets are over to the other regions of an account; the regions that it changed.
pub(crate) fn replicate(regions: &mut BTreeMap<String, Region>, now: Millis) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    let is_concerned = |secret: &Secret| !secret.replicas.is_empty() || secret.original.is_some();
    if !regions.values().flat_map(secrets).any(is_concerned) {
        return changed;
    }
    let mut primaries = Vec::new();
    for (home, region) in regions.iter() {
        primaries.extend(secrets(region).filter(|one| !one.replicas.is_empty()).map(|one| (home.clone(), one.clone())));
    }
    let mut links = BTreeSet::new();
    for (home, primary) in primaries {
        let mut replicas = BTreeMap::new();
        for (region, mut replica) in primary.replicas.clone() {
            let store = &mut regions.entry(region.clone()).or_default().secretsmanager;
            store.settle(now);
            let found = store.secrets.get(&primary.name);
            if found.is_some_and(|found| found.released.as_ref() == Some(&replica.link)) {
                continue;
            }
            if store.follow(&primary, &home, &region, &mut replica, now) {
                changed.insert(region.clone());
            }
            links.insert(replica.link.clone());
            replicas.insert(region, replica);
        }
        if replicas != primary.replicas
            && let Some(secret) =
                regions.get_mut(&home).and_then(|region| region.secretsmanager.secrets.get_mut(&primary.name))
        {
            secret.replicas = replicas;
            changed.insert(home);
        }
    }
    // A replica that its primary secret does not know any more goes.
    for (name, region) in regions {
        let store = &mut region.secretsmanager.secrets;
        let before = store.len();
        store.retain(|_, secret| secret.original.as_ref().is_none_or(|original| links.contains(&original.link)));
        if store.len() != before {
            changed.insert(name.clone());
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::SERVICE, *};
    use crate::local::{fault::Fault, members::testing::Cloud};

    /// Regions of one account, in which calls are made as the cloud makes them.
    #[derive(Default)]
    struct Regions {
        all: BTreeMap<String, Region>,
        now: Millis,
    }

    impl Regions {
        fn call(&mut self, region: &'static str, action: &str, input: Value) -> Result<Value, Fault> {
            replicate(&mut self.all, self.now);
            let mut cloud = Cloud::new();
            (cloud.now, cloud.region_name) = (self.now, region);
            cloud.region = std::mem::take(self.all.entry(region.to_owned()).or_default());
            let answer = cloud.call(&SERVICE, action, input);
            self.all.insert(region.to_owned(), cloud.region);
            replicate(&mut self.all, self.now);
            answer
        }

        /// What was saved, as far as a cloud that was killed had come: some regions' states are older than others'.
        fn saved(&self) -> BTreeMap<String, Value> {
            self.all.iter().map(|(name, region)| (name.clone(), serde_json::to_value(region).unwrap())).collect()
        }

        fn value(&mut self, region: &'static str) -> Result<Value, String> {
            let answer = self.call(region, "GetSecretValue", json!({ "SecretId": "both" }));
            answer.map(|answer| answer["SecretString"].clone()).map_err(|fault| fault.code)
        }

        fn status(&mut self) -> Value {
            let told = self.call("eu-central-1", "DescribeSecret", json!({ "SecretId": "both" })).unwrap();
            told["ReplicationStatus"][0]["Status"].clone()
        }

        /// A secret in Frankfurt with a replica in Paris.
        fn replicated() -> Self {
            let mut regions = Self::default();
            let input =
                json!({ "Name": "both", "SecretString": "one", "AddReplicaRegions": [{ "Region": "eu-west-3" }] });
            regions.call("eu-central-1", "CreateSecret", input).unwrap();
            regions
        }
    }

    #[test]
    fn a_replica_takes_its_time_and_follows_then() {
        let mut regions = Regions::replicated();
        assert_eq!(
            (regions.status(), regions.value("eu-west-3")),
            (json!("InProgress"), Err("ResourceNotFoundException".into()))
        );
        regions.now += 5000;
        assert_eq!((regions.status(), regions.value("eu-west-3")), (json!("InSync"), Ok(json!("one"))));
        let put = json!({ "SecretId": "both", "SecretString": "two" });
        regions.call("eu-central-1", "PutSecretValue", put).unwrap();
        assert_eq!(regions.value("eu-west-3"), Ok(json!("two")));
        // Nothing more is to be done, and so nothing is saved for it.
        regions.status();
        assert!(replicate(&mut regions.all, regions.now).is_empty());
    }

    /// The regions' files are written one after the other: whatever of them a killed cloud has left behind leads to the same end.
    #[test]
    fn what_was_saved_of_a_change_in_two_regions_is_finished() {
        let stop = ("eu-west-3", "StopReplicationToReplica", json!({ "SecretId": "both" }), Ok(json!("one")));
        let remove = json!({ "SecretId": "both", "RemoveReplicaRegions": ["eu-west-3"] });
        let gone = Err("ResourceNotFoundException".to_owned());
        let remove = ("eu-central-1", "RemoveRegionsFromReplication", remove, gone);
        for (region, action, input, left) in [stop, remove] {
            let mut regions = Regions::replicated();
            regions.now += 5000;
            assert_eq!(regions.value("eu-west-3"), Ok(json!("one")));
            let before = regions.saved();
            regions.call(region, action, input).unwrap();
            let mut mixed = before;
            mixed.insert(region.to_owned(), regions.saved()[region].clone());
            regions.all =
                mixed.into_iter().map(|(name, state)| (name, serde_json::from_value(state).unwrap())).collect();
            assert_eq!(regions.value("eu-west-3"), left, "{action}");
            assert_eq!(regions.value("eu-central-1"), Ok(json!("one")), "{action}");
            assert_eq!(regions.status(), Value::Null, "{action}");
        }
    }

    #[test]
    fn a_replica_with_a_key_that_is_none_fails() {
        let mut regions = Regions::replicated();
        let wanted =
            json!({ "SecretId": "both", "AddReplicaRegions": [{ "Region": "eu-north-1", "KmsKeyId": "nonsense" }] });
        regions.call("eu-central-1", "ReplicateSecretToRegions", wanted).unwrap();
        regions.now += 5000;
        let told = regions.call("eu-central-1", "DescribeSecret", json!({ "SecretId": "both" })).unwrap();
        assert_eq!(told["ReplicationStatus"][0]["Status"], "Failed");
        assert!(told["ReplicationStatus"][0]["StatusMessage"].as_str().unwrap().contains("nonsense"));
    }
}
