//! The data plane: the PostgreSQL servers behind the clusters and the poolers behind the proxies.

use std::sync::Arc;

use crate::local::{cloud::Cloud, databases::Database};

/// Keeps what runs in step with what the rds and secretsmanager stores say, until the cloud closes; then
/// stops everything it started, and returns.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    cloud.closed().await;
}

/// Every way into every database that runs, proxies before clusters.
pub(crate) fn databases(_cloud: &Cloud) -> Vec<Database> {
    Vec::new()
}
