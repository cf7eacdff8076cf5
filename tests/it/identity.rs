//! A job is known by its script's hash, whoever starts it, and its owner is named.

use weir_tests::{Postgres, Weir};

#[test]
fn a_script_is_recognised_with_its_owner() {
    let server = Postgres::start();
    let rule = "[[workload]]\nname = \"nightly\"\nowner = \"ana@acme.example\"\nmatch = { script_sha256 = \"SHA\" }\n";
    let text = "#!/bin/sh\n# A nightly job.\npsql -X -A -t -c 'SELECT 7'\n";
    let weir = Weir::for_server(&server).extra(&rule.replace("SHA", &sha256(text))).build();
    let script = weir.script("nightly.sh", text);
    let outcome = weir.run(&[script.to_str().expect("a UTF-8 path")]).expect_success();
    assert_eq!(outcome.stdout.trim(), "7");
    weir.run(&["psql", "-X", "-c", "SELECT 1"]).expect_success();
    let sessions = weir.sessions();
    let named = |name: &str| sessions.iter().filter(|session| session["name"] == name).count();
    assert_eq!((sessions.len(), named("nightly")), (2, 1), "{sessions:?}");
    let nightly = sessions.iter().find(|session| session["name"] == "nightly").expect("counted above");
    assert_eq!(nightly["owner"], "ana@acme.example");
    assert_ne!(sessions[0]["run"], sessions[1]["run"], "each execution is a run of its own");
}

fn sha256(text: &str) -> String {
    let place = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(place.path(), text).expect("our own file");
    let output = std::process::Command::new("sha256sum").arg(place.path()).output().expect("coreutils are there");
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned()
}
