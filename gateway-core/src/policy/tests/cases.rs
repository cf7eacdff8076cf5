//! Tests of cases: what they put to a set, what came of it, and what a bad file reports.

use super::{EXAMPLES, load};
use crate::policy::cases::{Outcome, Verdict, read, run};

const HEAD: &str = r#"principal = { workload = "spiffe://acme.example/host/ci-7/unit/nightly-backup.service" }
target = { name = "prod-pg", environment = "production" }
"#;

fn files(text: &str) -> Vec<(String, String)> {
    vec![("cases/a.toml".to_owned(), text.to_owned())]
}

/// What came of one case, its name and its head apart.
fn outcome(policies: &str, case: &str) -> Outcome {
    let text = format!("[[case]]\nname = \"it\"\n{HEAD}{case}\n");
    let cases = read(&files(&text)).unwrap();
    run(&load(policies).unwrap(), &cases).remove(0)
}

/// Whether the case passes, and what the set says to it.
fn check(case: &str, passes: bool, got: Verdict, policies: &[&str]) {
    let writes = "@id(\"writes\") permit (principal, action == Action::\"write\", resource) when { !(context has copy) };";
    let outcome = outcome(&format!("{EXAMPLES}{writes}"), case);
    assert_eq!((outcome.passed, outcome.got), (passes, got), "{case}: {outcome:?}");
    assert_eq!(outcome.policies, policies, "{case}");
    assert_eq!(outcome.problem().is_none(), passes);
}

#[test]
fn a_case_passes_where_the_set_says_what_it_expects() {
    use Verdict::{Allow, Deny, Hold};
    let reads = ["backup-reads"].as_slice();
    let rows = [
        ("action = \"connect\"\nexpect = \"allow\"", true, Allow, reads),
        ("action = \"connect\"\nexpect = \"deny\"", false, Allow, reads),
        ("action = \"connect\"\nexpect = \"allow\"\nby = [\"backup-reads\"]", true, Allow, reads),
        ("action = \"connect\"\nexpect = \"allow\"\nby = [\"other\"]", false, Allow, reads),
        ("action = \"connect\"\nexpect = \"allow\"\nby = []", false, Allow, reads),
        (
            "questions = [{ action = \"read\", table = \"public.users\" }, { action = \"session\" }]\nexpect = \"allow\"",
            true,
            Allow,
            reads,
        ),
        ("questions = [{ action = \"define\", schema = \"public\" }]\nexpect = \"deny\"\nby = []", true, Deny, &[]),
        (
            "questions = [{ action = \"read\", table = \"?.users\" }]\ntotals = { run = { rows = 2_000_001 } }\nexpect = \"deny\"\nby = [\"backup-quota\"]",
            true,
            Deny,
            &["backup-quota"],
        ),
        (
            "questions = [{ action = \"read\", table = \"?.users\" }]\ntotals = { session = { rows = 2_000_001 } }\nexpect = \"allow\"",
            true,
            Allow,
            reads,
        ),
        (
            "questions = [{ action = \"write\", table = \"public.t\" }]\ncommand = \"DELETE\"\nexpect = \"hold\"",
            true,
            Hold,
            &["delete-needs-dba"],
        ),
        (
            "questions = [{ action = \"write\", table = \"public.t\" }]\ncommand = \"DELETE\"\nexpect = \"deny\"",
            true,
            Hold,
            &["delete-needs-dba"],
        ),
        (
            "questions = [{ action = \"write\", table = \"public.t\" }]\ncommand = \"INSERT\"\nexpect = \"hold\"",
            false,
            Allow,
            &["writes"],
        ),
        (
            "questions = [{ action = \"write\", table = \"public.t\" }]\ncommand = \"DELETE\"\napproved = true\nexpect = \"allow\"",
            true,
            Allow,
            &["writes"],
        ),
        (
            "questions = [{ action = \"write\", table = \"public.t\" }]\nfacts = { copy = \"stdin\" }\nexpect = \"deny\"",
            true,
            Deny,
            &[],
        ),
        ("questions = []\nfacts = { parsed = false }\nexpect = \"deny\"", true, Deny, &[]),
        ("questions = []\nexpect = \"allow\"\nby = []", true, Allow, &[]),
        ("sql = \"@ this is no statement\"\nexpect = \"deny\"\nby = []", true, Deny, &[]),
    ];
    for (case, passes, got, policies) in rows {
        check(case, passes, got, policies);
    }
}

#[test]
fn a_failure_says_what_was_expected_and_who_decided() {
    let problem = outcome(EXAMPLES, "action = \"connect\"\nexpect = \"deny\"\nby = [\"x\"]").problem().unwrap().to_string();
    for words in ["cases/a.toml:1: ", "\"it\" expects deny and got allow by backup-reads", "x is not among those that decided"] {
        assert!(problem.contains(words), "{problem}");
    }
    let problem = outcome(EXAMPLES, "sql = \"@ no\"\nexpect = \"allow\"").problem().unwrap().to_string();
    assert!(problem.contains("not understood: ") && problem.contains("by no policy"), "{problem}");
}

#[test]
fn a_bad_file_reports_every_problem_with_its_line() {
    let text = format!(
        r#"[[case]]
{HEAD}sql = "SELECT 1"
expect = "alow"
sqll = "x"

[[case]]
name = "two ways"
{HEAD}sql = "SELECT 1"
action = "connect"
expect = "allow"

[[case]]
name = 7
principal = {{ workload = "spiffe://a/b", grade = "guessed" }}
target = {{ nam = "x" }}
questions = [{{ action = "reads" }}, {{ action = "read", table = "users" }}, {{ table = "public.*" }}]
totals = {{ run = {{ rows = -1 }} }}
expect = "deny"
by = "x"

[other]
"#
    );
    let problems = read(&files(&text)).unwrap_err();
    let found: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let wanted = [
        (":1: ", "`name` is missing"),
        (":5: ", "\"allow\", \"deny\", \"hold\""),
        (":6: ", "unknown key `sqll`"),
        (":8: ", "either"),
        (":17: ", "`name` has to be a text"),
        (":18: ", "\"guessed\""),
        (":19: ", "unknown key `nam`"),
        (":19: ", "`name` is missing"),
        (":20: ", "\"reads\""),
        (":20: ", "names no schema"),
        (":20: ", "stands for nothing"),
        (":20: ", "`action` is missing"),
        (":21: ", "a whole number"),
        (":23: ", "a list of texts"),
        (":25: ", "unknown key `other`"),
    ];
    for (line, words) in wanted {
        assert!(
            found.iter().any(|one| one.starts_with(&format!("cases/a.toml{line}")) && one.contains(words)),
            "{line}{words}: {found:#?}"
        );
    }
    assert!(read(&files("[[case]\n")).unwrap_err().iter().any(|problem| problem.line == Some(1)));
    assert!(read(&files(&"#".repeat(1 << 21))).unwrap_err().iter().any(|problem| problem.what.contains("are read")));
    let long = format!("[[case]]\nname = \"long\"\n{HEAD}sql = \"{}\"\nexpect = \"deny\"\n", "x".repeat(5000));
    assert!(read(&files(&long)).unwrap_err().iter().any(|problem| problem.what.contains("at most 4096")));
}
