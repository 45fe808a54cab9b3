//! What happens while migrations are applied or replayed, on the screen and as JSON.

use std::{io::IsTerminal as _, time::Duration};

use console::style;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    show::{duration_text, twice, width},
    source::Source,
};
use crate::{migrate::Event, render::value::count};

/// Events while they happen.
pub(super) struct Progress {
    json: bool,
    bar: Option<ProgressBar>,
    width: usize,
    /// Whether it is said who is waited for.
    held: bool,
    /// Whether it is said that another migrator is waited for, since something ran.
    waiting: bool,
}

impl Progress {
    pub(super) fn new(source: &Source, json: bool) -> Self {
        let bar = spinner(json, "reading the ledger");
        Progress {
            json,
            bar,
            held: false,
            waiting: false,
            width: width(source.folder.migrations.iter().map(|migration| migration.tag.as_str())),
        }
    }

    pub(super) fn take(&mut self, event: &Event) {
        if self.json {
            if let Ok(text) = serde_json::to_string(event) {
                super::print(&text);
            }
            return;
        }
        let width = self.width;
        match event {
            // It is told for each migration that the other one applies.
            Event::Waiting if self.waiting => {}
            Event::Waiting => {
                self.waiting = true;
                self.now("waiting for another migrator".to_owned());
                self.line(&format!("{} another migrator is at work; waiting for it", style("…").yellow()));
            }
            Event::Started { tag } => {
                self.waiting = false;
                self.now(tag.clone());
            }
            Event::Empty { tag, swallowed } => {
                let why = if *swallowed { ": what is in it stands on the comment's line" } else { "" };
                self.line(&format!("{} {tag} has no statement{why}; nothing ran", style("⚠").yellow()));
            }
            Event::Accepted { tag } => {
                let text = "its hash in the ledger is now that of the edited file; nothing of it ran";
                self.line(&format!("{} {tag}: {text}", style("⚠").yellow()));
            }
            Event::NotAccepted { tag, why } => self.line(&format!("{} {tag}: {why}", style("⚠").yellow())),
            Event::Late { tag, after } => {
                self.line(&format!("{} {tag} runs although {after} after it is applied", style("⚠").yellow()))
            }
            Event::Misordered { tag, after } => self.line(&format!(
                "{} {tag} runs although its `when` is not greater than that of {after}",
                style("⚠").yellow()
            )),
            Event::Together { count: number, apart } => {
                let alone = apart.len();
                let apart = match &apart[..] {
                    [] => String::new(),
                    tags => format!("; on its own, as it has none: {}", tags.join(", ")),
                };
                self.line(&format!(
                    "{} {} in one transaction{apart}",
                    style("…").dim(),
                    count(number - alone, "migration")
                ));
            }
            Event::Twice { tag, rows } => self.line(&format!("{} {}", style("⚠").yellow(), twice(tag, rows))),
            Event::Statement { tag, number, of, text } => {
                self.now(format!("{tag} {number}/{of}  {}", style(text).dim()))
            }
            Event::Applied { tag, millis } => {
                let time = style(duration_text(*millis)).dim();
                self.line(&format!("{} {tag:width$}  {time}", style("✓").green()));
            }
            Event::Retrying { tag, attempt, of, message, held_by } => {
                let held =
                    if held_by.is_empty() { String::new() } else { format!(", held by {}", held_by.join(" and ")) };
                self.line(&format!("{} {tag}: {message}{held}; attempt {attempt} of {of}", style("↻").yellow()));
            }
            // On a terminal, who it is stands there already.
            Event::Held { takes_over_in: Some(left), .. } if self.held && self.bar.is_some() => {
                self.now(format!("taking over in {left} s"));
            }
            Event::Held { by, .. } => {
                self.held = true;
                self.line(&format!("{} waiting for {by}", style("…").yellow()));
            }
            Event::Resumed { tag, done, of } => {
                self.line(&format!(
                    "{} {tag}: {done} of {of} statements are done; going on from there",
                    style("↻").yellow()
                ));
            }
            Event::Dropped { tag, index } => self.line(&format!(
                "{} {tag}: dropped the INVALID index {index}, left by an attempt that failed",
                style("−").yellow()
            )),
            Event::Notice { severity, message, detail, hint } => {
                self.line(&format!("  {} {message}", style(format!("{severity}:")).dim()));
                for (word, more) in [("DETAIL:", detail), ("HINT:", hint)] {
                    if let Some(more) = more {
                        self.line(&format!("    {} {more}", style(word).dim()));
                    }
                }
            }
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn now(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(format!("  {text}")),
            None => crate::render::output::tell(&format!("  {text}")),
        }
    }
}

/// A spinner on a terminal; nothing elsewhere.
fn spinner(json: bool, doing: &'static str) -> Option<ProgressBar> {
    (!json && std::io::stderr().is_terminal()).then(|| {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        let style = ProgressStyle::with_template("  {spinner} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(doing);
        bar
    })
}

/// Which migration is at hand, on a terminal only: for what leaves nothing behind.
pub(super) struct Quiet {
    bar: Option<ProgressBar>,
    doing: &'static str,
}

impl Quiet {
    pub(super) fn new(json: bool, doing: &'static str) -> Self {
        Quiet { bar: spinner(json, doing), doing }
    }

    pub(super) fn take(&self, event: &Event) {
        if let (Some(bar), Event::Started { tag }) = (&self.bar, event) {
            bar.set_message(format!("{} {tag}", self.doing));
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
