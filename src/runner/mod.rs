//! infra inside the VPC: the same binary as a Lambda function, which applies migrations where the proxy can be reached.
//!
//! - [`bound`]: which database it works on, as its configuration says
//! - [`order`]: what the function is asked and what it answers, on the wire
//! - [`package`]: the binary as the function's code
//! - `runtime`: the function's end of Lambda's runtime API

pub mod bound;
pub mod order;
pub mod package;
mod runtime;

pub(crate) use runtime::ORDER;
pub use runtime::{is_called, run};
