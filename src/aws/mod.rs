//! The AWS clients and what their errors mean.

mod classify;
mod clients;
mod each;
mod error;
mod guard;
mod reach;
mod remedy;
pub mod tags;
mod unanswered;
mod whole;

pub use clients::{Account, Clients, Options};
pub use each::each;
pub use error::{Class, Error, unless_gone};
pub use guard::{Permit, is_reading};
pub(crate) use unanswered::say;
pub use unanswered::telling;

/// A result whose error is AWS's, classified.
pub type Result<T, E = Error> = std::result::Result<T, E>;
