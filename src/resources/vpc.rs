//! The kind `vpc`.
