//! Keys by reference.
