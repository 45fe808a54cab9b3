//! The kind `internet-gateway`.
