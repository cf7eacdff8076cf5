//! Which questions a statement raises, with catalogs made by hand.
