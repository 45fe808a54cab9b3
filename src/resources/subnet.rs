//! The kind `subnet`.
