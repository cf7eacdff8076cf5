//! The cases, by what they play on.

mod names;
mod permitted;
mod planted;
mod protocol;
mod settings;
mod statements;
mod time;

use super::Case;

/// All of them.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        statements::cases(),
        planted::cases(),
        names::cases(),
        settings::cases(),
        protocol::cases(),
        time::cases(),
        permitted::cases(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn there_are_sixty_and_each_has_a_name_of_its_own() {
        let cases = super::all();
        let evasions = cases.iter().filter(|case| !matches!(case.must, crate::evasion::Must::Pass(_))).count();
        assert!(evasions >= 60, "{evasions}");
        assert_eq!(cases.iter().map(|case| &case.name).collect::<BTreeSet<_>>().len(), cases.len());
    }
}
