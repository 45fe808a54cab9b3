//! STS: who is calling.

use super::service::Service;

/// The service's actions.
pub(crate) static SERVICE: Service = Service { name: "sts", actions: &[] };
