//! The engine: brings what is in an account to what a description asks for, and knows no AWS kind.
//!
//! [`Resource`] is what a kind implements. [`observe`] asks AWS, [`plan`] decides (purely),
//! [`execute`] acts and says what it does in [`event`]s.

pub mod address;
pub mod attributes;
pub(crate) mod clock;
pub mod event;
pub mod execute;
#[cfg(test)]
pub(crate) mod fake;
mod graph;
pub mod identity;
pub mod kind;
pub mod lock;
pub mod observe;
pub mod plan;
pub mod reference;
pub mod resource;
pub mod scope;

pub use address::Address;
pub use attributes::Change;
pub use identity::Tags;
pub use kind::{Desired, Kind, Seen};
pub use reference::{Anything, Ref};
pub use resource::{Live, Obstacle, Occupant, Outputs, Phase, Replace, Resource, Times};
pub use scope::Scope;
