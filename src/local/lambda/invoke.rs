//! A function is called: whether it can be, and what comes of it.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{FutureExt as _, future::BoxFuture};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    NEWEST, environment,
    function::{OUT_OF_ADDRESSES, State},
    name::{self, Name},
    queue::{self, Event},
    upload::Place,
};
use crate::local::{
    cloud::Cloud,
    fault::Fault,
    members::{Sealed, random_uuid},
    world::Ctx,
};

/// The largest payload of a call that is waited for, of one that is not, and of an answer, in bytes.
const LARGEST: usize = 6 << 20;
const LARGEST_EVENT: usize = 1 << 20;
const LARGEST_ANSWER: usize = 6_291_556;

/// A call of a function, as it is carried out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) name: Name,
    pub(super) arn: String,
    pub(super) handler: String,
    pub(super) runtime: String,
    pub(super) memory: u64,
    /// Seconds.
    pub(super) timeout: u64,
    pub(super) sha256: String,
    pub(super) log_group: String,
    pub(super) variables: Sealed<Map<String, Value>>,
    /// In base64.
    pub(super) payload: Sealed<String>,
    /// What is told of the client, as JSON.
    pub(super) context: Sealed<Option<String>>,
    pub(super) kind: String,
    /// Whether the answer brings the end of the log.
    pub(super) tail: bool,
    pub(super) request: String,
}

/// What came of it.
pub(super) struct Answer {
    /// What the function answered, or what Lambda says in its place.
    pub(super) payload: Vec<u8>,
    pub(super) failed: bool,
    /// The last lines of the log.
    pub(super) log: Vec<String>,
}

impl Answer {
    /// The function did not come to an answer.
    pub(super) fn failure(kind: &str, message: &str) -> Self {
        let text = if kind.is_empty() {
            json!({"errorMessage": message})
        } else {
            json!({"errorType": kind, "errorMessage": message})
        };
        Self { payload: text.to_string().into_bytes(), failed: true, log: Vec::new() }
    }
}

/// `Invoke`, checked. What nobody waits for is put into the queue; everything else is carried out by [`run`].
pub(super) fn invoke(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let order = order(ctx, &input, random_uuid())?;
    if order.kind == "Event" {
        queue::put(ctx, Event::new(&input, &order.request, ctx.now))?;
    }
    serde_json::to_value(order).map_err(|error| Fault::internal("lambda", error.to_string()))
}

/// What a call asks for, of the function as it is now.
pub(super) fn order(ctx: &mut Ctx<'_>, input: &Value, request: String) -> Result<Order, Fault> {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let (account, region) = (ctx.account.to_owned(), ctx.region_name.to_owned());
    let version = name::version(input)?.map(|version| format!(":{version}")).unwrap_or_default();
    let function = name::find(ctx, input).map_err(|fault| match &*version {
        // It is the newest version that is not found.
        "" if fault.code == "ResourceNotFoundException" && fault.message.starts_with("Function not found") => {
            Fault { message: format!("{}:{NEWEST}", fault.message), ..fault }
        }
        _ => fault,
    })?;
    match function.state {
        State::Active => {}
        State::Pending => function.check_free()?,
        State::Failed if function.failure_code() == OUT_OF_ADDRESSES => {
            return Err(Fault::new(
                "SubnetIPAddressLimitReachedException",
                "Lambda was not able to set up VPC access for the Lambda function because one or more configured subnets has no \
                 available IP addresses.",
            )
            .with_status(502));
        }
        State::Failed => {
            return Err(super::conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: Failed",
            ));
        }
    }
    for (name, what) in [("TenantId", "tenant isolation"), ("DurableExecutionName", "durable executions")] {
        if !text(name).is_empty() {
            return Err(super::invalid(format!("{name} is given, but the function is not configured with {what}.")));
        }
    }
    let context = client_context(text("ClientContext"))?;
    let payload = if text("Payload").is_empty() { STANDARD.encode("{}") } else { text("Payload").to_owned() };
    let bytes = STANDARD.decode(&payload).unwrap_or_default();
    let (kind, limit) = match text("InvocationType") {
        "Event" => ("Event", LARGEST_EVENT),
        _ => ("RequestResponse", LARGEST),
    };
    if bytes.len() > limit {
        let message =
            format!("{} byte payload is too large for the {kind} invocation type (limit {limit} bytes)", bytes.len());
        return Err(Fault::new("RequestTooLargeException", message));
    }
    if serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err() {
        return Err(Fault::new("InvalidRequestContentException", no_json(&bytes)));
    }
    let number = |name: &str| function.setting(name).and_then(Value::as_u64).unwrap_or_default();
    let setting = |name: &str, member: &str| function.setting(name).map(|one| one[member].clone());
    Ok(Order {
        account,
        region,
        name: function.name()?,
        arn: format!("{}{version}", function.arn),
        handler: function.text("Handler").to_owned(),
        runtime: function.text("Runtime").to_owned(),
        memory: number("MemorySize"),
        timeout: number("Timeout"),
        sha256: function.sha256.clone(),
        log_group: setting("LoggingConfig", "LogGroup")
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default(),
        variables: Sealed(
            setting("Environment", "Variables").and_then(|all| all.as_object().cloned()).unwrap_or_default(),
        ),
        payload: Sealed(payload),
        context: Sealed(context.filter(|_| kind != "Event")),
        kind: text("InvocationType").to_owned(),
        tail: text("LogType") == "Tail",
        request,
    })
}

