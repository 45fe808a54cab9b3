//! The parameters of Aurora PostgreSQL that the local cloud knows, as `DescribeDBClusterParameters` lists them.

mod formulas;
pub(super) mod groups;
mod values;

use serde_json::{Value, json};

use super::{
    input::{combination, invalid},
    zones,
};
use crate::local::fault::Fault;
use formulas::Formula;

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

    /// Whether it is RDS's own and has a form in which PostgreSQL takes what it does not know: so it can be asked for.
    pub(super) fn is_placeholder(&self) -> bool {
        !self.is_of_postgres() && self.name.contains('.')
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
        if self.default == Some(value) || values::accepts(self.name, self.kind, self.allowed, value) {
            return Ok(());
        }
        Err(invalid(format!(
            "Invalid parameter value: {} for: {} allowed values are: {}",
            value.replace(char::is_control, "?"),
            self.name,
            self.allowed
        )))
    }

    /// The value for a server here: a formula's, where that does not depend on a machine of AWS's.
    pub(super) fn resolve(&self, value: &str) -> Option<String> {
        match formulas::parse(value).filter(|_| ["boolean", "integer", "float"].contains(&self.kind)) {
            None => Some(value.to_owned()),
            Some(Formula::Number(number)) => Some(number.to_string()),
            Some(Formula::Unknown) => None,
        }
    }
}

/// The default of `max_connections`.
pub(super) const CONNECTIONS: &str = "LEAST({DBInstanceClassMemory/9531392},5000)";
const MILLISECONDS: &str = "0-2147483647";
const LEVELS: &str = "debug5,debug4,debug3,debug2,debug1,info,notice,warning,error,log,fatal,panic";
const PREFIXES: &str =
    "%t:%r:%u@%d:[%p]:,%t:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a,%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a";

