//! The cases of the database's kinds.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{ApplyMethod, Parameter};
use futures::FutureExt;
use infra::{
    aws::Clients,
    engine::{
        Live, Ref, Resource,
        plan::Action::{Keep, Replace, Update},
    },
    resources::{
        cluster::{Bonds, Cluster},
        cluster_parameter_group::ClusterParameterGroup,
        db_subnet_group::DbSubnetGroup,
        instance::Instance,
        internet_gateway::InternetGateway,
        secret::Secret,
        security_group::Rule,
    },
    stack::{OnDestroyDatabase, OnDestroySecret},
};

use super::{Case, network};

/// A key of the account.
pub(super) const KEY: &str = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Credentials of the user `app`.
pub(super) fn credentials(name: &str) -> Secret {
    Secret {
        name: format!("case-{name}"),
        description: "Credentials of a case".into(),
        resource_policy: String::new(),
        kms_key: String::new(),
        username: "app".into(),
        on_destroy: OnDestroySecret::Purge,
        recovery_days: 7,
        scheduled: None,
    }
}

pub(super) fn secret() -> Case<Secret> {
    Case::new("database", credentials("database"))
        .leaves("secret")
        .change("description", Update, |secret| secret.description = "Other credentials".into())
        .fixed("resource_policy")
        .drift(
            "shared with everybody",
            Update,
            act!(|aws, live| {
                let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}"#;
                let call = aws.secretsmanager.put_resource_policy().secret_id(&live.id).resource_policy(policy);
                call.send().await.unwrap()
            }),
        )
        .change("kms_key", Update, |secret| secret.kms_key = KEY.into())
        .change("kms_key", Update, |secret| secret.kms_key.clear())
        .change("name", Replace, |secret| secret.name = "case-other".into())
        .drift(
            "described otherwise",
            Update,
            act!(|aws, live| {
                aws.secretsmanager.update_secret().secret_id(&live.id).description("by hand").send().await.unwrap()
            }),
        )
}

pub(super) fn subnets(of: &[&str]) -> Vec<Ref<infra::resources::subnet::Subnet>> {
    of.iter().map(|name| Ref::to(name)).collect()
}

fn isolated(name: &str) -> DbSubnetGroup {
    let description = "A case".into();
    DbSubnetGroup { name: format!("case-{name}"), description, vpc: Ref::to("main"), subnets: subnets(&["one", "two"]) }
}

pub(super) fn db_subnet_group() -> Case<DbSubnetGroup> {
    let elsewhere = |number, zone| {
        let mut subnet = network::part(number, zone);
        subnet.vpc = Ref::to("other");
        subnet
    };
    Case::new("database", isolated("database"))
        .around("main", network::network())
        .around("other", network::network())
        .around("one", network::part(1, "a"))
        .around("two", network::part(2, "b"))
        .around("three", network::part(3, "c"))
        .around("four", elsewhere(4, "a"))
        .around("five", elsewhere(5, "b"))
        .change("description", Update, |group| group.description = "Another case".into())
        .change("subnets", Update, |group| group.subnets = subnets(&["one", "three"]))
        .change("name", Replace, |group| group.name = "case-other".into())
        // The name changes as well, since nothing else tells two groups apart.
        .change("vpc", Replace, |group| {
            *group = isolated("third");
            group.vpc = Ref::to("other");
            group.subnets = subnets(&["four", "five"]);
        })
        .drift(
            "a subnet added",
            Update,
            act!(|aws, live| {
                let found = aws.ec2.describe_subnets().send().await.unwrap();
                let three = found.subnets().iter().find(|subnet| subnet.cidr_block() == Some("10.0.3.0/24")).unwrap();
                let call = aws.rds.modify_db_subnet_group().db_subnet_group_name(&live.id);
                let call = call.set_subnet_ids(Some(
                    live.spec.subnets.iter().map(|subnet| subnet.as_value().unwrap().into()).collect(),
                ));
                call.subnet_ids(three.subnet_id().unwrap()).send().await.unwrap()
            }),
        )
}

