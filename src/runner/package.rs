//! The function's code: the running binary, or the one that INFRA_LAMBDA_BINARY names, as a zip file with one `bootstrap`.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::DeflateEncoder};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

/// Names the program that is to run in the function, where the running one cannot.
pub const VARIABLE: &str = "INFRA_LAMBDA_BINARY";
/// The largest zip file that can be given to Lambda directly, and the largest content of one; bytes.
const LARGEST_ZIP: usize = 50 << 20;
const LARGEST_CONTENT: usize = 250 << 20;

/// A function's code.
#[derive(Clone, PartialEq, Eq)]
pub struct Package {
    /// The zip file.
    pub zip: Vec<u8>,
    /// Its SHA-256 in base64, as Lambda tells it.
    pub sha256: String,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
}

impl std::fmt::Debug for Package {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes for {}, {}", self.zip.len(), self.architecture, self.sha256)
    }
}

/// Why there is no code for the function.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file cannot be read.
    #[error("The program for the function, {}, cannot be read: {cause}.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It does not run in Lambda.
    #[error("{} is no program for 64-bit Linux on x86-64 or ARM, which is what runs in Lambda.", .0.display())]
    Foreign(PathBuf),
    /// Lambda does not take it.
    #[error("{} is too large for Lambda: {} MB, and {} MB as a zip file; Lambda takes 250 and 50.", path.display(), content >> 20, zip >> 20)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        content: usize,
        /// The zip file's.
        zip: usize,
    },
}

impl PackageError {
    /// What to do.
    pub fn advice(&self) -> String {
        let other = format!("Set {VARIABLE} to an infra of the same version for Linux");
        match self {
            Self::Unreadable { .. } => format!("{other}, or unset it to take the running one."),
            Self::Foreign(_) => format!("{other}, or deploy from a Linux machine."),
            Self::TooLarge { .. } => format!("{other} that was built with --release."),
        }
    }
}

/// The code that this run deploys; packed once.
///
/// # Errors
/// Where the program cannot be read, or cannot run in Lambda.
pub async fn own() -> Result<Arc<Package>, Arc<PackageError>> {
    static OWN: OnceCell<Result<Arc<Package>, Arc<PackageError>>> = OnceCell::const_new();
    let pack = || async {
        let path = match std::env::var_os(VARIABLE) {
            Some(named) => PathBuf::from(named),
            None => std::env::current_exe().unwrap_or_default(),
        };
        let asked = path.clone();
        let packed = tokio::task::spawn_blocking(move || Package::of(&path)).await;
        let lost = |error: tokio::task::JoinError| {
            Err(PackageError::Unreadable { path: asked, cause: io::Error::other(error) })
        };
        packed.unwrap_or_else(lost).map(Arc::new).map_err(Arc::new)
    };
    OWN.get_or_init(pack).await.clone()
}

impl Package {
    /// Packs a program. The same program gives the same bytes.
    ///
    /// # Errors
    /// Where it cannot be read, or cannot run in Lambda.
    pub fn of(path: &Path) -> Result<Self, PackageError> {
        let content = fs::read(path).map_err(|cause| PackageError::Unreadable { path: path.to_owned(), cause })?;
        let architecture = architecture(&content).ok_or_else(|| PackageError::Foreign(path.to_owned()))?;
        let packed = pack(&content).map_err(|cause| PackageError::Unreadable { path: path.to_owned(), cause })?;
        if packed.len() > LARGEST_ZIP || content.len() > LARGEST_CONTENT {
            return Err(PackageError::TooLarge { path: path.to_owned(), content: content.len(), zip: packed.len() });
        }
        Ok(Self { sha256: STANDARD.encode(Sha256::digest(&packed)), zip: packed, architecture })
    }
}

fn pack(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    // No time stands in it: another build of the same bytes is no change.
    let entry = archive.new_file("bootstrap").compression_method(CompressionMethod::DEFLATE).unix_permissions(0o755);
    let (mut entry, config) = entry.start().map_err(io::Error::other)?;
    let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
    writer.write_all(content)?;
    let (encoder, descriptor) = writer.finish().map_err(io::Error::other)?;
    encoder.finish()?;
    entry.finish(descriptor).map_err(io::Error::other)?;
    archive.finish().map_err(io::Error::other)
}

/// What a program runs on, in Lambda's words: by the header of an ELF file; a script runs on what this machine is.
fn architecture(content: &[u8]) -> Option<&'static str> {
    const X86_64: u16 = 62;
    const AARCH64: u16 = 183;
    if content.starts_with(b"#!/") {
        return Some(if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" });
    }
    let header = content.get(..20).filter(|header| header.starts_with(b"\x7fELF\x02\x01"))?;
    match u16::from_le_bytes([header[18], header[19]]) {
        X86_64 => Some("x86_64"),
        AARCH64 => Some("arm64"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn the_same_program_is_the_same_package() {
        let file = written(b"#!/bin/sh\nexec infra\n");
        let (one, other) = (Package::of(file.path()).unwrap(), Package::of(file.path()).unwrap());
        assert_eq!(one, other);
        let archive = rawzip::ZipArchive::from_slice(&one.zip).unwrap();
        let entry = archive.entries().next_entry().unwrap().unwrap();
        assert_eq!(entry.file_path().try_normalize().unwrap().as_str(), "bootstrap");
        assert_eq!(entry.mode().value() & 0o777, 0o755);
    }

    #[test]
    fn only_what_runs_in_lambda_is_packed() {
        let elf = |class: u8, machine: u8| {
            let mut header = b"\x7fELF".to_vec();
            header.extend([class, 1]);
            header.resize(18, 0);
            header.extend([machine, 0]);
            architecture(&header)
        };
        assert_eq!((elf(2, 62), elf(2, 183), elf(2, 3), elf(1, 62)), (Some("x86_64"), Some("arm64"), None, None));
        let error = Package::of(written(b"\xcf\xfa\xed\xfe a program for macOS").path()).unwrap_err();
        assert!(matches!(error, PackageError::Foreign(_)) && error.advice().contains(VARIABLE));
        assert!(matches!(Package::of(Path::new("/nowhere")), Err(PackageError::Unreadable { .. })));
    }
}
