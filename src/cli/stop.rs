//! Signals: the first asks the work to stop, the second ends the program at once.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::INTERRUPTED;
use crate::render::output::tell;

/// What the first signal does.
pub(super) const STOPPING: &str = "Stopping: nothing new is started. Press ctrl-C again to exit at once.";

/// Turns true at the first SIGINT, SIGTERM or SIGHUP; the second ends the program. For those who say so themselves.
pub(super) fn requested() -> watch::Receiver<bool> {
    watching(|| {})
}

/// The same, and says so on standard error.
pub(super) fn announced() -> watch::Receiver<bool> {
    watching(|| tell(STOPPING))
}

fn watching(first: impl FnOnce() + Send + 'static) -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let Ok(mut signals) = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>() else { return };
        next(&mut signals).await;
        sender.send_replace(true);
        first();
        next(&mut signals).await;
        std::process::exit(i32::from(INTERRUPTED));
    });
    receiver
}

async fn next(signals: &mut [tokio::signal::unix::Signal]) {
    let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures::future::select_all(waiting).await;
}
