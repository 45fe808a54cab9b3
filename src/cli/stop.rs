//! Signals: the first asks the work to stop, the second ends the program at once.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::INTERRUPTED;

/// Turns true at the first SIGINT, SIGTERM or SIGHUP; the second ends the program.
pub(super) fn requested() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let Ok(mut signals) = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>() else { return };
        next(&mut signals).await;
        sender.send_replace(true);
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "Stopping: nothing new is begun. Press ctrl-C again to leave at once.");
        next(&mut signals).await;
        std::process::exit(i32::from(INTERRUPTED));
    });
    receiver
}

async fn next(signals: &mut [tokio::signal::unix::Signal]) {
    let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures::future::select_all(waiting).await;
}
