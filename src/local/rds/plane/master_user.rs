//! What stands in a server from the beginning: the roles that RDS has, the master user with its password, the first database.

use std::{fs, io, path::Path, time::Duration};

use tokio_postgres::Client;

use super::{
    asking::ask,
    connection,
    known_password::{Known, digest},
    postgres::{Outcome, Servers, Wanted, said},
};

/// The role whose members log in with IAM's tokens, and not otherwise.
pub(super) const BY_TOKEN: &str = "rds_iam";

impl Servers {
    /// Makes the master user, its password and the first database what they are to be.
    pub(super) async fn apply(&self, wanted: &Wanted, home: &Path) -> Outcome<()> {
        let user = (&wanted.username, &wanted.password.0, wanted.passwords, wanted.replicates());
        let digest = digest(&(&wanted.name, user, &wanted.database, SHUT, SETTABLE, RESETS));
        let note = home.join("applied");
        let last = fs::read_to_string(&note).unwrap_or_default();
        let (applied, left_out) = last.split_once('\n').unwrap_or((&last, ""));
        if applied == digest && (left_out.is_empty() || is_recent(&note)) {
            return Ok(());
        }
        let client = self.enter_own(wanted).await?;
        let databases = ask(&self.cloud, "prepare the database", prepare(&client, wanted)).await?;
        let mut content = digest;
        for database in databases {
            // Whoever owns a database can have it let nobody in, which is nothing that the others are to wait for.
            if let Err(why) = self.prepare_database(wanted, &database).await {
                let line = format!("The database {database} of {} is left as it is: {why}", wanted.name);
                let line = line.replace('\n', " ");
                if !left_out.lines().any(|known| known == line) {
                    self.cloud.log.line(&line);
                }
                content.push('\n');
                content.push_str(&line);
            }
        }
        // Written anew also where it says the same: its age counts.
        let said = said("note what was applied");
        match fs::remove_file(&note) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(said(cause)),
            _ => self.user.write(&note, &content).map_err(said)?,
        };
        Ok(())
    }

    /// Gives `rds_superuser` what each database has of its own.
    async fn prepare_database(&self, wanted: &Wanted, database: &str) -> Outcome<()> {
        let client = self.enter(wanted, database).await.map_err(|refused| refused.to_string())?;
        let statements = format!("{QUIET}; {PATIENT}; {RESETS}");
        let prepared = client.batch_execute(&statements);
        let slow = |_| format!("there was no answer within {} s", connection::PATIENCE);
        let prepared = tokio::time::timeout(Duration::from_secs(connection::PATIENCE), prepared).await.map_err(slow)?;
        prepared.map_err(|cause| connection::reason(&cause))
    }
}

/// How long a database that could not be entered is left alone.
const RETRY: Duration = Duration::from_secs(60);

/// Whether a note has been written so lately that what it says was left out is not tried again yet.
fn is_recent(note: &Path) -> bool {
    let age = fs::metadata(note).and_then(|note| note.modified()).ok().and_then(|written| written.elapsed().ok());
    age.is_some_and(|age| age < RETRY)
}

/// What is done below is nobody's to read, whatever the parameter group says: it is neither logged nor counted. The password
/// itself never gets there: the server is given what it keeps of one.
const QUIET: &str = "SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_duration_sample = -1;
    SET log_transaction_sample_rate = 0; SET log_min_error_statement = panic; SET pg_stat_statements.track = none;
    SET standard_conforming_strings = on";

/// How long to wait for what a user's open transaction holds: it is tried again later.
const PATIENT: &str = "SET lock_timeout = '5s'";

/// What `rds_superuser` may set for a session, a role or a database of its own, where PostgreSQL lets only a superuser.
const SETTABLE: &str = r"DO $$
    DECLARE parameter text;
    BEGIN
        FOR parameter IN SELECT name FROM pg_settings
            WHERE context = 'superuser' AND (name LIKE 'log\_%' OR name = 'session_replication_role')
        LOOP EXECUTE format('GRANT SET ON PARAMETER %I TO rds_superuser', parameter); END LOOP;
    END $$";

