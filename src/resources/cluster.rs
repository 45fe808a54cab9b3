//! The kind `cluster`.
