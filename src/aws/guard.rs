//! What stands between the clients and the wire: without a permit no call leaves that may change anything.

use std::sync::Arc;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// What says whether a call may be made that changes something.
pub trait Permit: std::fmt::Debug + Send + Sync {
    /// Whether it may be made now.
    fn holds(&self) -> bool;
    /// A call was made that may have changed something.
    fn acted(&self);
}

/// The call was not made: the permit was gone.
#[derive(Debug, thiserror::Error)]
#[error("The lock was lost, so the call was not made.")]
pub(super) struct Withheld;

/// Asks the permit before each call that does not only read, as the last thing that happens before it is sent.
#[derive(Debug, Clone)]
pub(super) struct Guard(pub(super) Arc<dyn Permit>);

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "Guard"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if may_change(config) && !self.0.holds() { Err(Withheld.into()) } else { Ok(()) }
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What was refused was not done; what was not answered, or ended in an internal error, may have been.
        let refused = context.response().is_some_and(|response| response.status().is_client_error());
        if may_change(config) && !refused {
            self.0.acted();
        }
        Ok(())
    }
}

fn may_change(config: &ConfigBag) -> bool {
    config.load::<Metadata>().is_none_or(|operation| !is_reading(operation.name()))
}

/// Whether an action changes nothing, by the words with which AWS begins the names of such.
pub fn is_reading(action: &str) -> bool {
    ["Describe", "Get", "List", "Filter", "Search", "Simulate", "Validate"].iter().any(|word| action.starts_with(word))
}
