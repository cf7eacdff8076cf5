//! Tests of decisions on statements.
