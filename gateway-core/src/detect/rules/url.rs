//! URLs with a user and a password (RFC 3986, section 3.2.1): these two are hidden, the rest stays.

use super::{Candidate, Form, Rule, Verdict};

pub(super) const RULES: &[Rule] = &[Rule {
    name: "url_credentials",
    forms: &[Form::new(r#"(?i)://[^\s/@:"'<>]{0,64}:[^\s/"'<>]{1,200}@[a-z0-9\[_\x80-\xff]"#, 97, check)],
    raise: &[],
    lower: &[],
}];

fn check(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let start = 3;
    let end = written.iter().rposition(|byte| *byte == b'@')?;
    // What has been hidden already stays as it is.
    let hidden = written.get(start..end)?.starts_with(b"[");
    let from = candidate.span.start;
    (start < end && !hidden).then_some(Verdict { span: from + start..from + end, score: candidate.score })
}
