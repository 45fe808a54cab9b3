//! The kind `secret`.
