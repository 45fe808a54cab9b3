//! Nothing is lost: killed at any call, refused, unanswered, lied to. Each case plays in an account of its own.
//!
//! `scripts/matrix` runs all of it and prints the table; here a sample is drawn by a seed (INFRA_SEED, else 1).

mod account;
mod chaos;
mod drift;
mod failing;
mod lag;
mod matrix;
mod plan;
mod soak;
mod underway;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What is drawn goes by this number.
fn seed() -> u64 {
    number("INFRA_SEED", 1)
}

/// How many cases run at once.
fn jobs() -> usize {
    usize::try_from(number("INFRA_JOBS", 6)).unwrap_or(6)
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Runs every case, some at a time; what came of each, in their order: a word, or why it failed.
fn all<T: Sync>(cases: &[T], play: impl Fn(&T) -> String + Sync) -> Vec<Result<String, String>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<String, String>>>> = cases.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs().min(cases.len()) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(place) else { break };
                    let result = catch_unwind(AssertUnwindSafe(|| play(case))).map_err(|panic| told(&*panic));
                    *results[place].lock().expect("no panic while it is held") = Some(result);
                }
            });
        }
    });
    let over = |result: Mutex<Option<_>>| result.into_inner().expect("no panic").expect("every case was played");
    results.into_iter().map(over).collect()
}

fn told(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a text").to_owned()
}

/// Fails with every case that failed, and the seed.
#[track_caller]
fn conclude<T: std::fmt::Display>(cases: &[T], results: &[Result<String, String>]) {
    let failed: Vec<String> = cases
        .iter()
        .zip(results)
        .filter_map(|(case, result)| Some(format!("✗ {case}\n{}", result.as_ref().err()?)))
        .collect();
    let (count, of, seed) = (failed.len(), cases.len(), seed());
    assert!(failed.is_empty(), "{count} of {of} cases failed (INFRA_SEED={seed}):\n{}", failed.join("\n\n"));
}
