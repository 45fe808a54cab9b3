//! The Drizzle-compatible migrator: the same folders, the same ledger, and nothing skipped in silence.
//!
//! ```text
//! Folder::read ─┐
//!               ├─ plan (pure) → apply → events, Applied | Failure
//! Ledger::read ─┘
//! ```
//! - [`target`], [`roots`], [`connect`], `linger`: the database and one connection to it, TLS verified
//! - [`journal`], [`folder`]: the migrations on disk, both of Drizzle's layouts
//! - [`compose`]: a new migration in a folder
//! - [`config`]: drizzle.config.* as far as its text shows what it sets
//! - [`sql`], [`quote`], [`position`], [`mask`]: tokens and statements, names and quotes, where in a file something is, and
//!   what of it is not shown
//! - [`guard`], [`concurrent`]: statements that cannot be part of a migration's transaction
//! - [`ledger`], [`lease`]: the table `drizzle.__drizzle_migrations`, and who works without a transaction
//! - [`holders`]: who holds a ledger's lock, and what can be done about it
//! - [`mod@plan`], [`refusal`], [`leftover`]: folder × ledger → what each migration is, and what stands against applying the rest
//! - [`mod@apply`], `transaction`, [`outside`], [`failure`], `existing`, [`event`]: doing it, and saying how it went
//! - [`mod@outline`]: what it would do
//! - [`catalog`]: what a database holds, as definitions that can be compared
//! - [`mod@verify`]: that what was applied is really there
//! - [`mod@repair`]: the migration that makes what is missing
//! - [`mod@baseline`]: recording what is there already
//! - [`lint`]: what is wrong or dangerous in migrations, before they reach a database; parses PostgreSQL's grammar
//!
//! The library never prints.

pub mod apply;
pub mod baseline;
pub mod catalog;
pub mod compose;
pub mod concurrent;
pub mod config;
pub mod connect;
pub mod event;
mod existing;
pub mod failure;
pub mod folder;
pub mod guard;
pub mod holders;
pub mod journal;
pub mod lease;
pub mod ledger;
pub mod leftover;
mod linger;
pub mod lint;
pub mod mask;
pub mod options;
pub mod outline;
pub mod outside;
pub mod plan;
pub mod position;
pub mod quote;
pub mod refusal;
pub mod repair;
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
pub use plan::{Accept, Allow, Plan, State, Status};
pub use refusal::Refusal;
pub use target::{Roots, Secret, Target, Tls};
