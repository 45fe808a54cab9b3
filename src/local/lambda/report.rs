//! What the log says of a call besides the function's own words, in Lambda's form.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html>

use std::{fmt, fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use sha2::{Digest as _, Sha256};

use super::invoke::{Answer, Order};
use crate::local::process::End;

/// How a call ended that Lambda itself ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is nothing to run.
    Entrypoint(String),
    /// The function's process came to its end before its answer.
    Exit(End),
    /// It took too long; seconds.
    Timeout(u64),
}

impl Failure {
    fn kind(&self) -> &'static str {
        match self {
            Self::Entrypoint(_) => "Runtime.InvalidEntrypoint",
            Self::Exit(_) => "Runtime.ExitError",
            Self::Timeout(_) => "Sandbox.Timedout",
        }
    }

    /// What the caller is told, and the log.
    pub(super) fn message(&self, request: &str) -> String {
        let text = match self {
            Self::Entrypoint(why) => why.clone(),
            Self::Exit(End::Code(0)) => "Runtime exited without providing a reason".to_owned(),
            Self::Exit(End::Code(code)) => format!("Runtime exited with error: exit status {code}"),
            Self::Exit(End::Signal(number)) => format!("Runtime exited with error: signal: {}", signal(*number)),
            Self::Exit(End::Other(how)) => format!("Runtime exited with error: {how}"),
            Self::Timeout(seconds) => format!("Task timed out after {seconds}.00 seconds"),
        };
        format!("RequestId: {request} Error: {text}")
    }

    /// The lines that the log has of it.
    pub(super) fn lines(&self, request: &str) -> Vec<String> {
        match self {
            Self::Timeout(seconds) => {
                vec![format!("{:.3} {request} Task timed out after {seconds}.00 seconds", jiff::Timestamp::now())]
            }
            _ => vec![self.message(request), self.kind().to_owned()],
        }
    }

    pub(super) fn answer(&self, request: &str) -> Answer {
        Answer::failure(self.kind(), &self.message(request))
    }

    /// What the last line of the log ends with.
    fn status(&self) -> String {
        match self {
            Self::Timeout(_) => "Status: timeout".to_owned(),
            _ => format!("Status: error\tError Type: {}", self.kind()),
        }
    }
}

/// A signal as Lambda calls it.
fn signal(number: i32) -> String {
    match number {
        2 => "interrupt".to_owned(),
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

/// The program that a call runs, or why there is none.
pub(super) fn entrypoint(folder: Option<&Path>) -> Result<&Path, Failure> {
    let folder = folder.filter(|folder| folder.join("bootstrap").is_file()).ok_or_else(|| {
        let why = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned();
        Failure::Entrypoint(why)
    })?;
    let mode = fs::metadata(folder.join("bootstrap")).map(|file| file.permissions().mode()).unwrap_or_default();
    match mode & 0o111 {
        0 => Err(Failure::Entrypoint("fork/exec /var/task/bootstrap: permission denied".to_owned())),
        _ => Ok(folder),
    }
}

/// The version of a runtime that AWS would have now; it goes up with every patch.
const RUNTIME_VERSION: u32 = 109;

/// The first line of a process, before its first call.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtime-management-identify.html>
pub(super) fn init_start(order: &Order) -> String {
    let Order { region, runtime, .. } = order;
    let version = format!("{}.v{RUNTIME_VERSION}", runtime.replacen('.', ":", 1));
    let digest: String = Sha256::digest(&version).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("INIT_START Runtime Version: {version}\tRuntime Version ARN: arn:aws:lambda:{region}::runtime:{digest}")
}

/// The last line of a call.
pub(super) struct Report<'a> {
    pub(super) order: &'a Order,
    /// From the process's beginning until it asked for its call; none where it never did.
    pub(super) init: Option<Duration>,
    /// From then on.
    pub(super) duration: Duration,
    /// Megabytes.
    pub(super) used: u64,
    pub(super) failure: Option<&'a Failure>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let billed = milliseconds(self.duration + self.init.unwrap_or_default()).ceil();
        let Order { request, memory, .. } = self.order;
        write!(out, "REPORT RequestId: {request}\tDuration: {:.2} ms\t", milliseconds(self.duration))?;
        write!(out, "Billed Duration: {billed:.0} ms\tMemory Size: {memory} MB\tMax Memory Used: {} MB\t", self.used)?;
        if let Some(init) = self.init {
            write!(out, "Init Duration: {:.2} ms\t", milliseconds(init))?;
        }
        self.failure.map_or(Ok(()), |failure| out.write_str(&failure.status()))
    }
}

