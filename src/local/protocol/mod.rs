//! The wire protocols: a request becomes the name of an action and its checked input; an output or a refusal
//! becomes an answer. What is on the wire is known here and nowhere else.

mod check;
mod form;
mod json;
mod moment;
mod rest;
#[cfg(test)]
mod tests;
mod xml;

use hyper::HeaderMap;
use serde_json::Value;

use super::{
    fault::Fault,
    members::UNREADABLE,
    model::{Model, Operation, Protocol},
};

/// A request, as far as its meaning goes.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    /// `GET`, `POST` …
    pub(crate) method: &'a str,
    /// The URL's path.
    pub(crate) path: &'a str,
    /// All headers.
    pub(crate) headers: &'a HeaderMap,
    /// What stands behind `?` in the URL.
    pub(crate) query: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The header `X-Amz-Target`.
    pub(crate) fn target(&self) -> Option<&'a str> {
        self.header("x-amz-target")
    }

    /// The session token that came with temporary credentials, in the header or, of a URL that is signed itself, in that.
    pub(crate) fn session_token(&self) -> Option<String> {
        const NAME: &str = "X-Amz-Security-Token";
        let in_url = || {
            let mut parameters = form_urlencoded::parse(self.query.as_bytes());
            parameters.find(|(name, _)| name == NAME).map(|(_, value)| value.into_owned())
        };
        self.header(NAME).map(str::to_owned).or_else(in_url)
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An answer, as it goes out.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The header `Content-Type`.
    pub(crate) content_type: String,
    /// Other headers.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

/// A decoded request.
pub(crate) struct Call<'a> {
    /// The action as the client names it.
    pub(crate) action: String,
    /// Its parameters, not yet looked at.
    parameters: Parameters<'a>,
}

enum Parameters<'a> {
    Form(form::Node),
    Json(&'a [u8]),
    Rest(rest::Parts<'a>),
}

/// Reads which action is meant.
pub(crate) fn read<'a>(model: &Model, request: &Request<'a>) -> Result<Call<'a>, Fault> {
    match model.metadata.protocol {
        Protocol::Ec2 | Protocol::Query => {
            let (action, parameters) = form::read(model, request.query, request.body)?;
            Ok(Call { action, parameters: Parameters::Form(parameters) })
        }
        Protocol::Json => {
            let action = request.target().and_then(|target| action_of(model, target)).ok_or_else(|| {
                let prefix = model.metadata.target_prefix.as_deref().unwrap_or_default();
                Fault::new(
                    "UnknownOperationException",
                    match request.target() {
                        Some(target) => format!("The header X-Amz-Target is {target:?}, but must begin with {prefix}."),
                        None => format!("The header X-Amz-Target is missing; it must be {prefix}.ACTION"),
                    },
                )
            })?;
            Ok(Call { action, parameters: Parameters::Json(request.body) })
        }
        Protocol::RestJson => {
            let (action, parts) = rest::read(model, request)?;
            Ok(Call { action, parameters: Parameters::Rest(parts) })
        }
    }
}

fn action_of(model: &Model, target: &str) -> Option<String> {
    let (prefix, action) = target.rsplit_once('.')?;
    (model.metadata.target_prefix.as_deref() == Some(prefix)).then(|| action.to_owned())
}

impl Call<'_> {
    /// The input, checked against the official model.
    pub(crate) fn input(self, service: &str, model: &Model, operation: &Operation) -> Result<Value, Fault> {
        let input = match self.parameters {
            Parameters::Form(node) => form::decode(model, operation, node)?,
            Parameters::Json(body) => json::decode(model, operation, body)?,
            Parameters::Rest(parts) => rest::decode(model, operation, &parts)?,
        };
        checked(service, model, operation, input)
    }
}

/// The input, if it keeps the official model's limits.
pub(crate) fn checked(service: &str, model: &Model, operation: &Operation, input: Value) -> Result<Value, Fault> {
    match operation.input {
        Some(shape) => check::check(service, model, shape, &input).map(|()| input),
        None => Ok(input),
    }
}

