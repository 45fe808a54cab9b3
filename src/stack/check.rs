//! The tree against the schema: all that can be said field by field, and the plain value for serde, without what is wrong.

use serde_json::{Map, Value as Json};

use super::finding::Finding;
use super::plain;
use super::scalar::Form;
use super::shape::Shape;
use super::source::{Catalog, Place};
use super::tree::{Entry, Node, Scalar, Style, Value};
use super::{keys, schema};

pub(super) struct Checker<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) findings: Vec<Finding>,
    /// The fields with something wrong in them; whatever depends on them cannot be judged.
    pub(super) failed: Vec<String>,
    /// Whether all of the description is there; in a part of it, nothing is missing.
    pub(super) complete: bool,
}

/// Where the checker is: the field's path, its last key, and where that key is written.
#[derive(Clone)]
struct At {
    path: String,
    key: String,
    place: Place,
}

impl At {
    fn below(&self, key: &str, place: Place) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, key: key.to_owned(), place }
    }

    /// An element of the list here; it is called by the list's key, as it has none.
    fn element(&self, index: usize, place: Place) -> Self {
        Self { key: self.key.clone(), ..self.below(&index.to_string(), place) }
    }
}

impl Checker<'_> {
    /// The plain value of the whole document.
    pub(super) fn document(&mut self, root: &Node) -> Json {
        let at = At { path: String::new(), key: String::new(), place: root.place };
        self.node(root, &schema::STRICT, &at).unwrap_or_else(|| Json::Object(Map::new()))
    }

    fn fail(&mut self, at: &At, finding: Finding) -> Option<Json> {
        self.failed.push(at.path.clone());
        self.findings.push(finding);
        None
    }

    /// The plain value, or nothing where it is left out or wrong.
    fn node(&mut self, node: &Node, schema: &'static Json, at: &At) -> Option<Json> {
        let shape = Shape::of(schema)?;
        match (&node.value, &shape) {
            (Value::Null, _) => None,
            (Value::Unknown, _) => {
                self.failed.push(at.path.clone());
                None
            }
            (Value::Empty, _) => self.empty(&shape, at),
            (Value::Map(entries), Shape::Section { properties, required }) => {
                Some(self.section(entries, properties, required, at))
            }
            (Value::Map(entries), Shape::Dictionary { values, keys }) => {
                Some(self.dictionary(entries, values, keys, at))
            }
            (Value::List(items), Shape::List(schema)) => {
                let items = items.iter().enumerate();
                Some(
                    items.filter_map(|(index, item)| self.item(item, schema, &at.element(index, item.place))).collect(),
                )
            }
            (Value::Scalar(scalar), _) => match self.scalar(scalar, &shape, node.place, at) {
                Ok(value) => Some(value),
                Err(finding) => self.fail(at, *finding),
            },
            _ => {
                let message = format!("`{}` is {} here; it must be {}", at.key, node.kind(), shape.wanted());
                self.fail(at, Finding::error(at.place, &at.path, message).help(shape.example(&at.key)))
            }
        }
    }

    fn empty(&mut self, shape: &Shape, at: &At) -> Option<Json> {
        let message = format!("`{}:` has no value", at.key);
        let help = match shape {
            Shape::Section { required, .. } if required.is_empty() => {
                format!("write `{}: {{}}` for all its defaults, or delete the line", at.key)
            }
            Shape::Dictionary { .. } | Shape::List(_) => {
                "delete the line, or write what belongs into it below, indented".to_owned()
            }
            _ => format!("{}, or delete the line", shape.example(&at.key)),
        };
        self.fail(at, Finding::error(at.place, &at.path, message).help(help))
    }

    fn item(&mut self, item: &Node, schema: &'static Json, at: &At) -> Option<Json> {
        if matches!(item.value, Value::Empty | Value::Null) {
            return self
                .fail(at, Finding::error(item.place, &at.path, "this item of the list is empty").help("delete it"));
        }
        self.node(item, schema, at)
    }

    fn section(
        &mut self,
        entries: &[Entry],
        properties: &'static Map<String, Json>,
        required: &[&str],
        at: &At,
    ) -> Json {
        let mut values = Map::new();
        for entry in entries {
            let here = at.below(&entry.key, entry.place);
            match properties.get(&entry.key) {
                Some(schema) => {
                    if let Some(value) = self.node(&entry.value, schema, &here) {
                        values.insert(entry.key.clone(), value);
                    }
                }
                // As in Compose files: a place for anchors.
                None if at.path.is_empty() && entry.key.starts_with("x-") => {}
                None => {
                    let finding = self.unknown(entry, properties, at);
                    self.fail(&here, finding);
                }
            }
        }
        self.default_paths(&mut values, properties, at);
        for key in required.iter().filter(|key| !values.contains_key(**key)) {
            self.missing(key, properties, at);
        }
        Json::Object(values)
    }

    /// A path that is left out is relative to the file that has its section.
    fn default_paths(&self, values: &mut Map<String, Json>, properties: &'static Map<String, Json>, at: &At) {
        for (key, schema) in properties.iter().filter(|(_, schema)| matches!(Shape::of(schema), Some(Shape::Path))) {
            if let Some(default) = schema.get("default").and_then(Json::as_str).filter(|_| !values.contains_key(key)) {
                values.insert(key.clone(), self.path(default, at.place));
            }
        }
    }

    fn path(&self, text: &str, place: Place) -> Json {
        let folder = self.catalog.get(place).map(|source| source.folder.clone()).unwrap_or_default();
        folder.join(text).to_string_lossy().into()
    }

    /// A field that must be there is not, unless it is and is wrong, or is in a part of the description that could not be read.
    fn missing(&mut self, key: &str, properties: &'static Map<String, Json>, at: &At) {
        let here = at.below(key, at.place);
        if !self.complete || self.failed.contains(&here.path) {
            return;
        }
        let message = match at.path.as_str() {
            "" => format!("`{key}` is missing"),
            section => format!("`{section}` has no `{key}`"),
        };
        let example = properties.get(key).and_then(Shape::of).map(|shape| shape.example(key)).unwrap_or_default();
        self.fail(&here, Finding::error(at.place, &here.path, message).help(example));
    }

    fn unknown(&self, entry: &Entry, properties: &Map<String, Json>, at: &At) -> Finding {
        let path = at.below(&entry.key, entry.place).path;
        let message = match at.path.as_str() {
            "" => format!("there is no section `{}`", entry.key),
            section => format!("`{section}` has no field `{}`", entry.key),
        };
        let extends = at.path.is_empty().then_some("extends");
        let choices = properties.keys().map(String::as_str).chain(extends);
        let finding = Finding::error(entry.place, &path, message).choices(&entry.key, choices);
        match moved(&entry.key, &at.path).filter(|_| finding.did_you_mean.is_none()) {
            Some(help) => finding.help(help),
            None => finding,
        }
    }

    fn dictionary(&mut self, entries: &[Entry], schema: &'static Json, rule: &str, at: &At) -> Json {
        let mut values = Map::new();
        for entry in entries {
            let here = at.below(&entry.key, entry.place);
            if let Err((message, help)) = keys::check(rule, &entry.key) {
                self.fail(&here, Finding::error(entry.place, &here.path, message).help(help));
            } else if let Some(value) = self.node(&entry.value, schema, &here) {
                values.insert(entry.key.clone(), value);
            }
        }
        Json::Object(values)
    }

    fn scalar(&self, scalar: &Scalar, shape: &Shape, place: Place, at: &At) -> Result<Json, Box<Finding>> {
        let text = scalar.text.as_str();
        let error = |message: String| Finding::error(place, &at.path, message);
        match shape {
            Shape::Truth => truth(scalar).ok_or_else(|| truth_wanted(scalar, place, &at.path)),
            Shape::Whole { least, most } => {
                whole(scalar, *least, *most, &at.key).map_err(|(message, help)| Box::new(error(message).help(help)))
            }
            Shape::Choice(words) => {
                if words.contains(&text) {
                    return Ok(text.into());
                }
                let message = format!("`{}` cannot be `{text}`", at.key);
                Err(Box::new(error(message).choices(text, words.iter().copied())))
            }
            Shape::Form { form, least, most, step } => {
                let quantity = (form.check)(text).map_err(|wrong| Box::new(error(wrong.what).help(wrong.advice)))?;
                bounds(form, quantity, [*least, *most, *step], &at.key).map_err(|message| {
                    let written = format!("{message}; it is `{text}` here");
                    Box::new(error(written))
                })?;
                if !form.bare_number {
                    unambiguous(scalar).map_err(|(message, help)| Box::new(error(message).help(help)))?;
                }
                Ok(text.into())
            }
            Shape::Text { shortest, longest } => {
                unambiguous(scalar).map_err(|(message, help)| Box::new(error(message).help(help)))?;
                let length = text.chars().count();
                if length < *shortest || length > *longest {
                    let message = format!("`{}` has {length} characters; {shortest} to {longest} are allowed", at.key);
                    return Err(Box::new(error(message)));
                }
                Ok(text.into())
            }
            Shape::Path => {
                if text.is_empty() {
                    return Err(Box::new(
                        error(format!("`{}` is empty", at.key)).help("write a path, relative to the file it is in"),
                    ));
                }
                Ok(self.path(text, place))
            }
            Shape::Loose => {
                let truth = matches!(text, "true" | "false");
                if !truth && !plain::is_canonical_number(text) {
                    unambiguous(scalar).map_err(|(message, help)| Box::new(error(message).help(help)))?;
                }
                Ok(text.into())
            }
            Shape::Section { .. } | Shape::Dictionary { .. } | Shape::List(_) => {
                let message = format!("`{}` is a single value here; it must be {}", at.key, shape.wanted());
                let help = match shape {
                    Shape::List(_) => format!("write `{}: [{text}]`", at.key),
                    _ => shape.example(&at.key),
                };
                Err(Box::new(error(message).help(help)))
            }
        }
    }
}

