//! Why the ledger cannot be used, and what to do about it.

use miette::Diagnostic;
use thiserror::Error;

use super::{Lack, Ledger};
use crate::migrate::quote::{identifier, literal};

/// Why the ledger cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum LedgerError {
    /// Another table has its name.
    #[error("{0} is not a ledger of Drizzle's, which is a table with the columns id, hash and created_at.")]
    #[diagnostic(help("Set the ledger to migrations.schema and migrations.table of drizzle.config.ts."))]
    NotALedger(Ledger),
    /// A value that does not belong there.
    #[error("The ledger {0} holds a row that cannot be read: {1}.")]
    BadRow(Ledger, String),
    /// What is read under the lock is not what is read without it, though nobody changes it.
    #[error("The ledger {0} shows other rows under its lock than without it, or keeps none.")]
    #[diagnostic(help(
        "Row level security on it, a rule, a trigger, or a view in its place hides or refuses rows in silence: give this user all of \
         its rows."
    ))]
    Unsteady(Ledger),
    /// Another session has locked all of it.
    #[error("Another session holds a lock on the whole ledger {0}, and does not end its transaction.")]
    #[diagnostic(help(
        "Who it is: SELECT pid, usename, state, query FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_locks WHERE relation \
         = {}::regclass); Once it has ended, run this again; pg_terminate_backend(pid) ends it.",
        literal(&_0.quoted())
    ))]
    Locked(Ledger),
    /// A right is lacking.
    #[error("The role {} may not {} the ledger {ledger}: {message}.", lack.role, lack.right.verb())]
    #[diagnostic(help("Whoever may do so gives it the right:\n{}{}", lack.grants.join("\n"), lack.right.otherwise()))]
    Denied {
        /// The ledger.
        ledger: Ledger,
        /// Who may not, and what makes it good.
        lack: Box<Lack>,
        /// What PostgreSQL said.
        message: String,
    },
    /// Somebody else's connection.
    #[error("The role {role} may not end the connection {pid}: {message}.")]
    #[diagnostic(help(
        "A superuser may, the connection's own role, and who has the right to:\nGRANT pg_signal_backend TO {};",
        identifier(role)
    ))]
    NotEnded {
        /// Who may not.
        role: String,
        /// The server process.
        pid: i32,
        /// What PostgreSQL said.
        message: String,
    },
    /// PostgreSQL refused.
    #[error("The ledger {ledger} cannot be used: {message} (SQLSTATE {code}).")]
    Database {
        /// The ledger.
        ledger: Ledger,
        /// What PostgreSQL said.
        message: String,
        /// SQLSTATE.
        code: String,
    },
    /// The connection was lost.
    #[error(
        "The connection was lost while the ledger {0} was used. Run it again: what is applied is read from the ledger."
    )]
    Lost(Ledger),
}
