//! The REST protocol with JSON: an action is a method and a path, and parameters stand in path, query, headers and body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{Answer, Fault, Model, Operation, Request, json as body};
use crate::local::model::{Http, Kind, Member, Place, ShapeId};

/// The header with a refusal's code.
pub(super) const ERROR: &str = "x-amzn-errortype";

/// A request whose action is known.
pub(super) struct Parts<'a> {
    request: Request<'a>,
    /// What stands in the path, by the names in the model's template.
    path: Vec<(String, String)>,
}

/// Reads which action is meant.
pub(super) fn read<'a>(model: &Model, request: &Request<'a>) -> Result<(String, Parts<'a>), Fault> {
    let found = model.operations().find_map(|operation| {
        let path = matched(operation.http.as_ref()?, request)?;
        Some((operation.name.clone(), path))
    });
    let (action, path) = found.ok_or_else(|| {
        let other = model.paths().find(|(_, http)| matched(http, request).is_some());
        let called = other.map_or_else(|| format!("{} {}", request.method, request.path), |(name, _)| name.to_owned());
        super::unknown_action(model, &called).with_status(404)
    })?;
    Ok((action, Parts { request: *request, path }))
}

/// What stands in the path in the template's places, where the request fits it.
fn matched(http: &Http, request: &Request<'_>) -> Option<Vec<(String, String)>> {
    if http.method != request.method {
        return None;
    }
    // Some actions differ from others by what stands behind the `?` alone.
    let (path, query) = http.request_uri.split_once('?').unwrap_or((&http.request_uri, ""));
    let asked = |wanted| form_urlencoded::parse(request.query.as_bytes()).any(|given| given == wanted);
    if !form_urlencoded::parse(query.as_bytes()).all(asked) {
        return None;
    }
    let mut given = request.path.trim_end_matches('/').split('/');
    let mut values = Vec::new();
    for wanted in path.trim_end_matches('/').split('/') {
        let part = given.next()?;
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !part.is_empty() => {
                values.push((name.to_owned(), percent_decode_str(part).decode_utf8().ok()?.into_owned()));
            }
            _ if part == wanted => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(values)
}

/// Reads the parameters by the model of the action's input.
pub(super) fn decode(model: &Model, operation: &Operation, parts: &Parts<'_>) -> Result<Value, Fault> {
    let Some(shape) = operation.input else { return Ok(json!({})) };
    let (members, payload) = structure(model, shape);
    let request = &parts.request;
    let mut input = match payload {
        Some(_) => Map::new(),
        None => match body::decode(model, operation, request.body)? {
            Value::Object(given) => given,
            _ => Map::new(),
        },
    };
    // What stands elsewhere is not taken from the body.
    input.retain(|name, _| members.iter().any(|member| member.name == *name && member.place == Place::Body));
    for member in members {
        let texts: Vec<String> = match member.place {
            Place::Body if payload == Some(&member.name) && !request.body.is_empty() => {
                input.insert(member.name.clone(), Value::String(STANDARD.encode(request.body)));
                continue;
            }
            Place::Uri => {
                parts.path.iter().filter(|(name, _)| name == member.wire()).map(|(_, text)| text.clone()).collect()
            }
            Place::Query => form_urlencoded::parse(request.query.as_bytes())
                .filter(|(name, _)| name == member.wire())
                .map(|(_, text)| text.into_owned())
                .collect(),
            Place::Header => request.header(member.wire()).map(str::to_owned).into_iter().collect(),
            Place::Body | Place::Headers | Place::StatusCode => continue,
        };
        if !texts.is_empty() {
            input.insert(member.name.clone(), value(model, member, texts)?);
        }
    }
    Ok(Value::Object(input))
}

fn structure(model: &Model, shape: ShapeId) -> (&[Member], Option<&String>) {
    let shape = model.shape(shape);
    match &shape.kind {
        Kind::Structure(members) => (members, shape.payload.as_ref()),
        _ => (&[], None),
    }
}

/// What texts from path, query or header mean.
fn value(model: &Model, member: &Member, texts: Vec<String>) -> Result<Value, Fault> {
    let wrong = |what: &str| {
        let message = format!("The parameter {} must be {what}.", member.wire());
        Fault::new("SerializationException", message)
    };
    if let Kind::List(_) = model.shape(member.shape).kind {
        return Ok(texts.into_iter().map(Value::String).collect());
    }
    let text = texts.into_iter().next().unwrap_or_default();
    match model.shape(member.shape).kind {
        Kind::Integer | Kind::Long => text.parse::<i64>().map(Value::from).map_err(|_| wrong("a whole number")),
        Kind::Boolean => text.parse::<bool>().map(Value::from).map_err(|_| wrong("true or false")),
        _ => Ok(Value::String(text)),
    }
}

/// Writes an output by the model.
pub(super) fn answer(
    model: &Model,
    operation: &Operation,
    output: &Value,
    content_type: String,
) -> Result<Answer, String> {
    let status = operation.http.as_ref().map_or(200, |http| http.response_code);
    let mut answer = Answer { status, content_type, headers: Vec::new(), body: String::new() };
    let (Some(shape), Value::Object(given)) = (operation.output, output) else { return Ok(answer) };
    let (members, payload) = structure(model, shape);
    let mut rest = Map::new();
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let member = members.iter().find(|member| member.name == *name);
        let member = member.ok_or_else(|| format!("there is no member {name}"))?;
        match (member.place, value) {
            (Place::StatusCode, value) => {
                let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
                answer.status = number.ok_or_else(|| format!("{name} is no status"))?;
            }
            (Place::Header, Value::String(text)) => answer.headers.push((member.wire().to_owned(), text.clone())),
            (Place::Body, Value::String(text)) if payload == Some(name) => {
                let bytes = STANDARD.decode(text).map_err(|error| format!("{name} is not in base64: {error}"))?;
                answer.body = String::from_utf8(bytes).map_err(|error| format!("{name} is no text: {error}"))?;
            }
            (Place::Body, _) if payload.is_none() => {
                rest.insert(name.clone(), value.clone());
            }
            _ => return Err(format!("{name} cannot be written where it stands")),
        }
    }
    if payload.is_none() && answer.status != 204 {
        answer.body = body::encode(model, operation, &Value::Object(rest))?;
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;
    use crate::local::protocol;

    fn input(
        method: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(String, Value), Fault> {
        let model = Model::of("lambda").unwrap();
        let call = protocol::read(model, &Request { method, path, headers, query, body })?;
        let (action, operation) = (call.action.clone(), model.operation(&call.action).unwrap());
        Ok((action, call.input("lambda", model, operation)?))
    }

    #[test]
    fn an_action_is_a_method_and_a_path() {
        let plain = HeaderMap::new();
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aone";
        let tags = format!("/2017-03-31/tags/{arn}");
        let of = |method, path: &str, query, body: &str| input(method, path, query, &plain, body.as_bytes());
        for (found, action, expected) in [
            (of("GET", "/2015-03-31/functions/", "MaxItems=5", ""), "ListFunctions", json!({"MaxItems": 5})),
            (of("GET", "/2015-03-31/functions/one", "", ""), "GetFunction", json!({"FunctionName": "one"})),
            (
                of("PUT", "/2015-03-31/functions/one/configuration", "", r#"{"Timeout":3}"#),
                "UpdateFunctionConfiguration",
                json!({"Timeout": 3, "FunctionName": "one"}),
            ),
            (
                of("DELETE", &tags, "tagKeys=a%20b&tagKeys=c", ""),
                "UntagResource",
                json!({"Resource": "arn:aws:lambda:us-east-1:000000000000:function:one", "TagKeys": ["a b", "c"]}),
            ),
        ] {
            assert_eq!(found.unwrap(), (action.to_owned(), expected));
        }
        for (method, path) in [("GET", "/"), ("PATCH", "/2015-03-31/functions"), ("GET", "/2015-03-31/functions/a/b/c")]
        {
            assert_eq!(of(method, path, "", "").unwrap_err().code, "UnknownOperationException", "{path}");
        }
        let known = of("POST", "/2015-03-31/functions/f/versions", "", "").unwrap_err();
        assert_eq!(known.message, "The local cloud does not provide the action PublishVersion of AWS Lambda.");
        let fault = of("GET", "/2015-03-31/functions", "MaxItems=many", "").unwrap_err();
        assert!(fault.message.contains("MaxItems"), "{fault}");
        let fault = of("GET", "/2015-03-31/functions", "MaxItems=0", "").unwrap_err();
        assert_eq!(fault.code, "ValidationException");
    }

    #[test]
    fn a_payload_is_the_whole_body_both_ways() {
        let mut headers = HeaderMap::new();
        headers.insert("X-Amz-Invocation-Type", "DryRun".parse().unwrap());
        let (_, read) = input("POST", "/2015-03-31/functions/one/invocations", "", &headers, b"\x00{}").unwrap();
        assert_eq!(read, json!({"FunctionName": "one", "InvocationType": "DryRun", "Payload": "AHt9"}));
        let model = Model::of("lambda").unwrap();
        let output = json!({"StatusCode": 200, "FunctionError": "Unhandled", "Payload": "e30="});
        let answer = protocol::answer(model, model.operation("Invoke").unwrap(), &output, "id");
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
        assert_eq!(answer.headers, [("X-Amz-Function-Error".to_owned(), "Unhandled".to_owned())]);
    }

    #[test]
    fn a_refusal_carries_its_code_in_a_header() {
        let model = Model::of("lambda").unwrap();
        let answer = protocol::refusal(model, &Fault::new("ResourceNotFoundException", "gone"), "id");
        assert_eq!(answer.status, 404);
        assert_eq!(answer.headers, [(ERROR.to_owned(), "ResourceNotFoundException".to_owned())]);
        assert!(answer.body.contains(r#""Message":"gone""#), "{}", answer.body);
    }
}
