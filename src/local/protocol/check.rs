//! The limits of the official models: required members, values from a list, ranges, lengths, patterns; refused
//! in each service's own words.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Fault, Model, Protocol};
use crate::local::model::{Kind, Shape, ShapeId};

/// So many violations are told of one request. Each carries its path and the limit's words: those of a list of a
/// million elements would take gigabytes.
const MOST: usize = 10;

/// One limit that a value does not keep.
struct Violation {
    /// The members and elements from the input down to the value.
    path: Vec<Step>,
    /// The value as text; none where it is missing.
    value: Option<String>,
    /// What AWS's validation says of it, after `Member must`.
    limit: String,
}

#[derive(Clone)]
enum Step {
    Member(String),
    /// Of a map: shown as it was given.
    Key(String),
    Element(usize),
}

/// Refuses an input that does not keep the model's limits.
pub(super) fn check(service: &str, model: &Model, shape: ShapeId, input: &Value) -> Result<(), Fault> {
    let mut checker = Checker { model, path: Vec::new(), found: Vec::new() };
    checker.value(shape, input);
    let found = checker.found;
    let Some(first) = found.first() else { return Ok(()) };
    if let ("lambda", [one]) = (service, found.as_slice())
        && let Some(fault) = one.of_runtime()
    {
        return Err(fault);
    }
    let all = || {
        let count = found.len();
        let lines: Vec<_> = found.iter().map(Violation::in_full).collect();
        format!("{count} validation error{} detected: {}", if count == 1 { "" } else { "s" }, lines.join("; "))
    };
    Err(match service {
        "ec2" | "rds" => first.in_brief(),
        _ => invalid(service, model, all()),
    })
}

/// The refusal of an input under the service's own code.
pub(super) fn invalid(service: &str, model: &Model, message: impl Into<String>) -> Fault {
    let code = match (service, model.metadata.protocol) {
        ("ec2" | "rds", _) => "InvalidParameterValue",
        ("logs", _) => "InvalidParameterException",
        (_, Protocol::Json | Protocol::RestJson) => "ValidationException",
        _ => "ValidationError",
    };
    Fault::new(code, message)
}

impl Violation {
    /// As EC2 and RDS say it.
    fn in_brief(&self) -> Fault {
        let step = |step: &Step| match step {
            Step::Member(name) | Step::Key(name) => name.clone(),
            Step::Element(number) => number.to_string(),
        };
        let name = self.path.iter().map(step).collect::<Vec<_>>().join(".");
        match &self.value {
            None => Fault::new("MissingParameter", format!("The request must contain the parameter {name}")),
            Some(value) => Fault::new(
                "InvalidParameterValue",
                format!("Value ({value}) for parameter {name} is invalid. It must {}.", self.limit),
            ),
        }
    }

    /// As Lambda itself says of a runtime that it does not have.
    fn of_runtime(&self) -> Option<Fault> {
        let [Step::Member(name)] = self.path.as_slice() else { return None };
        let value = self.value.as_ref().filter(|_| name == "Runtime")?;
        let message = format!(
            "Value {value} at 'runtime' failed to satisfy constraint: Member must {} or be a valid ARN",
            self.limit
        );
        Some(Fault::new("InvalidParameterValueException", message))
    }

    /// As the services say it that share AWS's validation.
    fn in_full(&self) -> String {
        let step = |step: &Step| match step {
            Step::Member(name) => {
                let mut letters = name.chars();
                letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
            }
            Step::Key(name) => name.clone(),
            Step::Element(number) => format!("{number}.member"),
        };
        let path = self.path.iter().map(step).collect::<Vec<_>>().join(".");
        let value = self.value.as_ref().map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        format!("Value {value} at '{path}' failed to satisfy constraint: Member must {}", self.limit)
    }
}

struct Checker<'a> {
    model: &'a Model,
    path: Vec<Step>,
    found: Vec<Violation>,
}

