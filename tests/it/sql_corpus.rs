//! This project's own corpus: each inspection against what a real server did. PostgreSQL's own, which
//! can't be kept here, is `cargo xtask sql-corpus`.

use weir_tests::corpus::{Kind, Sample, own, replay};

#[test]
fn no_confident_verdict_is_wrong() {
    let report = replay(&own(), Sample::default(), |_, _| {}).expect("a server starts");
    assert!(report.statements > 350 && report.accepted > 330, "{}", report.summary());
    let of = |kind| report.findings.iter().filter(move |finding| finding.kind == kind);
    let wrong: Vec<_> = of(Kind::Wrong).map(|finding| format!("{}: {} ({})", finding.file, finding.text, finding.why)).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let open: Vec<_> =
        of(Kind::Unparsed).chain(of(Kind::Ambiguous)).map(|finding| format!("{} ({})", finding.text, finding.why)).collect();
    assert!(report.good(), "{} not understood:\n{}", open.len(), open.join("\n"));
}
