//! The kind `vpc-endpoint`.
