//! The Drizzle-compatible migrator.
