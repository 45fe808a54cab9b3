//! The patterns of the official models, which are Java's, as Rust's `regex` understands them.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

/// A pattern that a whole text must match; compiled when it is first asked.
pub(crate) struct Pattern {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

/// More than any model's pattern needs; keeps one with huge repetitions from filling the memory.
const SIZE_LIMIT: usize = 1 << 20;

impl Pattern {
    /// A pattern as it stands in the model.
    pub(crate) fn new(source: &str) -> Self {
        Self { source: source.to_owned(), compiled: OnceLock::new() }
    }

    /// The pattern as it stands in the model, for messages.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether all of `text` matches. Patterns that cannot be expressed match everything: those that look
    /// ahead (a tag's key must not begin with `aws:`), which the services check themselves.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let compile = || {
            let whole = format!(r"\A(?:{})\z", translated(&self.source));
            RegexBuilder::new(&whole).size_limit(SIZE_LIMIT).build().ok()
        };
        self.compiled.get_or_init(compile).as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// In Java `\w` and `\d` are ASCII, and `$` and `^` at the ends add nothing to a match of the whole text.
fn translated(java: &str) -> String {
    let mut rust = String::with_capacity(java.len());
    let mut depth = 0_u32;
    let mut letters = java.chars();
    while let Some(letter) = letters.next() {
        match (letter, depth) {
            ('\\', _) => match (letters.next(), depth) {
                (Some('w'), 0) => rust.push_str("[0-9A-Za-z_]"),
                (Some('w'), _) => rust.push_str("0-9A-Za-z_"),
                (Some('d'), 0) => rust.push_str("[0-9]"),
                (Some('d'), _) => rust.push_str("0-9"),
                (escaped, _) => {
                    rust.push('\\');
                    rust.extend(escaped);
                }
            },
            _ => {
                depth = match letter {
                    '[' => depth + 1,
                    ']' => depth.saturating_sub(1),
                    _ => depth,
                };
                rust.push(letter);
            }
        }
    }
    rust
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_texts_match() {
        let cases = [
            ("[a-z]+", "abc", true),
            ("[a-z]+", "abc1", false),
            ("[a-z]+", "abc\n", false),
            (r"[\w+=,.@-]+", "a.b-c@d", true),
            (r"[\w+=,.@-]+", "ä", false),
            (r"\d{12}", "123456789012", true),
            (r"\d{12}", "١٢٣٤٥٦٧٨٩٠١٢", false),
            (r"[\u0009\u000A\u000D\u0020-\u00FF]+", "{\"a\":\n1}", true),
            (r"[\u0009\u000A\u000D\u0020-\u00FF]+", "€", false),
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/infra/", true),
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "infra", false),
            ("[A-Za-z0-9][A-Za-z0-9-_]{3,39}", "shop-web_1", true),
            ("256|512|(0.25|0.5) vCPU", "0.5 vCPU", true),
            ("^([a-z]+-)+\\d+$", "eu-central-1", true),
            ("^([a-z]+-)+\\d+$", "eu-central-1 ", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn a_pattern_that_looks_ahead_matches_everything() {
        assert!(Pattern::new("^(?!aws:).+").matches("aws:x"));
    }
}
