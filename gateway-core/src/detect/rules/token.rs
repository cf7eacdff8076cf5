//! Keys and tokens that say by their beginning whose they are, JSON Web Tokens (RFC 7519) and private keys in PEM (RFC 7468).

use super::{Candidate, Form, Rule, Tail, Verdict};

/// What tokens are made of.
const fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The same with what separates the parts of some, and with padding.
const fn dotted(byte: u8) -> bool {
    word(byte) || matches!(byte, b'.' | b'=' | b'+' | b'/')
}

const WORD: Tail = Tail::While(word);
const DOTTED: Tail = Tail::While(dotted);

const fn rule(name: &'static str, forms: &'static [Form]) -> Rule {
    Rule { name, forms, raise: &[], lower: &[] }
}

/// A key of this beginning, whatever follows in its alphabet.
const fn key(pattern: &'static str) -> Form {
    Form::with_tail(pattern, 97, sure, WORD)
}

pub(super) const RULES: &[Rule] = &[
    rule("aws_key", &[key(r"(?:\b|_)(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"), key(r"\bABSK[A-Za-z0-9+/]{40}")]),
    rule("github_token", &[key(r"(?:\b|_)gh[pousr]_[A-Za-z0-9]{36}"), key(r"(?:\b|_)github_pat_[A-Za-z0-9_]{22}")]),
    rule(
        "gitlab_token",
        &[
            key(r"(?:\b|_)gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas|ffct)-[A-Za-z0-9_-]{20}"),
            key(r"\bGR1348941[A-Za-z0-9_-]{20}"),
        ],
    ),
    rule(
        "slack_token",
        &[
            key(r"(?:\b|_)xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10}"),
            key(r"(?:\b|_)xapp-[0-9]-[A-Za-z0-9-]{10}"),
            Form::with_tail(r"\bhooks\.slack\.com/(?:services|workflows)/[A-Z0-9]{8}", 97, sure, DOTTED),
        ],
    ),
    rule(
        "google_key",
        &[
            key(r"(?:\b|_)AIza[A-Za-z0-9_-]{35}"),
            key(r"(?:\b|_)GOCSPX-[A-Za-z0-9_-]{28}"),
            key(r"(?:\b|_)ya29\.[A-Za-z0-9_-]{20}"),
        ],
    ),
    rule("stripe_key", &[key(r"(?:\b|_)[sr]k_(?:live|test)_[A-Za-z0-9]{16}"), key(r"(?:\b|_)whsec_[A-Za-z0-9+/]{24}")]),
    rule("npm_token", &[key(r"(?:\b|_)npm_[A-Za-z0-9]{36}")]),
    rule(
        "api_key",
        &[
            key(r"(?:\b|_)sk-(?:ant|proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{20}"),
            key(r"(?:\b|_)SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
            key(r"(?:\b|_)hv[sbr]\.[A-Za-z0-9_-]{24}"),
            key(r"(?:\b|_)do[opr]_v1_[0-9a-f]{64}"),
            key(r"(?:\b|_)dckr_(?:pat|oat)_[A-Za-z0-9_-]{27}"),
            key(r"(?:\b|_)dapi[0-9a-f]{32}"),
            key(r"(?:\b|_)shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
            key(r"(?:\b|_)pypi-[A-Za-z0-9_-]{32}"),
            key(r"(?:\b|_)(?:lin_api|glsa|nrak|hf|ATATT3)_?[A-Za-z0-9]{32}"),
            key(r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}"),
            Form::with_tail(r"(?i)\bAccountKey=[A-Za-z0-9+/]{86}", 97, sure, DOTTED),
        ],
    ),
    rule("jwt", &[Form::with_tail(r"(?:\b|_)eyJ[A-Za-z0-9_-]{10,280}\.[A-Za-z0-9_-]{10}", 97, sure, DOTTED)]),
    rule(
        "private_key",
        &[Form::with_tail(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----", 100, sure, Tail::Pem)],
    ),
];

/// Nothing else looks so.
fn sure(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let under = usize::from(candidate.written().first() == Some(&b'_'));
    Some(Verdict { span: candidate.span.start + under..candidate.span.end, score: candidate.score })
}
