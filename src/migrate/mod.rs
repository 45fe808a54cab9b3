//! The Drizzle-compatible migrator: the same folders, the same ledger, and nothing skipped in silence.
//!
//! ```text
//! Folder::read ─┐
//!               ├─ plan (pure) → apply → events, Applied | Failure
//! Ledger::read ─┘
//! ```
//! - [`target`], [`roots`], [`connect`], `linger`: the database and one connection to it, TLS verified
//! - [`journal`], [`folder`]: the migrations on disk, both of Drizzle's layouts
//! - [`sql`], [`position`]: tokens and statements, and where in a file something is
//! - [`guard`]: statements that cannot be part of a migration's transaction
//! - [`ledger`]: the table `drizzle.__drizzle_migrations`
//! - [`mod@plan`], [`refusal`]: folder × ledger → what each migration is, and what stands against applying the rest
//! - [`mod@apply`], `transaction`, [`failure`], [`event`]: doing it, and saying how it went
//! - [`catalog`]: what a database holds, as definitions that can be compared
//! - [`mod@verify`]: that what was applied is really there
//!
//! The library never prints.

pub mod apply;
pub mod catalog;
pub mod connect;
pub mod event;
pub mod failure;
pub mod folder;
pub mod guard;
pub mod journal;
pub mod ledger;
mod linger;
pub mod options;
pub mod plan;
pub mod position;
pub mod refusal;
pub mod roots;
pub mod sql;
pub mod target;
mod transaction;
pub mod verify;

pub use apply::{Applied, apply, status};
pub use connect::{Client, ConnectError};
pub use event::Event;
pub use failure::Failure;
pub use folder::{Folder, FolderError, Layout, Migration};
pub use ledger::{Ledger, LedgerError};
pub use options::Options;
pub use plan::{Allow, Plan, State, Status};
pub use refusal::Refusal;
pub use target::{Roots, Secret, Target, Tls};
