//! Calls that nobody waits for: they are kept with the state until they were made, so that an end of the local cloud loses none,
//! and those that fail are made again, as Lambda does: twice, after a minute and after two more.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{
    Store, code,
    invoke::{self, Order},
};
use crate::local::{
    cloud::{Cloud, now},
    fault::Fault,
    members::Sealed,
    pace::Millis,
    world::Ctx,
};

/// How long after a failure a call is made again; there are no further ones.
const RETRIES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
/// How old a call gets that could not be made, at any pace.
const OLDEST: Millis = 6 * 60 * 60 * 1000;
/// How long a call waits that the local cloud itself could not make.
const PAUSE: Millis = 1000;
/// How many are made at once: what AWS lets a new account do.
const MOST: usize = 10;
/// How many wait in a region, and how many bytes of payloads they have together: they are part of the state, which is written
/// whole.
const WAITING: usize = 10_000;
const WAITING_BYTES: usize = 32 << 20;
/// How long to wait for the next look when nothing wakes the loop.
const QUIET: Duration = Duration::from_secs(1);

/// A call that is to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    /// What was asked for; the function is looked up when the call is made.
    input: Sealed<Value>,
    pub(super) request: String,
    asked_at: Millis,
    /// When it is to be made.
    due_at: Millis,
    /// How often it has failed.
    failures: usize,
}

impl Event {
    pub(super) fn new(input: &Value, request: &str, now: Millis) -> Self {
        let (input, request) = (Sealed(input.clone()), request.to_owned());
        Self { input, request, asked_at: now, due_at: now, failures: 0 }
    }

    /// Bytes of its payload, in base64.
    fn size(&self) -> usize {
        self.input.0["Payload"].as_str().map_or(0, str::len)
    }
}

/// Lets a call wait until it is made; refused as where Lambda is asked for too much.
pub(super) fn put(ctx: &mut Ctx<'_>, event: Event) -> Result<(), Fault> {
    let queue = &mut ctx.region.lambda.queue;
    let bytes = queue.iter().chain([&event]).map(Event::size).sum::<usize>();
    if queue.len() >= WAITING || bytes > WAITING_BYTES {
        let message = format!(
            "Rate Exceeded. {} calls of the region's functions wait to be made, which is as much as the local cloud keeps",
            queue.len()
        );
        return Err(Fault::new("TooManyRequestsException", message).with_status(429));
    }
    queue.push(event);
    Ok(())
}

/// Which call, of which account and region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    account: String,
    region: String,
    request: String,
}

/// What came of a call.
enum Outcome {
    Made,
    /// The function did not come to an answer.
    Failed,
    /// It was not made, for a reason that is the local cloud's own.
    Not,
}

