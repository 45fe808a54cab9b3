//! The kind `db-subnet-group`.
