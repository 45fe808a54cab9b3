//! How names are read by PostgreSQL, and texts are quoted for it: the one place for both.

/// PostgreSQL keeps this many bytes of a name.
pub const LONGEST_NAME: usize = 63;

/// A name, as written, as PostgreSQL stores it: lower case unless quoted, and whole characters of at most [`LONGEST_NAME`]
/// bytes. U&"…" is not decoded.
pub fn folded(written: &str) -> String {
    let mut name = match written.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').unwrap_or(quoted).replace("\"\"", "\""),
        // In a database of several bytes a character, no other letter has another case to PostgreSQL.
        None => written.to_ascii_lowercase(),
    };
    let end = (0..=name.len().min(LONGEST_NAME)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    name.truncate(end);
    name
}

/// A name as SQL.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string as SQL, whatever standard_conforming_strings is.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// `$$`, or another dollar quote, which the text does not hold.
pub(super) fn dollar_quote(text: &str) -> String {
    let tags = std::iter::once("$$".to_owned()).chain((0..).map(|number| format!("$infra{number}$")));
    let mut free = tags.filter(|tag| !(text.contains(tag.as_str()) || text.ends_with('$') && tag == "$$"));
    free.next().unwrap_or_default()
}

/// A DO block of this body.
pub(super) fn block(body: &str) -> String {
    let quote = dollar_quote(body);
    format!("DO {quote} {body} {quote}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_postgresql_stores_them() {
        let table = [
            ("Users", "users".to_owned()),
            ("\"Users\"", "Users".to_owned()),
            ("\"L\"\"og\"", "L\"og".to_owned()),
            ("ÄpfelÄ", "ÄpfelÄ".to_owned()),
            (&"A".repeat(70), "a".repeat(63)),
            (&"é".repeat(40), "é".repeat(31)),
        ];
        for (written, stored) in table {
            assert_eq!(folded(written), stored, "{written}");
        }
    }

    #[test]
    fn nothing_breaks_out() {
        assert_eq!(literal(r"it's \ x"), r"E'it''s \\ x'");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn quotes_that_the_text_does_not_hold() {
        assert_eq!(dollar_quote("CREATE TYPE a"), "$$");
        assert_eq!(dollar_quote("CHECK (a <> $$x$$)"), "$infra0$");
        assert_eq!(dollar_quote("CHECK (a <> $infra0$ $$ $infra0$)"), "$infra1$");
        assert_eq!(block("NULL"), "DO $$ NULL $$");
    }
}
