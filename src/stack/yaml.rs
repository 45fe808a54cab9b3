//! Text to tree, by the parser's events: depth and aliases are counted while reading, so nothing grows before it is refused.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::finding::Finding;
use super::source::{Place, Source};
use super::tree::{Entry, Node, Scalar, Style, Value};

/// The description itself is five levels deep.
const DEEPEST: usize = 32;
/// Nodes after all aliases are followed; an honest description has some hundred.
const MOST_NODES: usize = 20_000;

/// The document's tree, if there is one, and what is wrong with it. After a mistake in the syntax there is no tree.
pub(super) fn read(source: &Source, number: usize) -> (Option<Node>, Vec<Finding>) {
    let mut offsets: Vec<usize> = source.text.char_indices().map(|(at, _)| at).collect();
    offsets.push(source.text.len());
    let parser = Parser::new_from_str(&source.text);
    let mut reader = Reader {
        parser,
        source,
        number,
        offsets,
        anchors: HashMap::new(),
        nodes: 0,
        path: Vec::new(),
        findings: Vec::new(),
    };
    let tree = reader.document().unwrap_or_else(|finding| {
        reader.findings.push(*finding);
        None
    });
    (tree, reader.findings)
}

/// A mistake after which reading cannot go on.
type Fatal = Box<Finding>;

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    source: &'a Source,
    number: usize,
    /// The byte at which each character starts.
    offsets: Vec<usize>,
    /// What an anchor stands for, and how many nodes that is; none while it is being read.
    anchors: HashMap<usize, Option<(Node, usize)>>,
    nodes: usize,
    /// The keys on the way to where the reader is.
    path: Vec<String>,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Node>, Fatal> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let place = self.place(span);
                    return Err(Box::new(
                        Finding::error(place, "", "a second YAML document starts here; a description is one document")
                            .help("put each stack into a file of its own; `extends:` shares what they have in common"),
                    ));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => {}
            }
        }
        let start = Place { source: self.number, start: 0, end: 0 };
        let root = root.filter(|node| !matches!(node.value, Value::Empty | Value::Null));
        if root.is_none() {
            self.findings.push(
                Finding::error(
                    start,
                    "",
                    "there is nothing in this file; a description has at least a name: `stack: shop`",
                )
                .help("stack.example.yaml shows everything that can be written"),
            );
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fatal> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(Box::new(self.syntax(&error))),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fatal> {
        let place = self.place(span);
        self.count(1, place)?;
        if depth > DEEPEST {
            return Err(Box::new(Finding::error(
                place,
                "",
                format!("this is nested more than {DEEPEST} levels deep; a description has five"),
            )));
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor, place),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(text.into_owned(), style, tag.as_deref(), place))
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse(tag.as_deref(), place);
                self.anchors.insert(anchor, None);
                (anchor, self.list(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse(tag.as_deref(), place);
                self.anchors.insert(anchor, None);
                (anchor, self.map(depth)?)
            }
            _ => (0, Value::Empty),
        };
        let node = Node { place, value };
        if anchor != 0 {
            let size = size(&node);
            self.anchors.insert(anchor, Some((node.clone(), size)));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<Node, Fatal> {
        let Some((node, size)) = self.anchors.get(&anchor).cloned().flatten() else {
            return Err(Box::new(Finding::error(
                place,
                "",
                "this alias stands inside what it stands for, so it would never end",
            )));
        };
        self.count(size, place)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, place: Place) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        Err(Box::new(
            Finding::error(
                place,
                "",
                format!("with this the description has more than {MOST_NODES} values; it is not read on"),
            )
            .help("aliases (`*name`) count as all that they stand for"),
        ))
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fatal> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Fatal> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => break,
                next => next,
            };
            let key = self.node(event, span, depth + 1)?;
            let text = self.key(key.value, key.place);
            self.path.push(text.clone());
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let path = self.path.join(".");
            self.path.pop();
            // Only what is written here counts as given twice; what `<<` brings along is meant to be overridden.
            match entries.iter().find(|entry| entry.key == text) {
                None if text == "<<" => self.merge(value, &mut merged),
                None => entries.push(Entry { key: text, place: key.place, value }),
                Some(first) => {
                    let message = format!("`{text}` is given twice here; only one of them can count");
                    let finding = Finding::error(key.place, &path, message).help("delete one of them");
                    self.findings.push(finding.also(first.place, "first given here"));
                }
            }
        }
        for entry in merged {
            if !entries.iter().any(|known| known.key == entry.key) {
                entries.push(entry);
            }
        }
        Ok(Value::Map(entries))
    }

    /// A key's text; anything but a word is complained about, and read on.
    fn key(&mut self, value: Value, place: Place) -> String {
        match value {
            Value::Scalar(scalar) => scalar.text,
            Value::Null => "null".to_owned(),
            _ => {
                let finding = Finding::error(place, "", "a key must be a word; here it is something else");
                self.findings.push(finding.help("text that holds {, [ or : goes in quotes"));
                // A name that the checker lets pass.
                format!("x-{}", place.start)
            }
        }
    }

    /// `<<: *anchor` or `<<: [*one, *other]`, the earlier one first.
    fn merge(&mut self, value: Node, merged: &mut Vec<Entry>) {
        match value.value {
            Value::Map(entries) => {
                for entry in entries {
                    if !merged.iter().any(|known| known.key == entry.key) {
                        merged.push(entry);
                    }
                }
            }
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                items.into_iter().for_each(|item| self.merge(item, merged));
            }
            _ => {
                let message = "`<<` takes in the keys of a map (`<<: *name`), and this is none";
                self.findings.push(Finding::error(value.place, "<<", message));
            }
        }
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Value {
        let plain = style == ScalarStyle::Plain;
        let string_tag = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        if !string_tag {
            self.refuse(tag, place);
        }
        match text.as_str() {
            "" if plain && !string_tag => Value::Empty,
            "null" | "~" | "Null" | "NULL" if plain && !string_tag => Value::Null,
            _ => Value::Scalar(Scalar { text, style: if plain && !string_tag { Style::Plain } else { Style::Quoted } }),
        }
    }

    /// Tags ask a reader to make something else of a value; none but the core's own is known here.
    fn refuse(&mut self, tag: Option<&Tag>, place: Place) {
        let Some(tag) = tag.filter(|tag| {
            !(tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq" | "int" | "float" | "bool"))
        }) else {
            return;
        };
        let finding = Finding::error(place, "", format!("the tag `{tag}` means nothing in a stack description"));
        self.findings.push(
            finding.help(
                "leave it out; `${env:NAME}` fills in values from the environment, `extends:` takes in other files",
            ),
        );
    }

    fn place(&self, span: Span) -> Place {
        let byte = |character: usize| self.offsets.get(character).copied().unwrap_or(self.source.text.len());
        let start = byte(span.start.index());
        let line = self.source.first_line(start..byte(span.end.index()).max(start));
        Place { source: self.number, start: line.start, end: line.end }
    }

    /// The parser's words turned into what a writer of the file can act on.
    fn syntax(&self, error: &ScanError) -> Finding {
        let text = self.source.text.as_str();
        let mut start = self.offsets.get(error.marker().index()).copied().unwrap_or(text.len());
        if text[start..].trim().is_empty() || error.info().contains("simple key expect") {
            // The parser has noticed only afterwards: what is meant is the last thing before.
            start = text[..start].trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
        }
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        // Where the parser complains of a tab, it may still be in the text before it.
        let within = if error.info().contains("tab") { &text[line_start..] } else { indent };
        if let Some(tab) = within.find('\t') {
            let start = line_start + tab;
            return Finding::error(
                self.word(start),
                "",
                "there is a tab in the indentation; YAML indents with spaces only",
            )
            .help("replace it by spaces, two a level");
        }
        let start = if error.info().contains("simple key expect") { line_start + indent.len() } else { start };
        let (message, help) = explain(error.info());
        Finding::error(self.word(start), "", message).help(help)
    }

    /// The character at a byte, and the word that it begins.
    fn word(&self, start: usize) -> Place {
        let line = self.source.text[start..].lines().next().unwrap_or_default();
        let first = line.chars().next().map_or(0, char::len_utf8);
        let rest = line[first..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len() - first);
        let rest = if line.starts_with(|c: char| c.is_alphanumeric() || "*&!%@`".contains(c)) { rest } else { 0 };
        Place { source: self.number, start, end: start + first + rest }
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|entry| 1 + size(&entry.value)).sum::<usize>(),
        _ => 1,
    }
}

