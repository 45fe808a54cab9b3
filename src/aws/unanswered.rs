//! Calls that AWS does not answer: whoever waits for one is told which it is, and since when.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use tokio::{task::JoinHandle, time::sleep};

/// After how long it is told.
const LONG: Duration = Duration::from_secs(5);

/// Calls that take their time: a function is at work, or its code is on the way.
const AT_WORK: &[&str] = &["Invoke", "CreateFunction", "UpdateFunctionCode"];

type Tell = Arc<dyn Fn(String) + Send + Sync>;

tokio::task_local! {
    static LISTENER: Tell;
}

/// Work that makes calls: `tell` hears, as a sentence, which of them is not answered for long, and when it is after all.
pub async fn telling<T>(tell: impl Fn(String) + Send + Sync + 'static, work: impl Future<Output = T>) -> T {
    LISTENER.scope(Arc::new(tell), work).await
}

/// Says something to whoever listens to this work, if anybody does.
pub(crate) fn say(text: String) {
    if let Ok(tell) = LISTENER.try_with(Arc::clone) {
        tell(text);
    }
}

/// Watches each call of work that somebody listens to.
#[derive(Debug, Clone)]
pub(super) struct Unanswered;

/// A call under way. It ends with the call, however that ends.
#[derive(Debug)]
struct Waiting {
    telling: JoinHandle<()>,
    told: Arc<AtomicBool>,
}

impl Storable for Waiting {
    type Storer = StoreReplace<Self>;
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

impl Intercept for Unanswered {
    fn name(&self) -> &'static str {
        "Unanswered"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(tell) = LISTENER.try_with(Arc::clone) else { return Ok(()) };
        let Some(action) = config.load::<Metadata>().map(|operation| operation.name().to_owned()) else {
            return Ok(());
        };
        if AT_WORK.contains(&action.as_str()) {
            return Ok(());
        }
        let sent = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        let told = Arc::new(AtomicBool::new(false));
        let telling = tokio::spawn({
            let told = Arc::clone(&told);
            async move {
                sleep(LONG).await;
                told.store(true, Ordering::SeqCst);
                tell(format!("AWS has not answered {action} since {sent}."));
            }
        });
        config.interceptor_state().store_put(Waiting { telling, told });
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        _: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let told = config.load::<Waiting>().is_some_and(|waiting| waiting.told.load(Ordering::SeqCst));
        let action = config.load::<Metadata>().map(Metadata::name);
        if let (true, Some(action)) = (told, action) {
            say(format!("AWS has answered {action}."));
        }
        Ok(())
    }
}
