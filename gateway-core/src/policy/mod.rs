//! Every decision is made here: Cedar policies over facts, pure.
