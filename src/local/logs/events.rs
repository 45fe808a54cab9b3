//! A stream's events, and the file that they are in: they are many, and each change of the state would write them all.
//!
//! The file is a journal. A line is an event, `[timestamp, ingested_at, message]`, or a number: so many of the oldest were let go. The
//! region's state tells the file's name and how long it is. What stands behind that was written by a change that did not come
//! about, and what stands before it never changes: so the state and the events of one moment are always found together.

use std::{
    fs,
    io::{self, Seek as _, SeekFrom, Write as _},
    ops::Deref,
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::stream::Event;
use crate::local::{
    disk::{self, DiskError},
    members::{is_hex, random_hex},
};

/// How many bytes a journal grows before it is written anew, besides what it had when it last was.
const GROWTH: u64 = 64 << 10;

/// Events in the order of their time; copied only where they change.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    all: Arc<Vec<Event>>,
    file: Option<File>,
    /// The lines that the file does not have yet.
    news: Vec<u8>,
}

/// Where events are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    name: String,
    /// Bytes of it that count.
    length: u64,
    /// Its bytes when it was written as a whole.
    whole: u64,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line<'a> {
    Event(u64, u64, std::borrow::Cow<'a, str>),
    Gone(usize),
}

impl Line<'_> {
    fn of(event: &Event) -> Line<'_> {
        Line::Event(event.timestamp, event.ingested_at, event.message.as_str().into())
    }

    fn write(&self, lines: &mut Vec<u8>) {
        // Numbers and a text can be written, and memory takes them.
        let _ = serde_json::to_writer(&mut *lines, self);
        lines.push(b'\n');
    }
}

impl Events {
    /// Takes events in, each behind those of its time.
    pub(super) fn add(&mut self, events: Vec<Event>) {
        for event in &events {
            Line::of(event).write(&mut self.news);
        }
        let all = Arc::make_mut(&mut self.all);
        all.extend(events);
        all.sort_by_key(|event| event.timestamp);
    }

    /// Lets go of so many of the oldest.
    pub(super) fn let_go(&mut self, count: usize) {
        if count > 0 {
            Line::Gone(count).write(&mut self.news);
            Arc::make_mut(&mut self.all).drain(..count);
        }
    }

    /// The name of the file that they are in.
    pub(super) fn file(&self) -> Option<&str> {
        self.file.as_ref().map(|file| file.name.as_str())
    }

    /// Leaves the file as it is, and has all written to another one.
    pub(super) fn begin_anew(&mut self) {
        self.file = None;
    }

    /// Writes down what is not yet. The file is another one where that was written anew; the old one stays as it is.
    pub(super) fn write(&mut self, folder: &Path) -> Result<(), DiskError> {
        if self.all.is_empty() {
            (self.file, self.news) = (None, Vec::new());
            return Ok(());
        }
        if self.news.is_empty() && self.file.is_some() {
            return Ok(());
        }
        let added = u64::try_from(self.news.len()).unwrap_or(u64::MAX);
        if let Some(file) = &mut self.file
            && file.length.saturating_add(added) <= 2 * file.whole + GROWTH
        {
            let path = folder.join(&file.name);
            match append(&path, file.length, &self.news) {
                Ok(()) => {
                    file.length += added;
                    self.news.clear();
                    return Ok(());
                }
                // Somebody has cut it off or taken it away.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(disk::error("write", &path)(cause)),
            }
        }
        let mut lines = Vec::new();
        for event in self.all.iter() {
            Line::of(event).write(&mut lines);
        }
        let name = random_hex(NAME);
        disk::inner_folder(folder)?;
        disk::write(&folder.join(&name), &lines)?;
        let length = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        (self.file, self.news) = (Some(File { name, length, whole: length }), Vec::new());
        Ok(())
    }

    /// Reads what the file has. Where a crash of the machine has left less of it, that is what is there.
    pub(super) fn read(&mut self, folder: &Path) -> Result<(), DiskError> {
        let Some(file) = &self.file else { return Ok(()) };
        let path = folder.join(&file.name);
        let content = match fs::read(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(disk::error("read", &path))?,
        };
        let counted = usize::try_from(file.length).ok().and_then(|length| content.get(..length));
        let all = replayed(counted.unwrap_or(&content));
        let is_whole = counted.is_some();
        self.all = Arc::new(all);
        if !is_whole {
            self.file = None;
        }
        Ok(())
    }
}

/// How long the name of a file is.
const NAME: usize = 16;

/// Whether this can be the name of a file with events.
pub(crate) fn is_journal(name: &str) -> bool {
    is_hex(name, NAME)
}

/// Writes lines behind the first bytes of a file; as not found, where it has not that many.
fn append(path: &Path, length: u64, lines: &[u8]) -> io::Result<()> {
    let mut file = fs::File::options().write(true).open(path)?;
    if file.metadata()?.len() < length {
        return Err(io::ErrorKind::NotFound.into());
    }
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length))?;
    file.write_all(lines)
}

/// What is left at a journal's end.
fn replayed(journal: &[u8]) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    let mut first = 0;
    for line in journal.split(|byte| *byte == b'\n') {
        match serde_json::from_slice(line) {
            Ok(Line::Event(timestamp, ingested_at, message)) => {
                let later = all[first..].iter().rev().take_while(|event| event.timestamp > timestamp).count();
                let event = Event { timestamp, ingested_at, message: message.into_owned() };
                all.insert(all.len() - later, event);
            }
            Ok(Line::Gone(count)) => first = all.len().min(first + count),
            // The end, or what a crash of the machine has left of it.
            Err(_) => {}
        }
    }
    all.split_off(first)
}