/// What the parser's message means, and what to do.
fn explain(info: &str) -> (String, &'static str) {
    const EXPLAINED: &[(&str, &str, &str)] = &[
        ("must be followed by a valid", "after a `:` there has to be a space, and a tab is none", "write one space"),
        ("tab", "there is a tab here; YAML indents with spaces only", "replace it by spaces, two a level"),
        (
            "mapping values are not allowed",
            "there is a `:` here where no key can be",
            "a text that holds `: ` goes in quotes; or the line before is indented differently",
        ),
        ("simple key expect", "this line has no `:` after its key", "write `key: value`"),
        (
            "did not find expected key",
            "this line does not fit to the ones above it",
            "align it with the keys it belongs to",
        ),
        ("unexpected end of stream", "a quoted text starts here or above and never ends", "close the quotes"),
        ("unexpected document indicator", "a quoted text starts above and never ends", "close the quotes"),
        (
            "expected ',' or '}'",
            "a `{` is open here, and neither `,` nor `}` follows",
            "close it, or put a comma between its entries",
        ),
        (
            "expected ',' or ']'",
            "a `[` is open here, and neither `,` nor `]` follows",
            "close it, or put a comma between its items",
        ),
        (
            "did not find expected '-'",
            "this line stands in a list, but does not start with `- `",
            "start it with `- `, or indent it less",
        ),
        ("unknown anchor", "this alias stands for an anchor that there is not", "define it above with `&name`"),
        (
            "unknown escape",
            "there is no such escape in double quotes",
            "write `\\\\` for a backslash, or use single quotes",
        ),
        (
            "indentation in quoted",
            "a quoted text starts here and does not end on this line",
            "close the quotes; where the text does have several lines, indent them",
        ),
        ("indentation", "this line is indented in a way that fits nothing above it", "indent two spaces a level"),
        ("recursion limit", "this is nested too deep", "a description is five levels deep"),
        ("unexpected character", "a value cannot start with this character", "put the value in quotes"),
        ("expected node content", "a value is missing here", "write one, or delete the comma or bracket"),
        (
            "expected alphabetic or numeric",
            "`&` and `*` start anchors and aliases in YAML",
            "put a text that starts with one in quotes",
        ),
        ("tag", "`!` starts a tag in YAML", "put a text that starts with one in quotes"),
    ];
    let known = EXPLAINED.iter().find(|(words, ..)| info.contains(words));
    known.map_or_else(
        || (format!("this is not YAML: {info}"), "compare the line and the one above it with stack.example.yaml"),
        |(_, message, help)| ((*message).to_owned(), *help),
    )
}