/// What Lambda says of a payload that is no JSON. A word by itself, the usual mistake, is named.
fn no_json(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    let word: String = text.trim_start().chars().take_while(|letter| letter.is_alphanumeric()).collect();
    let what = match word.as_str() {
        "" | "true" | "false" | "null" => "Unexpected character or end of the payload".to_owned(),
        word if word.starts_with(|first: char| first.is_ascii_digit()) => format!("Unexpected character in {word}"),
        word => format!("Unrecognized token '{word}': was expecting ('true', 'false' or 'null')"),
    };
    format!("Could not parse request body into json: Could not parse payload into json: {what}")
}

/// What a client tells of itself, in base64, as a header's value.
fn client_context(given: &str) -> Result<Option<String>, Fault> {
    let refused =
        || Fault::new("InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.");
    if given.is_empty() {
        return Ok(None);
    }
    let bytes = STANDARD.decode(given).map_err(|_| refused())?;
    let context: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|_| refused())?;
    Ok(Some(Value::from(context).to_string()))
}

/// Carries a call out.
pub(super) fn run(cloud: Arc<Cloud>, order: Value) -> BoxFuture<'static, Result<Value, Fault>> {
    async move {
        let order: Order =
            serde_json::from_value(order).map_err(|error| Fault::internal("lambda", error.to_string()))?;
        match order.kind.as_str() {
            "DryRun" => return Ok(json!({"StatusCode": 204})),
            "Event" => {
                cloud.functions_changed.notify_one();
                return Ok(json!({"StatusCode": 202}));
            }
            _ => {}
        }
        let tail = order.tail;
        let mut answer = carry_out(&cloud, &order).await?;
        if answer.payload.len() > LARGEST_ANSWER {
            let message =
                format!("Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes).");
            answer = Answer { log: answer.log, ..Answer::failure("Function.ResponseSizeTooLarge", &message) };
        }
        let log = tail.then(|| STANDARD.encode(last(&(answer.log.join("\n") + "\n"))));
        Ok(json!({
            "StatusCode": 200,
            "FunctionError": answer.failed.then_some("Unhandled"),
            "LogResult": log,
            "ExecutedVersion": NEWEST,
            "Payload": STANDARD.encode(answer.payload),
        }))
    }
    .boxed()
}

/// The last 4 KB.
fn last(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(4096))..]
}

/// Carries a call out, whoever waits for it.
pub(super) async fn carry_out(cloud: &Arc<Cloud>, order: &Order) -> Result<Answer, Fault> {
    let place = Place { account: order.account.clone(), region: order.region.clone(), name: order.name.clone() };
    let held = place.hold(cloud, &order.sha256);
    let (folder, held) = match held {
        Some((folder, held)) => (Some(folder), Some(held)),
        None => (None, None),
    };
    let limit = Duration::from_secs(order.timeout);
    let outcome = tokio::select! {
        answer = environment::run(cloud, order, folder.as_deref(), limit) => answer,
        () = cloud.closed() => {
            Err(Fault::internal("lambda", "The local cloud was stopped."))
        }
    };
    drop(held);
    let cloud = Arc::clone(cloud);
    // The function may have got other code, or have gone. Nobody waits for what is left of it to go.
    tokio::task::spawn_blocking(move || place.sweep(&cloud));
    outcome
}
