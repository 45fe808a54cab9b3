//! Requests as forms: EC2's and the query services'. `Filter.1.Value.2=x` becomes a tree by its dots, and the
//! tree is read by the model.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use super::{Fault, Model, Operation, Protocol, moment};
use crate::local::model::{Kind, Member, ShapeId};

/// A parameter's value, or the parameters below it.
#[derive(Default)]
pub(super) struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Deeper than any model goes; a request that goes deeper is refused before it costs anything.
const DEPTH: usize = 24;

/// What signs a request in its URL is no parameter of the action.
const SIGNATURE: &[&str] =
    &["AWSAccessKeyId", "Expires", "SecurityToken", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp"];

/// The action, and its parameters as a tree. They may stand in the URL or in the body.
pub(super) fn read(model: &Model, query: &str, body: &[u8]) -> Result<(String, Node), Fault> {
    let mut root = Node::default();
    let (mut action, mut version, mut unsigned) = (None, None, true);
    let twice = |name| Fault::new("MalformedQueryString", format!("The parameter {name} is there twice."));
    for (name, value) in form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body)) {
        match &*name {
            "Action" if action.is_some() => return Err(twice("Action")),
            "Version" if version.is_some() => return Err(twice("Version")),
            "Action" => action = Some(value.into_owned()),
            "Version" => version = Some(value.into_owned()),
            "" => {}
            _ if name.starts_with("X-Amz-") => unsigned = false,
            _ => root.insert(&name, value.into_owned())?,
        }
    }
    if !unsigned || root.children.contains_key("AWSAccessKeyId") {
        root.children.retain(|name, _| !SIGNATURE.contains(&&**name));
    }
    let missing = || Fault::new("MissingAction", "The request has no parameter Action.");
    let action = action.ok_or_else(missing)?;
    check_version(model, &action, version.as_deref())?;
    Ok((action, root))
}

/// Refuses a version of the API that the service does not have here. One that is not told is taken as the newest.
fn check_version(model: &Model, action: &str, version: Option<&str>) -> Result<(), Fault> {
    let own = model.metadata.xml_namespace.trim_end_matches('/').rsplit('/').next();
    let Some(other) = version.filter(|version| own != Some(*version)) else { return Ok(()) };
    Err(match model.metadata.protocol {
        Protocol::Ec2 => {
            let message = format!("The requested version ({}) of service AmazonEC2 does not exist", shown(other));
            Fault::new("NoSuchVersion", message)
        }
        _ => {
            let message = format!("Could not find operation {} for version {}", shown(action), shown(other));
            Fault::new("InvalidAction", message)
        }
    })
}

impl Node {
    fn insert(&mut self, name: &str, value: String) -> Result<(), Fault> {
        if name.split('.').count() > DEPTH {
            return Err(Fault::new(
                "MalformedQueryString",
                format!("The parameter {} is nested too deeply.", shown(name)),
            ));
        }
        let node = name.split('.').fold(self, |node, part| node.children.entry(part.to_owned()).or_default());
        match node.value.replace(value) {
            None => Ok(()),
            Some(_) => {
                Err(Fault::new("MalformedQueryString", format!("The parameter {} is there twice.", shown(name))))
            }
        }
    }

    /// The first full name of a parameter in this tree.
    fn first(&self) -> String {
        let mut name = String::new();
        let mut node = self;
        while let (None, Some((part, child))) = (&node.value, node.children.first_key_value()) {
            name.push('.');
            name.push_str(part);
            node = child;
        }
        name
    }
}

/// A name from outside, short enough for a message.
fn shown(name: &str) -> String {
    name.chars().take(200).collect()
}

/// Reads the tree by the model of the action's input.
pub(super) fn decode(model: &Model, operation: &Operation, node: Node) -> Result<Value, Fault> {
    let form = Form { model, protocol: model.metadata.protocol };
    match operation.input {
        Some(shape) => form.structure(shape, node, ""),
        None if node.children.is_empty() => Ok(Value::Object(Map::new())),
        None => Err(form.unknown(&node.first()[1..])),
    }
}

struct Form<'a> {
    model: &'a Model,
    protocol: Protocol,
}

