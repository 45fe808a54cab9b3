//! The parameters of Aurora PostgreSQL that the local cloud knows, as `DescribeDBClusterParameters` lists them.

use serde_json::{Value, json};

use super::input::{combination, invalid};
use crate::local::fault::Fault;

/// One engine parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// The engine's default; `None` where the engine leaves it unset.
    pub(super) default: Option<&'static str>,
    pub(super) allowed: &'static str,
    /// Whether a change needs a restart.
    pub(super) is_static: bool,
    kind: &'static str,
    modifiable: bool,
    description: &'static str,
    /// Whether an instance's group has it too.
    pub(super) on_instances: bool,
}

const fn parameter(
    name: &'static str,
    default: Option<&'static str>,
    kind: &'static str,
    allowed: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { name, default, allowed, is_static: false, kind, modifiable: true, description, on_instances: true }
}

impl Parameter {
    const fn restart(self) -> Self {
        Self { is_static: true, ..self }
    }

    const fn fixed(self) -> Self {
        Self { modifiable: false, ..self }
    }

    const fn cluster_only(self) -> Self {
        Self { on_instances: false, ..self }
    }

    /// Whether PostgreSQL itself knows it; the others exist in RDS only.
    pub(super) fn is_of_postgres(&self) -> bool {
        !self.name.starts_with("rds.") && !self.name.starts_with("apg_") && !self.name.starts_with("aurora")
    }

    pub(super) fn view(&self, value: Option<&str>, method: Option<&str>) -> Value {
        let method = method.unwrap_or(if self.is_static { "pending-reboot" } else { "immediate" });
        json!({
            "ParameterName": self.name, "ParameterValue": value.or(self.default), "Description": self.description,
            "Source": self.source(value), "ApplyType": if self.is_static { "static" } else { "dynamic" },
            "DataType": self.kind, "AllowedValues": Some(self.allowed).filter(|allowed| !allowed.is_empty()),
            "IsModifiable": self.modifiable, "ApplyMethod": method, "SupportedEngineModes": ["provisioned"],
        })
    }

    /// `user` where a value was set that is not the family's own; of the rest AWS says `system` where it sets the value itself.
    pub(super) fn source(&self, value: Option<&str>) -> &'static str {
        match (value, self.default) {
            (Some(value), default) if default != Some(value) => "user",
            (None, Some(_))
                if self.name.starts_with("rds.") || !self.modifiable || self.default == Some(CONNECTIONS) =>
            {
                "system"
            }
            _ => "engine-default",
        }
    }

    /// Refuses what AWS refuses to set.
    pub(super) fn check(&self, value: &str, method: &str) -> Result<(), Fault> {
        if !self.modifiable {
            return Err(invalid(format!("The parameter {} cannot be modified.", self.name)));
        }
        if self.is_static && method == "immediate" {
            return Err(combination("cannot use immediate apply method for static parameter"));
        }
        if self.accepts(value) {
            return Ok(());
        }
        Err(invalid(format!(
            "Invalid parameter value: {value} for: {} allowed values are: {}",
            self.name, self.allowed
        )))
    }

    fn accepts(&self, value: &str) -> bool {
        // Formulas and references to instance variables are AWS's own language.
        if value.contains('{') || value.contains('\n') {
            return value.starts_with('{') || value.starts_with("LEAST(") || value.starts_with("GREATEST(");
        }
        match (self.kind, self.allowed) {
            (_, "") => true,
            ("boolean", _) => ["0", "1", "on", "off", "true", "false"].contains(&value),
            ("integer" | "float", ranges) => ranges.split(',').any(|range| within(range, value)),
            ("list", words) => value.split(',').all(|word| words.split(',').any(|known| known == word.trim())),
            (_, words) => words.split(',').any(|known| known.eq_ignore_ascii_case(value)),
        }
    }
}

/// Whether a number is the range's only one or between its ends, e.g. `-1-2147483647`.
fn within(range: &str, value: &str) -> bool {
    let Ok(value) = value.parse::<f64>() else { return false };
    let split = range.get(1..).and_then(|rest| rest.find('-')).map(|at| at + 1);
    let (low, high) = split.map_or((range, range), |at| (&range[..at], &range[at + 1..]));
    low.parse::<f64>().is_ok_and(|low| low <= value) && high.parse::<f64>().is_ok_and(|high| value <= high)
}

