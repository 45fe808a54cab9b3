//! Patterns of words and phrases, by which events are searched and metric filters tried.

use super::invalid;
use crate::local::fault::Fault;

/// A filter pattern of words: all plain ones, any of those with `?`, none of those with `-`.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    /// Reads a pattern, or refuses one that wants more than words.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let mut rest = text.trim();
        if rest.starts_with(['{', '[', '%']) {
            return Err(invalid(format!(
                "Invalid filter pattern: the local cloud searches for words, not for JSON, columns or expressions: {text}"
            )));
        }
        let mut pattern = Self::default();
        while !rest.is_empty() {
            let (words, body) = match rest.as_bytes()[0] {
                b'?' => (&mut pattern.any, &rest[1..]),
                b'-' => (&mut pattern.none, &rest[1..]),
                _ => (&mut pattern.all, rest),
            };
            let (word, after) = match body.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| {
                    invalid(format!("Invalid filter pattern: a quotation mark is not closed: {text}"))
                })?,
                None => body.split_once(char::is_whitespace).unwrap_or((body, "")),
            };
            words.push(word.to_owned());
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    /// Whether an event with this message is meant.
    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |word: &String| message.contains(word.as_str());
        self.all.iter().all(has) && (self.any.is_empty() || self.any.iter().any(has)) && !self.none.iter().any(has)
    }
}
