//! Which script an interpreter was given, from its executable and arguments.

/// How an interpreter reads its command line.
struct Dialect {
    /// Letters after which there is no script: `-c CODE`, `-m MODULE`, `-s`.
    no_script: &'static str,
    /// Letters that take a value.
    value: &'static str,
    /// Whether a value may follow its letter at once: `-Wignore`.
    attached: bool,
    /// The letter whose value is the script.
    script: Option<char>,
    /// Whether `+x` is an option too.
    plus: bool,
    no_script_words: &'static [&'static str],
    value_words: &'static [&'static str],
}

const SHELL: Dialect = Dialect {
    no_script: "cs",
    value: "oO",
    attached: false,
    script: None,
    plus: true,
    no_script_words: &[],
    value_words: &["--rcfile", "--init-file"],
};
const PYTHON: Dialect = Dialect {
    no_script: "cm",
    value: "WX",
    attached: true,
    script: None,
    plus: false,
    no_script_words: &[],
    value_words: &["--check-hash-based-pycs"],
};
const PERL: Dialect =
    Dialect { no_script: "eES", value: "IMm", attached: true, script: None, plus: false, no_script_words: &[], value_words: &[] };
const RUBY: Dialect = Dialect {
    no_script: "eS",
    value: "rICEFKTWx",
    attached: true,
    script: None,
    plus: false,
    no_script_words: &[],
    value_words: &["--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable"],
};
const NODE: Dialect = Dialect {
    no_script: "epi",
    value: "rC",
    attached: false,
    script: None,
    plus: false,
    no_script_words: &["--eval", "--print", "--interactive", "--run", "--test"],
    value_words: &[
        "--require",
        "--import",
        "--loader",
        "--experimental-loader",
        "--conditions",
        "--title",
        "--input-type",
        "--inspect-port",
        "--stack-trace-limit",
        "--max-http-header-size",
        "--icu-data-dir",
        "--openssl-config",
        "--redirect-warnings",
        "--diagnostic-dir",
        "--disable-warning",
        "--dns-result-order",
        "--unhandled-rejections",
    ],
};
const PHP: Dialect = Dialect {
    no_script: "rBREFSa",
    value: "cdztg",
    attached: true,
    script: Some('f'),
    plus: false,
    no_script_words: &[
        "--run",
        "--process-begin",
        "--process-code",
        "--process-end",
        "--process-file",
        "--server",
        "--interactive",
    ],
    value_words: &["--php-ini", "--define", "--zend-extension", "--docroot"],
};

/// The argument that names the script, where the executable is an interpreter and was given one.
///
/// What is not understood gives none: a wrong script would be a wrong identity.
pub(super) fn argument<'a>(executable: &str, arguments: &'a [Vec<u8>]) -> Option<&'a [u8]> {
    let name = super::name::basename(executable);
    let dialect = dialect(name)?;
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let text = String::from_utf8_lossy(argument);
        match step(dialect, &text) {
            Step::Script => return Some(argument),
            Step::NoScript => return None,
            Step::Next => {}
            Step::SkipValue => drop(rest.next()),
            Step::ScriptFollows => return rest.next().map(Vec::as_slice),
        }
    }
    None
}

enum Step {
    Script,
    ScriptFollows,
    NoScript,
    SkipValue,
    Next,
}

fn dialect(name: &str) -> Option<&'static Dialect> {
    let plain = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.' || letter == '-');
    match plain {
        "sh" | "bash" | "dash" | "ash" | "ksh" | "mksh" | "zsh" => Some(&SHELL),
        "python" => Some(&PYTHON),
        "perl" => Some(&PERL),
        "ruby" => Some(&RUBY),
        "node" | "nodejs" => Some(&NODE),
        "php" => Some(&PHP),
        _ => None,
    }
}

fn step(dialect: &Dialect, text: &str) -> Step {
    if text == "-" {
        return Step::NoScript;
    }
    if text == "--" {
        return Step::ScriptFollows;
    }
    if text.starts_with("--") {
        let word = text.split('=').next().unwrap_or(text);
        return if dialect.no_script_words.contains(&word) {
            Step::NoScript
        } else if dialect.value_words.contains(&text) {
            Step::SkipValue
        } else {
            Step::Next
        };
    }
    let letters = text.strip_prefix('-').or_else(|| text.strip_prefix('+').filter(|_| dialect.plus));
    letters.map_or(Step::Script, |letters| cluster(dialect, letters))
}

fn cluster(dialect: &Dialect, letters: &str) -> Step {
    let mut step = Step::Next;
    for (at, letter) in letters.char_indices() {
        if dialect.no_script.contains(letter) {
            return Step::NoScript;
        }
        if dialect.script == Some(letter) {
            return if at + 1 == letters.len() { Step::ScriptFollows } else { Step::NoScript };
        }
        if dialect.value.contains(letter) {
            if dialect.attached && at + 1 < letters.len() {
                return Step::Next;
            }
            step = Step::SkipValue;
        }
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<&str>) {
        let arguments: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let executable = format!("/usr/bin/{}", line.split(' ').next().unwrap_or_default());
        let found = argument(&executable, &arguments).map(|found| String::from_utf8_lossy(found).into_owned());
        assert_eq!(found.as_deref(), expected, "{line}");
    }

    #[test]
    fn the_script_is_the_first_operand() {
        check("sh ./backup.sh --fast", Some("./backup.sh"));
        check("bash -eu -o pipefail /opt/a.sh", Some("/opt/a.sh"));
        check("bash -euo pipefail +x a.sh", Some("a.sh"));
        check("bash --rcfile good.sh evil.sh", Some("evil.sh"));
        check("dash -- a.sh", Some("a.sh"));
        check("python3.13 -W ignore -Xdev -B job.py", Some("job.py"));
        check("python3 -Werror job.py", Some("job.py"));
        check("perl -w -I lib -Mstrict job.pl", Some("job.pl"));
        check("ruby -rset job.rb", Some("job.rb"));
        check("node --require good.js evil.js", Some("evil.js"));
        check("node --no-warnings --import=x job.mjs", Some("job.mjs"));
        check("php -d a=b -f job.php", Some("job.php"));
        check("php8.4 job.php", Some("job.php"));
    }

    #[test]
    fn code_modules_and_input_are_no_scripts() {
        for line in [
            "sh -c good.sh",
            "bash -ec good.sh",
            "sh -s good.sh",
            "sh - good.sh",
            "sh",
            "python3 -m good.py",
            "python3 -Bc good.py x",
            "python3 - good.py",
            "perl -ne good.pl x",
            "ruby -e good.rb",
            "node -pe good.js x",
            "php -r good.php",
            "psql good.sh",
            "rsh good.sh",
        ] {
            check(line, None);
        }
    }
}
