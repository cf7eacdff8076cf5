//! The cases, by what they play on.

mod builders;
mod catalogs;
mod clause;
mod columns;
mod copies;
mod errors;
mod functions;
mod harmless;
mod harmless_sessions;
mod inference;
mod names;
mod protocol;
mod relations;
mod sessions;
mod tools;
mod writes;

use super::Case;

/// All of them. What is harmless comes first: attempts may leave something behind.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        harmless::cases(),
        harmless_sessions::cases(),
        columns::cases(),
        functions::cases(),
        builders::cases(),
        relations::cases(),
        names::cases(),
        inference::cases(),
        errors::cases(),
        copies::cases(),
        sessions::cases(),
        catalogs::cases(),
        protocol::cases(),
        tools::cases(),
        writes::cases(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use crate::leak::Aim;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_three_hundred_and_a_hundred_and_each_has_a_name_of_its_own() {
        let cases = super::all();
        let statements =
            |aim| cases.iter().filter(|case| case.aim == aim).map(|case| &case.statements).collect::<BTreeSet<_>>().len();
        assert!(statements(Aim::Hide) >= 300, "{}", statements(Aim::Hide));
        assert!(statements(Aim::Keep) >= 100, "{}", statements(Aim::Keep));
        assert_eq!(cases.iter().map(|case| &case.id).collect::<BTreeSet<_>>().len(), cases.len());
    }
}
