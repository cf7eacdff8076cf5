//! origin.