fn parameters(name: &str) -> ClusterParameterGroup {
    ClusterParameterGroup {
        static_ones: std::collections::BTreeSet::new(),
        name: format!("case-{name}"),
        family: "aurora-postgresql15".into(),
        description: "A case".into(),
        parameters: BTreeMap::from([("rds.force_ssl".into(), "1".into())]),
    }
}

pub(super) fn cluster_parameter_group() -> Case<ClusterParameterGroup> {
    Case::new("database", parameters("database"))
        .change("parameters", Update, |group| {
            group.parameters.insert("log_min_duration_statement".into(), "500".into());
            group.parameters.insert("rds.force_ssl".into(), "0".into());
        })
        .change("parameters", Update, |group| group.parameters.clear())
        .change("name", Replace, |group| group.name = "case-other".into())
        // The name is unique and both exist for a while.
        .change("description", Replace, |group| {
            group.name = "case-third".into();
            group.description = "Another case".into();
        })
        .change("family", Replace, |group| {
            group.name = "case-fourth".into();
            group.family = "aurora-postgresql16".into();
        })
        .drift(
            "a parameter set and one changed",
            Update,
            act!(|aws, live| {
                let set = |name: &str, value: &str| {
                    let parameter = Parameter::builder().parameter_name(name).parameter_value(value);
                    parameter.apply_method(ApplyMethod::PendingReboot).build()
                };
                let call = aws.rds.modify_db_cluster_parameter_group().db_cluster_parameter_group_name(&live.id);
                let call = call.parameters(set("rds.force_ssl", "0"));
                call.parameters(set("log_min_duration_statement", "1")).send().await.unwrap()
            }),
        )
}

pub(super) fn database(name: &str) -> Cluster {
    Cluster {
        running: true,
        identifier: format!("case-{name}"),
        engine_version: "15.15".into(),
        database_name: Some("app".into()),
        master_username: "app".into(),
        master_secret: Ref::to("database"),
        port: 5432,
        subnet_group: Ref::to("database"),
        parameter_group: Ref::to("database"),
        security_groups: vec![Ref::to("database")],
        min_capacity: 0.5,
        max_capacity: 4.0,
        seconds_until_auto_pause: None,
        backup_retention_days: 7,
        backup_window: Some("02:00-02:30".into()),
        deletion_protection: true,
        storage_encrypted: true,
        kms_key: None,
        copy_tags_to_snapshot: true,
        log_exports: vec!["postgresql".into()],
        data_api: false,
        iam_authentication: false,
        engine_lifecycle_support: "open-source-rds-extended-support-disabled".into(),
        on_destroy: OnDestroyDatabase::Snapshot,
        bonds: Bonds::default(),
    }
}

/// A case among what a database stands in.
pub(super) fn in_a_network<R: Resource + Clone>(case: Case<R>) -> Case<R> {
    case.leaves("secret")
        .leaves("db-cluster-snapshot")
        .around("main", network::network())
        .around("one", network::part(1, "a"))
        .around("two", network::part(2, "b"))
        .around(
            "database",
            network::group("database", vec![Rule::new("tcp", Some(5432), Ref::value("10.0.0.0/16"), "")], vec![]),
        )
        .around("database", isolated("database"))
        .around("database", parameters("database"))
        .around("database", credentials("database"))
}

