//! All integration tests, in one binary: every further one would link the whole SDK again.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod answers;
mod binary;
mod circle;
mod clients;
mod clouds;
mod convergence;
mod copied;
mod data_folder;
mod described;
mod endtoend;
mod failures;
mod faults;
mod held;
mod inside;
mod killed;
mod lock;
mod losses;
mod marks;
mod migrate;
mod named;
mod official;
mod ownership;
mod places;
mod plane;
mod pointing;
mod policy;
mod program;
mod replacing;
mod robust;
mod screens;
mod signals;
mod standing;
mod strangers;
mod versions;
mod wire;