/// An action's refusal as its service says it: an input that the action cannot read is the client's mistake, under each service's
/// own code, so that no SDK tries it again.
pub(crate) fn in_words_of(service: &str, model: &Model, fault: Fault) -> Fault {
    if fault.code == UNREADABLE { check::invalid(service, model, fault.message) } else { fault }
}

/// The refusal of an action that the service does not have, or that the local cloud does not provide.
pub(crate) fn unknown_action(model: &Model, action: &str) -> Fault {
    let service = &model.metadata.service_full_name;
    let message = match model.names(action) {
        true => format!("The local cloud does not provide the action {action} of {service}."),
        false => format!("{service} has no action {action} that the local cloud knows."),
    };
    match model.metadata.protocol {
        Protocol::Json | Protocol::RestJson => Fault::new("UnknownOperationException", message),
        Protocol::Ec2 | Protocol::Query => Fault::new("InvalidAction", message),
    }
}

/// Writes an output.
pub(crate) fn answer(model: &Model, operation: &Operation, output: &Value, request_id: &str) -> Answer {
    let plain = |body| Answer { status: 200, content_type: content_type(model), headers: Vec::new(), body };
    let answer = match model.metadata.protocol {
        Protocol::Ec2 => xml::ec2(model, operation, output, request_id).map(plain),
        Protocol::Query => xml::query(model, operation, output, request_id).map(plain),
        Protocol::Json => json::encode(model, operation, output).map(plain),
        Protocol::RestJson => rest::answer(model, operation, output, content_type(model)),
    };
    match answer {
        Ok(answer) => answer,
        // A mistake of ours; said aloud so that it is found.
        Err(mistake) => {
            let message =
                format!("The local cloud's answer to {} is not what the model says: {mistake}", operation.name);
            refusal(model, &Fault::new("InternalFailure", message).with_status(500), request_id)
        }
    }
}

/// Writes a refusal in the service's envelope.
pub(crate) fn refusal(model: &Model, fault: &Fault, request_id: &str) -> Answer {
    let known = model.error(&fault.code);
    let status = known.filter(|_| fault.status == 400).map_or(fault.status, |known| known.status);
    let body = match model.metadata.protocol {
        Protocol::Ec2 => xml::ec2_refusal(fault, request_id),
        Protocol::Query => xml::query_refusal(model, fault, status, request_id),
        Protocol::Json | Protocol::RestJson => json::refusal(fault, known.and_then(|known| known.member.as_deref())),
    };
    let is_rest = model.metadata.protocol == Protocol::RestJson;
    let headers = if is_rest { vec![(rest::ERROR.to_owned(), fault.code.clone())] } else { Vec::new() };
    Answer { status, content_type: content_type(model), headers, body }
}

/// Writes a refusal where there is no model of the `service` that was meant: in the envelope that suits the request.
pub(crate) fn homeless_refusal(fault: &Fault, service: &str, request: &Request<'_>, request_id: &str) -> Answer {
    let is_form = [request.query.as_bytes(), request.body].iter().any(|part| contains(part, b"Action="));
    let (content_type, body) = if is_form {
        ("text/xml", xml::plain_refusal("ErrorResponse", fault, request_id))
    } else if service == "s3" || service.is_empty() {
        ("application/xml", xml::plain_refusal("", fault, request_id))
    } else {
        ("application/x-amz-json-1.1", json::refusal(fault, None))
    };
    Answer { status: fault.status, content_type: content_type.to_owned(), headers: Vec::new(), body }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn content_type(model: &Model) -> String {
    match model.metadata.protocol {
        Protocol::Ec2 => "text/xml;charset=UTF-8".to_owned(),
        Protocol::Query => "text/xml".to_owned(),
        Protocol::Json => {
            format!("application/x-amz-json-{}", model.metadata.json_version.as_deref().unwrap_or("1.1"))
        }
        Protocol::RestJson => "application/json".to_owned(),
    }
}
