//! The kind `security-group`.
