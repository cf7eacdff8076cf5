//! Rules for every file: it says what it is for, stays short, and names no machine.

use super::Report;
use super::source::SourceFile;

/// Lines at which a file is told to be long, and at which it is refused.
const LONG: usize = 600;
const TOO_LONG: usize = 900;

/// Folders that belong to one machine. Split, so that this list does not name itself.
const MACHINE_PATHS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

pub(super) fn check(file: &SourceFile, report: &mut Report) {
    purpose(file, report);
    budget(file, report);
    machine_paths(file, report);
}

fn purpose(file: &SourceFile, report: &mut Report) {
    let mut lines = file.text.lines();
    let first = lines.next().unwrap_or_default();
    let (stated, rule) = match kind(file) {
        Kind::Rust => (first.starts_with("//! "), "begin with a `//! ` line that says what the file is for"),
        Kind::Script => {
            let said = if first.starts_with("#!") { lines.next().unwrap_or_default() } else { first };
            (said.starts_with("# "), "begin with a `# ` line that says what the script is for")
        }
        Kind::Markdown => (first.starts_with("# "), "begin with a `# ` heading"),
        Kind::Other => return,
    };
    if !stated {
        report.breach(file, 1, rule);
    }
}

fn budget(file: &SourceFile, report: &mut Report) {
    if !matches!(kind(file), Kind::Rust | Kind::Script) {
        return;
    }
    let lines = file.text.lines().count();
    if lines > TOO_LONG {
        report.breach(file, lines, &format!("{lines} lines, more than {TOO_LONG}: split it by what it does"));
    } else if lines > LONG {
        report.warnings.push(format!("{}: {lines} lines: aim at 250", file.path));
    }
}

fn machine_paths(file: &SourceFile, report: &mut Report) {
    for (index, line) in file.text.lines().enumerate() {
        for path in MACHINE_PATHS.iter().filter(|path| names(line, path)) {
            report.breach(file, index + 1, &format!("names a path of one machine ({path}…)"));
        }
    }
}

/// Whether `line` names the absolute folder, rather than a path that has it in its middle, or a person of SCIM's: those are at
/// addresses that begin like one, with an id behind it (RFC 7644 §3.2).
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let behind = line.get(at + folder.len()..).unwrap_or_default();
        let is_person = folder == MACHINE_PATHS[2] && ["{", "p-", ".."].iter().any(|id| behind.starts_with(id));
        !is_person && !before.is_some_and(|character| character.is_alphanumeric() || "._-}/".contains(character))
    })
}

enum Kind {
    Rust,
    Script,
    Markdown,
    Other,
}

fn kind(file: &SourceFile) -> Kind {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, "rs")) => Kind::Rust,
        Some((_, "sh")) => Kind::Script,
        Some((_, "md")) => Kind::Markdown,
        None if file.text.starts_with("#!") => Kind::Script,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<String> {
        Report::of(check, path, text).breaches
    }

    #[test]
    fn each_file_says_what_it_is_for() {
        for (path, text) in [
            ("a/b.rs", "//! Does it.\nfn main() {}\n"),
            ("scripts/x", "#!/bin/sh\n# Does it.\n"),
            ("scripts/y.sh", "# Does it.\n"),
            ("README.md", "# Title\n"),
            ("data.json", "{}"),
        ] {
            assert_eq!(breaches(path, text), Vec::<String>::new(), "{path}");
        }
        for (path, text) in
            [("a/b.rs", "fn main() {}\n"), ("a/empty.rs", ""), ("scripts/x", "#!/bin/sh\nset -e\n"), ("README.md", "words\n")]
        {
            assert_eq!(breaches(path, text).len(), 1, "{path}");
        }
    }

    #[test]
    fn a_long_file_is_told_and_a_too_long_one_refused() {
        for (lines, breaches, warnings) in [(600, 0, 0), (601, 0, 1), (900, 0, 1), (901, 1, 0)] {
            let mut report = Report::default();
            let text = format!("//! Long.\n{}", "\n".repeat(lines - 1));
            check(&SourceFile::new("a.rs", &text), &mut report);
            assert_eq!((report.breaches.len(), report.warnings.len()), (breaches, warnings), "{lines}");
        }
    }

    #[test]
    fn no_file_names_a_machine() {
        let folder = MACHINE_PATHS[0];
        assert_eq!(breaches("a.md", &format!("# T\nsee {folder}main\n")).len(), 1);
        assert_eq!(breaches("a.toml", &format!("ca = \"file:{folder}ca.pem\"\n")).len(), 1);
        assert_eq!(breaches("a.md", &format!("# T\nsee net{folder}main\n")).len(), 0);
        let people = MACHINE_PATHS[2];
        assert_eq!(breaches("a.md", &format!("# T\nGET {people}p-0000000000001\n")).len(), 0);
        assert_eq!(breaches("a.md", &format!("# T\nsee {people}ana/x\n")).len(), 1);
    }
}
