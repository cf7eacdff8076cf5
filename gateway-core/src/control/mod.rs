//! What people do to jobs, as values and rules: who may what, who may answer a hold, what a grant covers, whom a block names.
//!
//! Pure: what is kept where, and who is told, is the gateway's business.

pub mod block;
pub mod grant;
pub mod hold;
pub mod person;
pub mod role;

/// Whether `pattern` names `text`: the same, or the same up to a `*` at the pattern's end.
#[must_use]
pub fn names(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or_else(|| pattern == text, |beginning| text.starts_with(beginning))
}

/// The same, and letters count whatever their case: a block had better name too much than too little.
fn names_roughly(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => text.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning)),
        None => pattern.eq_ignore_ascii_case(text),
    }
}

#[cfg(test)]
mod tests {
    use super::{names, names_roughly};

    #[test]
    fn a_pattern_names_one_thing_or_all_with_its_beginning() {
        for (pattern, text, expected) in [
            ("prod-pg", "prod-pg", true),
            ("prod-pg", "Prod-PG", true),
            ("prod-pg", "prod-pg2", false),
            ("prod-*", "prod-pg", true),
            ("prod-*", "prod", false),
            ("*", "", true),
            ("é*", "e", false),
        ] {
            assert_eq!(names_roughly(pattern, text), expected, "{pattern} {text}");
            let same_case = text != "Prod-PG";
            assert_eq!(names(pattern, text), expected && same_case, "{pattern} {text}");
        }
    }
}
