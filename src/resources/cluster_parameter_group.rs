//! The kind `cluster-parameter-group`.
