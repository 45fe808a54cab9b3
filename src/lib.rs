//! `infra`: one well-known web architecture on AWS, by direct calls instead of CDK.
//!
//! ```text
//! stack.yaml → stack → resources::expand → engine: observe → plan → execute → events → render
//! ```
//! Only `observe` knows, only `plan` decides, only `execute` acts, only `render` and `cli` print.
//!
//! - [`stack`]: YAML → a typed, checked description
//! - [`engine`]: address, attributes, resource, graph, plan, execute, event, lock; knows no AWS kind
//! - [`excerpt`]: source text as errors show it
//! - `process`: whether a process of this machine has ended
//! - [`resources`]: one kind of AWS resource a file
//! - [`aws`]: the clients and what their errors mean
//! - [`migrate`]: the Drizzle-compatible migrator
//! - [`local`]: the local cloud, an AWS-compatible endpoint with a real PostgreSQL behind it
//! - [`runner`]: the same binary inside the VPC, as a Lambda function
//! - [`render`]: plans, progress and outcomes as text and JSON
//! - [`cli`]: one verb a file

#![recursion_limit = "256"]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod aws;
pub mod cli;
pub mod engine;
pub mod excerpt;
pub mod local;
pub mod migrate;
mod process;
pub mod render;
pub mod resources;
pub mod runner;
pub mod stack;
