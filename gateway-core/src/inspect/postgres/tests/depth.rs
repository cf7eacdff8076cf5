//! No tree is deeper than its text was said to be: with the statements that have expectations.

use super::super::fuzz::no_deeper;

#[test]
fn no_tree_is_deeper_than_its_text_was_said_to_be() {
    for case in [include_str!("queries.txt"), include_str!("utility.txt")].into_iter().flat_map(str::lines) {
        no_deeper(case.split(" => ").next().unwrap(), true);
    }
}
