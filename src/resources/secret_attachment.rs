//! The kind `secret-attachment`.
