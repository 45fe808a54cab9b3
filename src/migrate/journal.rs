//! `meta/_journal.json`, the v0 layout's list of migrations.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::SourceSpan;
use serde::Deserialize;

use super::folder::FolderError;
use crate::excerpt::Text;

/// The journal, checked: tags and indexes are unique and every tag is the name of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The entries in the file's order, which is the order they run in.
    pub entries: Vec<Entry>,
}

/// One migration of the journal. `breakpoints` and `version` exist too; Drizzle's migrator does not use them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Counts from 0; Drizzle ignores it, but two equal ones are a merge gone wrong.
    pub idx: Option<u64>,
    /// Milliseconds since 1970; becomes `created_at` in the ledger.
    pub when: i64,
    /// The file's name without `.sql`.
    pub tag: String,
}

#[derive(Deserialize)]
struct Raw {
    dialect: Option<String>,
    entries: Vec<Entry>,
}

impl Journal {
    /// Parses the text of the journal at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FolderError> {
        let (journal, defects) = Self::survey(path, text)?;
        defects.into_iter().next().map_or(Ok(journal), Err)
    }

    /// All entries, and everything that is wrong with them.
    pub fn survey(path: &Path, text: &str) -> Result<(Self, Vec<FolderError>), FolderError> {
        let at = |span: SourceSpan| (Arc::new(Text::new(path.display().to_string(), text.to_owned())), span);
        if let Some(marker) = conflict_marker(text) {
            let (text, span) = at(marker);
            return Err(FolderError::Conflict { path: path.into(), text, span });
        }
        if text.starts_with('\u{feff}') {
            let (text, span) = at((0..0).into());
            let reason = "it begins with a byte order mark (U+FEFF), at which Drizzle fails as well".to_owned();
            return Err(FolderError::BrokenJournal { path: path.into(), reason, text, span });
        }
        let raw: Raw = serde_json::from_str(text).map_err(|error| {
            let (text, span) = at(byte_of(text, error.line(), error.column()).into());
            FolderError::BrokenJournal { path: path.into(), reason: reason(&error), text, span }
        })?;
        if let Some(dialect) = raw.dialect.filter(|dialect| dialect != "postgresql") {
            return Err(FolderError::Dialect { path: path.into(), dialect });
        }
        let defects = defects(&raw.entries, path, text);
        Ok((Journal { entries: raw.entries }, defects))
    }
}

impl Entry {
    /// Whether the tag is the name of a file in the folder, and not a way out of it.
    pub(super) fn is_file_name(&self) -> bool {
        !self.tag.is_empty() && !self.tag.contains(['/', '\\', '\0'])
    }
}

fn defects(entries: &[Entry], path: &Path, text: &str) -> Vec<FolderError> {
    let source = || Arc::new(Text::new(path.display().to_string(), text.to_owned()));
    let mut found = Vec::new();
    let (mut tags, mut numbers) = (HashSet::with_capacity(entries.len()), HashSet::with_capacity(entries.len()));
    for (index, entry) in entries.iter().enumerate() {
        // Both are noted, whatever is wrong with the entry.
        let (new_tag, new_idx) = (tags.insert(&entry.tag), entry.idx.is_none_or(|idx| numbers.insert(idx)));
        if !entry.is_file_name() {
            let span = span_of_tag(text, &entry.tag, 0);
            found.push(FolderError::BadTag { path: path.into(), tag: entry.tag.clone(), text: source(), span });
            continue;
        }
        // Only of a defect it is asked where it is: that reads the whole journal.
        let tag = || {
            let nth = entries[..index].iter().filter(|other| other.tag == entry.tag).count();
            span_of_tag(text, &entry.tag, nth)
        };
        let (what, span) = match entry.idx {
            _ if !new_tag => (format!("the tag {} twice", entry.tag), tag()),
            Some(idx) if !new_idx => (format!("the idx {idx} twice"), span_of_idx(text, tag(), idx)),
            _ => continue,
        };
        let like = |other: &&Entry| if new_tag { other.idx == entry.idx } else { other.tag == entry.tag };
        // What is not new has come before; itself, where it has not.
        let first = entries[..index].iter().find(like).unwrap_or(entry);
        let what = if new_tag { format!("{what}: {} and {}", first.tag, entry.tag) } else { what };
        let entries = Box::new([first.clone(), entry.clone()]);
        found.push(FolderError::Duplicate { path: path.into(), what, entries, text: source(), span });
    }
    found
}