/// Every parameter, by name.
#[rustfmt::skip]
pub(super) static PARAMETERS: &[Parameter] = &[
    parameter("apg_enable_not_in_transform", None, "boolean", "0,1", "Enables the planner to transform NOT IN clauses to anti joins."),
    parameter("apg_plan_mgmt.capture_plan_baselines", Some("off"), "string", "automatic,manual,off", "Capture plan baseline mode.").cluster_only(),
    parameter("apg_plan_mgmt.max_databases", Some("10"), "integer", "1-2147483647", "Sets the maximum number of databases that may manage queries using apg_plan_mgmt.").restart().cluster_only(),
    parameter("apg_plan_mgmt.max_plans", Some("10000"), "integer", "10-2147483647", "Sets the maximum number of plans that may be cached by apg_plan_mgmt.").restart().cluster_only(),
    parameter("apg_plan_mgmt.plan_retention_period", Some("32"), "integer", "32-2147483647", "Maximum number of days since a plan was last used before a plan will be automatically deleted.").restart().cluster_only(),
    parameter("apg_plan_mgmt.unapproved_plan_execution_threshold", Some("0"), "integer", "0-2147483647", "Estimated total plan cost below which an Unapproved plan will be executed.").cluster_only(),
    parameter("apg_plan_mgmt.use_plan_baselines", Some("0"), "boolean", "0,1", "Use only approved or fixed plans for managed statements.").cluster_only(),
    parameter("application_name", None, "string", "", "Sets the application name to be reported in statistics and logs."),
    parameter("array_nulls", Some("1"), "boolean", "0,1", "Enable input of NULL elements in arrays.").cluster_only(),
    parameter("authentication_timeout", Some("60"), "integer", "1-600", "(s) Sets the maximum allowed time to complete client authentication.").cluster_only(),
    parameter("auto_explain.log_analyze", Some("0"), "boolean", "0,1", "Use EXPLAIN ANALYZE for plan logging."),
    parameter("auto_explain.log_buffers", None, "boolean", "0,1", "Log buffers usage."),
    parameter("auto_explain.log_format", None, "string", "text,xml,json,yaml", "EXPLAIN format to be used for plan logging."),
    parameter("auto_explain.log_min_duration", Some("-1"), "integer", "-1-2147483647", "Sets the minimum execution time above which plans will be logged."),
    parameter("auto_explain.log_nested_statements", None, "boolean", "0,1", "Log nested statements."),
    parameter("auto_explain.log_timing", None, "boolean", "0,1", "Collect timing data, not just row counts."),
    parameter("auto_explain.log_triggers", None, "boolean", "0,1", "Include trigger statistics in plans."),
    parameter("auto_explain.log_verbose", None, "boolean", "0,1", "Use EXPLAIN VERBOSE for plan logging."),
    parameter("auto_explain.sample_rate", None, "float", "0-1", "Fraction of queries to process."),
    parameter("autovacuum", Some("1"), "boolean", "0,1", "Starts the autovacuum subprocess.").cluster_only(),
    parameter("autovacuum_analyze_scale_factor", Some("0.05"), "float", "0-100", "Number of tuple inserts, updates or deletes prior to analyze as a fraction of reltuples.").cluster_only(),
    parameter("autovacuum_analyze_threshold", None, "integer", "0-2147483647", "Minimum number of tuple inserts, updates, or deletes prior to analyze.").cluster_only(),
    parameter("autovacuum_freeze_max_age", Some("200000000"), "integer", "100000-2000000000", "Age at which to autovacuum a table to prevent transaction ID wraparound.").restart().cluster_only(),
    parameter("autovacuum_max_workers", Some("GREATEST({DBInstanceClassMemory/64371566592},3)"), "integer", "1-262143", "Sets the maximum number of simultaneously running autovacuum worker processes.").restart().cluster_only(),
    parameter("autovacuum_multixact_freeze_max_age", Some("400000000"), "integer", "10000-2000000000", "Multixact age at which to autovacuum a table to prevent multixact wraparound.").restart().cluster_only(),
    parameter("autovacuum_naptime", Some("5"), "integer", "1-2147483", "(s) Time to sleep between autovacuum runs.").cluster_only(),
    parameter("autovacuum_vacuum_cost_delay", None, "float", "-1-100", "Vacuum cost delay in milliseconds, for autovacuum.").cluster_only(),
    parameter("autovacuum_vacuum_cost_limit", None, "integer", "-1-10000", "Vacuum cost amount available before napping, for autovacuum.").cluster_only(),
    parameter("autovacuum_vacuum_insert_scale_factor", None, "float", "0-100", "Number of tuple inserts prior to vacuum as a fraction of reltuples.").cluster_only(),
    parameter("autovacuum_vacuum_insert_threshold", None, "integer", "-1-2147483647", "Minimum number of tuple inserts prior to vacuum, or -1 to disable insert vacuums.").cluster_only(),
    parameter("autovacuum_vacuum_scale_factor", Some("0.1"), "float", "0-100", "Number of tuple updates or deletes prior to vacuum as a fraction of reltuples.").cluster_only(),
    parameter("autovacuum_vacuum_threshold", None, "integer", "0-2147483647", "Minimum number of tuple updates or deletes prior to vacuum.").cluster_only(),
    parameter("autovacuum_work_mem", None, "integer", "-1-2147483647", "Sets the maximum memory to be used by each autovacuum worker process.").cluster_only(),
    parameter("backslash_quote", None, "string", "safe_encoding,on,off", "Sets whether '\' is allowed in string literals."),
    parameter("bytea_output", Some("hex"), "string", "escape,hex", "Sets the output format for bytea."),
    parameter("check_function_bodies", None, "boolean", "0,1", "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE."),
    parameter("client_connection_check_interval", None, "integer", "0-2147483647", "Sets the time interval between checks for disconnection while running queries.").cluster_only(),
    parameter("client_encoding", Some("UTF8"), "string", "", "Sets the clients character set encoding.").cluster_only(),
    parameter("client_min_messages", Some("notice"), "string", LEVELS, "Sets the message levels that are sent to the client."),
    parameter("compute_query_id", None, "string", "on,off,auto", "Enables in-core computation of query identifiers."),
    parameter("constraint_exclusion", None, "string", "partition,on,off", "Enables the planner to use constraints to optimize queries."),
    parameter("cpu_index_tuple_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of processing each index entry during an index scan."),
    parameter("cpu_operator_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of processing each operator or function call."),
    parameter("cpu_tuple_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of processing each tuple (row)."),
    parameter("cron.database_name", Some("postgres"), "string", "", "Sets the database to keep the pg_cron metadata tables.").restart().cluster_only(),
    parameter("cron.log_run", Some("on"), "boolean", "0,1", "Log all jobs runs into the job_run_details table.").restart().cluster_only(),
    parameter("cron.log_statement", Some("on"), "boolean", "0,1", "Log all cron statements prior to execution.").restart().cluster_only(),
    parameter("cron.max_running_jobs", Some("5"), "integer", "0-100", "Maximum number of jobs that can run concurrently.").restart().cluster_only(),
    parameter("cursor_tuple_fraction", None, "float", "0-1", "Sets the planners estimate of the fraction of a cursors rows that will be retrieved."),
    parameter("datestyle", None, "string", "", "Sets the display format for date and time values.").cluster_only(),
    parameter("deadlock_timeout", Some("1000"), "integer", "1-2147483647", "(ms) Sets the time to wait on a lock before checking for deadlock."),
    parameter("debug_pretty_print", None, "boolean", "0,1", "Indents parse and plan tree displays."),
    parameter("debug_print_parse", None, "boolean", "0,1", "Logs each querys parse tree."),
    parameter("debug_print_plan", None, "boolean", "0,1", "Logs each querys execution plan."),
    parameter("debug_print_rewritten", None, "boolean", "0,1", "Logs each querys rewritten parse tree."),
    parameter("default_statistics_target", None, "integer", "1-10000", "Sets the default statistics target."),
    parameter("default_tablespace", None, "string", "", "Sets the default tablespace to create tables and indexes in."),
    parameter("default_toast_compression", None, "string", "pglz,lz4", "Sets the default compression method for compressible values.").cluster_only(),
    parameter("default_transaction_deferrable", None, "boolean", "0,1", "Sets the default deferrable status of new transactions."),
    parameter("default_transaction_isolation", Some("read committed"), "string", "serializable,repeatable read,read committed,read uncommitted", "Sets the transaction isolation level of each new transaction."),
    parameter("default_transaction_read_only", None, "boolean", "0,1", "Sets the default read-only status of new transactions."),
    parameter("effective_cache_size", Some("SUM({DBInstanceClassMemory/12038},-50003)"), "integer", "1-2147483647", "(8kB) Sets the planners assumption about the size of the disk cache."),
    parameter("enable_bitmapscan", None, "boolean", "0,1", "Enables the planners use of bitmap-scan plans."),
    parameter("enable_gathermerge", None, "boolean", "0,1", "Enables the planners use of gather merge plans."),
    parameter("enable_hashagg", None, "boolean", "0,1", "Enables the planners use of hashed aggregation plans."),
    parameter("enable_hashjoin", Some("1"), "boolean", "0,1", "Enables the planners use of hash join plans."),
    parameter("enable_incremental_sort", None, "boolean", "0,1", "Enables the planners use of incremental sort steps."),
    parameter("enable_indexonlyscan", None, "boolean", "0,1", "Enables the planners use of index-only-scan plans."),
    parameter("enable_indexscan", None, "boolean", "0,1", "Enables the planners use of index-scan plans."),
    parameter("enable_material", None, "boolean", "0,1", "Enables the planners use of materialization."),
    parameter("enable_memoize", None, "boolean", "0,1", "Enables the planners use of memoization."),
    parameter("enable_mergejoin", None, "boolean", "0,1", "Enables the planners use of merge join plans."),
    parameter("enable_nestloop", None, "boolean", "0,1", "Enables the planners use of nested-loop join plans."),
    parameter("enable_parallel_append", None, "boolean", "0,1", "Enables the planners use of parallel append plans."),
    parameter("enable_parallel_hash", None, "boolean", "0,1", "Enables the planners use of parallel hash plans."),
    parameter("enable_partition_pruning", None, "boolean", "0,1", "Enables plan-time and execution-time partition pruning."),
    parameter("enable_partitionwise_aggregate", None, "boolean", "0,1", "Enables partitionwise aggregation and grouping."),
    parameter("enable_partitionwise_join", None, "boolean", "0,1", "Enables partitionwise join."),
    parameter("enable_seqscan", Some("1"), "boolean", "0,1", "Enables the planners use of sequential-scan plans."),
    parameter("enable_sort", None, "boolean", "0,1", "Enables the planners use of explicit sort steps."),
    parameter("enable_tidscan", None, "boolean", "0,1", "Enables the planners use of TID scan plans."),
    parameter("escape_string_warning", None, "boolean", "0,1", "Warn about backslash escapes in ordinary string literals."),
    parameter("exit_on_error", None, "boolean", "0,1", "Terminate session on any error."),
    parameter("extra_float_digits", None, "integer", "-15-3", "Sets the number of digits displayed for floating-point values."),
    parameter("from_collapse_limit", None, "integer", "1-2147483647", "Sets the FROM-list size beyond which subqueries are not collapsed."),
    parameter("geqo", None, "boolean", "0,1", "Enables genetic query optimization."),
    parameter("geqo_effort", None, "integer", "1-10", "GEQO: effort is used to set the default for other GEQO parameters."),
    parameter("geqo_generations", None, "integer", "0-2147483647", "GEQO: number of iterations of the algorithm."),
    parameter("geqo_pool_size", None, "integer", "0-2147483647", "GEQO: number of individuals in the population."),
    parameter("geqo_seed", None, "float", "0-1", "GEQO: seed for random path selection."),
    parameter("geqo_selection_bias", None, "float", "1.5-2", "GEQO: selective pressure within the population."),
    parameter("geqo_threshold", None, "integer", "2-2147483647", "Sets the threshold of FROM items beyond which GEQO is used."),
    parameter("gin_fuzzy_search_limit", None, "integer", "0-2147483647", "Sets the maximum allowed result for exact search by GIN."),
    parameter("gin_pending_list_limit", None, "integer", "64-2147483647", "Sets the maximum size of the pending list for GIN index."),
    parameter("hash_mem_multiplier", None, "float", "1-1000", "Multiple of work_mem to use for hash tables."),
    parameter("hot_standby_feedback", None, "boolean", "0,1", "Allows feedback from a hot standby to the primary that will avoid query conflicts.").cluster_only(),
    parameter("huge_pages", Some("on"), "string", "on,off,try", "Use of huge pages on Linux or Windows.").restart().cluster_only(),
    parameter("idle_in_transaction_session_timeout", Some("86400000"), "integer", MILLISECONDS, "(ms) Sets the maximum allowed duration of any idling transaction."),
    parameter("idle_session_timeout", None, "integer", MILLISECONDS, "(ms) Sets the maximum allowed idle time between queries, when not in a transaction."),
    parameter("intervalstyle", None, "string", "postgres,postgres_verbose,sql_standard,iso_8601", "Sets the display format for interval values.").cluster_only(),
    parameter("jit", Some("0"), "boolean", "0,1", "Allow JIT compilation."),
    parameter("join_collapse_limit", None, "integer", "1-2147483647", "Sets the FROM-list size beyond which JOIN constructs are not flattened."),
    parameter("lc_messages", None, "string", "", "Sets the language in which messages are displayed."),
    parameter("lc_monetary", None, "string", "", "Sets the locale for formatting monetary amounts.").cluster_only(),
    parameter("lc_numeric", None, "string", "", "Sets the locale for formatting numbers.").cluster_only(),
    parameter("lc_time", None, "string", "", "Sets the locale for formatting date and time values.").cluster_only(),
    parameter("lo_compat_privileges", None, "boolean", "0,1", "Enables backward compatibility mode for privilege checks on large objects.").cluster_only(),
    parameter("lock_timeout", Some("0"), "integer", MILLISECONDS, "(ms) Sets the maximum allowed duration of any wait for a lock."),
    parameter("log_autovacuum_min_duration", Some("10000"), "integer", "-1-2147483647", "(ms) Sets the minimum execution time above which autovacuum actions will be logged.").cluster_only(),
    parameter("log_connections", Some("0"), "boolean", "0,1", "Logs each successful connection."),
    parameter("log_disconnections", Some("0"), "boolean", "0,1", "Logs end of a session, including duration."),
    parameter("log_duration", Some("0"), "boolean", "0,1", "Logs the duration of each completed SQL statement."),
    parameter("log_error_verbosity", Some("default"), "string", "terse,default,verbose", "Sets the verbosity of logged messages."),
    parameter("log_executor_stats", None, "boolean", "0,1", "Writes executor performance statistics to the server log."),
    parameter("log_line_prefix", Some("%t:%r:%u@%d:[%p]:"), "string", PREFIXES, "Controls information prefixed to each log line."),
    parameter("log_lock_waits", Some("0"), "boolean", "0,1", "Logs long lock waits."),
    parameter("log_min_duration_sample", None, "integer", "-1-2147483647", "Sets the minimum execution time above which a sample of statements will be logged. Sampling is determined by log_statement_sample_rate."),
    parameter("log_min_duration_statement", Some("-1"), "integer", "-1-2147483647", "(ms) Sets the minimum execution time above which statements will be logged."),
    parameter("log_min_error_statement", Some("error"), "string", LEVELS, "Causes all statements generating error at or above this level to be logged."),
    parameter("log_min_messages", Some("warning"), "string", LEVELS, "Sets the message levels that are logged."),
    parameter("log_parameter_max_length", None, "integer", "-1-1073741823", "Sets the maximum length in bytes of data logged for bind parameter values when logging statements."),
    parameter("log_parameter_max_length_on_error", None, "integer", "-1-1073741823", "Sets the maximum length in bytes of data logged for bind parameter values when logging statements, on error."),
    parameter("log_parser_stats", None, "boolean", "0,1", "Writes parser performance statistics to the server log."),
    parameter("log_planner_stats", None, "boolean", "0,1", "Writes planner performance statistics to the server log."),
    parameter("log_statement", Some("none"), "string", "none,ddl,mod,all", "Sets the type of statements logged."),
    parameter("log_statement_sample_rate", None, "float", "0-1", "Fraction of statements exceeding log_min_duration_sample to be logged."),
    parameter("log_statement_stats", None, "boolean", "0,1", "Writes cumulative performance statistics to the server log."),
    parameter("log_temp_files", None, "integer", "-1-2147483647", "(kB) Log the use of temporary files larger than this number of kilobytes."),
    parameter("log_transaction_sample_rate", None, "float", "0-1", "Sets the fraction of transactions from which to log all statements."),
    parameter("logical_decoding_work_mem", None, "integer", "64-2147483647", "Sets the maximum memory to be used for logical decoding."),
    parameter("maintenance_work_mem", Some("GREATEST({DBInstanceClassMemory*1024/63963136},65536)"), "integer", "1024-2147483647", "(kB) Sets the maximum memory to be used for maintenance operations."),
    parameter("max_connections", Some(CONNECTIONS), "integer", "6-262143", "Sets the maximum number of concurrent connections.").restart(),
    parameter("max_locks_per_transaction", Some("64"), "integer", "10-2147483647", "Sets the maximum number of locks per transaction.").restart(),
    parameter("max_logical_replication_workers", None, "integer", "0-262143", "Maximum number of logical replication worker processes.").restart().cluster_only(),
    parameter("max_parallel_maintenance_workers", None, "integer", "0-1024", "Sets the maximum number of parallel processes per maintenance operation."),
    parameter("max_parallel_workers", Some("GREATEST({DBInstanceVCPU/2},8)"), "integer", "0-1024", "Sets the maximum number of parallel workers than can be active at one time."),
    parameter("max_parallel_workers_per_gather", None, "integer", "0-1024", "Sets the maximum number of parallel processes per executor node."),
    parameter("max_pred_locks_per_transaction", None, "integer", "10-2147483647", "Sets the maximum number of predicate locks per transaction.").restart().cluster_only(),
    parameter("max_prepared_transactions", Some("0"), "integer", "0-262143", "Sets the maximum number of simultaneously prepared transactions.").restart(),
    parameter("max_replication_slots", Some("20"), "integer", "5-262143", "Sets the maximum number of replication slots that the server can support.").restart().cluster_only(),
    parameter("max_stack_depth", None, "integer", "100-2147483647", "Sets the maximum stack depth, in kilobytes."),
    parameter("max_standby_streaming_delay", Some("14000"), "integer", "1000-30000", "(ms) Sets the maximum delay before canceling queries when a hot standby server is processing streamed WAL data.").cluster_only(),
    parameter("max_sync_workers_per_subscription", None, "integer", "0-262143", "Maximum number of table synchronization workers per subscription.").cluster_only(),
    parameter("max_wal_senders", Some("20"), "integer", "5-262143", "Sets the maximum number of simultaneously running WAL sender processes.").restart().cluster_only(),
    parameter("max_worker_processes", Some("GREATEST({DBInstanceVCPU*2},8)"), "integer", "1-262143", "Sets the maximum number of concurrent worker processes.").restart(),
    parameter("min_parallel_index_scan_size", None, "integer", "0-715827882", "Sets the minimum amount of index data for a parallel scan."),
    parameter("min_parallel_table_scan_size", None, "integer", "0-715827882", "Sets the minimum amount of table data for a parallel scan."),
    parameter("orafce.nls_date_format", None, "string", "", "Emulate oracles date output behaviour."),
    parameter("orafce.timezone", None, "string", "", "Specify timezone used for sysdate function."),
    parameter("parallel_setup_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of starting up worker processes for parallel query."),
    parameter("parallel_tuple_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of passing each tuple (row) from worker to leader backend."),
    parameter("password_encryption", Some("scram-sha-256"), "string", "md5,scram-sha-256", "Encrypt passwords.").cluster_only(),
    parameter("pg_stat_statements.max", None, "integer", "100-2147483647", "Sets the maximum number of statements tracked by pg_stat_statements.").restart(),
    parameter("pg_stat_statements.save", None, "boolean", "0,1", "Save pg_stat_statements statistics across server shutdowns."),
    parameter("pg_stat_statements.track", None, "string", "none,top,all", "Selects which statements are tracked by pg_stat_statements."),
    parameter("pg_stat_statements.track_utility", None, "boolean", "0,1", "Selects whether utility commands are tracked by pg_stat_statements."),
    parameter("pgaudit.log", None, "list", "ddl,function,misc,read,role,write,none,all,-ddl,-function,-misc,-read,-role,-write", "Specifies which classes of statements will be logged by session audit logging."),
    parameter("pgaudit.log_catalog", None, "boolean", "0,1", "Specifies that session logging should be enabled in the case where all relations in a statement are in pg_catalog."),
    parameter("pgaudit.log_level", None, "string", "debug5,debug4,debug3,debug2,debug1,info,notice,warning,log", "Specifies the log level that will be used for log entries."),
    parameter("pgaudit.log_parameter", None, "boolean", "0,1", "Specifies that audit logging should include the parameters that were passed with the statement."),
    parameter("pgaudit.log_relation", None, "boolean", "0,1", "Specifies whether session audit logging should create a separate log entry for each relation referenced in a SELECT or DML statement."),
    parameter("pgaudit.log_statement_once", None, "boolean", "0,1", "Specifies whether logging will include the statement text and parameters with the first log entry for a statement or with every entry."),
    parameter("pgaudit.role", None, "string", "rds_pgaudit", "Specifies the master role to use for object audit logging.").cluster_only(),
    parameter("plan_cache_mode", None, "string", "auto,force_generic_plan,force_custom_plan", "Controls the planners selection of custom or generic plan."),
    parameter("quote_all_identifiers", None, "boolean", "0,1", "When generating SQL fragments, quote all identifiers."),
    parameter("random_page_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of a nonsequentially fetched disk page."),
    parameter("rds.accepted_password_auth_method", Some("md5+scram"), "string", "md5+scram,scram", "Force authentication for connections with password stored locally.").cluster_only(),
    parameter("rds.adaptive_autovacuum", Some("1"), "boolean", "0,1", "RDS parameter to enable/disable adaptive autovacuum.").cluster_only(),
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
    parameter("row_security", Some("1"), "boolean", "0,1", "Enable row security.").cluster_only(),
    parameter("search_path", Some("\"$user\",public"), "string", "", "Sets the schema search order for names that are not schema-qualified."),
    parameter("seq_page_cost", None, "float", "0-1.79769e+308", "Sets the planners estimate of the cost of a sequentially fetched disk page."),
    parameter("session_replication_role", Some("origin"), "string", "origin,replica,local", "Sets the sessions behavior for triggers and rewrite rules.").cluster_only(),
    parameter("shared_buffers", Some("SUM({DBInstanceClassMemory/12038},-50003)"), "integer", "16-1073741823", "(8kB) Sets the number of shared memory buffers used by the server.").restart(),
    parameter("shared_preload_libraries", Some("pg_stat_statements"), "list", "apg_plan_mgmt,auto_explain,orafce,pgaudit,pglogical,pg_bigm,pg_cron,pg_hint_plan,pg_prewarm,pg_similarity,pg_stat_statements,pg_tle,plprofiler,plrust", "Lists shared libraries to preload into server.").restart().cluster_only(),
    parameter("ssl", Some("1"), "boolean", "0,1", "Enables SSL connections.").fixed().cluster_only(),
    parameter("ssl_ciphers", None, "list", "", "Sets the list of allowed TLS ciphers to be used on secure connections.").restart().cluster_only(),
    parameter("ssl_max_protocol_version", None, "string", "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3", "Sets the maximum SSL/TLS protocol version to use.").cluster_only(),
    parameter("ssl_min_protocol_version", Some("TLSv1.2"), "string", "TLSv1,TLSv1.1,TLSv1.2,TLSv1.3", "Sets the minimum SSL/TLS protocol version to use.").cluster_only(),
    parameter("standard_conforming_strings", None, "boolean", "0,1", "Causes ... strings to treat backslashes literally."),
    parameter("statement_timeout", None, "integer", MILLISECONDS, "(ms) Sets the maximum allowed duration of any statement."),
    parameter("synchronize_seqscans", None, "boolean", "0,1", "Enable synchronized sequential scans."),
    parameter("synchronous_commit", Some("on"), "string", "on,off", "Sets the current transactions synchronization level."),
    parameter("tcp_keepalives_count", Some("2"), "integer", "0-2147483647", "Maximum number of TCP keepalive retransmits."),
    parameter("tcp_keepalives_idle", Some("300"), "integer", "0-2147483647", "(s) Time between issuing TCP keepalives."),
    parameter("tcp_keepalives_interval", Some("30"), "integer", "0-2147483647", "(s) Time between TCP keepalive retransmits."),
    parameter("temp_buffers", None, "integer", "100-1073741823", "Sets the maximum number of temporary buffers used by each session."),
    parameter("temp_file_limit", None, "integer", "-1-2147483647", "(kB) Limits the total size of all temporary files used by each process."),
    parameter("temp_tablespaces", None, "string", "", "Sets the tablespace(s) to use for temporary tables and sort files."),
    parameter("timezone", Some("UTC"), "string", zones::NAMES, "Sets the time zone for displaying and interpreting time stamps.").cluster_only(),
    parameter("track_activities", None, "boolean", "0,1", "Collects information about executing commands."),
    parameter("track_activity_query_size", Some("4096"), "integer", "100-1048576", "(B) Sets the size reserved for pg_stat_activity.query.").restart(),
    parameter("track_commit_timestamp", None, "boolean", "0,1", "Collects transaction commit time.").restart().cluster_only(),
    parameter("track_counts", None, "boolean", "0,1", "Collects statistics on database activity."),
    parameter("track_functions", None, "string", "none,pl,all", "Collects function-level statistics on database activity."),
    parameter("track_io_timing", Some("1"), "boolean", "0,1", "Collects timing statistics on database IO activity."),
    parameter("transform_null_equals", None, "boolean", "0,1", "Treats 'expr=NULL' as 'expr IS NULL'."),
    parameter("vacuum_cost_delay", Some("0"), "integer", "0-100", "(ms) Vacuum cost delay in milliseconds.").cluster_only(),
    parameter("vacuum_cost_limit", None, "integer", "1-10000", "Vacuum cost amount available before napping.").cluster_only(),
    parameter("vacuum_cost_page_dirty", None, "integer", "0-10000", "Vacuum cost for a page dirtied by vacuum.").cluster_only(),
    parameter("vacuum_cost_page_hit", None, "integer", "0-10000", "Vacuum cost for a page found in the buffer cache.").cluster_only(),
    parameter("vacuum_cost_page_miss", None, "integer", "0-10000", "Vacuum cost for a page not found in the buffer cache.").cluster_only(),
    parameter("vacuum_failsafe_age", None, "integer", "0-2100000000", "Age at which VACUUM should trigger failsafe to avoid a wraparound outage.").cluster_only(),
    parameter("vacuum_freeze_min_age", None, "integer", "0-1000000000", "Minimum age at which VACUUM should freeze a table row.").cluster_only(),
    parameter("vacuum_freeze_table_age", None, "integer", "0-2000000000", "Age at which VACUUM should scan whole table to freeze tuples.").cluster_only(),
    parameter("vacuum_multixact_failsafe_age", None, "integer", "0-2100000000", "Multixact age at which VACUUM should trigger failsafe to avoid a wraparound outage.").cluster_only(),
    parameter("vacuum_multixact_freeze_min_age", None, "integer", "0-1000000000", "Minimum age at which VACUUM should freeze a MultiXactId in a table row.").cluster_only(),
    parameter("vacuum_multixact_freeze_table_age", None, "integer", "0-2000000000", "Multixact age at which VACUUM should scan whole table to freeze tuples.").cluster_only(),
    parameter("wal_receiver_timeout", Some("30000"), "integer", "0-3600000", "(ms) Sets the maximum wait time to receive data from the primary.").cluster_only(),
    parameter("wal_sender_timeout", Some("30000"), "integer", "0-3600000", "(ms) Sets the maximum time to wait for WAL replication.").cluster_only(),
    parameter("work_mem", None, "integer", "64-2147483647", "(kB) Sets the maximum memory to be used for query workspaces."),
    parameter("xmlbinary", None, "string", "base64,hex", "Sets how binary values are to be encoded in XML."),
    parameter("xmloption", None, "string", "content,document", "Sets whether XML data in implicit parsing and serialization operations is to be considered as documents or content fragments."),
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
            ("timezone", "Mars/X", false),
            ("rds.force_ssl", "on", false),
            ("rds.force_ssl", "{TrueIfReplica}", true),
            ("statement_timeout", "1e3", false),
            ("statement_timeout", "LEAST(5,3000000000)", true),
            ("statement_timeout", "GREATEST(5,3000000000)", false),
            ("seq_page_cost", "1.5", true),
            ("seq_page_cost", "nan", false),
            ("max_connections", "LEAST({DBInstanceClassMemory/9531392},\n5000)", false),
            ("max_connections", "{DBInstanceClassMemory}'; x", false),
            ("log_statement", "{DBInstanceVCPU}", false),
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
