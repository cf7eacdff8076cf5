//! What somebody does to the files shows, and where.
