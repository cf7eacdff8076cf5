//! E-mail addresses (RFC 5321, section 4.1.2), without quoted local parts; letters beyond ASCII are taken (RFC 6531).

use super::{Candidate, Form, Rule, Verdict};

pub(super) const RULES: &[Rule] = &[Rule {
    name: "email",
    forms: &[Form::new(
        r"\b[A-Za-z0-9_](?:[A-Za-z0-9.!#$%&'*+^_{|}~\x80-\xff-]{0,63})@[A-Za-z0-9\x80-\xff][A-Za-z0-9.\x80-\xff-]{0,186}\.[A-Za-z\x80-\xff][A-Za-z0-9\x80-\xff-]{0,30}[A-Za-z0-9\x80-\xff]",
        95,
        check,
    )],
    raise: &[],
    lower: &[],
}];

/// Endings of files that are written with an `@` in their names (`logo@2x.png`, `module@1.2.min.js`).
const FILES: [&[u8]; 10] = [b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"ts", b"tgz"];

fn check(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    if is_user_of_url(candidate.text.get(..candidate.span.start)?) {
        return None;
    }
    let written = candidate.written();
    let at = written.iter().rposition(|byte| *byte == b'@')?;
    let (local, domain) = (written.get(..at)?, written.get(at + 1..)?);
    let last = domain.rsplit(|byte| *byte == b'.').next()?;
    let empty = |part: &[u8]| part.split(|byte| *byte == b'.').any(<[u8]>::is_empty);
    let file = FILES.iter().any(|ending| last.eq_ignore_ascii_case(ending));
    candidate.when(!file && !empty(domain) && local.last() != Some(&b'.'))
}

/// Whether what stands before it is the beginning of a URL: then it is no address, but a user or a password at a host.
fn is_user_of_url(before: &[u8]) -> bool {
    let near = before.get(before.len().saturating_sub(32)..).unwrap_or_default();
    let word = near.rsplit(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let Some(place) = word.windows(3).rposition(|window| window == b"://") else { return false };
    !word.iter().skip(place + 3).any(|byte| matches!(byte, b'/' | b'?' | b'#'))
}