/// Makes the calls whose time has come, until the cloud closes. Those that are under way then are made again after the next
/// start: a call is made at least once.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    let data = cloud.data.clone();
    // It may be much, and no call waits for it.
    drop(tokio::task::spawn_blocking(move || code::remove_left_behind(&data)));
    let under_way = Arc::new(Mutex::new(HashSet::new()));
    let mut tasks = JoinSet::new();
    while !cloud.is_closed() {
        for place in due(&cloud, &under_way) {
            under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone());
            let (cloud, under_way) = (Arc::clone(&cloud), Arc::clone(&under_way));
            tasks.spawn(async move {
                make(&cloud, &place).await;
                under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
            });
        }
        tokio::select! {
            () = cloud.closed() => break,
            () = cloud.functions_changed.notified() => {}
            _ = tasks.join_next(), if !tasks.is_empty() => {}
            () = tokio::time::sleep(QUIET) => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// The calls that are to be made now, the oldest first, and no more at once than there may be.
fn due(cloud: &Cloud, under_way: &Mutex<HashSet<Place>>) -> Vec<Place> {
    let under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
    let now = now();
    let mut found = Vec::new();
    for (account, content) in &cloud.world().accounts {
        for (region, content) in &content.regions {
            for event in content.lambda.queue.iter().filter(|event| event.due_at <= now) {
                let place = Place { account: account.clone(), region: region.clone(), request: event.request.clone() };
                found.push((event.asked_at, place));
            }
        }
    }
    found.retain(|(_, place)| !under_way.contains(place));
    found.sort_by_key(|(asked_at, _)| *asked_at);
    found.truncate(MOST.saturating_sub(under_way.len()));
    found.into_iter().map(|(_, place)| place).collect()
}

/// Makes one call, and notes what came of it.
async fn make(cloud: &Arc<Cloud>, place: &Place) {
    let order = cloud.region(&place.account, &place.region, |ctx| ordered(ctx, &place.request));
    let outcome = match order {
        // The function has gone, or cannot be called.
        None => Outcome::Made,
        Some(order) => match invoke::carry_out(cloud, &order).await {
            Ok(answer) if answer.failed => Outcome::Failed,
            Ok(_) => Outcome::Made,
            Err(_) => Outcome::Not,
        },
    };
    if matches!(outcome, Outcome::Not) && cloud.is_closed() {
        return;
    }
    let noted = cloud.change(&place.account, &place.region, |ctx| note(ctx, &place.request, &outcome));
    if let Err(cause) = noted {
        // It stays where it is, and is made again.
        cloud.log.line(&cause.to_string());
        tokio::time::sleep(Duration::from_millis(PAUSE)).await;
    }
}

/// The order for a call of the queue, as its function is now.
fn ordered(ctx: &mut Ctx<'_>, request: &str) -> Option<Order> {
    let event = ctx.region.lambda.queue.iter().find(|event| event.request == request)?;
    let (input, request) = (event.input.0.clone(), event.request.clone());
    invoke::order(ctx, &input, request).ok()
}

/// What is left to do after a call.
fn note(ctx: &mut Ctx<'_>, request: &str, outcome: &Outcome) {
    let (now, pace) = (ctx.now, ctx.pace);
    let Store { queue, .. } = &mut ctx.region.lambda;
    let Some(at) = queue.iter().position(|event| event.request == request) else { return };
    let event = &mut queue[at];
    let again = match outcome {
        Outcome::Made => None,
        Outcome::Failed => RETRIES.get(event.failures).map(|pause| pace.after(now, *pause)),
        Outcome::Not => Some(now + PAUSE).filter(|_| event.asked_at + OLDEST > now),
    };
    match again {
        Some(due_at) => {
            event.due_at = due_at;
            event.failures += usize::from(matches!(outcome, Outcome::Failed));
        }
        None => drop(queue.remove(at)),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde_json::json;

    use super::*;
    use crate::local::{
        lambda::{
            SERVICE,
            tests::{one, zip},
        },
        members::testing,
        pace::Pace,
        service::SERVICES,
    };

    const PLACE: (&str, &str) = ("000000000000", "eu-central-1");

    /// A cloud in `data` with a function whose bootstrap is this script.
    async fn with_function(data: &std::path::Path, pace: Pace, script: &str) -> Arc<Cloud> {
        let cloud = Arc::new(Cloud::open(data, pace, vec![&SERVICE]).unwrap());
        let input = json!({"FunctionName": "one", "Role": "arn:aws:iam::000000000000:role/x", "Timeout": 5,
            "Runtime": "provided.al2023", "Handler": "x", "Code": {"ZipFile": zip(script)}});
        called(&cloud, "CreateFunction", input).await;
        // Whatever its pace, it is there.
        cloud.region(PLACE.0, PLACE.1, |ctx| {
            ctx.region.lambda.functions.values_mut().for_each(|function| function.settle(Millis::MAX));
        });
        cloud
    }

    /// Calls an action and what goes on after it.
    async fn called(cloud: &Arc<Cloud>, action: &str, input: Value) -> Value {
        let (_, work) = SERVICE.actions.iter().find(|(name, _)| *name == action).unwrap();
        let answer = cloud.change(PLACE.0, PLACE.1, |ctx| work(ctx, input)).unwrap().unwrap();
        match SERVICE.runs.iter().find(|(name, _)| *name == action) {
            Some((_, goes_on)) => goes_on(Arc::clone(cloud), answer).await.unwrap(),
            None => answer,
        }
    }

    fn left(cloud: &Cloud) -> Vec<Event> {
        cloud.region(PLACE.0, PLACE.1, |ctx| ctx.region.lambda.queue.clone())
    }

    /// How often the function was begun, by its log.
    fn begun(cloud: &Cloud) -> usize {
        cloud.region(PLACE.0, PLACE.1, |ctx| ctx.region.logs.messages("/aws/lambda/one", "START RequestId").len())
    }

    async fn until(what: &str, holds: impl Fn() -> bool) {
        for _ in 0..200 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not within ten seconds: {what}");
    }

    #[tokio::test]
    async fn a_call_that_fails_is_made_three_times() {
        let data = tempfile::tempdir().unwrap();
        let cloud = with_function(data.path(), Pace::Instant, "#!/bin/sh\nexit 1\n").await;
        let plane = tokio::spawn(run(Arc::clone(&cloud)));
        let call = json!({"FunctionName": "one", "InvocationType": "Event"});
        assert_eq!(called(&cloud, "Invoke", call).await["StatusCode"], 202);
        until("it is given up", || left(&cloud).is_empty()).await;
        assert_eq!(begun(&cloud), 3);
        cloud.close();
        plane.await.unwrap();
    }

    #[tokio::test]
    async fn a_call_outlives_the_cloud_that_it_was_asked_of() {
        let data = tempfile::tempdir().unwrap();
        let cloud = with_function(data.path(), Pace::Instant, "#!/bin/sh\nexit 1\n").await;
        // Nothing makes it before the end.
        called(&cloud, "Invoke", json!({"FunctionName": "one", "InvocationType": "Event"})).await;
        assert_eq!((left(&cloud).len(), begun(&cloud)), (1, 0));
        drop(cloud);
        let cloud = Arc::new(Cloud::open(data.path(), Pace::Instant, vec![&SERVICE]).unwrap());
        let plane = tokio::spawn(run(Arc::clone(&cloud)));
        until("it is made", || begun(&cloud) > 0 && left(&cloud).is_empty()).await;
        cloud.close();
        plane.await.unwrap();
    }

    #[tokio::test]
    async fn a_call_under_way_at_the_end_is_made_again_after_it() {
        let data = tempfile::tempdir().unwrap();
        let cloud = with_function(data.path(), Pace::Instant, "#!/bin/sh\nsleep 60\n").await;
        let plane = tokio::spawn(run(Arc::clone(&cloud)));
        called(&cloud, "Invoke", json!({"FunctionName": "one", "InvocationType": "Event"})).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        cloud.close();
        plane.await.unwrap();
        let [event] = left(&cloud).try_into().unwrap();
        assert_eq!(event.failures, 0, "its end was not its own");
        drop(cloud);
        let cloud = Cloud::open(data.path(), Pace::Instant, vec![&SERVICE]).unwrap();
        assert_eq!(left(&cloud).len(), 1);
    }

    #[test]
    fn only_so_much_waits() {
        let mut cloud = testing::Cloud::new();
        let role = cloud.role();
        cloud.wait(15);
        cloud.lambda("CreateFunction", one(&role)).unwrap();
        cloud.wait(5);
        let payload = STANDARD.encode(format!("\"{}\"", "x".repeat(1_000_000)));
        let call = json!({"FunctionName": "one", "InvocationType": "Event", "Payload": payload});
        let mut asked = 0;
        let refused = loop {
            match cloud.lambda("Invoke", call.clone()) {
                Ok(_) => asked += 1,
                Err(refused) => break refused,
            }
        };
        assert_eq!((refused.code.as_str(), refused.status, asked), ("TooManyRequestsException", 429, 25));
        assert_eq!(cloud.region.lambda.queue.len(), 25);
        cloud.lambda("Invoke", json!({"FunctionName": "one"})).unwrap();
    }

    #[test]
    fn what_fails_waits_and_what_has_no_function_goes() {
        let mut cloud = testing::Cloud::new();
        cloud.region.lambda.queue.push(Event::new(&json!({"FunctionName": "one"}), "r", cloud.now));
        let mut noted = |outcome: &Outcome| {
            let mut ctx = Ctx {
                account: PLACE.0,
                region_name: PLACE.1,
                access_key: String::new(),
                visitor: None,
                iam: &mut cloud.account.iam,
                region: &mut cloud.region,
                now: 1_000_000,
                pace: Pace::Scaled(2.0),
                doom: None,
                data: std::path::Path::new(""),
                services: SERVICES,
            };
            assert!(ordered(&mut ctx, "r").is_none(), "nobody is called one");
            note(&mut ctx, "r", outcome);
            cloud.region.lambda.queue.first().map(|event| (event.due_at, event.failures))
        };
        assert_eq!(noted(&Outcome::Not), Some((1_001_000, 0)));
        assert_eq!(noted(&Outcome::Failed), Some((1_030_000, 1)));
        assert_eq!(noted(&Outcome::Failed), Some((1_060_000, 2)));
        assert_eq!(noted(&Outcome::Failed), None);
    }

    #[tokio::test]
    async fn what_a_killed_daemon_has_left_of_code_goes_with_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap();
        let work = data.join("functions/work");
        for name in ["1-a1B2c3", "queue"] {
            std::fs::create_dir_all(work.join(name).join("inside")).unwrap();
        }
        let cloud = Arc::new(Cloud::open(&data, Pace::Instant, vec![&SERVICE]).unwrap());
        let running = tokio::spawn(run(Arc::clone(&cloud)));
        tokio::time::timeout(Duration::from_secs(20), async {
            while work.join("1-a1B2c3").exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap();
        assert!(work.join("queue/inside").exists(), "what others have put there is theirs");
        cloud.close();
        running.await.unwrap();
    }
}
