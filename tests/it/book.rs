//! The book is tried: its JSON is what commands print, its commands parse, its links lead somewhere, and
//! docs/getting-started.md works as it is written.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;
use weir_tests::book::{Block, Page, top};
use weir_tests::{Postgres, Tls, binary, pinned, wait_until};

/// Commands that a page names to say that they are not there yet.
const NOT_YET: [&str; 0] = [];

/// Which snapshots show what a section of docs/cli.md documents.
const SECTIONS: &[(&str, &[&str])] = &[
    ("weir job begin", &["job-begin"]),
    ("weir job end", &["job-end"]),
    ("weir job list", &["job-list"]),
    ("weir session list", &["session-list"]),
    ("weir session show ID", &["session-show", "session-show-prepared", "session-show-killed"]),
    (
        "weir session watch ID, weir session play ID",
        &["session-watch", "session-play", "session-play-prepared", "session-play-live"],
    ),
    ("weir session kill ID", &["session-kill"]),
    ("weir run freeze, thaw, kill", &["run-freeze"]),
    ("weir hold", &["hold-list", "hold-show", "hold-approve"]),
    ("weir grant", &["grant-request", "grant-approve", "grant-revoke", "grant-list"]),
    ("weir block", &["block-add", "block-remove", "block-list"]),
    ("weir owner", &["owner-list", "owner-take"]),
    ("weir break-glass", &["break-glass", "break-glass-review"]),
    ("weir notify list, weir notify test NAME", &["notify-list", "notify-test"]),
    ("weir sink list, weir sink test NAME", &["sink-list", "sink-test"]),
    ("weir token create, list, revoke", &["token-create", "token-list", "token-revoke"]),
    ("weir why ID", &["why-session", "why-operation"]),
    ("weir audit verify [ID]", &["audit-verify", "audit-verify-tampered"]),
    ("weir credential report", &["credential-report"]),
    ("weir policy check", &["policy-check", "policy-check-bad"]),
    ("weir policy test, show, init", &["policy-test", "policy-test-failed", "policy-show"]),
    ("weir policy reload", &["policy-reload", "policy-reload-bad"]),
    ("weir alert", &["alert-list", "alert-snooze", "alert-unsnooze", "alert-rules"]),
    ("weir config check [FILE]", &["config-check", "config-check-bad"]),
    ("weir doctor", &["doctor", "doctor-tls", "doctor-sockets"]),
];

