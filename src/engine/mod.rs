//! The engine: knows resources, plans and steps, but no AWS kind.
