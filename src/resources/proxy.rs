//! The kind `proxy`.
