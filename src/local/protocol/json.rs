//! The JSON protocols: App Runner, Secrets Manager, SSM, CloudWatch Logs.

use serde_json::{Map, Value, json};

use super::{Fault, Model, Operation, moment};
use crate::local::model::{Kind, ShapeId};

/// Reads a body by the model of the action's input.
pub(super) fn decode(model: &Model, operation: &Operation, body: &[u8]) -> Result<Value, Fault> {
    let value = if body.trim_ascii().is_empty() {
        Value::Object(Map::new())
    } else {
        // The parser's own message repeats nothing of the body, which may be a secret.
        serde_json::from_slice(body).map_err(|error| refused(format!("The body is not JSON: {error}")))?
    };
    match (operation.input, value) {
        (Some(shape), value @ Value::Object(_)) => read(model, shape, value, ""),
        (None, Value::Object(members)) => match members.keys().next() {
            Some(name) => Err(unknown(name)),
            None => Ok(Value::Object(members)),
        },
        _ => Err(refused("The body must be a JSON object.".to_owned())),
    }
}

fn refused(message: String) -> Fault {
    Fault::new("SerializationException", message)
}

fn unknown(path: &str) -> Fault {
    refused(format!("The member {} is not recognized.", path.chars().take(200).collect::<String>()))
}

fn read(model: &Model, shape: ShapeId, value: Value, path: &str) -> Result<Value, Fault> {
    let kind = &model.shape(shape).kind;
    let wrong = |wanted: &str| Err(refused(format!("The member {path} must be {wanted}.")));
    match (kind, value) {
        (Kind::Structure(members), Value::Object(given)) => {
            let mut object = Map::new();
            for (name, value) in given.into_iter().filter(|(_, value)| !value.is_null()) {
                let path = joined(path, &name);
                let member = members.iter().find(|member| *member.wire() == name).ok_or_else(|| unknown(&path))?;
                object.insert(member.name.clone(), read(model, member.shape, value, &path)?);
            }
            Ok(Value::Object(object))
        }
        (Kind::List(member), Value::Array(elements)) => {
            let element = |(index, value)| read(model, member.shape, value, &joined(path, &format!("{index}")));
            (1_usize..).zip(elements).map(element).collect::<Result<_, _>>().map(Value::Array)
        }
        (Kind::Map(_, member), Value::Object(entries)) => {
            let entry = |(name, value): (String, Value)| {
                let value = read(model, member.shape, value, &joined(path, &name))?;
                Ok((name, value))
            };
            entries.into_iter().map(entry).collect::<Result<_, _>>().map(Value::Object)
        }
        (Kind::String, value @ Value::String(_)) | (Kind::Boolean, value @ Value::Bool(_)) => Ok(value),
        (Kind::Integer, Value::Number(number)) => match number.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => Ok(number.into()),
            None => wrong("a whole number of 32 bits"),
        },
        (Kind::Long, Value::Number(number)) => match number.as_i64() {
            Some(number) => Ok(number.into()),
            None => wrong("a whole number of 64 bits"),
        },
        (Kind::Float, value @ Value::Number(_)) => Ok(value),
        (Kind::Timestamp, value) => moment::from_json(&value).map_or_else(|| wrong("a time in seconds"), Ok),
        (Kind::Blob, Value::String(text)) if super::check::blob_length(&text).is_some() => Ok(Value::String(text)),
        (kind, _) => wrong(match kind {
            Kind::Structure(_) | Kind::Map(..) => "an object",
            Kind::List(_) => "a list",
            Kind::String => "a string",
            Kind::Boolean => "true or false",
            Kind::Blob => "a string in base64",
            _ => "a number",
        }),
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Writes an output by the model.
pub(super) fn encode(model: &Model, operation: &Operation, output: &Value) -> Result<String, String> {
    let empty = Value::Object(Map::new());
    match (operation.output, output) {
        (Some(shape), Value::Null) => write(model, shape, &empty, ""),
        (Some(shape), output) => write(model, shape, output, ""),
        (None, _) => Ok(empty),
    }
    .map(|value| value.to_string())
}

fn write(model: &Model, shape: ShapeId, value: &Value, path: &str) -> Result<Value, String> {
    match (&model.shape(shape).kind, value) {
        (Kind::Structure(members), Value::Object(given)) => {
            let mut object = Map::new();
            for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let path = joined(path, name);
                let member = members.iter().find(|member| member.name == *name);
                let member = member.ok_or_else(|| format!("there is no member {path}"))?;
                object.insert(member.wire().to_owned(), write(model, member.shape, value, &path)?);
            }
            Ok(Value::Object(object))
        }
        (Kind::List(member), Value::Array(elements)) => elements
            .iter()
            .map(|value| write(model, member.shape, value, path))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        (Kind::Map(_, member), Value::Object(entries)) => {
            let entry = |(name, value): (&String, &Value)| {
                Ok::<_, String>((name.clone(), write(model, member.shape, value, &joined(path, name))?))
            };
            entries.iter().map(entry).collect::<Result<_, _>>().map(Value::Object)
        }
        (Kind::Timestamp, Value::String(text)) => {
            moment::to_seconds(text).ok_or_else(|| format!("{path} is no time: {text}"))
        }
        (Kind::String | Kind::Blob, Value::String(_))
        | (Kind::Boolean, Value::Bool(_))
        | (Kind::Integer | Kind::Long | Kind::Float, Value::Number(_)) => Ok(value.clone()),
        (kind, _) => Err(format!("{path} is not of the kind {}", kind.name())),
    }
}

/// Writes a refusal.
pub(super) fn refusal(fault: &Fault, member: Option<&str>) -> String {
    json!({ "__type": fault.code, member.unwrap_or("message"): fault.message }).to_string()
}
