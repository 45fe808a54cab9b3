//! Asking about each of a list what the list does not tell, not more at a time than a service bears.

use std::future::Future;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::Result;

/// How many such questions are on their way at a time, for one list. App Runner and IAM let through a few a second, and an
/// account may hold much that is not the stack's.
const AT_A_TIME: usize = 8;

/// The answers to `questions`, in their order.
///
/// # Errors
/// The first one.
pub async fn each<T, F: Future<Output = Result<T>>>(questions: impl IntoIterator<Item = F>) -> Result<Vec<T>> {
    let questions: Vec<F> = questions.into_iter().collect();
    stream::iter(questions).buffered(AT_A_TIME).try_collect().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_questions_are_asked_some_at_a_time_and_answered_in_their_order() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let ask = async |number: usize| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Whoever was asked first answers last.
            for _ in number..100 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(number)
        };
        assert_eq!(each((0..100).map(ask)).await.expect("all answer"), (0..100).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), AT_A_TIME);
    }
}
