//! What a server is asked has an end: it may let somebody in and then stand still, and the cloud may be told to stop meanwhile.

use std::time::Duration;

use super::{
    connection,
    postgres::{Outcome, PATIENCE, STOPPING},
};
use crate::local::cloud::Cloud;

/// What a server answers, unless it takes too long or the cloud is told to stop.
pub(super) async fn ask<T>(
    cloud: &Cloud,
    what: &str,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Outcome<T> {
    within(PATIENCE, cloud, what, answer).await
}

async fn within<T>(
    patience: Duration,
    cloud: &Cloud,
    what: &str,
    answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Outcome<T> {
    tokio::select! {
        answer = tokio::time::timeout(patience, answer) => match answer {
            Ok(answer) => answer.map_err(|cause| format!("Could not {what}: {}.", connection::reason(&cause))),
            Err(_) => Err(format!("Could not {what}: there was no answer within {} s.", patience.as_secs())),
        },
        () = cloud.closed() => Err(STOPPING.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;
    use crate::local::pace::Pace;

    #[tokio::test]
    async fn nobody_waits_for_ever_for_a_server_that_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let cloud = Cloud::open(&folder.path().canonicalize().unwrap(), Pace::Instant, Vec::new()).unwrap();
        let silence = future::pending::<Result<(), _>>;
        let slow = within(Duration::ZERO, &cloud, "ask", silence()).await;
        assert_eq!(slow, Err("Could not ask: there was no answer within 0 s.".to_owned()));
        let (stopped, ()) = tokio::join!(ask(&cloud, "ask", silence()), async { cloud.close() });
        assert_eq!(stopped, Err(STOPPING.to_owned()));
    }
}