impl Form<'_> {
    fn value(&self, shape: ShapeId, node: Node, path: &str) -> Result<Value, Fault> {
        match &self.model.shape(shape).kind {
            Kind::Structure(_) => self.structure(shape, node, path),
            Kind::List(member) => self.list(member, node, path),
            Kind::Map(key, value) => self.map(key, value, node, path),
            scalar => {
                if !node.children.is_empty() {
                    return Err(self.unknown(&format!("{path}{}", Node { value: None, ..node }.first())));
                }
                let text = node.value.unwrap_or_default();
                let secret = self.model.shape(shape).sensitive;
                read_scalar(scalar, &text)
                    .ok_or_else(|| self.malformed(scalar, if secret { "***" } else { &text }, path))
            }
        }
    }

    fn structure(&self, shape: ShapeId, mut node: Node, path: &str) -> Result<Value, Fault> {
        let Kind::Structure(members) = &self.model.shape(shape).kind else { return Ok(Value::Null) };
        let mut object = Map::new();
        for member in members {
            let name = member.request_name(self.protocol);
            if let Some(child) = node.children.remove(&name) {
                object.insert(member.name.clone(), self.value(member.shape, child, &joined(path, &name))?);
            }
        }
        self.empty(&node, path)?;
        Ok(Value::Object(object))
    }

    fn list(&self, member: &Member, mut node: Node, path: &str) -> Result<Value, Fault> {
        // EC2: `Name.1`. Query: `Name.member.1`, or the element's own name in place of `member`; AWS takes both.
        let mut path = path.to_owned();
        if self.protocol == Protocol::Query {
            for name in ["member", member.wire()] {
                if let Some(child) = node.children.remove(name) {
                    self.empty(&node, &path)?;
                    node = child;
                    path = joined(&path, name);
                    break;
                }
            }
        }
        let elements = self.numbered(node, &path)?;
        let element = |(index, node): (u32, Node)| self.value(member.shape, node, &joined(&path, &index.to_string()));
        elements.into_iter().map(element).collect::<Result<_, _>>().map(Value::Array)
    }

    fn map(&self, key: &Member, value: &Member, mut node: Node, path: &str) -> Result<Value, Fault> {
        let entries = node.children.remove("entry").unwrap_or_default();
        self.empty(&node, path)?;
        let path = joined(path, "entry");
        let mut object = Map::new();
        for (index, mut entry) in self.numbered(entries, &path)? {
            let path = joined(&path, &index.to_string());
            let name = entry.children.remove(key.wire()).and_then(|node| node.value).unwrap_or_default();
            let content = entry.children.remove(value.wire()).unwrap_or_default();
            self.empty(&entry, &path)?;
            object.insert(name, self.value(value.shape, content, &joined(&path, value.wire()))?);
        }
        Ok(Value::Object(object))
    }

    /// The children by their numbers, in order; the numbers may have gaps.
    fn numbered(&self, node: Node, path: &str) -> Result<BTreeMap<u32, Node>, Fault> {
        if let Some(text) = node.value.as_deref().filter(|text| !text.is_empty()) {
            let message = format!("The parameter {path} is a list: write {path}.1 instead of {path}={}.", shown(text));
            return Err(Fault::new("InvalidParameterValue", message));
        }
        let number = |(name, child): (String, Node)| match name.parse::<u32>() {
            Ok(number) => Ok((number, child)),
            Err(_) => Err(self.unknown(&format!("{}{}", joined(path, &name), child.first()))),
        };
        node.children.into_iter().map(number).collect()
    }

    /// Refuses what is left of a node after everything known was taken.
    fn empty(&self, node: &Node, path: &str) -> Result<(), Fault> {
        match node.children.first_key_value() {
            Some((name, child)) => Err(self.unknown(&format!("{}{}", joined(path, name), child.first()))),
            None if node.value.as_deref().is_some_and(|value| !value.is_empty()) => Err(self.unknown(path)),
            None => Ok(()),
        }
    }

    fn unknown(&self, name: &str) -> Fault {
        let code = if self.protocol == Protocol::Ec2 { "UnknownParameter" } else { "InvalidQueryParameter" };
        Fault::new(code, format!("The parameter {} is not recognized", shown(name)))
    }

    fn malformed(&self, kind: &Kind, text: &str, path: &str) -> Fault {
        let wanted = match kind {
            Kind::Integer | Kind::Long => "a whole number",
            Kind::Float => "a number",
            Kind::Boolean => "true or false",
            Kind::Timestamp => "a time such as 2026-01-31T12:00:00Z",
            _ => "base64",
        };
        let code = if self.protocol == Protocol::Ec2 { "InvalidParameterValue" } else { "MalformedInput" };
        Fault::new(code, format!("Value ({}) for parameter {path} is invalid. It must be {wanted}.", shown(text)))
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn read_scalar(kind: &Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Integer => text.parse::<i32>().ok().map(Value::from),
        Kind::Long => text.parse::<i64>().ok().map(Value::from),
        Kind::Float => Number::from_f64(text.parse().ok()?).map(Value::Number),
        Kind::Boolean => match &*text.to_ascii_lowercase() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Timestamp => moment::from_text(text),
        Kind::Blob => super::check::blob_length(text).map(|_| Value::from(text)),
        _ => Some(Value::from(text)),
    }
}
