//! The kind `route-table`.
