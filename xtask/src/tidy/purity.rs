//! gateway-core is pure: no sockets, files, threads, clocks or randomness, no async, no runtime.

use super::Report;
use super::source::SourceFile;

/// What the core may not name, each with what it does instead.
const IMPURE: [(&str, &str); 18] = [
    ("tokio", "the relay in gateway/src/session awaits; the core is handed bytes"),
    ("aya", "maps are read in gateway/src/capture"),
    ("std::fs", "files are gateway/src/evidence's: the core gives bytes"),
    ("std::thread", "threads are gateway's"),
    ("std::process", "processes are gateway's"),
    ("std::env", "what the environment says is an argument"),
    ("TcpStream", "sockets are gateway's"),
    ("TcpListener", "sockets are gateway's"),
    ("UdpSocket", "sockets are gateway's"),
    ("UnixStream", "sockets are gateway's"),
    ("UnixListener", "sockets are gateway's"),
    ("ToSocketAddrs", "names are resolved in gateway/src/session"),
    ("SystemTime", "the time is an argument: model::time::Timestamp"),
    ("Instant", "the time is an argument: model::time::Timestamp"),
    ("rand", "what is random is an argument"),
    ("getrandom", "what is random is an argument"),
    ("async", "the core never waits"),
    ("RandomState", "its keys are random: use a BTreeMap"),
];

const MANIFEST: &str = "gateway-core/Cargo.toml";

pub(super) fn check(file: &SourceFile, report: &mut Report) {
    if file.path == MANIFEST {
        dependencies(file, report);
    } else if file.path.starts_with("gateway-core/src/") && file.path.ends_with(".rs") {
        for (number, line) in file.code() {
            for (word, instead) in IMPURE.iter().filter(|(word, _)| names(line, word)) {
                report.breach(file, number, &format!("gateway-core is pure and may not name `{word}`: {instead}"));
            }
        }
    }
}

fn dependencies(file: &SourceFile, report: &mut Report) {
    for (index, line) in file.text.lines().enumerate() {
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        if ["tokio", "aya", "nix", "libc", "socket2", "rand", "getrandom", "hyper", "rustls"].contains(&name) {
            report.breach(file, index + 1, &format!("gateway-core is pure and may not depend on `{name}`"));
        }
    }
}

/// Whether `word` stands in `line` as a word of its own, outside of a string.
fn names(line: &str, word: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.get(word.len()..).unwrap_or_default();
        let quoted = before.matches('"').count() % 2 == 1;
        !quoted && !before.ends_with(part) && !after.starts_with(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> usize {
        Report::of(check, path, text).breaches.len()
    }

    #[test]
    fn the_core_names_nothing_impure() {
        let core = "gateway-core/src/policy/set.rs";
        for pure in [
            "use std::net::SocketAddr;",
            "fn instant(operand: u8) {}",
            "// tokio would do",
            "let text = \"no tokio here\";",
            "let at = now;\n#[cfg(test)]\nuse std::time::Instant;",
        ] {
            assert_eq!(breaches(core, pure), 0, "{pure}");
        }
        for impure in [
            "use tokio::io;",
            "let now = SystemTime::now();",
            "let now = std::time::Instant::now();",
            "std::fs::read(path)",
            "async fn read() {}",
            "std::thread::spawn(|| ());",
            "use std::net::TcpStream;",
        ] {
            assert_eq!(breaches(core, impure), 1, "{impure}");
            assert_eq!(breaches("gateway/src/app.rs", impure), 0, "{impure}");
        }
    }

    #[test]
    fn the_core_depends_on_nothing_impure() {
        assert_eq!(breaches(MANIFEST, "[dependencies]\nserde.workspace = true\n"), 0);
        assert_eq!(breaches(MANIFEST, "[dependencies]\ntokio.workspace = true\n"), 1);
        assert_eq!(breaches(MANIFEST, "[dependencies]\naya = \"0.14\"\n"), 1);
    }
}
