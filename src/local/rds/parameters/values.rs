//! What a parameter may be set to: by its kind and its allowed values, and where AWS lists none by what PostgreSQL reads.
//! A server does not start with what it cannot read.

use super::formulas::{self, Formula};

/// Whether a parameter of this name, kind and these allowed values can have a value.
pub(super) fn accepts(name: &str, kind: &str, allowed: &str, value: &str) -> bool {
    if value.contains(char::is_control) {
        return false;
    }
    let one_of = |known: &str| allowed.split(',').any(|word| word.trim() == known);
    match kind {
        "boolean" | "integer" | "float" => match formulas::parse(value) {
            Some(Formula::Unknown) => true,
            Some(Formula::Number(number)) => number_is_allowed(kind, allowed, &number.to_string()),
            None => number_is_allowed(kind, allowed, value),
        },
        _ if allowed.is_empty() => reads(name, value),
        "list" => value.split(',').map(str::trim).all(one_of),
        _ => allowed.split(',').any(|word| word.eq_ignore_ascii_case(value)),
    }
}

fn number_is_allowed(kind: &str, allowed: &str, value: &str) -> bool {
    match kind {
        "boolean" => allowed.split(',').any(|word| word == value),
        "integer" if value.parse::<i64>().is_err() => false,
        _ => allowed.split(',').any(|range| within(range, value)),
    }
}

/// Whether a number is the range's only one or between its ends, e.g. `-1-2147483647`.
fn within(range: &str, value: &str) -> bool {
    let Ok(value) = value.parse::<f64>() else { return false };
    let split = range.get(1..).and_then(|rest| rest.find('-')).map(|at| at + 1);
    let (low, high) = split.map_or((range, range), |at| (&range[..at], &range[at + 1..]));
    low.parse::<f64>().is_ok_and(|low| low <= value) && high.parse::<f64>().is_ok_and(|high| value <= high)
}

/// Whether PostgreSQL reads free text.
fn reads(name: &str, value: &str) -> bool {
    match name {
        "datestyle" => is_date_style(value),
        "search_path" | "temp_tablespaces" => is_list_of_names(value),
        "client_encoding" => is_encoding(value),
        "ssl_ciphers" => is_list_of_ciphers(value),
        _ => true,
    }
}

/// An output style, an order of day, month and year, or both; not two of one.
fn is_date_style(value: &str) -> bool {
    let (mut style, mut order) = (None, None);
    value.split(',').map(|word| word.trim().to_ascii_lowercase()).all(|word| {
        let (place, means) = match word.as_str() {
            "iso" | "sql" | "german" => (&mut style, word),
            _ if word.starts_with("postgres") => (&mut style, "postgres".to_owned()),
            "ymd" => (&mut order, word),
            "dmy" => (&mut order, word),
            _ if word.starts_with("euro") => (&mut order, "dmy".to_owned()),
            "mdy" | "us" => (&mut order, "mdy".to_owned()),
            _ if word.starts_with("noneuro") => (&mut order, "mdy".to_owned()),
            _ => return false,
        };
        *place.get_or_insert_with(|| means.clone()) == means
    })
}

/// Names with commas between; one with other letters in it stands in quotes.
fn is_list_of_names(value: &str) -> bool {
    let mut rest = value.trim();
    if rest.is_empty() {
        return true;
    }
    loop {
        let after = match rest.strip_prefix('"') {
            Some(quoted) => after_quotes(quoted),
            None => {
                let end = rest.find([',', ' ']).unwrap_or(rest.len());
                (end > 0).then(|| &rest[end..])
            }
        };
        let Some(after) = after.map(str::trim_start) else { return false };
        if after.is_empty() {
            return true;
        }
        let Some(next) = after.strip_prefix(',') else { return false };
        rest = next.trim_start();
    }
}

/// What follows a name in quotes, in which two of them are one.
fn after_quotes(text: &str) -> Option<&str> {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '"' && letters.next_if(|(_, next)| *next == '"').is_none() {
            return (at > 0).then(|| &text[at + 1..]);
        }
    }
    None
}

/// The encodings that PostgreSQL knows for clients of a database in UTF-8, with nothing but letters and digits.
const ENCODINGS: &[&str] = &[
    "abc",
    "alt",
    "big5",
    "euccn",
    "eucjis2004",
    "eucjp",
    "euckr",
    "euctw",
    "gb18030",
    "gbk",
    "iso885910",
    "iso885913",
    "iso885914",
    "iso885915",
    "iso885916",
    "iso88591",
    "iso88592",
    "iso88593",
    "iso88594",
    "iso88595",
    "iso88596",
    "iso88597",
    "iso88598",
    "iso88599",
    "johab",
    "koi8",
    "koi8r",
    "koi8u",
    "latin1",
    "latin10",
    "latin2",
    "latin3",
    "latin4",
    "latin5",
    "latin6",
    "latin7",
    "latin8",
    "latin9",
    "mskanji",
    "shiftjis",
    "shiftjis2004",
    "sjis",
    "sqlascii",
    "tcvn",
    "tcvn5712",
    "uhc",
    "unicode",
    "utf8",
    "vscii",
    "win",
    "win1250",
    "win1251",
    "win1252",
    "win1253",
    "win1254",
    "win1255",
    "win1256",
    "win1257",
    "win1258",
    "win866",
    "win874",
    "win932",
    "win936",
    "win949",
    "win950",
    "windows1250",
    "windows1251",
    "windows1252",
    "windows1253",
    "windows1254",
    "windows1255",
    "windows1256",
    "windows1257",
    "windows1258",
    "windows866",
    "windows874",
    "windows932",
    "windows936",
    "windows949",
    "windows950",
];

fn is_encoding(value: &str) -> bool {
    let name: String =
        value.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    ENCODINGS.contains(&name.as_str())
}

fn is_list_of_ciphers(value: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_+!@=".contains(letter);
    value.split([',', ':']).map(str::trim).all(|name| !name.is_empty() && name.chars().all(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_is_what_postgresql_reads() {
        for (name, value, accepted) in [
            ("datestyle", "ISO, MDY", true),
            ("datestyle", "postgresql,european", true),
            ("datestyle", "German", true),
            ("datestyle", "foo", false),
            ("datestyle", "ISO,SQL", false),
            ("datestyle", "dmy,mdy", false),
            ("datestyle", "", false),
            ("search_path", "\"$user\",public", true),
            ("search_path", "", true),
            ("search_path", "shop, \"a \"\"b\"\"\" , public", true),
            ("search_path", "shop,,public", false),
            ("search_path", "shop public", false),
            ("search_path", "\"shop", false),
            ("search_path", "shop,", false),
            ("client_encoding", "UTF-8", true),
            ("client_encoding", "latin1", true),
            ("client_encoding", "klingon", false),
            ("ssl_ciphers", "ECDHE-RSA-AES256-GCM-SHA384,DHE-RSA-AES128-SHA", true),
            ("ssl_ciphers", "a b", false),
            ("application_name", "{shop}", true),
            ("application_name", "sh\u{7}op", false),
        ] {
            assert_eq!(accepts(name, "string", "", value), accepted, "{name} = {value}");
        }
    }
}