pub(super) fn cluster() -> Case<Cluster> {
    in_a_network(Case::new("database", database("database")))
        .around("other", network::group("other", vec![], vec![]))
        .around("other", isolated("other"))
        .around("other", parameters("other"))
        .around("other", credentials("other"))
        .one_way("engine_version")
        .change("engine_version", Update, |cluster| cluster.engine_version = "15.17".into())
        // AWS does not tell which secret a password came from; the attachment sees to a new secret's password.
        .change("master_secret", Keep, |cluster| cluster.master_secret = Ref::to("other"))
        .change("port", Update, |cluster| cluster.port = 5433)
        .change("parameter_group", Update, |cluster| cluster.parameter_group = Ref::to("other"))
        .change("security_groups", Update, |cluster| cluster.security_groups = vec![Ref::to("other")])
        .change("min_capacity", Update, |cluster| cluster.min_capacity = 0.0)
        .change("max_capacity", Update, |cluster| cluster.max_capacity = 8.0)
        // What a description does not say is not compared.
        .one_way("seconds_until_auto_pause")
        .change("seconds_until_auto_pause", Update, |cluster| cluster.seconds_until_auto_pause = Some(600))
        .change("backup_retention_days", Update, |cluster| cluster.backup_retention_days = 14)
        .change("backup_window", Update, |cluster| cluster.backup_window = Some("03:00-04:00".into()))
        .change("deletion_protection", Update, |cluster| cluster.deletion_protection = false)
        .change("copy_tags_to_snapshot", Update, |cluster| cluster.copy_tags_to_snapshot = false)
        .change("log_exports", Update, |cluster| cluster.log_exports = vec!["instance".into()])
        .change("data_api", Update, |cluster| cluster.data_api = true)
        .change("iam_authentication", Update, |cluster| cluster.iam_authentication = true)
        // What is described runs; stopping it is somebody else's deed, and starting it ours.
        .fixed("running")
        .change("engine_lifecycle_support", Update, |cluster| {
            cluster.engine_lifecycle_support = "open-source-rds-extended-support".into();
        })
        .change("subnet_group", Replace, |cluster| cluster.subnet_group = Ref::to("other"))
        .change("database_name", Replace, |cluster| cluster.database_name = Some("shop".into()))
        .change("master_username", Replace, |cluster| cluster.master_username = "shop".into())
        .change("kms_key", Replace, |cluster| cluster.kms_key = Some(KEY.into()))
        .change("storage_encrypted", Replace, |cluster| {
            cluster.storage_encrypted = false;
            cluster.kms_key = None;
        })
        .change("identifier", Replace, |cluster| cluster.identifier = "case-third".into())
        .drift(
            "stopped",
            Update,
            act!(|aws, live| aws.rds.stop_db_cluster().db_cluster_identifier(&live.id).send().await.unwrap()),
        )
        .drift(
            "protection switched off",
            Update,
            act!(|aws, live| {
                let call = aws.rds.modify_db_cluster().db_cluster_identifier(&live.id).deletion_protection(false);
                call.apply_immediately(true).send().await.unwrap()
            }),
        )
}

pub(super) fn instance_of(cluster: &str, identifier: &str) -> Instance {
    Instance {
        identifier: format!("case-{identifier}"),
        cluster: Ref::to(cluster),
        class: "db.serverless".into(),
        promotion_tier: 0,
        publicly_accessible: false,
    }
}

pub(super) fn instance() -> Case<Instance> {
    in_a_network(Case::new("1", instance_of("database", "database-1")))
        // A public one needs a way to be reached.
        .around("main", InternetGateway { vpc: Ref::to("main"), attached: true })
        .around("database", database("database"))
        .around("other", database("other"))
        .change("promotion_tier", Update, |instance| instance.promotion_tier = 1)
        .change("class", Update, |instance| instance.class = "db.r6g.large".into())
        .change("publicly_accessible", Update, |instance| instance.publicly_accessible = true)
        .change("identifier", Replace, |instance| instance.identifier = "case-database-2".into())
        .change("cluster", Replace, |instance| {
            instance.identifier = "case-other-1".into();
            instance.cluster = Ref::to("other");
        })
        .drift(
            "its tier changed",
            Update,
            act!(|aws, live| {
                let call = aws.rds.modify_db_instance().db_instance_identifier(&live.id).promotion_tier(15);
                call.apply_immediately(true).send().await.unwrap()
            }),
        )
}