/// What it may count anew. Each database has functions of its own, and a new one those of `template1`.
const RESETS: &str = r"DO $$
    DECLARE reset text;
    BEGIN
        FOR reset IN SELECT oid::regprocedure FROM pg_proc
            WHERE pronamespace = 'pg_catalog'::regnamespace AND proname LIKE 'pg\_stat\_reset%'
        LOOP EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO rds_superuser', reset); END LOOP;
    END $$";

/// PostgreSQL's own roles that reach the machine: its files, and its programs. In PostgreSQL 15 whoever may create roles may make
/// anybody a member of any role that is no superuser; Aurora's master user cannot have these. Nobody logs in by them, so as
/// superusers they are only this: out of reach.
const SHUT: &str = r"DO $$
    DECLARE
        shut name[] := '{pg_execute_server_program, pg_read_server_files, pg_write_server_files}';
        held record;
    BEGIN
        FOR held IN SELECT role.rolname AS role, member.rolname AS member FROM pg_auth_members AS known
            JOIN pg_authid AS role ON role.oid = known.roleid JOIN pg_authid AS member ON member.oid = known.member
            WHERE role.rolname = ANY (shut)
        LOOP EXECUTE format('REVOKE %I FROM %I', held.role, held.member); END LOOP;
        UPDATE pg_authid SET rolsuper = true WHERE rolname = ANY (shut);
    END $$";

/// The roles that RDS has, the master user among them, and the first database. Gives the names of all databases.
async fn prepare(client: &Client, wanted: &Wanted) -> Result<Vec<String>, tokio_postgres::Error> {
    client.batch_execute(QUIET).await?;
    client.batch_execute(PATIENT).await?;
    client.batch_execute(SHUT).await?;
    let exists = async |table: &str, column: &str, name: &str| {
        let query = format!("SELECT 1 FROM {table} WHERE {column} = $1");
        client.query_opt(query.as_str(), &[&name]).await.map(|row| row.is_some())
    };
    for role in ["rds_superuser", "rds_replication", "rds_password", BY_TOKEN] {
        if !exists("pg_roles", "rolname", role).await? {
            client.batch_execute(&format!("CREATE ROLE {role} NOLOGIN")).await?;
        }
    }
    let granted = "pg_monitor, pg_signal_backend, pg_checkpoint, rds_replication, rds_password";
    client.batch_execute(&format!("GRANT {granted} TO rds_superuser WITH ADMIN OPTION")).await?;
    client.batch_execute(SETTABLE).await?;
    let known = Known::read(client).await?;
    let user = identifier(&wanted.username);
    let there = exists("pg_roles", "rolname", &wanted.username).await?;
    let verb = if there { "ALTER" } else { "CREATE" };
    // REPLICATION is what rds_replication gives in RDS. Who has it can change nothing of oneself, not even the password.
    let replication = if wanted.replicates() { "REPLICATION" } else { "NOREPLICATION" };
    let rights = "CREATEROLE CREATEDB NOSUPERUSER NOBYPASSRLS";
    client.batch_execute(&format!("{verb} ROLE {user} LOGIN {rights} {replication}")).await?;
    if !there || !known.as_ref().is_some_and(|known| known.is_of(wanted)) {
        let verifier = postgres_protocol::password::scram_sha_256(wanted.password.0.as_bytes());
        client.batch_execute(&format!("ALTER ROLE {user} PASSWORD '{verifier}' VALID UNTIL 'infinity'")).await?;
    }
    client.batch_execute(&format!("GRANT rds_superuser TO {user}")).await?;
    if exists("pg_database", "datname", "postgres").await? {
        client.batch_execute(&format!("ALTER DATABASE postgres OWNER TO {user}")).await?;
    }
    // One that has been there may have been dropped.
    if let Some(name) = wanted.database.as_ref().filter(|_| known.is_none())
        && !exists("pg_database", "datname", name).await?
    {
        client.batch_execute(&format!("CREATE DATABASE {} OWNER {user}", identifier(name))).await?;
    }
    Known::write(client, wanted).await?;
    // One that is about to be dropped has no limit that could be.
    let there = "SELECT datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2";
    let databases = client.query(there, &[]).await?;
    databases.iter().map(|row| row.try_get(0)).collect()
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
