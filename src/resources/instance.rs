//! The kind `instance`.
