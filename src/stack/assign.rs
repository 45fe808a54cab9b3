//! `--set path=value`: one value from the command line, as a tree that goes over the files'.

use super::finding::Finding;
use super::source::{Place, Source};
use super::substitute;
use super::tree::{Entry, Node, Scalar, Style, Value};
use super::yaml;

/// The tree that an argument stands for; `source` is the argument itself, known by `number`.
pub(super) fn read(source: &Source, number: usize) -> Result<Node, Vec<Finding>> {
    let text = source.text.as_str();
    let whole = Place { source: number, start: 0, end: text.len() };
    let form = "write `--set service.port=8080`; keys that contain a dot go in quotes: `--set 'tags.\"a.b\"=c'`";
    let wrong = |message: String| vec![Finding::error(whole, "", message).help(form)];
    let Some(steps) = path(text) else { return Err(wrong(format!("`{text}` does not start with a path"))) };
    let after = steps.last().map_or(0, |(_, place)| place.end);
    let Some(value) = text.get(after..).and_then(|rest| rest.strip_prefix('=')) else {
        return Err(wrong(format!("`{text}` has no value")));
    };
    let mut node = read_value(value, number, after + 1)?;
    for (key, range) in steps.into_iter().rev() {
        let place = Place { source: number, start: range.start, end: range.end };
        node = Node { place: whole, value: Value::Map(vec![Entry { key, place, value: node }]) };
    }
    Ok(node)
}

fn read_value(value: &str, number: usize, offset: usize) -> Result<Node, Vec<Finding>> {
    let place = Place { source: number, start: offset, end: offset + value.len() };
    match value.trim() {
        "" => return Ok(Node { place, value: Value::Scalar(Scalar { text: String::new(), style: Style::Given }) }),
        "null" | "~" => return Ok(Node { place, value: Value::Null }),
        _ => {}
    }
    let (tree, mut findings) = yaml::read(&Source::argument(value), number);
    for at in findings.iter_mut().filter_map(|finding| finding.place.as_mut()) {
        *at = Place { source: number, start: at.start + offset, end: at.end + offset };
    }
    let Some(mut tree) = tree.filter(|_| findings.is_empty()) else { return Err(findings) };
    substitute::given(&mut tree, number, offset);
    Ok(tree)
}

/// The keys before the `=`, with the bytes they take.
fn path(text: &str) -> Option<Vec<(String, std::ops::Range<usize>)>> {
    let mut steps = Vec::new();
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let (key, length) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                (&quoted[..end], end + 2)
            }
            None => {
                let end = rest.find(['.', '=']).unwrap_or(rest.len());
                (&rest[..end], end)
            }
        };
        if key.is_empty() {
            return None;
        }
        steps.push((key.to_owned(), at..at + length));
        at += length;
        if !text.get(at..)?.starts_with('.') {
            return Some(steps);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let keys = |text: &str| path(text).map(|steps| steps.into_iter().map(|(key, _)| key).collect::<Vec<_>>());
        assert_eq!(keys("service.port=1").unwrap(), ["service", "port"]);
        assert_eq!(keys("tags.\"a.b=c\"=d").unwrap(), ["tags", "a.b=c"]);
        assert_eq!(keys("stack").unwrap(), ["stack"]);
        for text in ["", "=x", ".a=x", "a..b=x", "a.=x", "\"a=x"] {
            assert_eq!(keys(text), None, "{text}");
        }
    }

    #[test]
    fn values_are_yaml() {
        let read = |text: &str| super::read(&Source::argument(text), 0);
        let list = read("network.endpoints=[s3, logs]").unwrap();
        let endpoints = &list.get("network").unwrap().value.get("endpoints").unwrap().value;
        assert!(matches!(&endpoints.value, Value::List(items) if items.len() == 2));
        assert_eq!(list.locate(&["network", "endpoints", "1"], true).start, 23);
        assert!(matches!(read("a=null").unwrap().get("a").unwrap().value.value, Value::Null));
        assert!(read("a=[1").is_err());
        assert!(read("a").is_err());
    }
}