/// The first line that git's unfinished merges leave behind.
pub(super) fn conflict_marker(text: &str) -> Option<SourceSpan> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if ["<<<<<<<", ">>>>>>>", "|||||||"].iter().any(|marker| line.starts_with(marker)) {
            return Some((offset, line.trim_end().len()).into());
        }
        offset += line.len();
    }
    None
}

/// Where the `nth` mention of the tag as a JSON string is.
pub(super) fn span_of_tag(text: &str, tag: &str, nth: usize) -> SourceSpan {
    // However its letters are written: \u00f6 is ö.
    let same = |(_, literal): &(usize, &str)| serde_json::from_str::<String>(literal).is_ok_and(|it| it == tag);
    strings(text).filter(same).nth(nth).map_or((0, 0).into(), |(start, literal)| (start, literal.len()).into())
}

/// Where each tag is mentioned first.
pub(super) fn tags(text: &str) -> HashMap<String, Range<usize>> {
    let mut found = HashMap::new();
    for (start, literal) in strings(text) {
        if let Ok(tag) = serde_json::from_str::<String>(literal) {
            found.entry(tag).or_insert(start..start + literal.len());
        }
    }
    found
}

/// The JSON strings of a text, each with its quotes and where it starts.
fn strings(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find('"')?;
        let mut escaped = false;
        let length = text[start + 1..].find(|letter| {
            let end = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            end
        })?;
        at = start + length + 2;
        Some((start, &text[start..at]))
    })
}

/// Where the number of an entry is: before its tag, as drizzle-kit writes it; the tag where it is not.
fn span_of_idx(text: &str, tag: SourceSpan, idx: u64) -> SourceSpan {
    let digits = idx.to_string();
    let found = text[..tag.offset()].rfind("\"idx\"").and_then(|key| {
        let number = key + text[key..tag.offset()].find(&digits)?;
        (!text[key..number].contains(['{', '}'])).then_some((number, digits.len()).into())
    });
    found.unwrap_or(tag)
}

