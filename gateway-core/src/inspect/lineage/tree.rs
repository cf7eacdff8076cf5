//! A statement's tree, kept for those that ask what it makes of columns.

use pg_query::protobuf::Node;
use std::fmt;
use std::sync::Arc;

/// Bytes of stack that dropping one level of a tree is reckoned to take, and what is enough for any leaf. A test
/// drops a deep one with no more.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::postgres::{Bounds, Reading, STACK, inspect};
    use std::thread::Builder;

    #[test]
    fn a_deep_tree_is_dropped_with_no_more_stack_than_is_reckoned_with() {
        let reading = Reading { standard_conforming_strings: Some(true), exact: true };
        for text in [
            format!("SELECT {}1{}", "f(".repeat(950), ")".repeat(950)),
            format!("SELECT 1{}", " + 1".repeat(1_900)),
            format!("SELECT {}1{}", "(SELECT ".repeat(350), ")".repeat(350)),
        ] {
            let read = Builder::new().stack_size(STACK).spawn(move || {
                let tree = inspect(&text, reading, Bounds::default()).statements.remove(0).tree.clone().unwrap();
                let mut rooted = Arc::into_inner(tree.0).unwrap();
                (rooted.node.take().unwrap(), rooted.levels)
            });
            let (node, levels) = read.unwrap().join().unwrap();
            assert!(levels > 1_000, "{levels}");
            Builder::new().stack_size(LEAF + levels * LEVEL).spawn(move || drop(node)).unwrap().join().unwrap();
        }
    }
}
