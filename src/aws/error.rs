//! The one place that says what an SDK error means for what happens next.

use std::time::SystemTime;

use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};

use super::{
    classify::classify,
    clients::ANSWER,
    guard, reach,
    remedy::{clock_ahead, remedy},
};

/// What an error means for what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// What was asked for does not exist.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// It, or what uses it, is in a state that forbids the call: again later.
    Busy,
    /// Too many calls: again later.
    Throttled,
    /// Something made a moment ago is not visible or not usable yet: again soon, for a minute.
    NotYet,
    /// We may not.
    Denied,
    /// Our credentials have expired, or are none: no further call will work.
    Unauthenticated,
    /// No answer: it may or may not have been done.
    Ambiguous,
    /// The request was not sent: we may not change anything any more.
    Withheld,
    /// The request never left: no route, no name, no connection.
    Unreachable,
    /// Anything else: it will not get better by itself.
    Other,
}

/// A failed call: what was attempted, what AWS said, and what that means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What the error means.
    pub class: Class,
    /// The API action, e.g. `CreateSubnet`; empty for errors that no call made.
    pub action: &'static str,
    /// AWS's error code.
    pub code: Option<String>,
    /// AWS's message, or ours.
    pub message: String,
    /// AWS's request id, for its support.
    pub request_id: Option<String>,
    /// What to do next, if there is something to say.
    pub advice: Option<String>,
}

impl Error {
    /// An error of ours: something that cannot be, is.
    pub fn internal(message: impl Into<String>) -> Self {
        let mut error = Self::other(message);
        error.advice = Some("This is a defect of infra; please report it with the command that you ran.".into());
        error
    }

    /// An error that a kind found by itself; it will not get better by repeating.
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(Class::Other, message)
    }

    /// An error of a given class that no call made.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, action: "", code: None, message: message.into(), request_id: None, advice: None }
    }

    /// What AWS refused within an answer that succeeded as a whole.
    pub fn refusal(action: &'static str, code: &str, message: &str) -> Self {
        let class = classify(code, message, 400);
        Self { action, code: Some(code.to_owned()), ..Self::new(class, message) }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Whether AWS does not offer the service here: it has no endpoint in the region, or none for the account.
    pub fn is_not_offered(&self) -> bool {
        let no_such_host = || NO_SUCH_HOST.iter().any(|text| self.message.contains(text));
        let not_open = || ["OptInRequired", "SubscriptionRequiredException"].iter().any(|code| self.is(code));
        self.class == Class::Unreachable && no_such_host() || not_open()
    }

    /// Whether AWS gave this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// The answer to a question about one thing of a list; `None` where it has gone since it was listed.
///
/// # Errors
/// Every other one.
pub fn unless_gone<T>(answer: std::result::Result<T, impl Into<Error>>) -> super::Result<Option<T>> {
    match answer.map_err(Into::into) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.class == Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let action = action::<E>();
        let status = error.raw_response().map(|response| response.status().as_u16());
        let request_id = error
            .raw_response()
            .and_then(|response| {
                response.headers().get("x-amzn-requestid").or_else(|| response.headers().get("x-amz-request-id"))
            })
            .map(str::to_owned);
        match &error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().map(str::to_owned);
                let http = status.unwrap_or_default();
                let unreadable = code.is_none() && (200..300).contains(&http);
                let message = match service.err().message() {
                    Some(message) => message.to_owned(),
                    None if unreadable => format!("What answered {action} could not be read (HTTP {http})."),
                    None => format!("AWS refused {action} without a message (HTTP {http})."),
                };
                // What was not refused may have been done.
                let class = if unreadable {
                    Class::Ambiguous
                } else {
                    classify(code.as_deref().unwrap_or_default(), &message, http)
                };
                let date = error.raw_response().and_then(|response| response.headers().get("date"));
                let ahead = clock_ahead(date, SystemTime::now());
                let advice = remedy(class, code.as_deref(), ahead).filter(|_| status.is_none_or(|status| status < 500));
                Self { class, action, code, message, request_id, advice }
            }
            other if let Some(unreached) = cause::<reach::Unreached>(other) => {
                let (message, advice) = (unreached.to_string(), unreached.advice());
                Self { class: Class::Unreachable, action, code: None, message, request_id, advice }
            }
            other => {
                let text = chain(other);
                let class = match other {
                    _ if cause::<guard::Withheld>(other).is_some() => Class::Withheld,
                    SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Class::Ambiguous,
                    SdkError::DispatchFailure(failure) => dispatch(failure, &text),
                    _ if text.contains("credentials") => Class::Unauthenticated,
                    _ => Class::Other,
                };
                // The layers of the HTTP client say nothing to a user; what lies below them does.
                let message = match class {
                    Class::Ambiguous if matches!(other, SdkError::TimeoutError(_)) => {
                        format!("AWS has not answered {action} within {} s.", ANSWER.as_secs())
                    }
                    Class::Ambiguous => format!("AWS gave no answer to {action}: {}.", root(other)),
                    Class::Withheld => guard::Withheld.to_string(),
                    _ => text,
                };
                let advice = matches!(other, SdkError::TimeoutError(_)).then(|| UNANSWERED.to_owned());
                Self { class, action, code: None, message, request_id, advice }
            }
        }
    }
}

/// What to do where AWS does not answer.
const UNANSWERED: &str = "Look at the network between, and at AWS's own state (https://health.aws.amazon.com/health/status); then run \
                          the same command again.";

/// A request that was not answered: it matters whether it can have arrived.
fn dispatch(failure: &aws_smithy_runtime_api::client::result::DispatchFailure, text: &str) -> Class {
    if text.contains("credentials") && !failure.is_io() {
        Class::Unauthenticated
    } else if failure.as_connector_error().is_some_and(no_way) {
        Class::Unreachable
    } else {
        Class::Ambiguous
    }
}

/// Whether the request cannot have left.
pub(super) fn no_way(error: &ConnectorError) -> bool {
    let text = chain(error);
    error.is_user() || text.contains("dns error") || text.contains("client error (Connect)")
}

/// `aws_sdk_ec2::operation::create_subnet::CreateSubnetError` → `CreateSubnet`.
fn action<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    let name = name.rsplit("::").next().unwrap_or(name);
    name.strip_suffix("Error").unwrap_or(name)
}

/// The cause of this type, if there is one: what stands between the clients and the wire has its own.
fn cause<'e, T: std::error::Error + 'static>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

/// The first cause's text.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().trim_end_matches('.').to_owned()
}

/// The error's text and its causes', on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// What resolvers say of a name that does not exist; of one that they cannot find out about they say something else.
const NO_SUCH_HOST: &[&str] = &[
    "Name or service not known",
    "Name does not resolve",
    "nodename nor servname",
    "No address associated with hostname",
];
