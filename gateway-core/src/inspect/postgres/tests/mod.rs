//! Statements, with what they are expected to do.