/// serde_json counts lines from 1 and columns in bytes.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut byte = (line_start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// What the parser said, in the journal's own words. serde_json ends its messages in "at line 3 column 4", which the span says
/// better.
fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    if !error.is_data() {
        return message.to_owned();
    }
    // Data of another shape; what the parser calls it is Rust.
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("{key} is missing");
    }
    let found = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "));
    match found.and_then(|it| it.rsplit_once(", expected ")) {
        Some((found, "i64" | "u64")) => format!("a whole number has to be here, not {found}"),
        Some((found, "a string" | "option")) => format!("a string has to be here, not {found}"),
        Some((found, expected)) if !expected.contains("struct") => format!("{expected} has to be here, not {found}"),
        _ => "an object has to be here: the journal is one with `entries`, each of which is one with `idx`, `when` and `tag`"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Journal, FolderError> {
        Journal::parse(Path::new("meta/_journal.json"), text)
    }

    fn journal(entries: &str) -> String {
        format!(r#"{{"version":"7","dialect":"postgresql","entries":[{entries}]}}"#)
    }

    #[test]
    fn reads_what_drizzle_writes() {
        let text = journal(r#"{"idx":0,"version":"7","when":1795337234689,"tag":"0000_a","breakpoints":true}"#);
        let entries = vec![Entry { idx: Some(0), when: 1_795_337_234_689, tag: "0000_a".into() }];
        assert_eq!(parse(&text).unwrap(), Journal { entries });
    }

    #[test]
    fn each_defect_has_its_own_error() {
        let entry = |idx: u8, when: u8, tag: &str| format!(r#"{{"idx":{idx},"when":{when},"tag":"{tag}"}}"#);
        let table: &[(String, &str)] = &[
            ("{\n<<<<<<< HEAD\n".into(), "Conflict"),
            ("{".into(), "BrokenJournal"),
            (String::new(), "BrokenJournal"),
            (
                format!("\u{feff}{}", journal("")),
                "BrokenJournal { path: \"meta/_journal.json\", reason: \"it begins with a byte order mark",
            ),
            (journal(r#"{"idx":0,"tag":"a"}"#), "BrokenJournal"),
            (journal(r#"{"idx":0,"when":"1","tag":"a"}"#), "BrokenJournal"),
            (journal(&entry(0, 1, "../a")), "BadTag"),
            (journal(&entry(0, 1, "")), "BadTag"),
            (journal(&format!("{},{}", entry(0, 1, "a"), entry(1, 2, "a"))), "Duplicate"),
            (journal(&format!("{},{}", entry(0, 1, "a"), entry(0, 2, "b"))), "Duplicate"),
            (r#"{"dialect":"mysql","entries":[]}"#.into(), "Dialect"),
        ];
        for (text, expected) in table {
            let error = format!("{:?}", parse(text).unwrap_err());
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn data_of_another_shape_is_told_in_the_words_of_the_journal() {
        let shape = "an object has to be here: the journal is one with `entries`, each of which is one with `idx`, `when` and `tag`";
        let table: &[(&str, &str)] = &[
            ("[]", shape),
            ("7", shape),
            (r#"{"entries":[[]]}"#, shape),
            (r#"{"entries":[7]}"#, shape),
            (r#"{"entries":{}}"#, "a sequence has to be here, not map"),
            (r#"{"dialect":"postgresql"}"#, "`entries` is missing"),
            (r#"{"entries":[{"idx":0,"tag":"a"}]}"#, "`when` is missing"),
            (r#"{"entries":[{"when":"abc","tag":"a"}]}"#, r#"a whole number has to be here, not string "abc""#),
            (r#"{"entries":[{"when":1.5,"tag":"a"}]}"#, "a whole number has to be here, not floating point `1.5`"),
            (r#"{"entries":[{"idx":-1,"when":1,"tag":"a"}]}"#, "a whole number has to be here, not integer `-1`"),
            (r#"{"entries":[{"when":1,"tag":7}]}"#, "a string has to be here, not integer `7`"),
        ];
        for (text, expected) in table {
            match parse(text) {
                Err(FolderError::BrokenJournal { reason, .. }) => assert_eq!(&reason, expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_second_of_two_equal_tags_is_pointed_at() {
        let text = journal(r#"{"idx":0,"when":1,"tag":"a"},{"idx":1,"when":2,"tag":"a"}"#);
        match parse(&text) {
            Err(FolderError::Duplicate { span, .. }) => assert_eq!(span.offset(), text.rfind("\"a\"").unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_second_of_two_equal_numbers_is_pointed_at() {
        let text = journal(r#"{"idx":0,"when":1,"tag":"a"},{"idx":0,"when":2,"tag":"\u00f6"}"#);
        match parse(&text) {
            Err(FolderError::Duplicate { span, what, .. }) => {
                assert_eq!(what, "the idx 0 twice: a and ö");
                assert_eq!(span.offset(), text.rfind("\"idx\":0").unwrap() + 6);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tags_are_found_however_they_are_written() {
        let text = r#"{"tag": "0000_gr\u00f6\u00dfe", "x": "a\"b", "y": "0000_größe"}"#;
        assert_eq!(span_of_tag(text, "0000_größe", 0).offset(), 8);
        assert_eq!(span_of_tag(text, "0000_größe", 1).offset(), text.rfind("\"0000").unwrap());
        assert_eq!(span_of_tag(text, "none", 0), (0, 0).into());
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn cut_or_damaged_journals_never_panic(cut in 0..300_usize, damage in any::<char>()) {
            let whole = journal(r#"{"idx":0,"when":1795337234689,"tag":"0000_é","breakpoints":true},{"idx":1,"when":2,"tag":"b"}"#);
            let cut = (0..=cut.min(whole.len())).rev().find(|cut| whole.is_char_boundary(*cut)).unwrap_or(0);
            prop_assert!(cut == whole.len() || parse(&whole[..cut]).is_err());
            let _ = parse(&format!("{}{damage}{}", &whole[..cut], &whole[cut..]));
        }
    }
}
