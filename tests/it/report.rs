//! The auditor's report says who accessed what, when, and under which decision, and that the records are as they were written.

use serde_json::Value;
use weir_tests::{Postgres, Weir};

const RULES: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("no-where-update") forbid (principal, action == Action::"write", resource) when { context.no_where };
"#;

#[test]
fn an_auditor_is_told_who_accessed_what_in_each_format() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).policy(RULES).build();
    weir.run(&["psql", "-X", "-c", "CREATE TABLE t (n int)", "-c", "SELECT n FROM t", "-c", "UPDATE t SET n = 2"]);
    weir.cli(&["block", "add", "--workload", "=evil", "--reason", "=2+2 <b>"]).expect_success();
    let session = weir.sessions()[0]["session"].as_str().expect("an id is text").to_owned();

    let json = weir.cli(&["audit", "report", "--format", "json"]).expect_success().stdout;
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let told = &report["sessions"][0];
    assert_eq!((&told["session"], &told["target"], &told["user"]), (&session.clone().into(), &"db".into(), &"app".into()));
    assert_eq!((&told["refused"], &told["policies"][0]), (&1.into(), &"allow-all".into()), "{told}");
    assert!(told["accesses"].as_array().is_some_and(|all| all.iter().any(|one| one == "read t")), "{told}");
    assert_eq!((&report["totals"]["problems"], &report["events"][0]["criterion"]), (&0.into(), &"CC6.6".into()), "{report}");

    let csv = weir.cli(&["audit", "report", "--format", "csv"]).expect_success().stdout;
    assert!(csv.lines().any(|line| line.contains(&session) && line.contains("read t")), "{csv}");
    assert!(!csv.contains(",\"="), "no field is a formula: {csv}");

    let file = weir.directory().join("report.html");
    let output = file.to_str().expect("a UTF-8 path");
    weir.cli(&["audit", "report", "--output", output]).expect_success();
    let html = std::fs::read_to_string(&file).expect("our own file");
    assert!(html.contains(&session) && html.contains("CC7.4") && html.contains("Intact.") && !html.contains("<b>\""), "{html}");
    assert!(
        !html.contains("2 <b>") && !html.contains("src=") && !html.contains("href=\"h"),
        "it has no markup of anybody's, and nothing from elsewhere"
    );
    assert_eq!(weir.cli(&["audit", "report", "--output", output]).status, Some(1), "a report is not overwritten");

    // Nothing of that time, and nothing of another target.
    for other in [&["--until", "2020-01-01"][..], &["--target", "other"]] {
        let json = weir.cli(&[&["audit", "report", "--format", "json"], other].concat()).expect_success().stdout;
        let report: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&report["totals"]["sessions"], &report["sessions"]), (&0.into(), &Value::Array(vec![])), "{other:?}");
    }
}
