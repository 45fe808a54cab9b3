//! `${env:NAME}` and `${env:NAME:-default}` in values; `$${` stands for `${`.

use super::finding::Finding;
use super::source::Place;
use super::tree::{Node, Style, Value};

/// How the environment is asked: a function, so that tests have one of their own.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What was filled in, and what is written in its place: nobody knows whether it is a secret, so no message shows it.
#[derive(Debug, Default)]
pub(super) struct Filled(Vec<(Place, String, String)>);

/// A value at least this long is looked for in every message; a shorter one only where it was filled in.
const TELLING: usize = 5;

impl Filled {
    /// The finding with what is written in the place of every value from the environment.
    pub(super) fn conceal(&self, mut finding: Finding) -> Finding {
        let here = |place: &Place| {
            finding.place == Some(*place) || finding.also.as_ref().is_some_and(|(also, _)| also == place)
        };
        let meant: Vec<_> = self.0.iter().filter(|(place, value, _)| here(place) || value.len() >= TELLING).collect();
        let meant: Vec<_> = meant.into_iter().filter(|(_, value, _)| !value.is_empty()).collect();
        finding.message = written(&finding.message, &meant);
        finding.help = finding.help.map(|help| written(&help, &meant));
        finding
    }
}

/// The text with every value back in the form in which it was written. What is put in is not looked at again: a default
/// stands in what it is the default of.
fn written(text: &str, meant: &[&(Place, String, String)]) -> String {
    let (mut whole, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        if let Some((_, value, form)) = meant.iter().find(|(_, value, _)| rest.starts_with(value.as_str())) {
            whole.push_str(form);
            rest = &rest[value.len()..];
        } else {
            let next = rest.chars().next().map_or(0, char::len_utf8);
            whole.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    whole
}

/// Fills in the environment's values, everywhere in the tree.
pub(super) fn substitute(
    node: &mut Node,
    environment: Environment<'_>,
    findings: &mut Vec<Finding>,
    filled: &mut Filled,
) {
    match &mut node.value {
        Value::Scalar(scalar) if scalar.text.contains("${") => match fill(&scalar.text, environment) {
            Ok((text, values)) => {
                let written = std::mem::replace(&mut scalar.text, text);
                // The whole text first: messages quote it, and it is the longest.
                if !values.is_empty() {
                    filled.0.push((node.place, scalar.text.clone(), written));
                    filled.0.extend(values.into_iter().map(|(value, written)| (node.place, value, written)));
                }
                // In quotes it stays a text; without them it becomes what its field wants.
                if scalar.style == Style::Plain {
                    scalar.style = Style::Given;
                }
            }
            Err((message, help)) => {
                findings.push(Finding::error(node.place, "", message).help(help));
                node.value = Value::Unknown;
            }
        },
        Value::List(items) => items.iter_mut().for_each(|item| substitute(item, environment, findings, filled)),
        Value::Map(entries) => {
            entries.iter_mut().for_each(|entry| substitute(&mut entry.value, environment, findings, filled));
        }
        _ => {}
    }
}

/// What is wrong, and what to do.
type Complaint = (String, String);

/// Each value beside what stood for it.
type Values = Vec<(String, String)>;

/// The text with everything filled in, and what was.
fn fill(text: &str, environment: Environment<'_>) -> Result<(String, Values), Complaint> {
    let (mut filled, mut values) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        filled.push_str(before);
        let Some(inner) = after.strip_prefix("env:") else {
            misspelt(after)?;
            // Anything else in braces is the shell's, in the container.
            filled.push_str("${");
            rest = after;
            continue;
        };
        let Some(end) = inner.find('}') else {
            return Err((format!("`${{{after}` is never closed"), "write `${env:NAME}`".to_owned()));
        };
        let value = value(&inner[..end], environment)?;
        filled.push_str(&value);
        values.push((value, format!("${{env:{}}}", &inner[..end])));
        rest = &inner[end + 1..];
    }
    filled.push_str(rest);
    Ok((filled, values))
}

fn value(inner: &str, environment: Environment<'_>) -> Result<String, (String, String)> {
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        let message = format!("`{name}` cannot be the name of an environment variable");
        return Err((message, "write `${env:NAME}` or `${env:NAME:-default}`".to_owned()));
    }
    // As in a shell, `:-` also stands in for a variable that is empty.
    let found = environment(name).filter(|value| default.is_none() || !value.is_empty());
    found.or(default.map(str::to_owned)).ok_or_else(|| {
        let help = format!("set it (`export {name}=…`), or write a default: `${{env:{name}:-…}}`");
        (format!("the environment variable {name} is not set"), help)
    })
}

/// `${ENV:X}` and `${enV:X}` were meant for infra; `${X:-y}` is a shell's.
fn misspelt(after: &str) -> Result<(), (String, String)> {
    let Some((word, name)) = after.split_once('}').and_then(|(inner, _)| inner.split_once(':')) else { return Ok(()) };
    if name.starts_with(['-', '=', '+', '?']) || strsim::osa_distance(&word.to_lowercase(), "env") > 1 {
        return Ok(());
    }
    let help = format!("write `${{env:{name}}}`; for a `${{` of the container's own shell write `$${{`");
    Err((format!("`${{{word}:{name}}}` is not filled in by anything"), help))
}

/// Marks everything in a tree as given from outside and moves its places into `source` by `offset` bytes.
pub(super) fn given(node: &mut Node, source: usize, offset: usize) {
    let shift = |place: &mut Place| *place = Place { source, start: place.start + offset, end: place.end + offset };
    shift(&mut node.place);
    match &mut node.value {
        Value::Scalar(scalar) if scalar.style == Style::Plain => scalar.style = Style::Given,
        Value::List(items) => items.iter_mut().for_each(|item| given(item, source, offset)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| {
            shift(&mut entry.place);
            given(&mut entry.value, source, offset);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    fn environment(name: &str) -> Option<String> {
        match name {
            "TAG" => Some("1.4.2".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn values_are_filled_in() {
        let table = [
            ("shop:${env:TAG}", "shop:1.4.2"),
            ("${env:TAG}-${env:TAG}", "1.4.2-1.4.2"),
            ("${env:NONE:-latest}", "latest"),
            ("${env:EMPTY:-latest}", "latest"),
            ("${env:EMPTY}", ""),
            ("${env:NONE:-}", ""),
            ("$${env:TAG}", "${env:TAG}"),
            ("${PORT:-80} ${HOME} $X $", "${PORT:-80} ${HOME} $X $"),
        ];
        for (text, filled) in table {
            assert_eq!(fill(text, &environment).unwrap().0, filled, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_said() {
        for text in ["${env:NONE}", "${env:TAG", "${env:}", "${env:A B}", "${ENV:TAG}", "${evn:TAG}"] {
            assert!(fill(text, &environment).is_err(), "{text}");
        }
    }
}