/// What the writer of a key may have been looking for, where no key has a similar name.
fn moved(key: &str, section: &str) -> Option<&'static str> {
    let help = match (section, key) {
        (_, "password") => "infra makes the password itself and keeps it in the secret",
        ("database", "min_capacity" | "max_capacity" | "min" | "max" | "acu") => {
            "it is written `capacity: {min: 0.5, max: 4}`"
        }
        ("database", "deletion_protection") => "it is called `protect`",
        ("database", "engine") => "the engine is Aurora PostgreSQL; `engine_version` chooses its version",
        ("", "vpc") => "it is called `network`",
        ("", "name") => "the stack's name is written `stack: name`",
        ("", "app" | "web") => "it is called `service`",
        ("service", "environment") => "it is called `env`",
        ("network", "azs" | "availability_zones") => "it is called `zones`",
        _ => return None,
    };
    Some(help)
}

fn truth(scalar: &Scalar) -> Option<Json> {
    match scalar.text.as_str() {
        "true" if scalar.style != Style::Quoted => Some(true.into()),
        "false" if scalar.style != Style::Quoted => Some(false.into()),
        _ => None,
    }
}

fn truth_wanted(scalar: &Scalar, place: Place, path: &str) -> Box<Finding> {
    let text = scalar.text.as_str();
    let meant = match text.to_lowercase().as_str() {
        "yes" | "on" | "y" | "1" | "true" | "enabled" => Some("true"),
        "no" | "off" | "n" | "0" | "false" | "disabled" => Some("false"),
        _ => None,
    };
    let quoted = scalar.style == Style::Quoted && meant == Some(text);
    let message =
        if quoted { format!("\"{text}\" in quotes is a text") } else { format!("`{text}` is not true or false") };
    let finding = Finding::error(place, path, message).help("write true or false, in lower case and without quotes");
    Box::new(Finding { did_you_mean: meant.filter(|_| !quoted).map(str::to_owned), ..finding })
}

