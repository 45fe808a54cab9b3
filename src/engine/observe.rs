//! Asking AWS what is there: all kinds at once, each with its one list, and again while something changes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::sync::Mutex;

use super::{
    Kind, Scope, Seen,
    clock::{self, Instant},
    plan::{Action, Plan, Step},
};
use crate::aws::{Class, Error, Result, each, say};

/// How often a list that was throttled is asked for again.
const TRIES: u32 = 8;
/// For how long it is asked for again where AWS does not answer.
const UNANSWERED: Duration = Duration::from_secs(60);
/// How long that goes on in silence: most of what passes has passed by then.
const SILENCE: Duration = Duration::from_secs(2);

/// Everything of the stack that is there.
///
/// What the region does not offer holds nothing of the stack: it is missed only by a stack that asks for it.
///
/// # Errors
/// One for each kind whose list failed, with the kind's name.
pub async fn everything(
    kinds: impl IntoIterator<Item = &Kind>,
    scope: &Scope<'_>,
) -> Result<Vec<Seen>, Vec<(&'static str, Error)>> {
    let lists = kinds.into_iter().map(|kind| async { (kind.name, list(kind, scope, 0).await) });
    let answers = join_all(lists).await;
    let mut seen: Vec<Seen> = Vec::new();
    let mut failed = Vec::new();
    // A machine without a network reaches nothing at all.
    let some_answer = answers.iter().any(|(_, answer)| answer.is_ok());
    let is_wanted = |name: &str| scope.described.iter().any(|desired| desired.kind == name);
    for (name, answer) in answers {
        match answer {
            Ok(live) => seen.extend(live),
            Err(error) if some_answer && error.is_not_offered() => {
                if is_wanted(name) {
                    failed.push((name, not_offered(error, &scope.aws.region)));
                }
            }
            Err(error) => failed.push((name, error)),
        }
    }
    // AWS lists in no order; a plan is to read the same every time.
    seen.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
    if failed.is_empty() { Ok(seen) } else { Err(failed) }
}

/// Finds out which deletions of a plan AWS will refuse because of what is not the stack's and does not go by itself.
/// It only warns: what cannot be asked is found out on the way.
pub async fn obstructions(plan: &mut Plan, kinds: &[Kind], scope: &Scope<'_>) {
    let goes = |step: &&mut Step| step.action == Action::Delete && !step.unsettled;
    let asked = plan.steps.iter_mut().filter(goes).filter_map(|step| {
        let kind = kinds.iter().find(|kind| kind.name == step.address.kind())?;
        let live = step.live.clone()?;
        Some(async move {
            let mut found = patiently(0, async || (kind.occupants)(&live, scope).await).await.unwrap_or_default();
            found.retain(|one| one.stays);
            step.occupants = found;
            Ok(())
        })
    });
    // None of them fails.
    let _ = each(asked).await;
}

fn not_offered(error: Error, region: &str) -> Error {
    let advice = format!(
        "Other services of AWS answer, and this one has no endpoint in {region}, or is not open to the account. Choose \
         another `region`, or take out of the description what needs it."
    );
    error.advise(advice)
}

/// Everything of one kind, asked for again as [`patiently`] does. Tags that are to be ignored are not there.
///
/// # Errors
/// What AWS said.
pub async fn list(kind: &Kind, scope: &Scope<'_>, unreached: u32) -> Result<Vec<Seen>> {
    let mut seen = patiently(unreached, async || (kind.observe)(scope).await).await?;
    for one in &mut seen {
        one.tags = scope.regarded(std::mem::take(&mut one.tags));
    }
    Ok(seen)
}

/// The answer to a call that may be repeated whatever happened to it, as every question may. `unreached`
/// is how often that is done where AWS could not be reached at all: at the beginning that is to be told at once, later it
/// is a moment's failure. Whoever listens hears why nothing happens, and when it is over.
///
/// # Errors
/// The last one, where it does not pass.
pub async fn patiently<T>(unreached: u32, mut question: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let (mut tried, mut told) = (0, false);
    let began = clock::now();
    loop {
        let error = match question().await {
            Ok(answer) => {
                if told {
                    say("AWS answers again.".to_owned());
                }
                return Ok(answer);
            }
            Err(error) => error,
        };
        let tries = match error.class {
            Class::Throttled | Class::Ambiguous | Class::NotYet => TRIES,
            Class::Unreachable => unreached,
            _ => 0,
        };
        let too_late = error.class == Class::Ambiguous && clock::since(began) >= UNANSWERED;
        if tried >= tries || too_late {
            return Err(error);
        }
        tried += 1;
        let pause = backoff(tried);
        if !told && clock::since(began) + pause >= SILENCE {
            told = true;
            say(why_again(&error));
        }
        clock::sleep(pause).await;
    }
}