/// The most memory that the processes of a group have had so far, as Linux tells it; megabytes. Elsewhere nothing.
pub(super) fn memory(group: Option<i32>) -> u64 {
    let Some(group) = group else { return 0 };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let kilobytes: u64 = processes.filter_map(|process| peak(&process.path(), group)).sum();
    kilobytes.div_ceil(1024)
}

/// The same of one process, where it belongs to the group; kilobytes.
fn peak(process: &Path, group: i32) -> Option<u64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // Behind the name, which may hold anything: state, parent, group.
    let of: i32 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(2)?.parse().ok()?;
    if of != group {
        return None;
    }
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::lambda::tests::an_order;

    #[test]
    fn the_first_line_has_lambdas_form() {
        let line = init_start(&an_order("r-1"));
        let (start, digest) = line.rsplit_once(':').unwrap();
        assert_eq!(
            start,
            "INIT_START Runtime Version: provided:al2023.v109\tRuntime Version ARN: arn:aws:lambda:eu-central-1::runtime"
        );
        assert_eq!((digest.len(), digest.trim_start_matches(|letter: char| letter.is_ascii_hexdigit())), (64, ""));
    }

    #[test]
    fn the_last_line_has_lambdas_form() {
        let order = an_order("r-1");
        let (init, duration) = (Some(Duration::from_micros(100_551)), Duration::from_micros(12_960));
        let report = Report { order: &order, init, duration, used: 36, failure: None };
        assert_eq!(
            report.to_string(),
            "REPORT RequestId: r-1\tDuration: 12.96 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\tMax Memory Used: 36 \
             MB\tInit Duration: 100.55 ms\t"
        );
        for (failure, end) in [
            (Failure::Timeout(3), "Max Memory Used: 36 MB\tStatus: timeout"),
            (Failure::Exit(End::Code(1)), "Max Memory Used: 36 MB\tStatus: error\tError Type: Runtime.ExitError"),
        ] {
            let report = Report { order: &order, init: None, duration, used: 36, failure: Some(&failure) };
            assert!(report.to_string().ends_with(end), "{report}");
        }
    }

    #[test]
    fn a_failure_is_told_in_lambdas_words() {
        for (failure, expected) in [
            (Failure::Exit(End::Code(0)), "Runtime exited without providing a reason"),
            (Failure::Exit(End::Code(3)), "Runtime exited with error: exit status 3"),
            (Failure::Exit(End::Signal(9)), "Runtime exited with error: signal: killed"),
            (Failure::Timeout(3), "Task timed out after 3.00 seconds"),
        ] {
            assert_eq!(failure.message("r-1"), format!("RequestId: r-1 Error: {expected}"));
        }
        let exit = Failure::Exit(End::Code(3));
        assert_eq!(exit.lines("r-1"), [exit.message("r-1"), "Runtime.ExitError".to_owned()]);
    }

    #[test]
    fn what_is_run_is_there_and_may_be_run() {
        let data = tempfile::tempdir().unwrap();
        let refusal = |folder: Option<&Path>| match entrypoint(folder) {
            Err(failure) => failure.message("r-1"),
            Ok(folder) => panic!("{} was taken", folder.display()),
        };
        let absent = "RequestId: r-1 Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
        assert_eq!(refusal(None), absent);
        assert_eq!(refusal(Some(data.path())), absent);
        fs::write(data.path().join("bootstrap"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(data.path().join("bootstrap"), fs::Permissions::from_mode(0o644)).unwrap();
        let refused = refusal(Some(data.path()));
        assert!(refused.ends_with("fork/exec /var/task/bootstrap: permission denied"), "{refused}");
        fs::set_permissions(data.path().join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(entrypoint(Some(data.path())).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_a_group_is_known() {
        let own = rustix::process::getpgrp().as_raw_nonzero().get();
        assert!(memory(Some(own)) > 0);
        assert_eq!(memory(None), 0);
    }
}
