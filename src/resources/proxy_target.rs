//! The kind `proxy-target`.
