//! A local cloud's data folder for the time of a test, with what root has elsewhere.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Removed when dropped, databases included. What it belongs to is to be stopped before.
pub(crate) struct DataFolder {
    folder: TempDir,
    data: PathBuf,
}

impl DataFolder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { data: folder.path().join("local"), folder }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.data
    }

    /// What it is in.
    pub(crate) fn parent(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if let Ok(servers) = std::fs::read_link(self.data.join("servers")) {
            // A server that is about to end may still write there; what is left then is in nobody's way.
            let _ = std::fs::remove_dir_all(servers);
        }
    }
}