/// The default of `max_connections`.
pub(super) const CONNECTIONS: &str = "LEAST({DBInstanceClassMemory/9531392},5000)";
const MILLISECONDS: &str = "0-2147483647";
const LEVELS: &str = "debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic";

/// Every parameter, by name.
#[rustfmt::skip]
pub(super) static PARAMETERS: &[Parameter] = &[
    parameter("apg_plan_mgmt.capture_plan_baselines", Some("off"), "string", "automatic,manual,off", "Capture plan baseline mode.").cluster_only(),
    parameter("apg_plan_mgmt.use_plan_baselines", Some("0"), "boolean", "0,1", "Use only approved or fixed plans for managed statements.").cluster_only(),
    parameter("application_name", None, "string", "", "Sets the application name to be reported in statistics and logs."),
    parameter("array_nulls", Some("1"), "boolean", "0,1", "Enable input of NULL elements in arrays.").cluster_only(),
    parameter("authentication_timeout", Some("60"), "integer", "1-600", "(s) Sets the maximum allowed time to complete client authentication.").cluster_only(),
    parameter("auto_explain.log_analyze", Some("0"), "boolean", "0,1", "Use EXPLAIN ANALYZE for plan logging."),
    parameter("auto_explain.log_min_duration", Some("-1"), "integer", "-1-2147483647", "Sets the minimum execution time above which plans will be logged."),
    parameter("autovacuum", Some("1"), "boolean", "0,1", "Starts the autovacuum subprocess.").cluster_only(),
    parameter("autovacuum_analyze_scale_factor", Some("0.05"), "float", "0-100", "Number of tuple inserts, updates or deletes prior to analyze as a fraction of reltuples.").cluster_only(),
    parameter("autovacuum_max_workers", Some("GREATEST({DBInstanceClassMemory/64371566592},3)"), "integer", "1-262143", "Sets the maximum number of simultaneously running autovacuum worker processes.").restart().cluster_only(),
    parameter("autovacuum_naptime", Some("5"), "integer", "1-2147483", "(s) Time to sleep between autovacuum runs.").cluster_only(),
    parameter("autovacuum_vacuum_cost_limit", None, "integer", "-1-10000", "Vacuum cost amount available before napping, for autovacuum.").cluster_only(),
    parameter("autovacuum_vacuum_scale_factor", Some("0.1"), "float", "0-100", "Number of tuple updates or deletes prior to vacuum as a fraction of reltuples.").cluster_only(),
    parameter("bytea_output", Some("hex"), "string", "escape,hex", "Sets the output format for bytea."),
    parameter("client_encoding", Some("UTF8"), "string", "", "Sets the clients character set encoding.").cluster_only(),
    parameter("client_min_messages", Some("notice"), "string", LEVELS, "Sets the message levels that are sent to the client."),
    parameter("cron.database_name", Some("postgres"), "string", "", "Sets the database to keep the pg_cron metadata tables.").restart().cluster_only(),
    parameter("datestyle", None, "string", "", "Sets the display format for date and time values.").cluster_only(),
    parameter("deadlock_timeout", Some("1000"), "integer", "1-2147483647", "(ms) Sets the time to wait on a lock before checking for deadlock."),
    parameter("default_statistics_target", None, "integer", "1-10000", "Sets the default statistics target."),
    parameter("default_transaction_isolation", Some("read committed"), "string", "serializable,repeatable read,read committed,read uncommitted", "Sets the transaction isolation level of each new transaction."),
    parameter("effective_cache_size", Some("SUM({DBInstanceClassMemory/12038},-50003)"), "integer", "1-2147483647", "(8kB) Sets the planners assumption about the size of the disk cache."),
    parameter("enable_hashjoin", Some("1"), "boolean", "0,1", "Enables the planners use of hash join plans."),
    parameter("enable_seqscan", Some("1"), "boolean", "0,1", "Enables the planners use of sequential-scan plans."),
    parameter("idle_in_transaction_session_timeout", Some("86400000"), "integer", MILLISECONDS, "(ms) Sets the maximum allowed duration of any idling transaction."),
    parameter("idle_session_timeout", None, "integer", MILLISECONDS, "(ms) Sets the maximum allowed idle time between queries, when not in a transaction."),
    parameter("intervalstyle", None, "string", "postgres,postgres_verbose,sql_standard,iso_8601", "Sets the display format for interval values.").cluster_only(),
    parameter("jit", Some("0"), "boolean", "0,1", "Allow JIT compilation."),
    parameter("lc_messages", None, "string", "", "Sets the language in which messages are displayed."),
    parameter("lc_monetary", None, "string", "", "Sets the locale for formatting monetary amounts.").cluster_only(),
    parameter("lc_numeric", None, "string", "", "Sets the locale for formatting numbers.").cluster_only(),
    parameter("lc_time", None, "string", "", "Sets the locale for formatting date and time values.").cluster_only(),
    parameter("lock_timeout", Some("0"), "integer", MILLISECONDS, "(ms) Sets the maximum allowed duration of any wait for a lock."),
    parameter("log_autovacuum_min_duration", Some("10000"), "integer", "-1-2147483647", "(ms) Sets the minimum execution time above which autovacuum actions will be logged.").cluster_only(),
    parameter("log_connections", Some("0"), "boolean", "0,1", "Logs each successful connection."),
    parameter("log_disconnections", Some("0"), "boolean", "0,1", "Logs end of a session, including duration."),
    parameter("log_duration", Some("0"), "boolean", "0,1", "Logs the duration of each completed SQL statement."),
    parameter("log_error_verbosity", Some("default"), "string", "terse,default,verbose", "Sets the verbosity of logged messages."),
    parameter("log_lock_waits", Some("0"), "boolean", "0,1", "Logs long lock waits."),
    parameter("log_min_duration_statement", Some("-1"), "integer", "-1-2147483647", "(ms) Sets the minimum execution time above which statements will be logged."),
    parameter("log_min_error_statement", Some("error"), "string", LEVELS, "Causes all statements generating error at or above this level to be logged."),
    parameter("log_min_messages", Some("warning"), "string", LEVELS, "Sets the message levels that are logged."),
    parameter("log_statement", Some("none"), "string", "none,ddl,mod,all", "Sets the type of statements logged."),
    parameter("log_temp_files", None, "integer", "-1-2147483647", "(kB) Log the use of temporary files larger than this number of kilobytes."),
    parameter("maintenance_work_mem", Some("GREATEST({DBInstanceClassMemory*1024/63963136},65536)"), "integer", "1024-2147483647", "(kB) Sets the maximum memory to be used for maintenance operations."),
    parameter("max_connections", Some(CONNECTIONS), "integer", "6-262143", "Sets the maximum number of concurrent connections.").restart(),
    parameter("max_locks_per_transaction", Some("64"), "integer", "10-2147483647", "Sets the maximum number of locks per transaction.").restart(),
    parameter("max_parallel_workers", Some("GREATEST({DBInstanceVCPU/2},8)"), "integer", "0-1024", "Sets the maximum number of parallel workers than can be active at one time."),
    parameter("max_parallel_workers_per_gather", None, "integer", "0-1024", "Sets the maximum number of parallel processes per executor node."),
    parameter("max_prepared_transactions", Some("0"), "integer", "0-262143", "Sets the maximum number of simultaneously prepared transactions.").restart(),
    parameter("max_replication_slots", Some("20"), "integer", "5-262143", "Sets the maximum number of replication slots that the server can support.").restart().cluster_only(),
    parameter("max_standby_streaming_delay", Some("14000"), "integer", "1000-30000", "(ms) Sets the maximum delay before canceling queries when a hot standby server is processing streamed WAL data.").cluster_only(),
    parameter("max_wal_senders", Some("20"), "integer", "5-262143", "Sets the maximum number of simultaneously running WAL sender processes.").restart().cluster_only(),
    parameter("max_worker_processes", Some("GREATEST({DBInstanceVCPU*2},8)"), "integer", "1-262143", "Sets the maximum number of concurrent worker processes.").restart(),
    parameter("password_encryption", Some("scram-sha-256"), "string", "md5,scram-sha-256", "Encrypt passwords.").cluster_only(),
    parameter("pg_stat_statements.max", None, "integer", "100-2147483647", "Sets the maximum number of statements tracked by pg_stat_statements.").restart(),
    parameter("pg_stat_statements.track", None, "string", "none,top,all", "Selects which statements are tracked by pg_stat_statements."),
    parameter("pgaudit.log", None, "list", "ddl,function,misc,read,role,write,none,all,-ddl,-function,-misc,-read,-role,-write", "Specifies which classes of statements will be logged by session audit logging."),
    parameter("pgaudit.role", None, "string", "rds_pgaudit", "Specifies the master role to use for object audit logging.").cluster_only(),
    parameter("random_page_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of a nonsequentially fetched disk page."),
    parameter("rds.babelfish_status", Some("off"), "string", "on,off,datatypesonly", "Turn on Babelfish.").restart().cluster_only(),
    parameter("rds.enable_plan_management", Some("0"), "boolean", "0,1", "Enable or disable the apg_plan_mgmt extension.").restart().cluster_only(),
    parameter("rds.extensions", Some("address_standardizer, address_standardizer_data_us, apg_plan_mgmt, aurora_stat_utils, amcheck, autoinc, aws_commons, aws_lambda, aws_ml, aws_s3, bloom, bool_plperl, btree_gin, btree_gist, citext, cube, dblink, dict_int, dict_xsyn, earthdistance, fuzzystrmatch, hll, hstore, hypopg, insert_username, intagg, intarray, ip4r, isn, lo, ltree, moddatetime, orafce, pageinspect, pgaudit, pgcrypto, pglogical, pgrouting, pgrowlocks, pgstattuple, pgtap, pg_bigm, pg_buffercache, pg_cron, pg_freespacemap, pg_hint_plan, pg_partman, pg_prewarm, pg_proctab, pg_repack, pg_similarity, pg_stat_statements, pg_trgm, pg_visibility, plcoffee, plls, plperl, plpgsql, plprofiler, pltcl, plv8, postgis, postgis_raster, postgis_tiger_geocoder, postgis_topology, postgres_fdw, prefix, rdkit, rds_tools, refint, sslinfo, tablefunc, tds_fdw, tsm_system_rows, tsm_system_time, unaccent, uuid-ossp, vector"), "list", "", "List of extensions provided by RDS.").fixed().cluster_only(),
    parameter("rds.force_admin_logging_level", Some("disabled"), "string", "disabled,debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic", "Log messages for RDS admin user actions in customer databases.").cluster_only(),
    parameter("rds.force_autovacuum_logging_level", Some("WARNING"), "string", "disabled,debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic", "Log autovacuum operations.").cluster_only(),
    parameter("rds.force_ssl", Some("0"), "boolean", "0,1", "Force SSL connections.").cluster_only(),
    parameter("rds.global_db_rpo", None, "integer", "20-2147483647", "(s) Recovery point objective threshold for global databases.").cluster_only(),
    parameter("rds.log_retention_period", Some("4320"), "integer", "1440-10080", "Amazon RDS will delete PostgreSQL log that are older than N minutes.").cluster_only(),
    parameter("rds.logical_replication", Some("0"), "boolean", "0,1", "Enables logical decoding.").restart().cluster_only(),
    parameter("rds.rds_superuser_reserved_connections", Some("2"), "integer", "0-262143", "Sets the number of connection slots reserved for rds_superusers.").restart(),
    parameter("rds.restrict_password_commands", Some("0"), "boolean", "0,1", "Restricts password-related commands to members of rds_password.").restart().cluster_only(),
    parameter("rds.superuser_variables", Some("session_replication_role"), "string", "", "List of superuser-only variables for which we elevate rds_superuser modification statements.").fixed().cluster_only(),
    parameter("search_path", Some("\"$user\",public"), "string", "", "Sets the schema search order for names that are not schema-qualified."),
    parameter("session_replication_role", Some("origin"), "string", "origin,replica,local", "Sets the sessions behavior for triggers and rewrite rules.").cluster_only(),
    parameter("shared_buffers", Some("SUM({DBInstanceClassMemory/12038},-50003)"), "integer", "16-1073741823", "(8kB) Sets the number of shared memory buffers used by the server.").restart(),
    parameter("shared_preload_libraries", Some("pg_stat_statements"), "list", "apg_plan_mgmt,auto_explain,orafce,pgaudit,pglogical,pg_bigm,pg_cron,pg_hint_plan,pg_prewarm,pg_similarity,pg_stat_statements,pg_tle,plprofiler,plrust", "Lists shared libraries to preload into server.").restart().cluster_only(),
    parameter("ssl", Some("1"), "boolean", "0,1", "Enables SSL connections.").fixed().cluster_only(),
    parameter("ssl_ciphers", None, "list", "", "Sets the list of allowed TLS ciphers to be used on secure connections.").restart().cluster_only(),
    parameter("ssl_max_protocol_version", None, "string", "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3", "Sets the maximum SSL/TLS protocol version to use.").cluster_only(),
    parameter("ssl_min_protocol_version", Some("TLSv1.2"), "string", "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3", "Sets the minimum SSL/TLS protocol version to use.").cluster_only(),
    parameter("statement_timeout", None, "integer", MILLISECONDS, "(ms) Sets the maximum allowed duration of any statement."),
    parameter("synchronous_commit", Some("on"), "string", "on,off", "Sets the current transactions synchronization level."),
    parameter("tcp_keepalives_idle", Some("300"), "integer", "0-2147483647", "(s) Time between issuing TCP keepalives."),
    parameter("tcp_keepalives_interval", Some("30"), "integer", "0-2147483647", "(s) Time between TCP keepalive retransmits."),
    parameter("tcp_keepalives_count", Some("2"), "integer", "0-2147483647", "Maximum number of TCP keepalive retransmits."),
    parameter("temp_file_limit", None, "integer", "-1-2147483647", "(kB) Limits the total size of all temporary files used by each process."),
    parameter("timezone", Some("UTC"), "string", "", "Sets the time zone for displaying and interpreting time stamps.").cluster_only(),
    parameter("track_activity_query_size", Some("4096"), "integer", "100-1048576", "(B) Sets the size reserved for pg_stat_activity.query.").restart(),
    parameter("track_functions", None, "string", "none,pl,all", "Collects function-level statistics on database activity."),
    parameter("track_io_timing", Some("1"), "boolean", "0,1", "Collects timing statistics on database IO activity."),
    parameter("vacuum_cost_delay", Some("0"), "integer", "0-100", "(ms) Vacuum cost delay in milliseconds.").cluster_only(),
    parameter("wal_receiver_timeout", Some("30000"), "integer", "0-3600000", "(ms) Sets the maximum wait time to receive data from the primary.").cluster_only(),
    parameter("wal_sender_timeout", Some("30000"), "integer", "0-3600000", "(ms) Sets the maximum time to wait for WAL replication.").cluster_only(),
    parameter("work_mem", None, "integer", "64-2147483647", "(kB) Sets the maximum memory to be used for query workspaces."),
    parameter("xmlbinary", None, "string", "base64,hex", "Sets how binary values are to be encoded in XML."),
];

