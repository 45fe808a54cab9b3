//! The official models of the AWS APIs: which actions a service has and what shape their inputs and outputs have.
//!
//! `models/SERVICE.json.gz` is made by `scripts/aws-models`; each is read when its service is first called.

mod raw;

use std::{
    collections::{BTreeMap, HashMap},
    io::Read as _,
    sync::OnceLock,
};

use serde::Deserialize;

use super::pattern::Pattern;

/// The model of one service.
pub(crate) struct Model {
    /// What concerns the service as a whole.
    pub(crate) metadata: Metadata,
    operations: BTreeMap<String, Operation>,
    /// The names of AWS's other actions, sorted.
    others: Vec<String>,
    /// How those are called, where that is by a method and a path.
    paths: BTreeMap<String, Http>,
    shapes: Vec<Shape>,
    errors: HashMap<String, KnownError>,
}

/// What concerns the service as a whole.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    /// How requests and answers are written.
    pub(crate) protocol: Protocol,
    /// `1.0` or `1.1`; JSON only.
    pub(crate) json_version: Option<String>,
    /// E.g. `AWS App Runner`.
    pub(crate) service_full_name: String,
    /// What stands before the action in `X-Amz-Target`; JSON only.
    pub(crate) target_prefix: Option<String>,
    /// The namespace of answers; XML only.
    #[serde(default)]
    pub(crate) xml_namespace: String,
}

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// Form in, XML out, in EC2's dialect.
    Ec2,
    /// Form in, XML out: RDS, IAM, STS.
    Query,
    /// JSON in and out, the action in `X-Amz-Target`.
    Json,
    /// JSON in and out, the action in method and path: Lambda.
    #[serde(rename = "rest-json")]
    RestJson,
}

/// One action.
#[derive(Debug)]
pub(crate) struct Operation {
    /// E.g. `CreateVpc`.
    pub(crate) name: String,
    /// Its input, a structure.
    pub(crate) input: Option<ShapeId>,
    /// Its output, a structure.
    pub(crate) output: Option<ShapeId>,
    /// The element around the output; the query protocol only.
    pub(crate) wrapper: Option<String>,
    /// Where it is; REST only.
    pub(crate) http: Option<Http>,
}

/// By which method and path an action is called.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Http {
    /// E.g. `POST`.
    pub(crate) method: String,
    /// E.g. `/2015-03-31/functions/{FunctionName}/code`.
    pub(crate) request_uri: String,
    /// The status of a success.
    #[serde(default)]
    pub(crate) response_code: u16,
}

/// Where a member stands in a request or an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Place {
    /// In the body, as everything outside of REST.
    #[default]
    Body,
    /// A part of the path.
    Uri,
    /// Behind the `?`.
    #[serde(rename = "querystring")]
    Query,
    /// A header.
    Header,
    /// Headers of one beginning.
    Headers,
    /// The answer's status itself.
    StatusCode,
}

/// An error that the service is known to answer.
#[derive(Deserialize)]
pub(crate) struct KnownError {
    /// Its HTTP status.
    pub(crate) status: u16,
    /// The member that holds the message where it is not `message`; JSON only.
    pub(crate) member: Option<String>,
}

/// The place of a shape in its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShapeId(usize);

/// The form of a value.
pub(crate) struct Shape {
    /// What it is.
    pub(crate) kind: Kind,
    /// The smallest number, length of a text, or number of elements.
    pub(crate) min: Option<f64>,
    /// The largest.
    pub(crate) max: Option<f64>,
    /// The values a text may have; empty: any.
    pub(crate) choices: Vec<String>,
    /// What a text must match.
    pub(crate) pattern: Option<Pattern>,
    /// Whether the value is a secret, which no message may repeat.
    pub(crate) sensitive: bool,
    /// The member that is the whole body; REST only.
    pub(crate) payload: Option<String>,
}

/// What a shape is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Members by name.
    Structure(Vec<Member>),
    /// Elements.
    List(Member),
    /// Keys and values.
    Map(Member, Member),
    /// A text.
    String,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number.
    Float,
    /// True or false.
    Boolean,
    /// A moment.
    Timestamp,
    /// Bytes.
    Blob,
}

impl Kind {
    /// What it is called in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Structure(_) => "structure",
            Self::List(_) => "list",
            Self::Map(..) => "map",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Blob => "blob",
        }
    }
}

/// A member of a structure, or what a list or map consists of.
#[derive(Debug)]
pub(crate) struct Member {
    /// The official name; `member`, `key` or `value` outside structures.
    pub(crate) name: String,
    /// Its shape.
    pub(crate) shape: ShapeId,
    /// The name on the wire where it is another one.
    pub(crate) location: Option<String>,
    /// The name in EC2's requests where it is yet another one.
    query: Option<String>,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// Where it stands.
    pub(crate) place: Place,
}

