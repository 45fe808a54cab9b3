//! The kind `role`.
