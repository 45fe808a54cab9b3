//! A function's code: a zip file, unpacked into a folder that is named after its digest.

use std::{
    fs, io,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};
use sha2::{Digest as _, Sha256};

use super::{invalid, name::Name};
use crate::local::{disk, fault::Fault};

/// The largest zip file in a request, and the largest content of one; bytes.
const LARGEST_ZIP: usize = 50 << 20;
const LARGEST_CONTENT: u64 = 262_144_000;

/// Code that was unpacked.
pub(super) struct Code {
    /// The zip file's digest, in base64.
    pub(super) sha256: String,
    /// The zip file's size.
    pub(super) size: usize,
}

/// The folder with everything of one function.
fn home(data: &Path, account: &str, region: &str, name: &Name) -> PathBuf {
    data.join("functions").join(account).join(region).join(name.as_str())
}

/// The folder with a function's code, by the digest.
pub(super) fn folder(data: &Path, account: &str, region: &str, name: &Name, sha256: &str) -> PathBuf {
    let letters = STANDARD.decode(sha256).unwrap_or_default();
    let hex: String = letters.iter().map(|byte| format!("{byte:02x}")).collect();
    home(data, account, region, name).join(hex)
}

/// Unpacks a zip file that came as base64, in place of the function's code so far.
pub(super) fn take(data: &Path, account: &str, region: &str, name: &Name, zip: &str) -> Result<Code, Fault> {
    let zip = STANDARD.decode(zip).unwrap_or_default();
    if zip.len() > LARGEST_ZIP {
        let message = "Request must be smaller than 70167211 bytes for the CreateFunction operation";
        return Err(Fault::new("RequestEntityTooLargeException", message).with_status(413));
    }
    let sha256 = STANDARD.encode(Sha256::digest(&zip));
    let folder = folder(data, account, region, name, &sha256);
    let unusable = |error: io::Error| {
        Fault::new("ServiceException", format!("The code could not be unpacked: {error}")).with_status(500)
    };
    let home = home(data, account, region, name);
    disk::private_folder(&home).map_err(|error| unusable(io::Error::other(error)))?;
    if !folder.exists() {
        // A daemon that ends in the middle leaves nothing that looks whole.
        let unpacked = tempfile::tempdir_in(&home).map_err(unusable)?;
        unpack(&zip, unpacked.path())?;
        fs::rename(unpacked.keep(), &folder).map_err(unusable)?;
    }
    for other in fs::read_dir(&home).map_err(unusable)?.flatten().filter(|entry| entry.path() != folder) {
        // What still runs keeps its file open.
        let _ = fs::remove_dir_all(other.path());
    }
    Ok(Code { sha256, size: zip.len() })
}

/// Removes a function's code.
pub(super) fn remove(data: &Path, account: &str, region: &str, name: &Name) {
    let _ = fs::remove_dir_all(home(data, account, region, name));
}

fn unpack(zip: &[u8], into: &Path) -> Result<(), Fault> {
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
