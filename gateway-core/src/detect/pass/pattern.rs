//! Built-in patterns as the pass takes them: wider than they are, so that there are fewer states.

/// Repetitions that can be so high are not counted in the pass.
const COUNTED: usize = 10;

/// A built-in pattern as it is sought: high repetitions are not counted, since counting each of them apart would make a state of
/// nearly every combination. It matches where the pattern does, and is as long in progress.
pub(in crate::detect) fn relaxed(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
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

/// A built-in pattern as it is told from others in a region: whichever digits stand there, and no more of them than are needed.
pub(in crate::detect) fn shape(pattern: &str) -> String {
    let any = ["[1-9]", "[2-9]", "[1-69]", "[5-9]"].iter().fold(pattern.to_owned(), |text, some| text.replace(some, "[0-9]"));
    let least = [("{11,18}", "{11}"), ("{6,14}", "{6}"), ("{6,12}", "{6}")];
    least.iter().fold(any, |text, (range, least)| text.replace(range, least)).replace(r"(?:\b|_)", "")
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
