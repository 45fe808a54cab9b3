//! How much of a log is kept: a local disk is not CloudWatch, and the events are in memory. What goes first is what happened
//! first: in a stream the oldest events, and in a group those of the stream that was written to longest ago.

use super::{group::Group, stream::Stream};

/// What a stream keeps: events, and bytes of them.
const EVENTS: usize = 10_000;
const BYTES: usize = 4 << 20;
/// What a group keeps: bytes of events.
const GROUP_BYTES: usize = 16 << 20;
/// What a group keeps of streams that services made by themselves: a function's calls make one each.
const STREAMS: usize = 1000;

impl Stream {
    /// Lets go of the oldest events until the rest is no more than `bytes`, or only the `least` are left.
    fn keep(&mut self, bytes: usize, least: usize) {
        let mut left = self.size();
        let surplus = self.events.len().saturating_sub(EVENTS);
        let mut gone = 0;
        while gone < surplus || left > bytes && gone + least < self.events.len() {
            left -= self.events[gone].size();
            gone += 1;
        }
        self.events.let_go(gone);
    }

    fn written_at(&self) -> u64 {
        self.events.iter().map(|event| event.ingested_at).max().unwrap_or(self.created_at)
    }
}

impl Group {
    /// Lets go of what is too much after something was written into this stream.
    pub(super) fn bound(&mut self, written: &str) {
        if let Some(stream) = self.streams.get_mut(written) {
            stream.keep(BYTES, 1);
        }
        let mut sizes: Vec<(u64, String, usize)> = self
            .streams
            .iter()
            .filter(|(name, _)| *name != written)
            .map(|(name, stream)| (stream.written_at(), name.clone(), stream.size()))
            .collect();
        let mut left = self.streams.values().map(Stream::size).sum::<usize>();
        let mut made = self.streams.values().filter(|stream| stream.made_by_service).count();
        sizes.sort();
        for (_, name, size) in sizes {
            let Some(stream) = self.streams.get_mut(&name) else { continue };
            let is_surplus = stream.made_by_service && made > STREAMS;
            if left <= GROUP_BYTES && made <= STREAMS {
                return;
            }
            let surplus = left.saturating_sub(GROUP_BYTES);
            if is_surplus || surplus >= size {
                stream.events.let_go(stream.events.len());
            } else {
                stream.keep(size - surplus, 0);
            }
            left -= size - stream.size();
            // Nobody would look for a service's stream that has nothing; one's own is deleted by oneself.
            if stream.made_by_service && stream.events.is_empty() {
                self.streams.remove(&name);
                made -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::stream::Event, *};

    fn event(at: u64, length: usize) -> Event {
        Event { timestamp: at, message: "x".repeat(length), ingested_at: at }
    }

    fn write(group: &mut Group, stream: &str, made_by_service: bool, event: Event) {
        let new = || Stream { made_by_service, ..Stream::new(stream, String::new(), event.timestamp) };
        group.streams.entry(stream.to_owned()).or_insert_with(new).add(vec![event.clone()]);
        group.bound(stream);
    }

    #[test]
    fn a_stream_lets_its_oldest_events_go() {
        let mut group = Group::default();
        for at in 0..9 {
            write(&mut group, "one", false, event(at, 1 << 20));
        }
        let kept: Vec<u64> = group.streams["one"].events.iter().map(|event| event.timestamp).collect();
        assert_eq!(kept, [6, 7, 8], "four would be more than 4 MB with the 26 bytes that each counts besides");
        for at in 0..(EVENTS as u64 + 5) {
            group.streams.get_mut("one").unwrap().add(vec![event(100 + at, 1)]);
        }
        group.bound("one");
        assert_eq!((group.streams["one"].events.len(), group.streams["one"].events[0].timestamp), (EVENTS, 105));
    }

    #[test]
    fn an_event_that_is_larger_than_all_is_kept() {
        let mut group = Group::default();
        write(&mut group, "one", false, event(1, 1));
        write(&mut group, "one", false, event(2, BYTES));
        assert_eq!(group.streams["one"].events.len(), 1);
    }

    #[test]
    fn a_group_lets_the_events_go_first_that_were_written_longest_ago() {
        let mut group = Group::default();
        for (at, stream) in ["b", "a", "c", "d", "e"].iter().enumerate() {
            for part in 0..3 {
                write(&mut group, stream, *stream == "a", event(10 * at as u64 + part, 1 << 20));
            }
            write(&mut group, stream, *stream == "a", event(10 * at as u64 + 3, (1 << 20) - 200));
        }
        // "b" gave up all, and is there: somebody made it. The others are whole.
        let lengths = |group: &Group| -> Vec<(String, usize)> {
            group.streams.iter().map(|(name, stream)| (name.clone(), stream.events.len())).collect()
        };
        let all = |counts: &[(&str, usize)]| -> Vec<(String, usize)> {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        assert_eq!(lengths(&group), all(&[("a", 4), ("b", 0), ("c", 4), ("d", 4), ("e", 4)]));
        for part in 0..2 {
            write(&mut group, "f", false, event(60 + part, (1 << 20) - 200));
        }
        assert_eq!(lengths(&group), all(&[("a", 2), ("b", 0), ("c", 4), ("d", 4), ("e", 4), ("f", 2)]));
        for part in 2..4 {
            write(&mut group, "f", false, event(60 + part, (1 << 20) - 200));
        }
        assert!(!group.streams.contains_key("a"), "a service made it");
    }

    #[test]
    fn of_the_streams_of_a_service_the_newest_are_kept() {
        let mut group = Group::default();
        write(&mut group, "own", false, event(0, 1));
        for number in 0..STREAMS + 3 {
            write(&mut group, &format!("call {number}"), true, event(1 + number as u64, 1));
        }
        assert_eq!(group.streams.len(), STREAMS + 1);
        assert!(group.streams.contains_key("own") && !group.streams.contains_key("call 2"));
        assert!(group.streams.contains_key("call 3"));
    }
}
