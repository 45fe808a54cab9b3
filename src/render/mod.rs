//! Plans, progress and outcomes, for people and as JSON: one object a line.

pub mod command;
pub mod outcome;
pub mod output;
pub mod plan;
pub mod progress;
pub mod report;
pub mod value;
