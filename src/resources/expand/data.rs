//! The database: secret, cluster and instances in the isolated subnets, the proxy in the private ones, migrations.

use std::{collections::BTreeSet, sync::Arc};

use super::{Expansion, network};
use crate::{
    engine::Ref,
    migrate::Ledger,
    resources::{
        cluster::{Bonds, Cluster, ENGINE},
        cluster_parameter_group::ClusterParameterGroup,
        db_subnet_group::DbSubnetGroup,
        facts::MAJOR,
        instance::Instance,
        migrations::{self, Migrations},
        proxy::{Auth, PROXY_PORT, Proxy},
        proxy_target::ProxyTarget,
        role::Role,
        secret::Secret,
        secret_attachment::SecretAttachment,
    },
    stack::{Database, NetworkTooSmall, Tier},
};

/// The name of the one database in every address.
pub(super) const NAME: &str = "database";

/// Instances of Serverless v2 have this class whatever their capacity.
const SERVERLESS: &str = "db.serverless";

/// The first instance is preferred as the writer when a failover has to choose.
const WRITER_TIER: i32 = 0;
const READER_TIER: i32 = 1;

/// After how many seconds Aurora pauses where nobody says when.
const SHORTEST_PAUSE: u64 = 300;

/// RDS Proxy wants two zones at least.
const PROXY_ZONES: usize = 2;

