//! The kind `nat-gateway`.
