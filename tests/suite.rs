//! All integration tests, in one binary: every further one would link the whole SDK again.

mod convergence;
mod migrate;
mod plane;
