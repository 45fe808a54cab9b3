//! Questions before something is done; never without a terminal to answer on.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use miette::miette;

use super::Failure;

/// Whether there is somebody to ask.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks for a yes.
///
/// # Errors
/// Where the answer is another, or there is nobody to ask.
pub(super) fn yes(question: &str) -> Result<(), Failure> {
    let answer = line(question, "[y/N]", "Add `--yes` to skip the question.")?;
    match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Input(miette!("Not confirmed: nothing was changed."))),
    }
}

/// Asks for a word that has to be typed.
///
/// # Errors
/// Where another is typed, or there is nobody to ask.
pub(super) fn word(question: &str, word: &str, otherwise: &str) -> Result<(), Failure> {
    let answer = line(question, &format!("Type {word} to confirm:"), otherwise)?;
    if answer == word {
        return Ok(());
    }
    Err(Failure::Input(miette!("`{answer}` is not `{word}`: nothing was changed.")))
}

fn line(question: &str, how: &str, otherwise: &str) -> Result<String, Failure> {
    if !is_possible() {
        return Err(Failure::Input(miette!(
            help = otherwise.to_owned(),
            "\"{question}\" needs an answer, and there is no terminal to ask on. Nothing was changed."
        )));
    }
    let _ = write!(std::io::stderr(), "{question} {how} ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    Ok(answer.trim().to_owned())
}
