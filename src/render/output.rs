//! The one place that writes to standard output and standard error, and that remembers what could not be written.
//!
//! What goes on in AWS goes on whoever reads: a closed pipe, a closed terminal or a full disk never ends the work, as
//! `println!` would by its panic.

use std::{
    io::{ErrorKind, Write},
    sync::OnceLock,
};

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

/// A sentence in lines that fit the terminal, each but the first begun with `indent`; unchanged where standard output is none.
pub fn wrapped(text: &str, indent: &str) -> String {
    let terminal = console::Term::stdout();
    if !terminal.is_term() {
        return text.to_owned();
    }
    let options = textwrap::Options::new(usize::from(terminal.size().1).max(20)).subsequent_indent(indent);
    textwrap::fill(text, options.word_splitter(textwrap::WordSplitter::NoHyphenation))
}

/// Why a part of standard output was lost, if one was.
pub fn lost() -> Option<&'static std::io::Error> {
    LOST.get()
}

/// In one piece, so that the lines of two processes on one terminal do not mix.
fn line(to: &mut impl Write, text: &str) -> std::io::Result<()> {
    to.write_all(format!("{text}\n").as_bytes())?;
    to.flush()
}
