//! Somebody else's listener on a program's port is not taken for the program.

use std::{
    net::TcpListener,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{DEPLOY, a_port, stage, until_page, url};
use crate::binary::Cloud;

/// Listens on the ports that a program notes in this file before the program does, until `over`.
fn take_ports(noted: &Path, at_most: usize, over: &AtomicBool) {
    let mut taken: Vec<TcpListener> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let all = std::fs::read_to_string(noted).unwrap_or_default();
        let ports = all.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse::<u16>().ok());
        let next = ports.take(at_most).skip(taken.len()).map(|port| TcpListener::bind(("127.0.0.1", port)));
        taken.extend(next.map(|listener| listener.expect("the program does not listen yet")));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Deploys while somebody else takes the first ports that the program is given.
fn deploy_beside(cloud: &Cloud, command: &str, at_most: usize, status: i32) -> String {
    let noted = cloud.folder().join("ports");
    let _ = std::fs::remove_file(&noted);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| take_ports(&noted, at_most, &over));
        let set = format!("service.local.command=echo $PORT >>ports; {command}");
        // Not the port that other tests' programs are given.
        let run =
            cloud.infra(&[&DEPLOY[..], &["--set", &set, "--set", &format!("service.port={}", a_port())]].concat());
        over.store(true, Ordering::Relaxed);
        let run = run.ends_with(status);
        run.stdout() + &run.stderr()
    })
}

#[test]
fn somebody_else_s_listener_is_not_the_program() {
    let cloud = stage();
    let reason = format!("(process {}) listens on", std::process::id());
    let reason = |text: &str| text.lines().filter(|line| line.contains(&reason)).count();
    // The port is taken from it each time: it never starts, and the service's log, which the deploy shows, says why.
    let failed = deploy_beside(&cloud, "sleep 1000", 9, 1);
    assert!(failed.contains("CREATE_FAILED") && failed.contains("Another port is tried"), "{failed}");
    assert!(reason(&failed) >= 3, "{failed}");
    // So it is with a program that ends because of it.
    let ends = deploy_beside(&cloud, "sleep 1; exec node server.mjs", 9, 1);
    assert!(ends.contains("CREATE_FAILED") && reason(&ends) > 0, "{ends}");

    // Where another port is left to it, it is its own page that opens; also where a shell stands over it.
    deploy_beside(&cloud, "sleep 1; node server.mjs & wait", 1, 0);
    until_page(&url(&cloud), Some("hello"));
}
