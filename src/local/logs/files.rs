//! The events of a region's logs in its folder, a file for each stream that has some.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{Store, events::is_journal, stream::Stream};
use crate::local::disk::{DiskError, is_temporary};

/// The number of files where it is to be found out.
const UNKNOWN: usize = usize::MAX;

/// Whether a file of this name is one that is made here: others may have put theirs beside them.
pub(crate) fn is_own(name: &str) -> bool {
    is_journal(name) || is_temporary(name)
}

impl Store {
    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.groups.values_mut().flat_map(|group| group.streams.values_mut())
    }

    /// Writes down what is new; to be done before the state is written, which names the files. Those that were not there before
    /// are added to `made`, also where a later one cannot be written.
    pub(crate) fn write_events(&mut self, folder: &Path, made: &mut Vec<PathBuf>) -> Result<(), DiskError> {
        let known = made.len();
        let mut outcome = Ok(());
        for stream in self.streams() {
            let before = stream.events.file().map(str::to_owned);
            outcome = stream.events.write(folder);
            if outcome.is_err() {
                break;
            }
            made.extend(
                stream.events.file().filter(|file| before.as_deref() != Some(*file)).map(|file| folder.join(file)),
            );
        }
        self.files = self.files.saturating_add(made.len() - known);
        outcome
    }

    /// Has all that is there written to other files: those that it is in may be named by a state that has more of them.
    pub(crate) fn begin_anew(&mut self) {
        self.streams().for_each(|stream| stream.events.begin_anew());
        self.files = UNKNOWN;
    }

    /// Removes the files of events that the state no longer names; to be done after it was written.
    pub(crate) fn sweep(&mut self, folder: &Path) {
        let named: BTreeSet<&str> = self
            .groups
            .values()
            .flat_map(|group| group.streams.values())
            .filter_map(|stream| stream.events.file())
            .collect();
        if named.len() == self.files {
            return;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| is_own(name) && !named.contains(name)) {
                // What stays is removed once the cloud has been started again.
                let _ = fs::remove_file(entry.path());
            }
        }
        self.files = named.len();
    }

    /// Reads what the streams' files have. Nothing is removed: the state names a file that a crash of the machine has cut off
    /// until it is written again, and only then goes that file, and what a killed cloud has left.
    pub(crate) fn read_events(&mut self, folder: &Path) -> Result<(), DiskError> {
        self.streams().try_for_each(|stream| stream.events.read(folder))?;
        self.files = UNKNOWN;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{self, AssertUnwindSafe},
        path::PathBuf,
    };

    use serde_json::{Value, json};

    use super::super::{SERVICE, events::is_journal};
    use crate::local::{
        cloud::{Cloud, now},
        inventory,
        pace::Pace,
        world::Ctx,
    };

    const PLACE: (&str, &str) = ("000000000000", "us-east-1");

    fn opened(data: &tempfile::TempDir) -> Cloud {
        Cloud::open(data.path(), Pace::Instant, Vec::new()).unwrap()
    }

    fn act(ctx: &mut Ctx<'_>, action: &str, input: Value) {
        let (_, work) = SERVICE.actions.iter().find(|(name, _)| *name == action).unwrap();
        work(ctx, input).unwrap();
    }

    fn call(cloud: &Cloud, action: &str, input: Value) {
        cloud.change(PLACE.0, PLACE.1, |ctx| act(ctx, action, input)).unwrap();
    }

    fn line(stream: &str, text: &str) -> Value {
        json!({ "logGroupName": "/a", "logStreamName": stream, "logEvents": [{ "timestamp": now(), "message": text }] })
    }

    fn with_streams(cloud: &Cloud, streams: &[&str]) {
        call(cloud, "CreateLogGroup", json!({ "logGroupName": "/a" }));
        for stream in streams {
            call(cloud, "CreateLogStream", json!({ "logGroupName": "/a", "logStreamName": stream }));
            call(cloud, "PutLogEvents", line(stream, &format!("first of {stream}")));
        }
    }

    /// What is in the files, by their paths.
    fn files(data: &tempfile::TempDir) -> Vec<(PathBuf, String)> {
        let folder = data.path().join("state").join(PLACE.0).join("us-east-1.logs");
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            let content = std::fs::read_to_string(&path).unwrap();
            (path, content)
        };
        let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(read).collect();
        all.sort();
        all
    }

    fn said(cloud: &Cloud, stream: &str) -> Vec<String> {
        cloud.region(PLACE.0, PLACE.1, |ctx| {
            ctx.region.logs.lines("/a", stream).map(|(_, message)| message.to_owned()).collect()
        })
    }

    #[test]
    fn only_the_file_of_a_stream_that_changes_is_written() {
        let data = tempfile::tempdir().unwrap();
        let cloud = opened(&data);
        with_streams(&cloud, &["one", "two"]);
        let before = files(&data);
        assert_eq!(before.len(), 2);
        let named = |(path, _): &(PathBuf, String)| is_journal(path.file_name().unwrap().to_str().unwrap());
        assert!(before.iter().all(named), "{before:?}");
        call(&cloud, "PutLogEvents", line("two", "second of two"));
        let changed: Vec<_> = files(&data).into_iter().filter(|file| !before.contains(file)).collect();
        assert!(matches!(&changed[..], [(_, content)] if content.contains("second of two")), "{changed:?}");
        let state = data.path().join("state").join(PLACE.0).join("us-east-1.json");
        assert!(!std::fs::read_to_string(state).unwrap().contains("first of"));
        drop(cloud);
        let cloud = opened(&data);
        assert_eq!((said(&cloud, "one"), said(&cloud, "two").len()), (vec!["first of one".to_owned()], 2));
        call(&cloud, "DeleteLogStream", json!({ "logGroupName": "/a", "logStreamName": "one" }));
        assert!(matches!(&files(&data)[..], [(_, content)] if content.contains("of two")));
        call(&cloud, "DeleteLogGroup", json!({ "logGroupName": "/a" }));
        assert_eq!(files(&data), []);
    }

    #[test]
    fn what_a_crash_of_the_machine_left_stays_until_it_is_written_anew() {
        let data = tempfile::tempdir().unwrap();
        let cloud = opened(&data);
        with_streams(&cloud, &["one", "two"]);
        call(&cloud, "PutLogEvents", line("one", "second of one"));
        drop(cloud);
        let (journal, content) = files(&data).into_iter().find(|(_, content)| content.contains("of one")).unwrap();
        std::fs::write(&journal, &content[..content.len() - 4]).unwrap();
        for (name, text) in [("0123456789abcdef", "by a killed cloud"), (".tmpA1b2C3", ""), ("notes.txt", "somebody's")]
        {
            std::fs::write(journal.with_file_name(name), text).unwrap();
        }
        // Whoever only reads, and who is started and not called, leaves everything where it is.
        std::fs::write(data.path().join("lock"), "").unwrap();
        inventory::saved(data.path()).unwrap();
        for _ in 0..2 {
            assert_eq!(said(&opened(&data), "one"), ["first of one"]);
        }
        assert_eq!(files(&data).len(), 5);
        let cloud = opened(&data);
        call(&cloud, "PutLogEvents", line("two", "second of two"));
        assert_eq!(files(&data).len(), 3, "what nothing names is gone");
        std::fs::remove_file(journal.with_file_name("notes.txt")).unwrap();
        assert_eq!((said(&opened(&data), "one").len(), said(&opened(&data), "two").len()), (1, 2));
    }

    #[test]
    fn a_region_that_was_saved_before_another_one_could_not_be_keeps_the_lines_that_its_state_names() {
        let data = tempfile::tempdir().unwrap();
        let cloud = opened(&data);
        with_streams(&cloud, &["one"]);
        cloud.change(PLACE.0, "us-west-2", |_| ()).unwrap();
        let state = |region: &str| data.path().join("state").join(PLACE.0).join(format!("{region}.json"));
        let block = |region: &str| {
            std::fs::rename(state(region), data.path().join(region)).unwrap();
            std::fs::create_dir_all(state(region).join("in the way")).unwrap();
        };
        let unblock = |region: &str| {
            std::fs::remove_dir_all(state(region)).unwrap();
            std::fs::rename(data.path().join(region), state(region)).unwrap();
        };
        let put = |text: &str| {
            cloud.world().accounts.get_mut(PLACE.0).unwrap().unsaved.insert("us-west-2".to_owned());
            cloud.change(PLACE.0, PLACE.1, |ctx| act(ctx, "PutLogEvents", line("one", text)))
        };
        block("us-west-2");
        assert!(put("never").is_err());
        assert_eq!(said(&cloud, "one"), ["first of one"]);
        // As after a kill between the events and the state.
        block("us-east-1");
        assert!(put("never either, and longer").is_err());
        unblock("us-east-1");
        unblock("us-west-2");
        assert_eq!(said(&opened(&data), "one"), ["first of one", "never"], "as the state has it");
        put("then").unwrap();
        assert_eq!(said(&opened(&data), "one"), ["first of one", "then"]);
        assert_eq!(files(&data).len(), 1);
    }

    #[test]
    fn events_of_a_change_that_did_not_come_about_are_not_there() {
        let data = tempfile::tempdir().unwrap();
        let cloud = opened(&data);
        with_streams(&cloud, &["one", "two"]);
        let broken = || {
            cloud.change(PLACE.0, PLACE.1, |ctx| {
                act(ctx, "PutLogEvents", line("one", "never"));
                panic!("on purpose")
            })
        };
        assert!(panic::catch_unwind(AssertUnwindSafe(broken)).is_err());
        // The region's state cannot be replaced, after the events were written.
        let state = data.path().join("state").join(PLACE.0).join("us-east-1.json");
        std::fs::rename(&state, data.path().join("away")).unwrap();
        std::fs::create_dir_all(state.join("in the way")).unwrap();
        let kept = files(&data).len();
        for stream in ["one", "new", "new"] {
            let put = |ctx: &mut Ctx<'_>| {
                if stream == "new" {
                    act(ctx, "CreateLogStream", json!({ "logGroupName": "/a", "logStreamName": stream }));
                }
                act(ctx, "PutLogEvents", line(stream, "never"));
            };
            assert!(cloud.change(PLACE.0, PLACE.1, put).is_err());
            assert_eq!(files(&data).len(), kept, "what is tried again and again leaves nothing");
        }
        std::fs::remove_dir_all(&state).unwrap();
        std::fs::rename(data.path().join("away"), &state).unwrap();
        assert_eq!(said(&cloud, "one"), ["first of one"]);
        // As after a kill.
        assert_eq!(said(&opened(&data), "one"), ["first of one"]);
        call(&cloud, "PutLogEvents", line("one", "then"));
        drop(cloud);
        assert_eq!(said(&opened(&data), "one"), ["first of one", "then"]);
    }

    #[test]
    fn what_could_not_be_saved_and_stays_in_memory_is_saved_the_next_time() {
        let data = tempfile::tempdir().unwrap();
        let cloud = opened(&data);
        with_streams(&cloud, &["one"]);
        // What the cloud itself writes is not taken back where it cannot be saved.
        let add = |ctx: &mut Ctx<'_>| {
            act(ctx, "CreateLogStream", json!({ "logGroupName": "/a", "logStreamName": "own" }));
            act(ctx, "PutLogEvents", line("own", "first of own"));
            act(ctx, "PutLogEvents", line("one", "second of one"));
        };
        cloud.region(PLACE.0, PLACE.1, add);
        let state = data.path().join("state").join(PLACE.0).join("us-east-1.json");
        std::fs::rename(&state, data.path().join("away")).unwrap();
        std::fs::create_dir_all(state.join("in the way")).unwrap();
        for _ in 0..2 {
            assert!(cloud.save(PLACE.0, PLACE.1).is_err());
            assert_eq!(files(&data).len(), 1, "a disk that is full becomes no fuller");
        }
        std::fs::remove_dir_all(&state).unwrap();
        std::fs::rename(data.path().join("away"), &state).unwrap();
        cloud.save(PLACE.0, PLACE.1).unwrap();
        drop(cloud);
        let cloud = opened(&data);
        assert_eq!((said(&cloud, "own"), said(&cloud, "one").len()), (vec!["first of own".to_owned()], 2));
    }
}
