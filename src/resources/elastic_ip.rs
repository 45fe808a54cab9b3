//! The kind `elastic-ip`.