impl Checker<'_> {
    fn value(&mut self, id: ShapeId, value: &Value) {
        if self.is_full() {
            return;
        }
        let model = self.model;
        let shape = model.shape(id);
        match (&shape.kind, value) {
            (Kind::Structure(members), Value::Object(given)) => {
                for member in members {
                    self.path.push(Step::Member(member.name.clone()));
                    match given.get(&member.name) {
                        Some(value) => self.value(member.shape, value),
                        None if member.required => self.add(None, "not be null".to_owned()),
                        None => {}
                    }
                    self.path.pop();
                }
            }
            (Kind::List(member), Value::Array(elements)) => {
                self.length(shape, elements.len(), || format!("[{} elements]", elements.len()));
                // What is in one that is too long is as many more mistakes, and nobody's question.
                let looked_at = if is_too_long(shape, elements.len()) { &[] } else { elements.as_slice() };
                for (element, number) in looked_at.iter().zip(1..) {
                    if self.is_full() {
                        break;
                    }
                    self.path.push(Step::Element(number));
                    self.value(member.shape, element);
                    self.path.pop();
                }
            }
            (Kind::Map(key, member), Value::Object(entries)) => {
                self.length(shape, entries.len(), || format!("{{{} entries}}", entries.len()));
                let looked_at = if is_too_long(shape, entries.len()) { 0 } else { entries.len() };
                for (name, content) in entries.iter().take(looked_at) {
                    if self.is_full() {
                        break;
                    }
                    self.path.push(Step::Key(name.clone()));
                    self.value(key.shape, &Value::String(name.clone()));
                    self.value(member.shape, content);
                    self.path.pop();
                }
            }
            (Kind::String, Value::String(text)) => self.text(shape, text),
            (Kind::Blob, Value::String(text)) => {
                self.length(shape, blob_length(text).unwrap_or_default(), || "java.nio.HeapByteBuffer".to_owned());
            }
            (Kind::Integer | Kind::Long | Kind::Float, Value::Number(number)) => {
                let value = number.as_f64().unwrap_or_default();
                self.range(shape, value, "have value", || number.to_string());
            }
            _ => {}
        }
    }

    fn text(&mut self, shape: &Shape, text: &str) {
        self.length(shape, text.chars().count(), || text.to_owned());
        if !shape.choices.is_empty() && shape.choices.iter().all(|choice| choice != text) {
            self.add(Some(shown(shape, text)), format!("satisfy enum value set: [{}]", shape.choices.join(", ")));
        }
        if let Some(pattern) = shape.pattern.as_ref().filter(|pattern| !pattern.matches(text)) {
            let limit = format!("satisfy regular expression pattern: {}", pattern.source());
            self.add(Some(shown(shape, text)), limit);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no request holds 2^53 of anything")]
    fn length(&mut self, shape: &Shape, length: usize, value: impl FnOnce() -> String) {
        self.range(shape, length as f64, "have length", value);
    }

    fn range(&mut self, shape: &Shape, value: f64, what: &str, text: impl FnOnce() -> String) {
        let limit = match (shape.min, shape.max) {
            (Some(min), _) if value < min => format!("{what} greater than or equal to {min}"),
            (_, Some(max)) if value > max => format!("{what} less than or equal to {max}"),
            _ => return,
        };
        let text = shown(shape, &text());
        self.add(Some(text), limit);
    }

    fn add(&mut self, value: Option<String>, limit: String) {
        if !self.is_full() {
            self.found.push(Violation { path: self.path.clone(), value, limit });
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }
}

/// Whether a list or a map holds more than the model lets it.
#[expect(clippy::cast_precision_loss, reason = "no request holds 2^53 of anything")]
fn is_too_long(shape: &Shape, length: usize) -> bool {
    shape.max.is_some_and(|max| length as f64 > max)
}

/// A value as a message may show it: no secret, and not endless.
fn shown(shape: &Shape, text: &str) -> String {
    const LONGEST: usize = 200;
    if shape.sensitive {
        return "***".to_owned();
    }
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The number of bytes that a text in base64 stands for; none where it is no base64.
pub(super) fn blob_length(text: &str) -> Option<usize> {
    STANDARD.decode(text).ok().map(|bytes| bytes.len())
}
