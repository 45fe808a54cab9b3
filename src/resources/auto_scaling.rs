//! The kind `auto-scaling`.
