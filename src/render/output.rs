//! The one place that writes to standard output and standard error, and that remembers what could not be written.
//!
//! What goes on in AWS goes on whoever reads: a closed pipe, a closed terminal or a full disk never ends the work, as
//! `println!` would by its panic.

use std::{
    borrow::Cow,
    io::{ErrorKind, Write},
    sync::OnceLock,
};

use super::command::{printed, whole};
use crate::excerpt::printable;

static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// Writes lines to standard output. Who closed the pipe (`| head`) has read enough; any other failure is remembered.
pub fn print(text: &str) {
    if let Err(error) = line(&mut std::io::stdout(), text.trim_end_matches('\n'))
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error);
    }
}

/// Writes lines to standard error. Where even that fails there is nobody left to tell.
pub fn tell(text: &str) {
    let _ = line(&mut std::io::stderr(), text);
}

/// A sentence in lines that fit the terminal, each but the first begun with `indent`; in one line where standard output is none. Its
/// commands are told as they have to be typed.
pub fn wrapped(text: &str, indent: &str) -> String {
    fitting(&console::Term::stdout(), text, indent)
}

/// The same for standard error.
pub fn wrapped_to_tell(text: &str, indent: &str) -> String {
    fitting(&console::Term::stderr(), text, indent)
}

fn fitting(terminal: &console::Term, text: &str, indent: &str) -> String {
    let text = whole(text);
    if !terminal.is_term() {
        return text.into_owned();
    }
    let options = textwrap::Options::new(usize::from(terminal.size().1).max(20)).subsequent_indent(indent);
    textwrap::fill(&text, options.word_splitter(textwrap::WordSplitter::NoHyphenation))
}

/// Why a part of standard output was lost, if one was.
pub fn lost() -> Option<&'static std::io::Error> {
    LOST.get()
}

/// In one piece, so that the lines of two processes on one terminal do not mix.
fn line(to: &mut impl Write, text: &str) -> std::io::Result<()> {
    to.write_all(format!("{}\n", harmless(&printed(text))).as_bytes())?;
    to.flush()
}

/// The text without what steers a terminal: some of it comes from files, logs and tags of others. Colours stay.
fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(|char: char| char.is_control() && !matches!(char, '\n' | '\t')) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (style, after) = rest.split_at(colour(rest).unwrap_or(0));
        // What begins with an escape that is no colour goes with what follows it.
        let mut escapes =
            after.char_indices().skip(usize::from(style.is_empty())).filter(|(_, char)| *char == '\u{1b}');
        let (plain, after) = after.split_at(escapes.next().map_or(after.len(), |(at, _)| at));
        safe.push_str(style);
        safe.push_str(&plain.split('\n').map(printable).collect::<Vec<_>>().join("\n"));
        rest = after;
    }
    safe.into()
}

/// How long the colour or style at the beginning of `text` is; hiding is none.
fn colour(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let (codes, _) = codes.split_once('m')?;
    let known = |code: &str| code.bytes().all(|byte| byte.is_ascii_digit()) && code.trim_start_matches('0') != "8";
    codes.split(';').all(known).then_some(codes.len() + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_and_nothing_else_steers_the_terminal() {
        for text in ["plain\n\ttext", "\u{1b}[1;32mgreen\u{1b}[0m and \u{1b}[mplain", "Grüße ✓"] {
            assert_eq!(harmless(text), text);
        }
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{1b}]0;title\u{7}b", "a\\u{1b}]0;title\\u{7}b"),
            ("\u{1b}[8mhidden", "\\u{1b}[8mhidden"),
            ("over\rwritten", "over\\rwritten"),
            ("\u{9b}2J\u{1b}", "\\u{9b}2J\\u{1b}"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }
}
