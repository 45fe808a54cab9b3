//! All integration tests, in one binary: every further one would link the whole SDK again.

mod binary;
mod clients;
mod convergence;
mod endtoend;
mod migrate;
mod plane;
mod screens;