#[test]
fn every_json_block_is_what_its_command_prints() {
    let page = Page::read("docs/cli.md");
    let mut wrong = Vec::new();
    for block in page.blocks().into_iter().filter(|block| block.language == "json") {
        let shown: Value = match serde_json::from_str(&block.text) {
            Ok(shown) => shown,
            Err(error) => {
                wrong.push(format!("{}: {error}: {}", block.heading, block.text));
                continue;
            }
        };
        let printed = printed(&block.heading);
        let missing = paths(&shown).into_iter().filter(|path| !path.ends_with("…") && !printed.contains(path));
        wrong.extend(missing.map(|path| format!("{}: no command prints {path}", block.heading)));
    }
    // And nothing is printed that the page does not tell.
    for (heading, _) in SECTIONS {
        let keys = printed(heading).into_iter().filter_map(|path| path.rsplit('.').next().map(str::to_owned));
        let told = |key: &str| [format!("`{key}`"), format!("\"{key}\"")].iter().any(|word| page.text().contains(word));
        let untold: BTreeSet<_> = keys.filter(|key| !key.is_empty() && key != "[]" && !told(key)).collect();
        wrong.extend(untold.into_iter().map(|key| format!("{heading}: docs/cli.md does not tell `{key}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The key paths of what the commands of a section print.
fn printed(heading: &str) -> BTreeSet<String> {
    let found = SECTIONS.iter().find(|(section, _)| *section == heading);
    let (_, names) = found.unwrap_or_else(|| panic!("no snapshot shows what `## {heading}` documents"));
    let mut all = BTreeSet::new();
    for name in *names {
        let text = fs::read_to_string(pinned::path(name)).expect("the snapshot is committed");
        let value: Value = serde_json::from_str(&text).expect("a snapshot is JSON");
        all.extend(paths(&value));
        // What is printed as lines is pinned as an array.
        value.as_array().into_iter().flatten().for_each(|line| all.extend(paths(line)));
    }
    all
}

/// `.a.b.[].c` of every value.
fn paths(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, at: &str, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| walk(value, &format!("{at}.{key}"), all)),
            Value::Array(values) => values.iter().for_each(|value| walk(value, &format!("{at}.[]"), all)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        all.insert(at.to_owned());
    }
    let mut all = BTreeSet::new();
    walk(value, "", &mut all);
    all
}

#[test]
fn the_reference_shows_a_configuration_that_is_one() {
    let blocks = Page::read("docs/reference-configuration.md").blocks();
    let shown = blocks.iter().find(|block| block.language == "toml").expect("the page begins with one");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("weir.toml");
    fs::write(&file, &shown.text).expect("our own directory");
    let told = Command::new(binary()).args(["config", "check"]).arg(file).output().expect("weir starts");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

#[test]
fn every_link_leads_somewhere() {
    let pages = Page::all();
    assert!(pages.len() > 15, "{}", pages.len());
    let runners = pages.iter().filter(|page| page.path.starts_with("deploy") && page.path.components().count() == 3).count();
    assert!(runners >= 6, "those of the runners are in the book: {runners}");
    let mut broken = Vec::new();
    for page in &pages {
        for link in page.links().iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.path.clone() } else { page.path.with_file_name(file) };
            let there = top().join(&target).exists();
            if !there || (!anchor.is_empty() && !Page::read(&target).anchors().contains(anchor)) {
                broken.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_command_line_is_one_that_weir_takes() {
    let commands: BTreeSet<String> = Page::all().iter().filter(|page| told_now(&page.path)).flat_map(Page::commands).collect();
    assert!(commands.len() > 40, "{commands:?}");
    let mut wrong = Vec::new();
    for command in commands.iter().filter(|command| !NOT_YET.iter().any(|absent| command.starts_with(absent))) {
        for arguments in arguments(command) {
            // With --help nothing is done, and what stands before it has to be known all the same.
            let place = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
            let mut asked = arguments.clone();
            asked.insert(place, "--help".to_owned());
            let told = Command::new(binary()).args(&asked).output().expect("weir starts");
            if !told.status.success() {
                wrong.push(format!("{command}: {}", String::from_utf8_lossy(&told.stderr)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_and_flag_is_in_the_reference() {
    let page = Page::read("docs/cli.md");
    let (mut open, mut commands) = (vec![Vec::<String>::new()], 0);
    while let Some(command) = open.pop() {
        let told = Command::new(binary()).args(&command).arg("--help").output().expect("weir starts");
        let help = String::from_utf8_lossy(&told.stdout).into_owned();
        let section =
            |title: &str| help.split_once(&format!("{title}:\n")).map_or("", |(_, rest)| rest.split("\n\n").next().unwrap_or(""));
        // What is set in further goes on from the line before.
        let named = section("Commands").lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
        let below = named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        let further: Vec<_> = below.map(|name| [&command[..], &[name.to_owned()]].concat()).collect();
        if further.is_empty() {
            commands += 1;
            let name = command.join(" ");
            assert!(page.text().contains(&format!("| `weir {name}")), "docs/cli.md does not list `weir {name}`");
            let flags = section("Options").split_whitespace().filter(|word| word.starts_with("--"));
            for flag in flags.map(|flag| flag.trim_end_matches(',')) {
                assert!(page.text().contains(&format!("`{flag}")), "docs/cli.md does not tell {flag} of `weir {name}`");
            }
        }
        open.extend(further);
    }
    assert!(commands > 40, "{commands}");
}

/// Decisions and changes speak of their own time.
fn told_now(page: &Path) -> bool {
    !page.starts_with("docs/adr") && page != Path::new("CHANGELOG.md")
}

/// The arguments that a command line of the book means, one list for each of its alternatives: `list|show`.
fn arguments(command: &str) -> Vec<Vec<String>> {
    // Up to a comment, a pipe, or what the shell does with it.
    let command = command.split("  #").next().unwrap_or_default().trim_end_matches(" &").split(" | ").next().unwrap_or_default();
    let mut all = vec![Vec::new()];
    for word in words(command).into_iter().skip(1) {
        let word = word.trim_matches(['[', ']', '…']).replace("s-…", "s-").replace("CMD…", "CMD");
        let meant: Vec<String> = match word.as_str() {
            "" | "OPTIONS" => continue,
            "ID" | "S" | "s-" => vec!["s-0000000000000".to_owned()],
            "HOLD" => vec!["h-0000000000000".to_owned()],
            "LEGAL" => vec!["l-0000000000000".to_owned()],
            "ALERT" => vec!["a-0000000000000".to_owned()],
            "SNOOZE" => vec!["z-0000000000000".to_owned()],
            "TIME" => vec!["2h".to_owned()],
            "UNSEAL" => vec!["u-0000000000000".to_owned()],
            "GRANT" => vec!["g-0000000000000".to_owned()],
            "BLOCK" => vec!["b-0000000000000".to_owned()],
            "GLASS" => vec!["x-0000000000000".to_owned()],
            "RUN" => vec!["r-0000000000000".to_owned()],
            "s-/1" => vec!["s-0000000000000/1".to_owned()],
            "COMMAND" => vec!["session".to_owned()],
            "N" => vec!["2".to_owned()],
            choice => choice.split('|').map(str::to_owned).collect(),
        };
        all = all.iter().flat_map(|before| meant.iter().map(|word| [&before[..], std::slice::from_ref(word)].concat())).collect();
    }
    all
}

/// Words as a shell takes them, quotes off.
fn words(command: &str) -> Vec<String> {
    let (mut all, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in command.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ' ') => all.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            _ => word.push(letter),
        }
    }
    all.extend(Some(word).filter(|word| !word.is_empty()));
    all
}

#[test]
fn getting_started_works_as_it_is_written() {
    let mut walk = Walk::begin();
    let (mut commands, mut files) = (0, 0);
    for block in Page::read("docs/getting-started.md").blocks() {
        match block.language.as_str() {
            "sh" => {
                commands += block.text.lines().count();
                block.text.lines().for_each(|line| walk.command(line));
            }
            "toml" | "cedar" | "bash" => {
                files += 1;
                walk.write(&block);
            }
            // What a command prints.
            "" => {}
            other => panic!("nobody has said what to do with ```{other}"),
        }
    }
    assert!(commands >= 20 && files == 5, "{commands} commands, {files} files");
    assert_eq!(walk.customers(), "3", "the refused DELETE deleted nothing");
    let deploying = Page::read("deploy/README.md").blocks();
    walk.crontab(deploying.iter().find(|block| block.language == "cron").expect("deploying begins with cron"));
}

/// A reader's folder and server. What a reader has to replace is replaced by these rules alone:
/// the server's name by the test server's, `/etc/weir` and `/var/lib/weir` by folders of its own,
/// `s-…` by the newest session. What is to be pasted is the role's password.
struct Walk {
    folder: TempDir,
    server: Postgres,
    background: Vec<Child>,
}

const PASSWORD: &str = "of-the-role-backup";

impl Walk {
    fn begin() -> Self {
        let server = Postgres::builder().tls(Tls::On).start();
        server.sql(&format!("CREATE ROLE backup LOGIN PASSWORD '{PASSWORD}'"));
        server.sql("CREATE DATABASE shop OWNER backup");
        let sql = "CREATE TABLE customers AS SELECT generate_series(1, 3) AS id; ALTER TABLE customers OWNER TO backup";
        let made = server.psql("shop").args(["-c", sql]).output();
        assert!(made.is_ok_and(|output| output.status.success()));
        let folder = tempfile::Builder::new().prefix("weir-book-").tempdir().expect("a temporary directory");
        // The job's user has to find the job.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
        for below in ["etc", "bin"] {
            fs::create_dir(folder.path().join(below)).expect("our own directory");
        }
        std::os::unix::fs::symlink(binary(), folder.path().join("bin/weir")).expect("our own directory");
        fs::copy(server.ca(), folder.path().join("etc/prod-ca.pem")).expect("the server has a CA");
        Self { folder, server, background: Vec::new() }
    }

    /// A file that its first lines name, or lines that take the place of those of the same key in weir.toml.
    fn write(&self, block: &Block) {
        let named = block.text.lines().take(2).find_map(|line| {
            let name = line.trim_start_matches(['#', '/', ' ']).split([':', ' ']).next()?;
            (line.starts_with(['#', '/']) && !line.starts_with("#!") && name.contains('.')).then_some(name)
        });
        let text = self.replaced(&block.text);
        if let Some(name) = named {
            return fs::write(self.folder.path().join(name), text).expect("our own directory");
        }
        let file = self.folder.path().join("weir.toml");
        let mut config = fs::read_to_string(&file).expect("the book has written it");
        for line in text.lines() {
            let key = line.split(" = ").next().unwrap_or_default();
            let old = config.lines().find(|old| old.split(" = ").next() == Some(key));
            let old = old.unwrap_or_else(|| panic!("weir.toml has no `{key}`")).to_owned();
            config = config.replace(&old, line);
        }
        fs::write(&file, config).expect("our own directory");
    }

    /// Runs a line; a comment may say which exit status it has to have. One that ends with `&` goes on until the end.
    fn command(&mut self, line: &str) {
        let (command, remark) = line.split_once("    #").unwrap_or((line, ""));
        let expected =
            remark.trim().strip_prefix("exit status ").map_or(0, |status| status.parse().expect("a status is a number"));
        let mut shell = self.shell(&self.replaced(command.trim_end_matches(" &")));
        if command.ends_with(" &") {
            self.background.push(shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("bash starts"));
            let running = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'backup' AND state = 'active'";
            return wait_until("the query to run", 20, || (self.server.sql(running) == "1").then_some(()));
        }
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bash starts");
        if command.contains("/dev/stdin") {
            use std::io::Write as _;
            let mut input = child.stdin.take().expect("it is piped");
            writeln!(input, "{PASSWORD}").expect("the command reads it");
        }
        drop(child.stdin.take());
        let Output { status, stdout, stderr } = child.wait_with_output().expect("the child is ours");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert_eq!(status.code(), Some(expected), "{line}\n{stdout}\n{stderr}");
    }

    /// Runs a crontab's line in the environment that cron gives it. Getting started has put its files elsewhere than where
    /// they are deployed.
    fn crontab(&self, block: &Block) {
        let folder = self.folder.path();
        for name in ["weir.toml", "policy.d"] {
            std::os::unix::fs::symlink(folder.join(name), folder.join("etc").join(name)).expect("our own directory");
        }
        let text = self.replaced(&block.text).replace("/usr/local/bin/weir", &binary().display().to_string());
        let text = text.replace("/srv/jobs", &folder.display().to_string()).replace("PGHOST=db.test", "PGHOST=127.0.0.1");
        let (variables, lines): (Vec<_>, Vec<_>) = text.lines().skip(1).partition(|line| !line.contains(' '));
        assert_eq!(lines.len(), 1, "{lines:?}");
        for line in lines {
            // Five fields say when, one says who.
            let command = line.splitn(7, ' ').nth(6).expect("a line of /etc/cron.d");
            let mut cron = Command::new("/bin/sh");
            cron.args(["-c", command]).env_clear().current_dir("/").stdin(Stdio::null());
            cron.envs([("HOME", "/root"), ("LOGNAME", "root"), ("SHELL", "/bin/sh"), ("PATH", "/usr/bin:/bin")]);
            cron.env("PGPORT", self.server.port.to_string());
            cron.envs(variables.iter().filter_map(|variable| variable.split_once('=')));
            let Output { status, stdout, stderr } = cron.output().expect("sh starts");
            let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
            assert!(status.success() && stdout.contains("(1 row)"), "{command}\n{stdout}\n{stderr}");
        }
    }

    fn replaced(&self, text: &str) -> String {
        let folder = self.folder.path();
        let text = text.replace("db.prod.acme.example:5432", &format!("127.0.0.1:{}", self.server.port));
        let text = text.replace("db.prod.acme.example", "db.test");
        let text = text.replace("/etc/weir/", &format!("{}/etc/", folder.display()));
        let text = text.replace("/var/lib/weir", &folder.join("state").display().to_string());
        if text.contains("s-…") { text.replace("s-…", &self.newest_session()) } else { text }
    }

    fn newest_session(&self) -> String {
        let mut names: Vec<_> =
            fs::read_dir(self.folder.path().join("state/sessions")).expect("a job has run").flatten().collect();
        names.sort_by_key(fs::DirEntry::file_name);
        let newest = names.last().map(|entry| PathBuf::from(entry.file_name())).expect("a session was recorded");
        newest.file_stem().and_then(|stem| stem.to_str()).expect("an id is text").to_owned()
    }

    /// The job's environment is what the page says that it is: it has the server, a user and the user's password.
    fn shell(&self, command: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash");
        shell.args(["-c", command]).current_dir(self.folder.path()).env_remove("WEIR_CONFIG");
        shell.env("PATH", format!("{}/bin:{path}", self.folder.path().display()));
        shell.env("PGHOST", "127.0.0.1").env("PGPORT", self.server.port.to_string());
        shell.env("PGUSER", "backup").env("PGDATABASE", "shop").env("PGPASSWORD", PASSWORD);
        shell
    }

    fn customers(&self) -> String {
        let output = self.server.psql("shop").args(["-c", "SELECT count(*) FROM customers"]).output().expect("psql starts");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        for child in &mut self.background {
            // SIGTERM, so that the gateway takes its hooks and cgroups with it; most have ended.
            if let (Ok(None), Ok(pid)) = (child.try_wait(), i32::try_from(child.id())) {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).ok();
            }
            child.wait().ok();
        }
    }
}
