//! Events while they happen: bars on a terminal, plain lines with the time elsewhere, JSON on request.

use std::{collections::BTreeMap, io::IsTerminal as _, time::Duration};

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::{
    sync::{mpsc::UnboundedReceiver, watch},
    time::Instant,
};

use super::{command, outcome, output, value::duration};
use crate::engine::{Address, event::Event, plan::Action};

/// How events are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One line a running resource, redrawn in place.
    Bars,
    /// One line an event.
    Lines,
    /// One JSON object a line.
    Json,
}

impl Mode {
    /// What fits where standard error goes.
    pub fn fitting(json: bool) -> Self {
        match json {
            true => Self::Json,
            false if std::io::stderr().is_terminal() => Self::Bars,
            false => Self::Lines,
        }
    }
}

/// That the work was asked to stop, and what is said then.
#[derive(Debug)]
pub struct Stop {
    /// Turns true when it is asked.
    pub asked: watch::Receiver<bool>,
    /// What is said.
    pub text: &'static str,
}

/// Shows events until there are no more.
pub async fn show(mut events: UnboundedReceiver<Event>, mode: Mode, total: usize, mut stop: Stop) {
    let mut bars = (mode == Mode::Bars && total > 0).then(|| Bars::new(total));
    let mut stopping = false;
    let mut ticking = tokio::time::interval(Duration::from_millis(120));
    loop {
        tokio::select! {
            event = events.recv() => {
                let Some(event) = event else { break };
                match (&mut bars, mode) {
                    (Some(bars), _) => bars.take(&event),
                    (None, Mode::Json) => json(&event),
                    (None, _) => line(&event),
                }
            }
            Ok(()) = stop.asked.changed(), if !stopping => {
                stopping = true;
                match &bars {
                    Some(bars) => bars.say(stop.text),
                    None => output::tell(stop.text),
                }
            }
            _ = ticking.tick(), if bars.is_some() => {
                if let Some(bars) = &mut bars { bars.tick(); }
            }
        }
    }
    if let Some(bars) = bars {
        bars.finish();
    }
}

fn json(event: &Event) {
    if let Ok(text) = serde_json::to_string(event) {
        output::print(&text);
    }
}

fn line(event: &Event) {
    let now = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
    let text = match event {
        Event::Started { address, action, .. } => format!("{} {address}: {}", action.glyph(), doing(*action)),
        Event::Waiting { address, reason } => format!("  {address}: {reason}"),
        Event::Note { address, text } => format!("  {address}: {text}"),
        Event::Done { address, action, took } => {
            format!("{} {address}: {} in {}", done(*action), past(*action), duration(*took))
        }
        Event::Failed { address, action, error } => outcome::failure(address, *action, error),
        Event::Skipped { address, reason, .. } => format!("  {address}: not started, {reason}"),
    };
    output::tell(&format!("{} {text}", style(now).dim()));
}

fn doing(action: Action) -> &'static str {
    match action {
        Action::Keep => "waiting",
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "creating the new one",
        Action::Delete => "deleting",
    }
}

fn past(action: Action) -> &'static str {
    match action {
        Action::Keep => "ready",
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
    }
}

fn done(_: Action) -> console::StyledObject<&'static str> {
    style("✓").green()
}

/// The bars: one a running resource, and an overall one below them.
struct Bars {
    all: MultiProgress,
    overall: ProgressBar,
    running: BTreeMap<(Address, bool), Running>,
    since: Instant,
}

struct Running {
    bar: ProgressBar,
    since: Instant,
    usual: Duration,
    what: String,
}

impl Bars {
    fn new(total: usize) -> Self {
        let all = MultiProgress::new();
        let overall = all.add(ProgressBar::new(total as u64));
        overall.set_style(template("{bar:30.cyan/dim} {msg}"));
        Self { all, overall, running: BTreeMap::new(), since: Instant::now() }
    }

    /// Something that stays above the bars.
    fn say(&self, text: &str) {
        self.all.println(command::whole(text)).ok();
    }

    /// Takes all bars away: nothing of them is left on the screen.
    fn finish(self) {
        for running in self.running.values() {
            running.bar.finish_and_clear();
        }
        self.overall.finish_and_clear();
        self.all.clear().ok();
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Started { address, action, usual } => {
                let bar = self.all.insert_before(&self.overall, ProgressBar::new_spinner());
                bar.set_style(template("{spinner:.cyan} {wide_msg}"));
                let running = Running { bar, since: Instant::now(), usual: *usual, what: doing(*action).to_owned() };
                self.running.insert((address.clone(), *action == Action::Delete), running);
            }
            Event::Waiting { address, reason } | Event::Note { address, text: reason } => {
                for ((_, _), running) in self.running.iter_mut().filter(|((other, _), _)| other == address) {
                    running.what = reason.replace('\n', " ");
                }
            }
            Event::Done { address, action, took } => {
                self.end(address, *action);
                let text = format!(
                    "{} {address} {}",
                    done(*action),
                    style(format!("{} in {}", past(*action), duration(*took))).dim()
                );
                self.say(&text);
                self.overall.inc(1);
            }
            Event::Failed { address, action, error } => {
                self.end(address, *action);
                self.say(&outcome::failure(address, *action, error));
            }
            Event::Skipped { .. } => {}
        }
        self.tick();
    }

    fn end(&mut self, address: &Address, action: Action) {
        if let Some(running) = self.running.remove(&(address.clone(), action == Action::Delete)) {
            running.bar.finish_and_clear();
            self.all.remove(&running.bar);
        }
    }

    fn tick(&mut self) {
        let times: Vec<String> = self.running.values().map(Running::time).collect();
        let wide = self.running.keys().map(|(address, _)| address.as_str().len()).max().unwrap_or(0);
        let long = times.iter().map(|time| time.chars().count()).max().unwrap_or(0);
        for (((address, _), running), time) in self.running.iter().zip(times) {
            // The reason stands last: where the line is too long for the terminal, it is what is cut.
            let time = style(format!("{time:long$}")).dim();
            running.bar.set_message(format!("{:wide$}  {time}  {}", address.as_str(), running.what));
            running.bar.tick();
        }
        let (done, all) = (self.overall.position(), self.overall.length().unwrap_or_default());
        self.overall.set_message(format!("{done} of {all} done  {}", whole(self.since.elapsed())));
        self.overall.tick();
    }
}

impl Running {
    /// How long it has been at work, and how long that usually takes where it is worth saying.
    fn time(&self) -> String {
        let elapsed = whole(self.since.elapsed());
        match self.usual.as_secs() > 5 {
            true => format!("{elapsed} of about {}", duration(self.usual)),
            false => elapsed,
        }
    }
}

/// A time without tenths, which would only flicker.
fn whole(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..10 => format!("{seconds} s"),
        _ => duration(time),
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar())
}
