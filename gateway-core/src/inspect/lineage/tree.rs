//! A statement's tree, kept for those that ask what it makes of columns.

use pg_query::protobuf::Node;
use std::fmt;
use std::sync::Arc;

/// Bytes of stack that dropping one level of a tree takes at most, and what is enough for any leaf.
const LEVEL: usize = 2 << 10;
const LEAF: usize = 64 << 10;

/// A statement's tree. Two are equal if they are the same one.
#[derive(Clone)]
pub struct Tree(Arc<Rooted>);

struct Rooted {
    node: Option<Box<Node>>,
    levels: usize,
}

impl Tree {
    /// Keeps `node`, which has so many messages inside one another.
    pub(in crate::inspect) fn new(node: Node, levels: usize) -> Self {
        Self(Arc::new(Rooted { node: Some(Box::new(node)), levels }))
    }

    /// The statement; none never.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        self.0.node.as_deref()
    }
}

impl Drop for Rooted {
    /// A tree is dropped by recursion, on whichever thread has it last.
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        let stack = LEAF + self.levels * LEVEL;
        stacker::maybe_grow(stack, stack, || drop(node));
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tree {}

impl fmt::Debug for Tree {
    /// It has texts of the statement in it, which no log may have.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tree")
    }
}