impl Member {
    /// The name of the element or key on the wire.
    pub(crate) fn wire(&self) -> &str {
        self.location.as_deref().unwrap_or(&self.name)
    }

    /// The name in a request of this protocol.
    pub(crate) fn request_name(&self, protocol: Protocol) -> String {
        match (protocol, &self.query, &self.location) {
            (Protocol::Ec2, Some(query), _) => query.clone(),
            (Protocol::Ec2, None, Some(location)) => capitalized(location),
            _ => self.wire().to_owned(),
        }
    }
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl Model {
    /// The model of a service, by its signing name.
    pub(crate) fn of(service: &str) -> Option<&'static Self> {
        let (_, packed, parsed) = EMBEDDED.iter().find(|(name, ..)| *name == service)?;
        Some(parsed.get_or_init(|| {
            #[expect(clippy::expect_used, reason = "the files are part of the binary, and a test reads each of them")]
            Self::parse(packed).expect("the embedded model is what scripts/aws-models writes")
        }))
    }

    /// An action by its name.
    pub(crate) fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name)
    }

    /// A shape by its id.
    pub(crate) fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.0]
    }

    /// Whether a structure has a member of this name.
    pub(crate) fn has_member(&self, id: ShapeId, name: &str) -> bool {
        matches!(&self.shape(id).kind, Kind::Structure(members) if members.iter().any(|member| member.name == name))
    }

    /// Whether AWS has an action of this name, also one that nothing more is known of here.
    pub(crate) fn names(&self, action: &str) -> bool {
        self.operations.contains_key(action) || self.others.binary_search_by(|name| name.as_str().cmp(action)).is_ok()
    }

    /// The names of every action that AWS has.
    #[cfg(test)]
    pub(crate) fn all_names(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().chain(&self.others).map(String::as_str)
    }

    /// Every action.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// The actions of which no more is known than how they are called.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&str, &Http)> {
        self.paths.iter().map(|(name, http)| (name.as_str(), http))
    }

    /// What is known about an error's code.
    pub(crate) fn error(&self, code: &str) -> Option<&KnownError> {
        self.errors.get(code)
    }

    fn parse(packed: &[u8]) -> Result<Self, String> {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(packed).read_to_end(&mut text).map_err(|error| error.to_string())?;
        let raw: raw::Model = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        let ids: HashMap<&str, ShapeId> = raw.shapes.keys().zip(0..).map(|(name, i)| (&**name, ShapeId(i))).collect();
        let id = |name: &str| ids.get(name).copied().ok_or_else(|| format!("there is no shape {name}"));
        let shapes = raw.shapes.values().map(|shape| shape.read(&id)).collect::<Result<_, _>>()?;
        let operation = |(name, operation): (&String, &raw::Operation)| {
            let side = |shape: &Option<String>| shape.as_deref().map(id).transpose();
            let (input, output) = (side(&operation.input)?, side(&operation.output)?);
            let (wrapper, http) = (operation.wrapper.clone(), operation.http.clone());
            Ok::<_, String>((name.clone(), Operation { name: name.clone(), input, output, wrapper, http }))
        };
        let operations = raw.operations.iter().map(operation).collect::<Result<_, _>>()?;
        let raw::Model { others, paths, metadata, errors, .. } = raw;
        Ok(Self { operations, others, paths, shapes, metadata, errors })
    }
}

type Embedded = (&'static str, &'static [u8], OnceLock<Model>);

macro_rules! embedded {
    ($($service:literal),*) => {
        [$(($service, include_bytes!(concat!("models/", $service, ".json.gz")), OnceLock::new())),*]
    };
}

static EMBEDDED: [Embedded; 9] =
    embedded!["ec2", "rds", "apprunner", "secretsmanager", "iam", "sts", "ssm", "logs", "lambda"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::service::SERVICES;

    #[test]
    fn every_service_has_a_model_that_knows_its_actions() {
        for service in SERVICES {
            let model = Model::of(service.name).unwrap();
            for (action, _) in service.actions {
                assert!(model.operation(action).is_some(), "{} has no action {action}", service.name);
            }
        }
    }

    #[test]
    fn every_action_that_aws_has_is_known_by_its_name() {
        let model = Model::of("ec2").unwrap();
        assert!(model.others.is_sorted());
        for (action, named) in [("CreateVpc", true), ("RunInstances", true), ("CreateVPC", false), ("", false)] {
            assert_eq!(model.names(action), named, "{action}");
        }
    }

    #[test]
    fn every_embedded_model_is_read() {
        for (service, packed, _) in &EMBEDDED {
            let model = Model::parse(packed).unwrap_or_else(|error| panic!("{service}: {error}"));
            assert!(!model.operations.is_empty(), "{service}");
        }
    }
}
