//! `DescribeDBLogFiles` and `DownloadDBLogFilePortion`: what the PostgreSQL behind an instance really writes.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    time::UNIX_EPOCH,
};

use serde_json::{Value, json};

use super::{
    input::{Input, invalid, missing, page},
    plane::replicas::replica_name,
};
use crate::local::{fault::Fault, world::Ctx};

/// The one file that a server here has, under the name of one that every PostgreSQL of RDS has.
const NAME: &str = "error/postgres.log";

/// What one portion holds at most, as in AWS.
const PORTION: u64 = 1_000_000;

/// The log of the server that an instance stands for, once it has been started.
fn path(ctx: &Ctx<'_>, input: &Input) -> Result<Option<PathBuf>, Fault> {
    let store = &ctx.region.rds;
    let instance = store.instance(input.required("DBInstanceIdentifier")?)?;
    let Some(servers) = &store.servers else { return Ok(None) };
    let Some(cluster) = store.clusters.get(&instance.cluster) else { return Ok(None) };
    let of_reader = servers.join(replica_name(&cluster.resource_id)).join("log");
    let of_writer = servers.join(&cluster.resource_id).join("log");
    Ok([of_reader, of_writer].into_iter().skip(usize::from(instance.writer)).find(|path| path.is_file()))
}

/// The size in bytes, and when it was written last, in milliseconds.
fn look(path: &PathBuf) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    let written = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((found.len(), u64::try_from(written.as_millis()).ok()?))
}

/// `DescribeDBLogFiles`
pub(super) fn describe(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let found = path(ctx, &input)?.and_then(|path| look(&path));
    let at_least = |member: &str| input.number(member).and_then(|least| u64::try_from(least).ok()).unwrap_or_default();
    let named = input.text("FilenameContains").is_none_or(|part| NAME.contains(part));
    let wanted = |(size, written): &(u64, u64)| {
        named && *size >= at_least("FileSize") && *written >= at_least("FileLastWritten")
    };
    let view = |(size, written)| json!({"LogFileName": NAME, "LastWritten": written, "Size": size});
    page(&input, "DescribeDBLogFiles", found.filter(wanted).map(view).into_iter().collect())
}

/// `DownloadDBLogFilePortion`: from a marker on (`0` is the beginning); without one, the last lines. A marker is the
/// number of bytes that have been read.
pub(super) fn download(ctx: &mut Ctx<'_>, input: Value) -> Result<Value, Fault> {
    let input = Input(input);
    let name = input.required("LogFileName")?;
    let absent = || missing("DBLogFileNotFoundFault", format!("DBLog File: {name}, is not found on the DB instance"));
    let path = path(ctx, &input)?.filter(|_| name == NAME).ok_or_else(absent)?;
    let lines = match input.number("NumberOfLines").unwrap_or(10_000) {
        lines @ 1..=10_000 => usize::try_from(lines).unwrap_or(10_000),
        other => return Err(invalid(format!("NumberOfLines has to be between 1 and 10000, and not {other}."))),
    };
    let mut file = fs::File::open(path).map_err(|_| absent())?;
    let size = file.metadata().map_err(|_| absent())?.len();
    let marker = input.text("Marker").filter(|marker| !marker.is_empty());
    let start = match marker {
        None => size.saturating_sub(PORTION),
        Some(marker) => {
            let read: Option<u64> = marker.rsplit(':').next().and_then(|number| number.parse().ok());
            let wrong = || invalid(format!("The parameter Marker has an invalid value: {marker}"));
            read.filter(|read| *read <= size).ok_or_else(wrong)?
        }
    };
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.take(PORTION).read_to_end(&mut bytes));
    read.map_err(|_| absent())?;
    let (text, passed) = portion(&bytes, lines, marker.is_some());
    let end = start + u64::try_from(passed).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    Ok(json!({"LogFileData": text, "Marker": end.to_string(), "AdditionalDataPending": end < size}))
}

/// The first or the last whole lines, as many as wanted, and where they end.
fn portion(bytes: &[u8], lines: usize, first: bool) -> (&[u8], usize) {
    let ends: Vec<usize> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    if first {
        let end = ends.get(lines - 1).or(ends.last()).copied().unwrap_or(bytes.len());
        return (&bytes[..end], end);
    }
    let end = ends.last().copied().unwrap_or(bytes.len());
    let before = ends.len().checked_sub(lines + 1).map_or(0, |index| ends[index]);
    (&bytes[before..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_whole_lines() {
        let log = b"one\ntwo\nthree\nfo";
        assert_eq!(portion(log, 2, true), (&b"one\ntwo\n"[..], 8));
        assert_eq!(portion(log, 9, true), (&b"one\ntwo\nthree\n"[..], 14));
        assert_eq!(portion(log, 2, false), (&b"two\nthree\n"[..], 14));
        assert_eq!(portion(log, 9, false), (&b"one\ntwo\nthree\n"[..], 14));
        assert_eq!(portion(b"", 1, true), (&b""[..], 0));
        assert_eq!(portion(b"half", 1, false), (&b"half"[..], 4));
    }
}
