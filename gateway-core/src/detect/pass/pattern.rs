//! Built-in patterns as the pass takes them: wider than they are, so that there are fewer states.

/// Repetitions that can be so high are not counted in the pass.
const COUNTED: usize = 10;

/// Which digit or letter it is can wait for the pattern itself.
const WIDER: [(&str, &str); 10] = [
    ("[0-3]", "[0-9]"),
    ("[01]", "[0-9]"),
    ("[A-HJ-NP-TV-Z]", "[A-Z]"),
    ("[0-9LMNP-V]", "[0-9A-Z]"),
    ("[ABCDEHLMPRST]", "[A-Z]"),
    ("[A-CEGHJ-PR-TW-Z]", "[A-Z]"),
    ("[A-CEGHJ-NPR-TW-Z]", "[A-Z]"),
    ("[ABCFGHJLPT]", "[A-Z]"),
    ("[-+A-FU-Y]", "[-+A-Z]"),
    ("[0-9A-FHJ-NPR-Y]", "[0-9A-Z]"),
];

/// A built-in pattern as it is sought: high repetitions are not counted, since counting each of them apart would make a state of
/// nearly every combination. It matches where the pattern does, and is as long in progress.
pub(in crate::detect) fn relaxed(pattern: &str) -> String {
    let pattern = WIDER.iter().fold(pattern.to_owned(), |text, (some, all)| text.replace(some, all));
    let mut out = String::new();
    let mut rest = pattern.as_str();
    while let Some(place) = rest.find('{') {
        let (before, behind) = rest.split_at(place);
        out += before;
        let Some((bounds, after)) = behind.get(1..).and_then(|behind| behind.split_once('}')) else { break };
        let (least, most) = bounds.split_once(',').unwrap_or((bounds, bounds));
        let range: Option<(usize, usize)> = least.parse().ok().and_then(|least| Some((least, most.parse().ok()?)));
        rest = match range {
            Some((0, COUNTED..)) => {
                out.push('*');
                after
            }
            Some((_, COUNTED..)) => {
                out.push('+');
                after
            }
            _ => {
                out.push('{');
                behind.get(1..).unwrap_or_default()
            }
        };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_repetitions_are_relaxed() {
        for (pattern, expected) in
            [("a{0,63}b{2}c{1,9}", "a*b{2}c{1,9}"), ("[{|}]{1,200}@[a-z]{36}", "[{|}]+@[a-z]+"), ("a{0,9}b{3,}", "a{0,9}b{3,}")]
        {
            assert_eq!(relaxed(pattern), expected);
        }
    }
}
