//! What is known of a database: which schemas have a relation or function of a name, what a view reads.

/// A database's catalog as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Catalog {}