impl Expansion<'_> {
    pub(super) fn data(&mut self) -> Result<(), NetworkTooSmall> {
        let Some(database) = &self.description.database else { return Ok(()) };
        let plans = self.description.network.subnets()?;
        self.secret(database);
        let group = DbSubnetGroup {
            name: self.named(NAME),
            description: format!("The isolated subnets of {}", self.name),
            vpc: network::vpc(),
            subnets: network::subnets(&plans, Tier::Isolated),
        };
        self.add(NAME, group);
        self.add(NAME, self.parameter_group(database));
        self.add(NAME, self.cluster(database));
        for number in 1..=1 + u32::from(database.readers) {
            let instance = Instance {
                identifier: self.named(&format!("{NAME}-{number}")),
                cluster: Ref::to(NAME),
                class: SERVERLESS.to_owned(),
                promotion_tier: if number == 1 { WRITER_TIER } else { READER_TIER },
                publicly_accessible: false,
            };
            self.add(&number.to_string(), instance);
        }
        // A proxy cannot be moved to other subnets: made anew it would be gone for minutes or hours. So a third zone is not its.
        let lasting: Vec<_> = plans.into_iter().filter(|plan| plan.index < PROXY_ZONES).collect();
        let lasting = network::subnets(&lasting, Tier::Private);
        self.proxy(lasting.clone());
        // What a function leaves behind holds its subnets for half an hour, so it stands in those that stay, too.
        self.runner(lasting, database.name.as_str());
        self.migrations();
        Ok(())
    }

    fn secret(&mut self, database: &Database) {
        let settings = &self.description.secret;
        let secret = Secret {
            name: settings.name_in(&self.description.stack),
            description: settings.description.clone(),
            resource_policy: String::new(),
            kms_key: settings.kms_key.as_ref().map_or_else(String::new, |key| key.as_str().to_owned()),
            username: database.username.as_str().to_owned(),
            on_destroy: settings.on_destroy,
            recovery_days: i64::try_from(settings.recovery.as_days()).unwrap_or(30),
            scheduled: self.facts.scheduled_secret.clone(),
        };
        self.add(NAME, secret);
        let attachment = SecretAttachment {
            secret: Ref::to(NAME),
            cluster: Ref::to(NAME),
            username: database.username.as_str().to_owned(),
            engine: "postgres".to_owned(),
            host: Ref::to(NAME).output("endpoint"),
            port: database.port,
            dbname: database.name.as_str().to_owned(),
            password_set: true,
            displaced_version: None,
            scheduled_secret: self.facts.scheduled_secret.clone(),
            is_no_json: false,
        };
        self.add(NAME, attachment);
    }

    fn parameter_group(&self, database: &Database) -> ClusterParameterGroup {
        let mut parameters = database.parameters.clone();
        // Aurora 15 takes unencrypted connections unless told otherwise.
        parameters.entry(ClusterParameterGroup::OURS.to_owned()).or_insert_with(|| "1".to_owned());
        let family = family(&self.facts.engine_version);
        ClusterParameterGroup {
            name: self.named(&family),
            family,
            description: format!("The parameters of {}", self.name),
            parameters,
            static_ones: BTreeSet::new(),
        }
    }

    fn cluster(&self, database: &Database) -> Cluster {
        let pause = database.capacity.pause_after.map_or(SHORTEST_PAUSE, |pause| pause.as_secs());
        let seconds = (database.capacity.min.get() == 0.0).then(|| i32::try_from(pause).unwrap_or(i32::MAX));
        Cluster {
            identifier: self.named(NAME),
            engine_version: self.facts.engine_version.clone(),
            database_name: Some(database.name.as_str().to_owned()),
            master_username: database.username.as_str().to_owned(),
            master_secret: Ref::to(NAME),
            port: database.port,
            subnet_group: Ref::to(NAME),
            parameter_group: Ref::to(NAME),
            security_groups: vec![Ref::to(NAME)],
            min_capacity: database.capacity.min.get(),
            max_capacity: database.capacity.max.get(),
            seconds_until_auto_pause: seconds,
            backup_retention_days: i32::try_from(database.backups.retention.as_days()).unwrap_or(7),
            backup_window: database.backups.window.as_ref().map(ToString::to_string),
            deletion_protection: database.protect,
            storage_encrypted: true,
            kms_key: database.kms_key.as_ref().map(|key| key.as_str().to_owned()),
            copy_tags_to_snapshot: true,
            log_exports: database.logs.iter().map(|log| log.name().to_owned()).collect(),
            data_api: database.data_api,
            iam_authentication: database.iam_authentication,
            engine_lifecycle_support: "open-source-rds-extended-support-disabled".to_owned(),
            running: true,
            on_destroy: database.on_destroy,
            bonds: Bonds::default(),
        }
    }

    fn proxy(&mut self, subnets: Vec<Ref<crate::resources::subnet::Subnet>>) {
        let Some(settings) = &self.description.proxy else { return };
        let role = Role {
            name: self.role_name("proxy"),
            path: self.role_path(),
            trusts: vec!["rds.amazonaws.com".to_owned()],
            statements: self.reading(vec![Ref::<Secret>::to(NAME).erase()], &[], &["secretsmanager"]),
            managed_policies: vec![],
            permissions_boundary: self.permissions_boundary(),
        };
        self.add("proxy", role);
        let seconds = |duration: crate::stack::Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        let proxy = Proxy {
            name: self.named("proxy"),
            role: Ref::to("proxy").output("arn"),
            auth: vec![Auth::by_password(Ref::to(NAME))],
            default_auth: Some("NONE".to_owned()),
            subnets,
            security_groups: vec![Ref::to("proxy")],
            require_tls: settings.require_tls,
            idle_client_timeout_seconds: seconds(settings.idle_timeout),
            debug_logging: settings.debug_logging,
            max_connections_percent: i32::from(settings.max_connections.get()),
            max_idle_connections_percent: i32::from(settings.idle_share().get()),
            connection_borrow_timeout_seconds: seconds(settings.borrow_timeout),
            init_query: String::new(),
            session_pinning_filters: Vec::new(),
        };
        self.add(NAME, proxy);
        self.add(NAME, ProxyTarget { proxy: Ref::to(NAME), cluster: Ref::to(NAME) });
    }

    fn migrations(&mut self) {
        let (Some(settings), Some(database)) = (&self.description.migrations, &self.description.database) else {
            return;
        };
        let Some(folder) = self.facts.migrations.as_ref().filter(|_| self.description.proxy.is_some()) else { return };
        let ledger = Ledger {
            schema: settings.ledger.schema.as_str().to_owned(),
            table: settings.ledger.table.as_str().to_owned(),
        };
        let migrations = Migrations {
            target: Ref::to(NAME),
            host: Ref::to(NAME).output("endpoint"),
            secret: Ref::to(NAME),
            runner: self.has_runner().then(|| Ref::to(super::runner::NAME)),
            ledger: ledger.to_string(),
            applied: migrations::wanted(folder),
            settings: migrations::Settings {
                folder: Some(Arc::clone(folder)),
                command: self.facts.migrate.clone(),
                allowed: settings.lint.allow.iter().map(|rule| rule.0).collect(),
                dbname: database.name.as_str().to_owned(),
                port: PROXY_PORT,
                ca: self.facts.ca.clone(),
                ledger,
                lock_timeout: settings.lock_timeout.get(),
                statement_timeout: settings.statement_timeout.map(crate::stack::Duration::get),
                together: settings.transaction == crate::stack::TransactionScope::All,
                ..migrations::Settings::default()
            },
        };
        self.add(NAME, migrations);
    }
}

/// The parameters' family is that of the cluster's major version, which may be a later one than ours: AWS upgrades by itself.
fn family(version: &str) -> String {
    let major = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(MAJOR);
    format!("{ENGINE}{major}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_of_the_family_that_the_cluster_has() {
        for (version, expected) in
            [("15.17", "aurora-postgresql15"), ("16.4", "aurora-postgresql16"), ("", "aurora-postgresql15")]
        {
            assert_eq!(family(version), expected, "{version}");
        }
    }
}
