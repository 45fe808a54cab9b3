//! Bytes to text: what YAML forbids is found here, with its position, before the parser sees it.

use super::finding::Finding;
use super::source::Place;

/// A description is a page or two; what is larger is something else.
pub(super) const LARGEST: usize = 1024 * 1024;

/// The text of a file, without a byte order mark.
///
/// `source` is the number the text will have; a finding about a character refers to the text returned beside it.
pub(super) fn decode(file: &str, bytes: Vec<u8>, source: usize) -> (String, Option<Finding>) {
    if bytes.len() > LARGEST {
        let message = format!("{file} has more than {} KB, the most that a stack description can have", LARGEST / 1024);
        return (String::new(), Some(Finding::about_file(file, message).help("is this the right file?")));
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let message = format!("{file} is UTF-16; a stack description is UTF-8");
        return (String::new(), Some(Finding::about_file(file, message).help("save it as UTF-8")));
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return not_utf8(source, &error),
    };
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let forbidden = text.char_indices().find(|(_, c)| is_forbidden(*c));
    let finding = forbidden.map(|(start, c)| {
        let place = Place { source, start, end: start + c.len_utf8() };
        let message = format!("there is a control character here (U+{:04X}), which YAML does not allow", u32::from(c));
        Finding::error(place, "", message)
            .help("delete it; it may have come along with pasted text, and many editors do not show it")
    });
    (text, finding)
}

fn not_utf8(source: usize, error: &std::string::FromUtf8Error) -> (String, Option<Finding>) {
    let offset = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(offset).copied().unwrap_or_default();
    let valid = String::from_utf8_lossy(&error.as_bytes()[..offset]).into_owned();
    // The text up to the end of the line, so that the line can be shown; the wrong bytes appear as U+FFFD.
    let line = error.as_bytes()[offset..].split(|b| *b == b'\n').next().unwrap_or_default();
    let text = format!("{valid}{}", String::from_utf8_lossy(line));
    let place = Place { source, start: offset, end: offset + '\u{fffd}'.len_utf8() };
    let message = format!("byte {offset} of the file (0x{byte:02X}) is not UTF-8");
    let bom = usize::from(text.starts_with('\u{feff}')) * 3;
    let place = Place { start: place.start - bom, end: place.end - bom, ..place };
    let text = text.trim_start_matches('\u{feff}').to_owned();
    (
        text,
        Some(Finding::error(place, "", message).help("save the file as UTF-8; it may be in Latin-1 or Windows-1252")),
    )
}

/// Outside YAML's `c-printable`, or a mark that makes text look other than it is read.
fn is_forbidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let (text, finding) = decode("f", b"\xEF\xBB\xBFstack: x".to_vec(), 0);
        assert_eq!(text, "stack: x");
        assert!(finding.is_none());
    }

    #[test]
    fn wrong_bytes_are_found_where_they_are() {
        let (text, finding) = decode("f", b"stack: shop\ntags: {owner: Ren\xE9}\n".to_vec(), 0);
        let finding = finding.unwrap();
        let place = finding.place.unwrap();
        assert_eq!((place.start, &text[place.start..place.end]), (29, "\u{fffd}"));
        assert!(finding.message.contains("byte 29"), "{}", finding.message);
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for c in ['\0', '\u{7}', '\u{7f}', '\u{202e}', '\u{9b}'] {
            assert!(decode("f", format!("stack: a{c}b").into_bytes(), 0).1.is_some(), "{c:?}");
        }
        assert!(decode("f", "stack: \"é → 汉\"\r\n\t".as_bytes().to_vec(), 0).1.is_none());
    }
}
