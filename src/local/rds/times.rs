//! How long AWS takes for what.

use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) const CLUSTER: Duration = seconds(150);
pub(super) const CLUSTER_DELETION: Duration = seconds(360);
pub(super) const CLUSTER_START: Duration = seconds(240);
pub(super) const CLUSTER_STOP: Duration = seconds(240);
pub(super) const UPGRADE: Duration = seconds(300);
pub(super) const PASSWORD: Duration = seconds(20);
pub(super) const MODIFICATION: Duration = seconds(15);
pub(super) const FAILOVER: Duration = seconds(30);
pub(super) const RENAMING: Duration = seconds(60);
pub(super) const REBOOT: Duration = seconds(30);
pub(super) const INSTANCE: Duration = seconds(360);
pub(super) const INSTANCE_DELETION: Duration = seconds(360);
pub(super) const SNAPSHOT: Duration = seconds(60);
pub(super) const PROXY: Duration = seconds(240);
pub(super) const PROXY_DELETION: Duration = seconds(180);
pub(super) const PROXY_MODIFICATION: Duration = seconds(30);
pub(super) const PROXY_ENDPOINT: Duration = seconds(60);
pub(super) const TARGET: Duration = seconds(30);
