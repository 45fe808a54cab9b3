//! The files of models as `scripts/aws-models` writes them.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Http, Kind, KnownError, Member, Metadata, Pattern, Place, Shape as Read, ShapeId};

#[derive(Deserialize)]
pub(super) struct Model {
    pub(super) metadata: Metadata,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) others: Vec<String>,
    /// How those are called, where that is not by their names.
    #[serde(default)]
    pub(super) paths: BTreeMap<String, Http>,
    pub(super) shapes: BTreeMap<String, Shape>,
    pub(super) errors: HashMap<String, KnownError>,
}

#[derive(Deserialize)]
pub(super) struct Operation {
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) wrapper: Option<String>,
    pub(super) http: Option<Http>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    kind: String,
    // In the file's order, which is the order of elements in AWS's answers.
    members: serde_json::Map<String, serde_json::Value>,
    required: Vec<String>,
    member: Option<Reference>,
    key: Option<Reference>,
    value: Option<Reference>,
    #[serde(rename = "enum")]
    choices: Vec<String>,
    min: Option<f64>,
    max: Option<f64>,
    pattern: Option<String>,
    sensitive: bool,
    payload: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    shape: String,
    #[serde(default)]
    location: Place,
    location_name: Option<String>,
    query_name: Option<String>,
}

impl Shape {
    pub(super) fn read(&self, id: &dyn Fn(&str) -> Result<ShapeId, String>) -> Result<Read, String> {
        let member = |name: &str, reference: &Reference| {
            Ok::<_, String>(Member {
                name: name.to_owned(),
                shape: id(&reference.shape)?,
                location: reference.location_name.clone(),
                query: reference.query_name.clone(),
                required: self.required.iter().any(|required| required == name),
                place: reference.location,
            })
        };
        let part = |name: &str, reference: &Option<Reference>| {
            member(name, reference.as_ref().ok_or_else(|| format!("a {} has no {name}", self.kind))?)
        };
        let field = |(name, reference): (&String, &serde_json::Value)| {
            member(name, &Reference::deserialize(reference).map_err(|error| error.to_string())?)
        };
        let kind = match &*self.kind {
            "structure" => Kind::Structure(self.members.iter().map(field).collect::<Result<_, _>>()?),
            "list" => Kind::List(part("member", &self.member)?),
            "map" => Kind::Map(part("key", &self.key)?, part("value", &self.value)?),
            "string" => Kind::String,
            "integer" => Kind::Integer,
            "long" => Kind::Long,
            "float" | "double" => Kind::Float,
            "boolean" => Kind::Boolean,
            "timestamp" => Kind::Timestamp,
            "blob" => Kind::Blob,
            other => return Err(format!("no shape is of the type {other}")),
        };
        Ok(Read {
            kind,
            min: self.min,
            max: self.max,
            choices: self.choices.clone(),
            pattern: self.pattern.as_deref().map(Pattern::new),
            sensitive: self.sensitive,
            payload: self.payload.clone(),
        })
    }
}
