//! The engine's time. Its own tests run in one that jumps to whatever is due next, so that hours pass in a moment.

use std::time::Duration;

pub(crate) use tokio::time::Instant;

/// The present moment.
pub(crate) fn now() -> Instant {
    #[cfg(test)]
    if let Some(now) = jumping::now() {
        return now;
    }
    Instant::now()
}

/// How long ago `at` was.
pub(crate) fn since(at: Instant) -> Duration {
    now().saturating_duration_since(at)
}

/// Waits.
pub(crate) async fn sleep(pause: Duration) {
    #[cfg(test)]
    if let Some(now) = jumping::now() {
        return jumping::until(now + pause).await;
    }
    tokio::time::sleep(pause).await;
}

#[cfg(test)]
pub(crate) use jumping::run;

#[cfg(test)]
mod jumping {
    use std::{
        cell::RefCell,
        collections::BTreeMap,
        future::{Future, poll_fn},
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::{Context, Poll, Wake, Waker},
    };

    use super::Instant;

    struct Clock {
        now: Instant,
        timers: BTreeMap<(Instant, u64), Waker>,
        number: u64,
    }

    thread_local! {
        static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
    }

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn now() -> Option<Instant> {
        CLOCK.with_borrow(|clock| clock.as_ref().map(|clock| clock.now))
    }

    pub(super) async fn until(due: Instant) {
        poll_fn(|context| {
            CLOCK.with_borrow_mut(|clock| {
                let clock = clock.as_mut().expect("a test that waits runs in `run`");
                if clock.now >= due {
                    return Poll::Ready(());
                }
                clock.number += 1;
                clock.timers.insert((due, clock.number), context.waker().clone());
                Poll::Pending
            })
        })
        .await;
    }

    /// Runs `work` in a time of its own: whenever everything waits, it is at once as late as the first one waits for.
    pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
        let clock = Clock { now: Instant::now(), timers: BTreeMap::new(), number: 0 };
        CLOCK.with_borrow_mut(|slot| *slot = Some(clock));
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut work = Box::pin(work);
        loop {
            while woken.0.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(value) = work.as_mut().poll(&mut context) {
                    CLOCK.with_borrow_mut(|slot| *slot = None);
                    return value;
                }
            }
            let next = CLOCK.with_borrow_mut(|clock| {
                let clock = clock.as_mut()?;
                let ((due, _), waker) = clock.timers.pop_first()?;
                clock.now = clock.now.max(due);
                Some(waker)
            });
            next.expect("something waits for what never comes").wake();
        }
    }
}
