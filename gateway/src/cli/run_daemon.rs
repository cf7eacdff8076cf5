//! `weir run` where a daemon runs: the process becomes the daemon's job; root launches in it, a user becomes the program.

use super::run::{Arguments, own_cgroup, say, sweep};
use super::run_launch::Launch;
use super::{CliError, Result, block_on};
use crate::api::client::{self, ClientError};
use crate::config::Config;
use crate::control::JobFiles;
use crate::launch::{Cgroup, Launcher, Oneself, OpenFiles, Privileges};
use hyper::Method;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// A job of the daemon that this process is now.
pub(super) struct Joined {
    begun: Value,
    socket: PathBuf,
}

/// Has the daemon at `socket` make this process a job, whose listeners are its own, as under a private gateway. None where there is no daemon, or, for root alone, none whose
/// hooks reach this process: a gateway of its own is to be had then.
pub(super) fn join(socket: &Path, command: &[OsString]) -> Result<Option<Joined>> {
    let name = command.first().and_then(|program| Path::new(program).file_name()?.to_str());
    let wish = json!({ "pid": std::process::id(), "name": name, "alone": true });
    let asked = block_on(async { Ok(client::ask_daemon(socket, Method::POST, "/v1/jobs/begin", Some(&wish)).await) })?;
    let root = nix::unistd::geteuid().is_root();
    match asked {
        Ok(begun) => Ok(Some(Joined { begun, socket: socket.to_owned() })),
        Err(ClientError::NoDaemon { .. }) => Ok(None),
        Err(ClientError::Refused(why)) if root => {
            tracing::info!(why, "the daemon does not take this job: it gets a gateway of its own");
            Ok(None)
        }
        Err(error) => Err(CliError::new(error)),
    }
}

/// What takes root, of the caller that has not got it. Before anything is begun.
pub(super) fn check_for_user(arguments: &Arguments) -> Result<()> {
    if arguments.privileges == Privileges::Confined {
        return Err(CliError::new(
            "`--privileges confined` lays out namespaces and layers, which takes root: have root call \
             `weir run --privileges confined --uid USER`, or take `--privileges none`",
        ));
    }
    if arguments.uid.is_some() {
        return Err(CliError::new("`--uid` takes root: leave it out, and the job runs as its caller"));
    }
    Ok(())
}

/// Runs the job, as far as the caller's rights go.
pub(super) fn run(joined: &Joined, config: &Config, arguments: Arguments) -> Result {
    if !arguments.quiet {
        say(&joined.describe());
    }
    if arguments.containers.adopts() {
        return Err(CliError::new(
            "`--containers adopt` takes a gateway of the job's own, and a daemon runs here: leave it out, and have \
             the containers' cgroups be jobs by a `[[job]]`",
        ));
    }
    if joined.is_by_user() && arguments.uid.is_some() {
        return Err(CliError::new(
            "the caller's processes are a job by their user (`[[job]] match = { uid }`), and as another user this one would \
             leave it: leave `--uid` out",
        ));
    }
    // What root may do is cut by laying out namespaces around the job, and by nothing less.
    match arguments.privileges {
        Privileges::None | Privileges::Confined if nix::unistd::geteuid().is_root() => joined.launch(config, arguments),
        Privileges::None | Privileges::Confined | Privileges::Host => Err(joined.exec(arguments)),
    }
}

impl Joined {
    /// What the job's log says of it.
    fn describe(&self) -> String {
        format!("run {}, a job of this host's daemon, in {}", self.text("run"), self.text("cgroup"))
    }

    /// Launches the job below this process's own cgroup, which is the daemon's job: root's way.
    fn launch(&self, config: &Config, arguments: Arguments) -> Result {
        let launcher = Launcher::new().map_err(CliError::new)?;
        let files = self.files()?;
        let home = own_cgroup()?;
        sweep(&home);
        let cgroup = Cgroup::create(home.join(format!("weir-{}", std::process::id()))).map_err(CliError::new)?;
        let launch = Launch {
            launcher,
            user: arguments.user()?,
            open_files: OpenFiles::raise().map_err(CliError::new)?,
            environment: self.environment().collect(),
            withheld: config.secret_variables(),
            private: files.private.into_iter().chain(config.private_files()).collect(),
            shown: files.shown,
            state_dir: config.state_dir.clone(),
        };
        launch.run(&cgroup, arguments).map(|ended| ExitCode::from(ended.code))
    }

    /// Becomes the job's program, with what the caller may give up given up. Comes back only where that fails.
    fn exec(&self, arguments: Arguments) -> CliError {
        let user = match arguments.user() {
            Ok(user) => user,
            Err(error) => return error,
        };
        let Some((program, rest)) = arguments.command.split_first() else { return CliError::new("nothing to run") };
        let mut job = Command::new(program);
        job.args(rest).envs(self.environment());
        let oneself = Oneself { user, allowed: arguments.allow.into_iter().collect() };
        let (told, cut) = match arguments.privileges {
            Privileges::None | Privileges::Confined => (oneself.describe(), oneself.give_up(&mut job)),
            Privileges::Host => (oneself.describe_host(), oneself.keep_all(&mut job)),
        };
        if let Err(error) = cut {
            return CliError::new(error);
        }
        if !arguments.quiet {
            say(&told);
        }
        let error = job.exec();
        CliError::new(format!("cannot start `{}`: {error}", Path::new(program).display()))
    }

    fn environment(&self) -> impl Iterator<Item = (String, String)> {
        let variables = self.begun.get("environment").and_then(Value::as_object).into_iter().flatten();
        variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
    }

    /// What the daemon has that the job is not to see.
    fn files(&self) -> Result<JobFiles> {
        let files = block_on(async {
            client::ask_daemon(&self.socket, Method::GET, "/v1/jobs/files", None).await.map_err(CliError::new)
        })?;
        serde_json::from_value(files).map_err(CliError::new)
    }

    /// Whether it is one by a rule about users, and so no cgroup of its own.
    fn is_by_user(&self) -> bool {
        !self.text("cgroup").starts_with('/')
    }

    fn text(&self, key: &str) -> &str {
        self.begun.get(key).and_then(Value::as_str).unwrap_or("-")
    }
}
