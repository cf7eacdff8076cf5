//! Each inspection, and what is asked by a real catalog, against what a real server did.
//!
//! The ordinary test has this project's own corpus. PostgreSQL's, which can't be kept here, is
//! `cargo xtask sql-corpus`, which runs the other test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use gateway_core::inspect::catalog::Catalog;
use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use tokio::runtime;
use weir::catalog::{Catalogs, Place};
use weir::credential::Secret;
use weir::tls::UpstreamTls;
use weir_tests::corpus::{Kind, Recorded, Report, Sample, own, replay, suite};
use zeroize::Zeroizing;

/// How many findings of a kind are printed; the report has all.
const SHOWN: usize = 20;
/// What texts above 4 KiB need, and the test's own.
const STACK: usize = 64 << 20;

#[test]
fn no_confident_verdict_is_wrong() {
    let report = run(own(), Sample::default());
    assert!(report.statements > 350 && report.accepted > 330, "{}", report.summary());
    assert!(report.behind > 40, "{} relations behind views", report.behind);
    assert!(report.good(), "{}\n{}", report.summary(), findings(&report));
}

#[test]
#[ignore = "minutes, and the suite's sources: cargo xtask sql-corpus"]
fn no_confident_verdict_on_postgresql_s_own_suite_is_wrong() {
    let sources = PathBuf::from(setting("SOURCES").unwrap_or_else(|| panic!("cargo xtask sql-corpus runs this")));
    let cache = PathBuf::from(setting("CACHE").unwrap());
    let number = |name| setting(name).map(|text| text.into_string().unwrap().parse::<u64>().unwrap());
    let count = number("COUNT").map(|count| usize::try_from(count).unwrap());
    say("taking down what the suite sends (some minutes, once)");
    let report = run(suite(&sources, &cache).unwrap(), Sample { count, seed: number("SEED").unwrap_or(0) });
    if let Some(file) = setting("JSON") {
        std::fs::write(file, format!("{:#}\n", report.json())).unwrap();
    }
    say(&findings(&report));
    say(&report.summary().to_string());
    assert!(report.good(), "{}", report.summary());
}

fn setting(name: &str) -> Option<OsString> {
    std::env::var_os(format!("WEIR_CORPUS_{name}"))
}

/// To who waits for the chore.
fn say(line: &str) {
    writeln!(std::io::stdout().lock(), "{line}").unwrap();
}

fn run(recorded: Recorded, sample: Sample) -> Report {
    let work = move || {
        // With a thread of its own, so that connections that are done with end: some texts drop databases.
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut load = |port, database: &str| Ok(runtime.block_on(load(port, database))?);
        let progress = |at, of| {
            if at % 25 == 0 {
                say(&format!("  session {at} of {of}"));
            }
        };
        replay(&recorded, sample, &mut load, progress).unwrap()
    };
    thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap()
}

/// The catalog as the gateway reads it. The corpus' server lets everyone in.
async fn load(port: u16, database: &str) -> Result<Arc<Catalog>, weir::catalog::CatalogError> {
    let place = Place { address: SocketAddr::from(([127, 0, 0, 1], port)), database: database.into(), columns: false };
    let secret = Secret { user: Some("postgres".to_owned()), password: Zeroizing::new("unused".to_owned()) };
    Catalogs::default().of(&place, &UpstreamTls::disabled(), || Ok(secret)).await
}

fn findings(report: &Report) -> String {
    let of = |kind| report.findings.iter().filter(move |finding| finding.kind == kind).take(SHOWN);
    let shown = [Kind::Wrong, Kind::Unparsed, Kind::Ambiguous].into_iter().flat_map(of);
    let line = |text: &str| text.replace('\n', " ");
    shown
        .map(|finding| format!("{:?} {}: {}\n      {}\n", finding.kind, finding.file, finding.why, line(&finding.text)))
        .collect()
}
