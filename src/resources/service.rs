//! The kind `service`.
