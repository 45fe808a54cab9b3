//! What other YAML readers, and older ones, take a word without quotes for.

/// What a word means to some reader of YAML 1.1 or 1.2 other than itself, or nothing.
pub(super) fn taken_for(text: &str) -> Option<&'static str> {
    match text {
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Some("true or false"),
        "yes" | "Yes" | "YES" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF" | "y" | "Y" | "n"
        | "N" => Some("true or false by older YAML"),
        _ if is_number(text) => Some("a number"),
        _ => None,
    }
}

/// A number in any of YAML's spellings.
pub(super) fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
        return true;
    }
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((unsigned.strip_prefix(prefix)?, radix)));
    if let Some((digits, radix)) = radix {
        return !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix) || c == '_');
    }
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.replace('_', "").parse::<f64>().is_ok()
}

/// Whether every reader that takes the text for a number writes it again as it is: 15.10 becomes 15.1, 017 becomes 15.
pub(super) fn is_canonical_number(text: &str) -> bool {
    let integer = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    let decimal = text.contains('.') && text.parse::<f64>().is_ok_and(|number| number.to_string() == text);
    integer || decimal
}

/// The whole number written in any spelling but the plain one, to be suggested: `5_432`, `5432.0`, `0x1538`.
pub(super) fn whole(text: &str) -> Option<i64> {
    let clean = text.replace(['_', ','], "");
    if let Some(digits) = clean.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = clean.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok();
    }
    let number: f64 = clean.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small on the same line")]
    (number.fract() == 0.0 && number.abs() < 1e9).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traps_are_recognised() {
        for text in ["yes", "off", "True", "15.10", "017", "0x1F", "1e3", "1_000", "-5", ".5", ".inf", "0o17"] {
            assert!(taken_for(text).is_some(), "{text}");
        }
        for text in ["yesterday", "10.0.0.0/16", "15.10.1", "e3", ".", "-", "0x", "inf", "nan", "infinity", "30 min"] {
            assert!(taken_for(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_that_change_when_read_are_told_apart() {
        for text in ["15", "-3", "1.1", "0", "0.5"] {
            assert!(is_canonical_number(text), "{text}");
        }
        for text in ["15.10", "017", "1e3", "+5", "1_000", "5.0", "0x10"] {
            assert!(!is_canonical_number(text), "{text}");
        }
    }
}
