//! The kind `vpc-connector`.
