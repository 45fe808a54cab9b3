//! What was chosen for a local cloud when it was started: its next start, by hand or by `--local`, is the same again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    disk::{self, DiskError},
    pace::Pace,
};

/// The choices of `infra local start` that its data folder keeps; those that were never made are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The port; 0 is the one that the folder had last, or any that is free.
    pub port: Option<u16>,
    /// How fast changes pass.
    pub pace: Option<Pace>,
}

impl Chosen {
    fn path(data: &Path) -> PathBuf {
        data.join("chosen.json")
    }

    /// What was chosen for the cloud on `data`; what cannot be read counts as nothing.
    pub fn of(data: &Path) -> Self {
        let read = std::fs::read(Self::path(data)).ok();
        read.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// These choices, and where one was not made the earlier one.
    #[must_use]
    pub fn or(self, earlier: Self) -> Self {
        Self { port: self.port.or(earlier.port), pace: self.pace.or(earlier.pace) }
    }

    /// Keeps them for the next start.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn keep(self, data: &Path) -> Result<(), DiskError> {
        let path = Self::path(data);
        let text = serde_json::to_vec_pretty(&self).map_err(|cause| DiskError::Format { path: path.clone(), cause })?;
        disk::write(&path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_stands_until_another_one_is_made() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(Chosen::of(data.path()), Chosen::default());
        let first = Chosen { port: Some(4570), pace: Some(Pace::Scaled(60.0)) };
        first.keep(data.path()).unwrap();
        let second = Chosen { port: None, pace: Some(Pace::Instant) };
        second.or(Chosen::of(data.path())).keep(data.path()).unwrap();
        assert_eq!(Chosen::of(data.path()), Chosen { port: Some(4570), pace: Some(Pace::Instant) });
    }
}
