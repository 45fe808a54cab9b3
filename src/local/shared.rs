//! A large part of the state that seldom changes. Every changing call copies its account, to take the change back if it cannot be
//! saved, and writes it down: such a part is copied only when it is changed itself, and what was written of it is written again.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
use serde_json::value::{RawValue, to_raw_value};

/// A value that is read as if it stood here, in the state's JSON too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared<T> {
    value: Arc<T>,
    /// As it is written, as soon as it once was.
    written: OnceLock<Arc<RawValue>>,
}

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Arc::new(value), written: OnceLock::new() }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.written = OnceLock::new();
        Arc::make_mut(&mut self.value)
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(written) = self.written.get() {
            return written.serialize(serializer);
        }
        let written: Arc<RawValue> = to_raw_value(&*self.value).map_err(S::Error::custom)?.into();
        self.written.get_or_init(|| written).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_copied_and_written_anew_only_when_it_changes() {
        let mut now = Shared::new(vec![1, 2]);
        assert_eq!(serde_json::to_string(&now).unwrap(), "[1,2]");
        let before = now.clone();
        assert!(Arc::ptr_eq(&now.value, &before.value) && now.written.get().is_some());
        now.push(3);
        assert_eq!((now.len(), before.len()), (3, 2));
        assert!(now.written.get().is_none() && before.written.get().is_some());
        assert_eq!(serde_json::to_string(&[&now, &before]).unwrap(), "[[1,2,3],[1,2]]");
        let read: Vec<Shared<Vec<i32>>> = serde_json::from_str("[[1,2,3],[]]").unwrap();
        assert_eq!((*read[0]).clone(), [1, 2, 3]);
    }
}