fn whole(scalar: &Scalar, least: i64, most: i64, key: &str) -> Result<Json, (String, String)> {
    let text = scalar.text.as_str();
    let range = format!("a whole number from {least} to {most}");
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    match number {
        Some(_) if scalar.style == Style::Quoted => Err((
            format!("`{key}` is the text \"{text}\" here; it must be a number"),
            format!("write {text} without quotes"),
        )),
        Some(number) if (least..=most).contains(&number) => Ok(number.into()),
        Some(number) => Err((format!("`{key}` cannot be {number}"), format!("write {range}"))),
        None => {
            let help = match plain::whole(text).filter(|number| (least..=most).contains(number)) {
                Some(number) => format!("write {number}, or another whole number from {least} to {most}"),
                None => format!("write {range}"),
            };
            let spelling = match plain::whole(text) {
                Some(_) if plain::is_number(text) => "is not a number in its plain spelling",
                _ => "is not a whole number",
            };
            Err((format!("`{text}` {spelling}"), help))
        }
    }
}

/// That a text without quotes is a text for every reader.
fn unambiguous(scalar: &Scalar) -> Result<(), (String, String)> {
    let text = scalar.text.as_str();
    match plain::taken_for(text).filter(|_| scalar.style == Style::Plain) {
        Some(taken) => Err((
            format!("`{text}` is taken for {taken} here, and a text is wanted"),
            format!("put it in quotes: \"{text}\""),
        )),
        None => Ok(()),
    }
}

fn bounds(form: &Form, quantity: Option<u64>, [least, most, step]: [Option<&str>; 3], key: &str) -> Result<(), String> {
    let Some(quantity) = quantity else { return Ok(()) };
    let size = |text: &str| (form.check)(text).ok().flatten();
    let below = least.filter(|least| size(least).is_some_and(|least| quantity < least));
    let above = most.filter(|most| size(most).is_some_and(|most| quantity > most));
    let between = step.filter(|step| size(step).is_some_and(|step| quantity % step.max(1) != 0));
    match (below.or(above), between) {
        (None, None) => Ok(()),
        (None, Some(step)) => Err(format!("`{key}` goes in steps of {step}")),
        _ => Err(format!("`{key}` must be from {} to {}", least.unwrap_or("0"), most.unwrap_or("any size"))),
    }
}
