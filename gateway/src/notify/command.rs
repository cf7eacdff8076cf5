//! `kind = "command"`: a program that gets the event on its standard input, in a time, and in a process group of its own.

use super::failure::Failure;
use super::told::Told;
use crate::config::Table;
use crate::credential::foreign;
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::process::Stdio;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use toml::Spanned;

/// Bytes of what it says that are kept, for the log.
const OUTPUT_BYTES: u64 = 4 << 10;
/// Where it finds programs, where the gateway's own environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The program and its arguments; no shell reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(Vec<String>);

impl Program {
    pub(super) fn read(table: &mut Table<'_, '_>) -> Option<Self> {
        let hint = "the program's path and its arguments: command = [\"/usr/local/bin/page\", \"dba\"]";
        let span = table.span.clone();
        let words = table.texts("command").map(|words| words.into_iter().map(Spanned::into_inner).collect::<Vec<_>>());
        let words = table.required("command", words, hint)?;
        let fit = words.first().is_some_and(|path| path.starts_with('/')) && !words.iter().any(|word| word.contains('\0'));
        if !fit {
            table.problem_at(span, "`command` does not begin with the whole path of a program", hint);
        }
        fit.then_some(Self(words))
    }

    /// Which program.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    pub(super) async fn send(&self, told: &Told<'_>) -> Result<(), Failure> {
        let path = self.path();
        let mut command = Command::new(path);
        command.args(self.0.iter().skip(1)).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| PATH.into()));
        command.env("WEIR_EVENT", told.event.kind.name()).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| Failure::new(format!("{path} can't be started: {error}")))?;
        let mut group = Group::of(child)?;
        let pipes = (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(Failure::new(format!("{path} has no pipes")));
        };
        let mut event = told.json().to_string().into_bytes();
        event.push(b'\n');
        // Until it is over: it need not read any of it.
        let feed = tokio::spawn(async move { stdin.write_all(&event).await });
        let output = tokio::spawn(async move { tokio::join!(gathered(stdout), gathered(stderr)) });
        let ended = group.ended().await;
        feed.abort();
        let (stdout, stderr) = output.await.unwrap_or_default();
        tracing::debug!(path, stdout, stderr, "what a notifier's program said");
        let status = ended?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("{path} ended with {status}"))) }
    }
}

/// A process and all that it starts, killed when this goes.
struct Group {
    child: Child,
    /// Its own process group: none of it is anybody else's while the child is not reaped.
    leader: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Result<Self, Failure> {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let leader = pid.ok_or_else(|| Failure::new("the program has no process id"))?;
        Ok(Self { child, leader: Some(leader) })
    }

    /// How it ended; what it has left behind is killed.
    async fn ended(&mut self) -> Result<std::process::ExitStatus, Failure> {
        let Some(leader) = self.leader else { return Err(Failure::new("the program has ended")) };
        // Looked at and not reaped: its id stays its own until its group is gone.
        let waited = tokio::task::spawn_blocking(move || {
            loop {
                match waitid(Id::Pid(leader), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
                    Err(Errno::EINTR) => {}
                    other => return other.map(drop),
                }
            }
        });
        waited.await.map_err(Failure::new)?.map_err(Failure::new)?;
        self.kill();
        self.child.wait().await.map_err(Failure::new)
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // Nothing may be left of it.
            let _killed = killpg(leader, Signal::SIGKILL).is_ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The beginning of what comes, until it ends.
async fn gathered(mut from: impl AsyncRead + Unpin) -> String {
    let mut beginning = Vec::new();
    // What can't be read is not in the log; what is too much is read and dropped, or the program would wait.
    let _read = (&mut from).take(OUTPUT_BYTES).read_to_end(&mut beginning).await.is_ok();
    let _dropped = tokio::io::copy(&mut from, &mut tokio::io::sink()).await.is_ok();
    foreign(&String::from_utf8_lossy(&beginning))
}

#[cfg(test)]
mod tests {
    use super::super::told::tests::event;
    use super::*;
    use crate::ledger::Kind;
    use serde_json::json;
    use std::time::{Duration, Instant};

    async fn run(script: &str, arguments: &[&str]) -> Result<(), Failure> {
        let shell = ["/bin/sh", "-c", script, "sh"];
        let words = shell.iter().chain(arguments).map(|word| (*word).to_owned());
        let event = event(Kind::HoldAsked, json!({ "reason": "$(touch pwned); `id`\r\n" }));
        Program(words.collect()).send(&Told { event: &event, base: None }).await
    }

    #[tokio::test]
    async fn it_gets_the_event_and_nothing_of_the_gateways_environment() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        run(&format!("cat >{place}/in; env >{place}/env; echo \"$1\" >{place}/argument"), &["$(id) ;`x`"]).await.unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let got: serde_json::Value = serde_json::from_str(&read("in")).unwrap();
        assert_eq!(
            (got["type"].as_str(), got["event"]["details"]["reason"].as_str()),
            (Some("hold.asked"), Some("$(touch pwned); `id`\r\n"))
        );
        assert_eq!(read("argument"), "$(id) ;`x`\n", "no shell reads it");
        let mut names: Vec<_> = read("env").lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
        names.retain(|name| !["PWD", "_", "SHLVL"].contains(&name.as_str()));
        names.sort();
        assert_eq!(names, ["PATH", "WEIR_EVENT"]);
    }

    #[tokio::test]
    async fn it_may_fail_say_much_read_nothing_and_leave_nothing_behind() {
        assert_eq!(run("exit 3", &[]).await.unwrap_err().to_string(), "/bin/sh ended with exit status: 3");
        run("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2", &[]).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (pid, started) = (folder.path().join("pid"), Instant::now());
        // What it leaves holds its pipes, and would hold its end.
        run(&format!("sleep 60 & echo $! >{}", pid.display()), &[]).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(20));
        gone(&pid).await;
        let missing = Program(vec!["/nonexistent/page".to_owned()]);
        let event = event(Kind::HoldAsked, json!({}));
        let failure = missing.send(&Told { event: &event, base: None }).await.unwrap_err();
        assert!(failure.to_string().contains("/nonexistent/page can't be started"), "{failure}");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! >{}; sleep 61", pid.display());
        assert!(tokio::time::timeout(Duration::from_secs(1), run(&script, &[])).await.is_err());
        gone(&pid).await;
    }

    async fn gone(file: &std::path::Path) {
        let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let stat = format!("/proc/{pid}/stat");
        // A dead one may wait for its parent to look.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < deadline, "{pid} still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