/// What came in place of an answer, as sentences.
fn why_again(error: &Error) -> String {
    let message = error.message.trim_end_matches('.');
    // In AWS's own words it is not said of what.
    let of = match error.class {
        Class::Throttled | Class::NotYet => format!("{}: ", error.action),
        _ => String::new(),
    };
    format!("{of}{message}. It is asked again.")
}

/// How long to wait before the `tried`-th repetition: doubling, at most 20 s, with full jitter above a fifth.
pub(crate) fn backoff(tried: u32) -> Duration {
    let ceiling = Duration::from_millis(200).saturating_mul(1 << tried.min(10)).min(Duration::from_secs(20));
    ceiling.mul_f64(rand::random_range(0.2..=1.0))
}

/// Observes kinds while an execution runs, so that many steps of one kind share one list.
pub(crate) struct Observer<'a> {
    scope: &'a Scope<'a>,
    kinds: BTreeMap<&'static str, Watched<'a>>,
}

struct Watched<'a> {
    kind: &'a Kind,
    last: Mutex<Option<(Instant, Arc<Vec<Seen>>)>>,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(kinds: &'a [Kind], scope: &'a Scope<'a>) -> Self {
        let kinds = kinds.iter().map(|kind| (kind.name, Watched { kind, last: Mutex::new(None) })).collect();
        Self { scope, kinds }
    }

    /// The resources of a kind as of `since` or later. The lock makes it one list of a kind at a time;
    /// whoever waited for it takes the answer that is new enough.
    pub(crate) async fn since(&self, kind: &str, since: Instant) -> Result<Arc<Vec<Seen>>> {
        let Some(watched) = self.kinds.get(kind) else {
            return Err(Error::internal(format!("`{kind}` is no kind of resource.")));
        };
        let mut last = watched.last.lock().await;
        if let Some((_, seen)) = last.as_ref().filter(|(at, _)| *at >= since) {
            return Ok(Arc::clone(seen));
        }
        let at = clock::now();
        let seen = Arc::new(list(watched.kind, &self.scope.fresh(), TRIES).await?);
        *last = Some((at, Arc::clone(&seen)));
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::telling;

    /// What is said while a question is repeated until `passes`, and how long after its beginning.
    fn said(class: Class, passes: Duration) -> Vec<(Duration, String)> {
        let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
        clock::run(async {
            let (began, words) = (clock::now(), Arc::clone(&heard));
            let tell = move |text: String| words.lock().unwrap().push((clock::since(began), text));
            let work = patiently(TRIES, async || {
                if clock::since(began) < passes { Err(Error::new(class, "Rate exceeded")) } else { Ok(()) }
            });
            let _ = telling(tell, work).await;
        });
        let heard = heard.lock().unwrap();
        heard.clone()
    }

    #[test]
    fn why_nothing_happens_is_told_once_and_soon_and_that_it_is_over() {
        for class in [Class::Throttled, Class::Unreachable] {
            let heard = said(class, Duration::from_secs(8));
            assert_eq!(heard.len(), 2, "{heard:?}");
            assert!(heard[0].0 <= SILENCE && heard[0].1.ends_with("Rate exceeded. It is asked again."), "{heard:?}");
            assert!(heard[1].0 >= Duration::from_secs(8) && heard[1].1 == "AWS answers again.", "{heard:?}");
            let heard = said(class, Duration::MAX);
            assert_eq!(heard.len(), 1, "{heard:?}");
            assert!(said(class, Duration::from_millis(1)).is_empty(), "what passes at once is nothing to talk of");
        }
    }

    #[test]
    fn what_is_never_answered_is_given_up_within_two_minutes() {
        clock::run(async {
            let (began, mut asked) = (clock::now(), 0);
            let answer = patiently::<()>(TRIES, async || {
                asked += 1;
                clock::sleep(Duration::from_secs(30)).await;
                Err(Error::new(Class::Ambiguous, "no answer"))
            });
            assert!(answer.await.is_err());
            let took = clock::since(began);
            assert!(took < Duration::from_secs(120), "{took:?}");
            assert!(asked > 1, "one answer that is lost is no silence");
        });
    }
}
