//! Plans, progress and outcomes as text and JSON.
