//! Every protocol is a folder with tests and a fuzz target.

use super::Report;
use super::source::SourceFile;
use std::collections::BTreeSet;

const FOLDER: &str = "gateway-core/src/protocol/";

pub(super) fn check(files: &[SourceFile], report: &mut Report) {
    let protocols: BTreeSet<&str> =
        files.iter().filter_map(|file| file.path.strip_prefix(FOLDER)?.split_once('/')).map(|(protocol, _)| protocol).collect();
    for protocol in protocols {
        let folder = format!("{FOLDER}{protocol}/");
        let own = || files.iter().filter(|file| file.path.starts_with(&folder));
        if !own().any(|file| file.text.contains("#[test]") || file.text.contains("proptest!")) {
            report.breaches.push(format!("{folder}: has no tests"));
        }
        let target =
            |file: &&SourceFile| file.path.starts_with("fuzz/") && file.path.ends_with(".rs") && file.path.contains(protocol);
        if !files.iter().any(|file| target(&file)) {
            report.breaches.push(format!("{folder}: has no fuzz target (a file below fuzz/ that has `{protocol}` in its name)"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(files: &[(&str, &str)]) -> usize {
        let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        let mut report = Report::default();
        check(&files, &mut report);
        report.breaches.len()
    }

    #[test]
    fn a_protocol_has_tests_and_a_fuzz_target() {
        let folder = ("gateway-core/src/protocol/smtp/mod.rs", "//! SMTP.\n");
        let tests = ("gateway-core/src/protocol/smtp/tests.rs", "#[test]\nfn works() {}\n");
        let target = ("fuzz/fuzz_targets/smtp_server.rs", "//! A target.\n");
        assert_eq!(breaches(&[folder, tests, target]), 0);
        assert_eq!(breaches(&[folder, tests]), 1);
        assert_eq!(breaches(&[folder, target]), 1);
        assert_eq!(breaches(&[folder]), 2);
        assert_eq!(breaches(&[("gateway-core/src/protocol/mod.rs", "//! The seam.\n")]), 0);
    }
}