/// The parameter of this name in a cluster's group, or in an instance's.
pub(super) fn find(name: &str, of_cluster: bool) -> Result<&'static Parameter, Fault> {
    let found = PARAMETERS.iter().find(|parameter| parameter.name == name && (of_cluster || parameter.on_instances));
    found.ok_or_else(|| invalid(format!("Could not find parameter with name: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_against_kind_and_range() {
        for (name, value, accepted) in [
            ("rds.force_ssl", "1", true),
            ("rds.force_ssl", "yes", false),
            ("statement_timeout", "30000", true),
            ("statement_timeout", "30s", false),
            ("statement_timeout", "-1", false),
            ("log_min_duration_statement", "-1", true),
            ("log_statement", "ddl", true),
            ("log_statement", "everything", false),
            ("shared_preload_libraries", "pg_stat_statements,auto_explain", true),
            ("shared_preload_libraries", "mine", false),
            ("timezone", "Europe/Vienna", true),
            ("timezone", "UTC'\nfsync='on", false),
        ] {
            let parameter = find(name, true).unwrap();
            assert_eq!(parameter.check(value, "pending-reboot").is_ok(), accepted, "{name} = {value}");
        }
    }

    #[test]
    fn a_static_parameter_waits_for_a_reboot() {
        assert!(find("max_connections", true).unwrap().check("100", "immediate").is_err());
        assert!(find("rds.extensions", true).unwrap().check("vector", "immediate").is_err());
        assert!(find("no_such_thing", true).is_err());
        assert!(find("timezone", false).is_err());
    }
}
