//! The stack description: YAML to a typed, checked value.
