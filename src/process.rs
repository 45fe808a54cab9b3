//! Processes of this machine, whoever started them.

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

/// Whether a process has ended, or never was.
pub(crate) fn is_gone(pid: Pid) -> bool {
    test_kill_process(pid) == Err(Errno::SRCH) || is_unburied(pid)
}

/// Whether a process has ended and its parent has not asked how: a shell or a container without an init leaves it so for long.
fn is_unburied(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // The name before it may hold anything, parentheses as well.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

#[cfg(test)]
mod tests {
    use std::{process::Command, thread, time::Duration};

    use super::*;

    #[test]
    fn who_has_ended_is_gone_even_if_nobody_asks_how() {
        let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(!is_gone(pid));
        child.kill().unwrap();
        if cfg!(target_os = "linux") {
            let mut waits = 0;
            while !is_gone(pid) {
                waits += 1;
                assert!(waits < 500, "{pid:?} has been killed");
                thread::sleep(Duration::from_millis(20));
            }
        }
        child.wait().unwrap();
        assert!(is_gone(pid));
    }
}
