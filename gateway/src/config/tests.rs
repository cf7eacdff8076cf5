//! Tests of the configuration: what is reported, where, and what a good file means.

use super::*;
use crate::credential::Source;

fn problems(text: &str) -> Vec<String> {
    let place = |problem: &Problem| problem.place.map(|(line, column)| format!("{line}:{column} ")).unwrap_or_default();
    Config::parse(text, Path::new("/etc/weir"))
        .expect_err("the text is wrong")
        .iter()
        .map(|problem| format!("{}{}", place(problem), problem.what))
        .collect()
}

#[test]
fn all_problems_are_reported_at_once_with_their_places() {
    let text = r#"trust_domain = "Acme"
state_dri = "/var/lib/weir"
[policy]
mode = "lax"
[[target]]
match = ["db:port", "10.0.0.0/40:5432"]
protocol = "postgres"
credential = "hunter2"
[record]
flush_ms = 0
[log]
level = "inof"
"#;
    let found = problems(text);
    assert_eq!(
        found,
        [
            r#"1:16 `trust_domain` can't be "Acme""#,
            "2:1 unknown key `state_dri` in the file",
            r#"4:8 `mode` can't be "lax""#,
            "5:1 `name` is missing in [target]",
            r#"6:10 `match` can't be "db:port": "port" is not a port"#,
            r#"6:21 `match` can't be "10.0.0.0/40:5432": /40 is not a length from 0 to 32"#,
            r#"8:14 `credential` is neither "passthrough" nor a table"#,
            "10:12 `flush_ms` can't be 0",
            r#"12:9 `level` can't be "inof""#,
        ]
    );
    assert!(!found.join("\n").contains("hunter2"), "a secret is never repeated");
}

#[test]
fn an_address_wins_over_a_longer_network_over_a_shorter_over_a_name() {
    let config = Config::parse(
        r#"trust_domain = "acme.example"
[[target]]
name = "by-name"
match = ["localhost:5432"]
[[target]]
name = "wide"
match = ["127.0.0.0/8:5432"]
[[target]]
name = "narrow"
match = ["127.0.0.0/24:5432", "[2001:db8::/32]:5432"]
[[target]]
name = "exact"
match = ["127.0.0.9:5432"]
"#,
        Path::new(""),
    )
    .expect("a good file");
    let name = |address: &str| config.targets.meant(address.parse().expect("an address"), &[]).map(|target| target.name.as_str());
    assert_eq!(name("127.0.0.9:5432"), Some("exact"));
    assert_eq!(name("127.0.0.1:5432"), Some("narrow"));
    assert_eq!(name("127.9.0.1:5432"), Some("wide"));
    assert_eq!(name("[::ffff:127.9.0.1]:5432"), Some("wide"));
    assert_eq!(name("[2001:db8::7]:5432"), Some("narrow"));
    assert_eq!(name("127.0.0.9:5433"), None);
}

#[test]
fn paths_start_at_the_file_and_a_target_verifies_its_server_unless_told_otherwise() {
    let config = Config::parse(
        r#"trust_domain = "acme.example"
state_dir = "state"
[[workload]]
name = "nightly-backup"
match = { uid = 7 }
owner = "ana@acme.example"
[[target]]
name = "prod-pg"
match = ["192.0.2.1:5432"]
protocol = "postgres"
credential = { inject = "file:backup.secret", user = "backup" }
"#,
        Path::new("/etc/weir"),
    )
    .expect("a good file");
    assert_eq!(config.state_dir, Path::new("/etc/weir/state"));
    let target = config.targets.iter().next().expect("one target");
    assert_eq!(target.credential, Some((Source::File("/etc/weir/backup.secret".into()), Some("backup".to_owned()))));
    assert_eq!(target.upstream.mode, crate::tls::UpstreamMode::VerifyFull);
}

#[test]
fn a_targets_limits_are_whole_numbers_and_need_statements() {
    let limits = |protocol: &str, limits: &str| {
        let text = format!(
            "trust_domain = \"acme.example\"\n[[target]]\nname = \"t\"\nmatch = [\"192.0.2.1:1\"]\nprotocol = \"{protocol}\"\n{limits}\n"
        );
        match Config::parse(&text, Path::new("")) {
            Ok(config) => {
                let target = config.targets.iter().next().expect("one target");
                Ok((target.max_concurrent, target.statement_time.map(|time| time.as_secs())))
            }
            Err(problems) => Err(problems.iter().map(|problem| problem.what.clone()).collect::<Vec<_>>()),
        }
    };
    assert_eq!(limits("postgres", ""), Ok((None, None)));
    assert_eq!(limits("postgres", "max_concurrent = 8\nstatement_time = 600"), Ok((Some(8), Some(600))));
    for (protocol, written, problem) in [
        ("postgres", "max_concurrent = 0", "`max_concurrent` can't be 0"),
        ("postgres", "statement_time = 0", "`statement_time` can't be 0"),
        ("postgres", "statement_time = \"5s\"", "`statement_time`"),
        ("opaque", "statement_time = 5", "`max_concurrent` and `statement_time` need a protocol that has statements"),
    ] {
        let problems = limits(protocol, written).expect_err(written);
        assert!(problems.iter().any(|what| what.contains(problem)), "{problems:?}");
    }
}

#[test]
fn the_syntax_is_reported_with_its_place() {
    assert!(problems("trust_domain = \n").first().is_some_and(|problem| problem.starts_with("1:")));
}

#[test]
fn the_references_example_is_a_good_file() {
    let page = include_str!("../../../docs/reference-configuration.md");
    let example = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let config = Config::parse(example, Path::new("/etc/weir")).expect("a good file");
    assert_eq!((config.targets.len(), config.workloads.len()), (1, 1));
}

#[test]
fn a_password_written_by_mistake_is_not_repeated() {
    let text = r#"trust_domain = "acme.example"
[[target]]
name = "t"
match = ["postgres://u:hunter2@db:5432"]
credential = { inject = "postgres://u:hunter2@db" }
catalog = "postgres://u:hunter2@db"
"#;
    let problems = Config::parse(text, Path::new("")).expect_err("the text is wrong");
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(!format!("{problems:?}").contains("hunter2"));
}

#[test]
fn a_job_s_pattern_that_the_kernel_side_has_no_room_for_is_refused_with_its_place_and_what_to_do() {
    let written = |key: &str, value: &str| {
        let text = format!("trust_domain = \"acme.example\"\n[[job]]\nname = \"j\"\nmatch = {{ {key} = \"{value}\" }}\n");
        Config::parse(&text, Path::new("/etc/weir"))
    };
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    let unit = |length: usize| format!("{}.service", "x".repeat(length - ".service".len()));
    assert!(written("cgroup", &path(120)).is_ok() && written("unit", &unit(118)).is_ok());
    for (key, value, most) in [("cgroup", path(121), 120), ("unit", unit(119), 118), ("cgroup", path(255), 120)] {
        let problems = written(key, &value).expect_err("it is too long");
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!(problem.what, format!("`{key}` has {} bytes, and the kernel side takes {most} at most", value.len()));
        assert!(problem.place.is_some_and(|(line, _)| line == 4) && problem.hint.contains("write `*`"), "{problem:?}");
    }
    // One that is wrong otherwise is told once, too; one that is not there at all as before.
    assert_eq!(written("unit", "no-kind").expect_err("it has no kind").len(), 1);
    assert!(written("name", "x").is_err());
}
