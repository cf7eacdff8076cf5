//! What a decision rested on, as records keep it: enough to make the same decision again, with this set or with another.
//!
//! `written` puts it into a frame, from what is borrowed; `kept` reads it back and decides. The form is JSON with short
//! keys, since it is written once for each decision:
//!
//! | key | is |
//! |---|---|
//! | `q` | the questions, each `[what, schema, name, behind, verb]`, cut behind its last value. `what` is two letters: the action's first, and `.` target, `s` schema, `t` table, `f` function |
//! | `more` | how many questions are not kept: such a decision can't be made again |
//! | `c` | the command |
//! | `f` | facts that hold: `u` not understood, `w` without WHERE, `o` opaque, `e` EXPLAIN, `l` locking, `t` in a transaction, `a` the owner is active, `c` names were looked up in a catalog |
//! | `copy` | of COPY |
//! | `d`, `u`, `n` | the database, the user, the statements of the text |
//! | `s`, `r`, `h` | totals of the session, run and hour: rows, bytes, statements, seconds, concurrent, connections |
//! | `grants` | those in force: `id` and `wish` |
//! | `waits` | what it waited for because its owner has left |
//! | `released` | what people's approval released it from |
//! | `hidden` | classes that it touched and that were not revealed |

mod kept;
mod meant;
mod written;

pub use kept::{KeptConnect, KeptName, KeptOperation, Unkept, Verdict};
pub use written::{ConnectBasis, OperationBasis, write_totals};

use crate::inspect::{Action, CopyWith};

/// So many questions of a statement are kept.
pub const MOST_QUESTIONS: usize = 200;
/// So many grants are kept.
pub const MOST_GRANTS: usize = 20;

/// The letters of facts.
mod letter {
    pub(super) const UNPARSED: char = 'u';
    pub(super) const NO_WHERE: char = 'w';
    pub(super) const OPAQUE: char = 'o';
    pub(super) const EXPLAIN: char = 'e';
    pub(super) const LOCKING: char = 'l';
    pub(super) const IN_TRANSACTION: char = 't';
    pub(super) const OWNER_ACTIVE: char = 'a';
    pub(super) const CATALOG: char = 'c';
    pub(super) const ALL: &str = "uwoeltac";
}

const fn letter_of(action: Action) -> char {
    match action {
        Action::Read => 'r',
        Action::Write => 'w',
        Action::Define => 'd',
        Action::Administer => 'a',
        Action::Call => 'c',
        Action::Session => 's',
    }
}

fn action_of(letter: char) -> Option<Action> {
    Action::ALL.into_iter().find(|action| letter_of(*action) == letter)
}

const COPIES: [(&str, CopyWith); 4] =
    [("stdin", CopyWith::Stdin), ("stdout", CopyWith::Stdout), ("file", CopyWith::File), ("program", CopyWith::Program)];

#[cfg(test)]
pub(super) mod tests;