impl Deref for Events {
    type Target = [Event];

    fn deref(&self) -> &[Event] {
        &self.all
    }
}

/// As they stand in the region's state.
#[derive(Deserialize)]
#[serde(untagged)]
enum Saved {
    In(File),
    Here(Vec<Event>),
}

impl Serialize for Events {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.file {
            Some(file) if self.news.is_empty() => file.serialize(serializer),
            _ => self.all.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Events {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Saved::deserialize(deserializer)? {
            Saved::In(file) => Self { file: Some(file), ..Self::default() },
            // As they stand there without a folder for their file, and stood there when they had none.
            Saved::Here(all) => Self { all: Arc::new(all), ..Self::default() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timestamp: u64, message: &str) -> Event {
        Event { timestamp, message: message.to_owned(), ingested_at: timestamp + 1 }
    }

    /// What is there after the cloud has ended, and how long the file is.
    fn again(events: &Events, folder: &Path) -> Vec<(u64, String)> {
        let mut read: Events = serde_json::from_str(&serde_json::to_string(events).unwrap()).unwrap();
        assert!(read.is_empty(), "the state has events");
        read.read(folder).unwrap();
        told(&read)
    }

    fn told(events: &Events) -> Vec<(u64, String)> {
        events.iter().map(|event| (event.timestamp, event.message.clone())).collect()
    }

    #[test]
    fn what_happened_to_events_is_what_is_read() {
        let data = tempfile::tempdir().unwrap();
        let (mut events, mut name) = (Events::default(), None);
        for (added, gone) in [
            (vec![event(5, "five"), event(3, "three\n\"x\" é")], 0),
            (vec![event(4, "four"), event(5, "five, later"), event(1, "one")], 2),
            (vec![event(2, "two")], 0),
            (vec![], 1),
        ] {
            events.add(added);
            events.let_go(gone);
            events.write(data.path()).unwrap();
            assert_eq!(again(&events, data.path()), told(&events));
            let now = events.file().map(str::to_owned);
            assert!(name.is_none() || name == now, "a few lines are written behind the others");
            name = now;
        }
        assert_eq!(told(&events), [(4, "four".into()), (5, "five".into()), (5, "five, later".into())]);
        events.let_go(3);
        events.write(data.path()).unwrap();
        assert_eq!(serde_json::to_string(&events).unwrap(), "[]");
    }

    #[test]
    fn what_was_written_for_a_change_that_did_not_come_about_is_not_there() {
        let data = tempfile::tempdir().unwrap();
        let mut events = Events::default();
        events.add(vec![event(1, "one")]);
        events.write(data.path()).unwrap();
        let before = events.clone();
        events.add(vec![event(2, "two, which is longer")]);
        events.write(data.path()).unwrap();
        // As after a kill between the events and the state.
        assert_eq!(again(&before, data.path()), told(&before));
        let mut other = before;
        other.add(vec![event(3, "3")]);
        other.write(data.path()).unwrap();
        assert_eq!(again(&other, data.path()), [(1, "one".into()), (3, "3".into())]);
    }

    #[test]
    fn a_file_does_not_grow_with_what_was_let_go() {
        let data = tempfile::tempdir().unwrap();
        let mut events = Events::default();
        for at in 0..2000 {
            events.add(vec![event(at, &"x".repeat(1000))]);
            events.let_go(events.len().saturating_sub(10));
            events.write(data.path()).unwrap();
        }
        let length = fs::metadata(data.path().join(events.file().unwrap())).unwrap().len();
        assert!(length < 200_000, "{length}");
        assert_eq!(again(&events, data.path()), told(&events));
        // Each time under another name, as the state may still name the old one.
        assert!(fs::read_dir(data.path()).unwrap().count() > 10);
    }

    #[test]
    fn what_a_crash_of_the_machine_left_is_read_and_written_anew() {
        let data = tempfile::tempdir().unwrap();
        let mut events = Events::default();
        events.add(vec![event(1, "one"), event(2, "two")]);
        events.write(data.path()).unwrap();
        let path = data.path().join(events.file().unwrap());
        fs::File::options().write(true).open(&path).unwrap().set_len(15).unwrap();
        assert_eq!(again(&events, data.path()), [(1, "one".into())]);
        let mut read: Events = serde_json::from_str(&serde_json::to_string(&events).unwrap()).unwrap();
        read.read(data.path()).unwrap();
        read.write(data.path()).unwrap();
        assert_eq!(again(&read, data.path()), [(1, "one".into())]);
        // The running cloud still has everything.
        events.add(vec![event(3, "three")]);
        events.write(data.path()).unwrap();
        assert_eq!(again(&events, data.path()).len(), 3);
    }

    #[test]
    fn events_that_stand_in_an_older_state_are_read() {
        let data = tempfile::tempdir().unwrap();
        let text = r#"[{"timestamp":1,"message":"one","ingested_at":2}]"#;
        let mut events: Events = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&events).unwrap(), text);
        events.read(data.path()).unwrap();
        events.write(data.path()).unwrap();
        assert_eq!(again(&events, data.path()), [(1, "one".into())]);
    }
}
