//! A function's code: a zip file, unpacked into a folder that is named after its digest.

use std::{
    fmt::Display,
    fs,
    fs::{File, TryLockError},
    io,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{invalid, upload::Place};
use crate::local::{
    disk::{self, is_temporary},
    fault::Fault,
    members::is_hex,
};

/// The largest zip file in a request, and the largest content of one; bytes.
const LARGEST_ZIP: usize = 50 << 20;
const LARGEST_CONTENT: u64 = 262_144_000;

/// Code that was unpacked, and has no function yet. It goes when it is dropped.
pub(super) struct Code {
    /// The zip file's digest, in base64.
    pub(super) sha256: String,
    /// The zip file's size.
    pub(super) size: usize,
    unpacked: TempDir,
}

impl Code {
    /// Makes this the code of a function, beside the code that it has so far.
    pub(super) fn place(self, data: &Path, place: &Place) -> Result<(), Fault> {
        let folder = folder(data, place, &self.sha256);
        disk::folder_below(data, &names(place)).map_err(unusable)?;
        if !folder.exists() {
            fs::rename(self.unpacked.path(), &folder).map_err(unusable)?;
            let _ = self.unpacked.keep();
        }
        Ok(())
    }
}

fn unusable(error: impl Display) -> Fault {
    Fault::internal("lambda", format!("The code could not be unpacked: {error}"))
}

/// The folder with everything of one function.
fn home(data: &Path, place: &Place) -> PathBuf {
    data.join(names(place).iter().collect::<PathBuf>())
}

fn names(place: &Place) -> [&str; 4] {
    ["functions", &place.account, &place.region, place.name.as_str()]
}

/// The folder with a function's code, by the digest.
pub(super) fn folder(data: &Path, place: &Place, sha256: &str) -> PathBuf {
    let letters = STANDARD.decode(sha256).unwrap_or_default();
    let hex: String = letters.iter().map(|byte| format!("{byte:02x}")).collect();
    home(data, place).join(hex)
}

/// Whether a folder of this name, among those of a function, is code of it: others may have put theirs beside them.
pub(crate) fn is_code(name: &str) -> bool {
    is_hex(name, 64) || is_temporary(name)
}

/// Where folders for work on code are.
const WORK: [&str; 2] = ["functions", "work"];

/// What the names of this daemon's begin with.
fn mine() -> String {
    format!("{}-", std::process::id())
}

/// A new folder for what is not a function's code yet, or no longer.
fn workshop(data: &Path) -> Result<TempDir, Fault> {
    let all = disk::folder_below(data, &WORK).map_err(unusable)?;
    tempfile::Builder::new().prefix(&mine()).tempdir_in(all).map_err(unusable)
}

/// Removes those that daemons left behind which were killed.
pub(super) fn remove_left_behind(data: &Path) {
    let mine = mine();
    for other in fs::read_dir(data.join(WORK.iter().collect::<PathBuf>())).into_iter().flatten().flatten() {
        let name = other.file_name().to_string_lossy().into_owned();
        if is_workshop(&name) && !name.starts_with(&mine) {
            let _ = fs::remove_dir_all(other.path());
        }
    }
}

/// Whether a folder of this name is such a one: it has the number of the daemon's process, and six letters.
pub(crate) fn is_workshop(name: &str) -> bool {
    name.split_once('-').is_some_and(|(process, letters)| {
        !process.is_empty()
            && process.bytes().all(|digit| digit.is_ascii_digit())
            && letters.len() == 6
            && letters.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

/// Unpacks a zip file that came as base64.
pub(super) fn unpack(data: &Path, zip: &str) -> Result<Code, Fault> {
    let zip = STANDARD.decode(zip).unwrap_or_default();
    if zip.len() > LARGEST_ZIP {
        let message = format!("Zipped size must be smaller than {LARGEST_ZIP} bytes");
        return Err(Fault::new("RequestEntityTooLargeException", message).with_status(413));
    }
    let unpacked = workshop(data)?;
    unpack_into(unpacked.path(), &zip)?;
    Ok(Code { sha256: STANDARD.encode(Sha256::digest(&zip)), size: zip.len(), unpacked })
}

/// Keeps code from being put aside for as long as the answer is there; none where the code is not there.
pub(super) fn hold(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    // A file system without locks has no calls that outlive their code.
    let _ = folder.try_lock_shared();
    Some(folder)
}

/// Whether a call still runs code.
fn is_held(folder: &Path) -> bool {
    File::open(folder).is_ok_and(|folder| matches!(folder.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Puts aside what of a function's code is not needed, neither by its state nor by a call; it is removed where the answer is dropped. What cannot be put aside
/// stays until the next time.
pub(super) fn set_aside(data: &Path, place: &Place, needed: Option<&str>) -> Option<TempDir> {
    let home = home(data, place);
    let needed = needed.map(|sha256| folder(data, place, sha256));
    let all = fs::read_dir(&home).ok()?.flatten();
    let codes = all.filter(|entry| entry.file_name().to_str().is_some_and(is_code)).map(|entry| entry.path());
    let surplus: Vec<PathBuf> = codes.filter(|path| Some(path) != needed.as_ref() && !is_held(path)).collect();
    let aside = if surplus.is_empty() { None } else { workshop(data).ok() };
    for (number, path) in surplus.iter().enumerate() {
        let _ = aside.as_ref().map(|aside| fs::rename(path, aside.path().join(number.to_string())));
    }
    // Only where nothing is left in it.
    let _ = fs::remove_dir(home);
    aside
}

fn unpack_into(into: &Path, zip: &[u8]) -> Result<(), Fault> {
    let broken = |_| invalid("Could not unzip uploaded file. Please check your file, then try to upload again.");
    let archive = ZipArchive::from_slice(zip).map_err(broken)?;
    let mut entries = archive.entries();
    let (mut left, mut count) = (LARGEST_CONTENT, 0);
    while let Some(entry) = entries.next_entry().map_err(broken)? {
        count += 1;
        let path = into.join(entry.file_path().try_normalize().map_err(broken)?.as_str());
        let made =
            |made: io::Result<()>| made.map_err(|error| invalid(format!("Could not unzip uploaded file: {error}")));
        if entry.is_dir() {
            made(fs::create_dir_all(&path))?;
            continue;
        }
        made(path.parent().map_or(Ok(()), fs::create_dir_all))?;
        let part = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        let mut content = Vec::new();
        let limit = left + 1;
        let read = match entry.compression_method() {
            CompressionMethod::STORE => part.verifying_reader(part.data()).take(limit).read_to_end(&mut content),
            CompressionMethod::DEFLATE => {
                part.verifying_reader(DeflateDecoder::new(part.data())).take(limit).read_to_end(&mut content)
            }
            _ => return Err(invalid("Could not unzip uploaded file: only what is stored or deflated is read.")),
        };
        made(read.map(drop))?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(|| invalid(format!("Unzipped size must be smaller than {LARGEST_CONTENT} bytes")))?;
        made(fs::write(&path, content))?;
        let mode = entry.mode().value() & 0o777;
        made(fs::set_permissions(&path, fs::Permissions::from_mode(if mode == 0 { 0o644 } else { mode })))?;
    }
    if count == 0 {
        return Err(invalid("Uploaded file must be a non-empty zip"));
    }
    Ok(())
}
