//! How many files and connections the process may have open: with too few it would end anywhere.

use miette::miette;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Failure;

/// What a run needs: the runtime's own, and a connection to each service for each of many calls at a time.
const NEEDED: u64 = 64;

/// Makes room, as far as this process may by itself.
///
/// # Errors
/// Where too little is left.
pub(super) fn make_room() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let suffices = |limit: Option<u64>| limit.is_none_or(|limit| limit >= NEEDED);
    if suffices(limit.current) {
        return Ok(());
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if suffices(limit.maximum) && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    let number = limit.current.unwrap_or_default();
    Err(miette!(
        help = "Raise the limit (`ulimit -n 1024`; in a service or container, its limit `nofile`) and run the same command again.",
        "This process may have {number} files open, and infra needs {NEEDED}."
    )
    .into())
}
