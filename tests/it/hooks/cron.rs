//! Debian's cron itself, with crontabs of the test's own: in a mount namespace where cron's files are these.

use super::Host;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Child;
use weir_tests::wait_until;

/// Puts the test's files in the places of cron's own, and becomes cron. `@reboot` lines run at its start.
const CRON: &str = r#"
mount --bind "$1/crontab" /etc/crontab
mount --bind "$1/cron.d" /etc/cron.d
mount --bind "$1/spool" /var/spool/cron/crontabs
mount -t tmpfs tmpfs /run
exec cron -f
"#;

struct Cron(Child);

impl Cron {
    /// Starts it with this crontab, whose lines are for /etc/crontab.
    fn start(host: &Host, lines: &str) -> Self {
        let variables = host.daemon.weir.environment();
        let variables: String = variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let shell = host.hook("weir-cron");
        fs::write(host.path("crontab"), format!("SHELL={}\n{variables}{lines}\n", shell.display())).expect("our own directory");
        for folder in ["cron.d", "spool", "out"] {
            fs::create_dir_all(host.path(folder)).expect("our own directory");
        }
        // The line's user writes here.
        fs::set_permissions(host.path("out"), fs::Permissions::from_mode(0o777)).expect("our own directory");
        let place = host.path("").display().to_string();
        let place = place.trim_end_matches('/');
        let command = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", CRON, "sh", place];
        Self(host.runner(&command).spawn().expect("unshare starts"))
    }
}

impl Drop for Cron {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a line has written, once it has ended.
fn ended(host: &Host, name: &str) -> String {
    let path = host.path("out").join(name);
    wait_until("the crontab's line to end", 30, || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        text.contains("ended").then_some(text)
    })
}

#[test]
fn a_crontab_s_lines_are_jobs_whoever_s_they_are() {
    let host = Host::with("cron", &[]);
    let out = host.path("out").display().to_string();
    let line =
        |user: &str| format!("@reboot {user} (id -un; psql -X -A -t -c 'SELECT 40 + 2'; echo ended $?) >{out}/{user} 2>&1\n");
    let cron = Cron::start(&host, &format!("{}{}", line("root"), line("nobody")));
    assert_eq!(ended(&host, "root"), "root\n42\nended 0\n");
    assert_eq!(ended(&host, "nobody"), "nobody\n42\nended 0\n");
    drop(cron);
    let sessions = host.daemon.weir.sessions();
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert_ne!(sessions[0]["run"], sessions[1]["run"], "each line is a job of its own");
    host.nothing_is_left();
}

#[test]
fn where_protection_can_not_start_a_line_does_not_run() {
    let mut host = Host::with("cron", &[]);
    host.stop_weir();
    let out = host.path("out").display().to_string();
    // A line whose shell is the plain one tells that cron has come by the other.
    let lines = format!("@reboot nobody echo it ran >{out}/wrapped\nSHELL=/bin/sh\n@reboot nobody echo ended >{out}/plain\n");
    let _cron = Cron::start(&host, &lines);
    ended(&host, "plain");
    let wrapped = host.hook("weir-cron").display().to_string();
    let outcome =
        super::run(&mut host.runner(&["setpriv", "--reuid", "nobody", "--clear-groups", &wrapped, "-c", "echo it ran"]));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("this line is not protected, so it does not run"), "{outcome:?}");
    assert!(!host.path("out").join("wrapped").exists());
}
