//! How large a request may be: each service's own limit, by which a request is refused before more of it is read.

use hyper::{HeaderMap, header};

use super::{
    admission,
    cloud::Cloud,
    dispatch::{self, Scope},
    fault::Fault,
    protocol::{self, Answer, Request},
};

/// Far more than any request of a service whose limit AWS does not publish: a secret has 64 KB, a policy less.
const USUAL: usize = 1 << 20;
/// A batch of log events has 1 MB, which JSON may write with six letters for one.
const LOGS: usize = 7 << 20;
/// Lambda's: for a function's code, and for what a function is called with. Bytes.
const CODE: usize = 70_167_211;
const PAYLOAD: usize = 6_291_556;

/// The bytes that a body may have, and the action by which it goes, where the head of the request tells it.
pub(crate) struct Limit {
    pub(crate) bytes: usize,
    action: String,
}

impl Limit {
    /// For what is none of AWS's.
    pub(crate) const OWN: Self = Self { bytes: USUAL, action: String::new() };

    /// For a request of which only the head is there.
    pub(crate) fn of(cloud: &Cloud, scope: Option<&Scope>, head: &Request<'_>) -> Self {
        let found = scope.and_then(|scope| dispatch::find(&cloud.services, Some(scope), head).ok());
        let Some((service, model, _)) = found else { return Self::OWN };
        let action = protocol::read(model, head).map(|call| dispatch::shown(&call.action)).unwrap_or_default();
        let bytes = match (service.name, action.as_str()) {
            ("lambda", "CreateFunction" | "UpdateFunctionCode") => CODE,
            ("lambda", "Invoke") => PAYLOAD,
            ("logs", _) => LOGS,
            _ => USUAL,
        };
        Self { bytes, action }
    }

    /// Whether the head of a request says that its body is larger.
    pub(crate) fn is_exceeded_by(&self, headers: &HeaderMap) -> bool {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        length.is_some_and(|length| length > self.bytes as u64)
    }

    /// The refusal of a larger one, in the service's envelope.
    pub(crate) fn refusal(&self, cloud: &Cloud, scope: Option<&Scope>, head: &Request<'_>) -> (Answer, String) {
        let (code, action) = match self.action.as_str() {
            "Invoke" => ("RequestTooLargeException", "InvokeFunction"),
            action => ("RequestEntityTooLargeException", action),
        };
        let of = if action.is_empty() { String::new() } else { format!(" for the {action} operation") };
        let fault = Fault::new(code, format!("Request must be smaller than {} bytes{of}", self.bytes)).with_status(413);
        let service = scope.map_or("-", Scope::service);
        let shown = if action.is_empty() { "-" } else { action };
        cloud.log.line(&format!("{service} {shown} {} {}", fault.status, fault.code));
        admission::turned_away(cloud, scope, head, &fault)
    }
}
