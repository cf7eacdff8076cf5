//! The command line: parses, asks, prints. Exit status 0 is done, 1 refused or failed, 2 usage.

mod alert;
mod audit;
mod block;
mod check;
mod classify;
mod containers;
mod credential;
mod desk;
mod doctor;
mod doctor_daemon;
mod examples;
mod glass;
mod grant;
mod hold;
mod incident;
mod job_commands;
mod key;
mod kill;
mod legal;
mod login;
mod notify;
mod openapi;
mod owner;
mod policy;
mod prune;
mod reindex;
mod reload;
mod remote;
mod run;
mod run_daemon;
mod run_launch;
mod runs;
mod serve;
mod session;
mod sink;
mod target;
mod token;
mod unseal;
mod upgrade;
mod viewing;
mod why;

use crate::evidence::How;
use crate::telemetry::count;
use clap::{Args, Parser, Subcommand, ValueEnum};
use gateway_core::model::ids::SessionId;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the daemon's and the host's configuration is.
const DEFAULT_CONFIG: &str = "/etc/weir/weir.toml";

/// weir stands between a job and the databases it dials, without the job knowing: it knows the
/// process, holds the credential, decides, records and can stop it.
#[derive(Parser)]
#[command(name = "weir", version, propagate_version = true, after_help = examples::WEIR)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one job under a gateway of its own, the exit status is the job's; or list and show runs
    #[command(after_help = examples::RUN, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Run(run::Arguments),
    /// Run as the host's daemon: every job of the host under one gateway, until SIGTERM
    #[command(after_help = examples::SERVE)]
    Serve(serve::Arguments),
    /// Replace the running daemon by this binary, without a cut
    #[command(after_help = examples::UPGRADE)]
    Upgrade(upgrade::Arguments),
    /// A gateway's own: dials once its standard input has ended
    #[command(hide = true)]
    Canary {
        /// Where to
        to: std::net::SocketAddr,
    },
    /// A gateway's own: verifies the SAML response on its standard input, without privileges
    #[command(hide = true)]
    VerifySaml,
    /// Begin, end and list jobs of the daemon
    #[command(subcommand)]
    Job(JobCommand),
    /// List, show, follow, replay and kill sessions
    #[command(subcommand)]
    Session(SessionCommand),
    /// What waits for people: look at it, approve it, deny it
    #[command(subcommand)]
    Hold(hold::Hold),
    /// Permissions that end by themselves: ask for them, give them, take them
    #[command(subcommand)]
    Grant(grant::Grant),
    /// Refuse by name until it is lifted, and cut what is live
    #[command(subcommand)]
    Block(block::Block),
    /// Set policy aside for one target, in an emergency: recorded, told to everybody, reviewed afterwards
    #[command(after_help = examples::GLASS, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    BreakGlass(glass::Arguments),
    /// Who is told of holds, grants, blocks and broken glass: how far each is, and a test
    #[command(subcommand)]
    Notify(notify::Notify),
    /// Where events leave to, such as a SIEM: how far each sink is, and a test
    #[command(subcommand)]
    Sink(sink::Sink),
    /// What rules of detection have found: list and explain it, snooze it, check the rules
    #[command(subcommand)]
    Alert(alert::Alert),
    /// Owners who have left: what they own, and who takes it over
    #[command(subcommand)]
    Owner(owner::Owner),
    /// Tokens with which the API is asked from elsewhere: make them, list them, revoke them
    #[command(subcommand)]
    Token(token::Token),
    /// Sign in at a daemon elsewhere, for the commands that ask it with --url
    #[command(after_help = examples::LOGIN)]
    Login(login::Arguments),
    /// Sign out again: the token that `weir login` left is ended, there and here
    #[command(after_help = examples::LOGOUT)]
    Logout(login::Out),
    /// Explain what was refused in a session, by which policy, and what to do
    #[command(after_help = examples::WHY)]
    Why {
        /// A session's id, or an operation's as a refusal names it: s-01jd5k2v8q3xm/4
        id: why::Subject,
        #[command(flatten)]
        common: Common,
    },
    /// Check the records
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look whether a target's server has sessions that did not come through weir
    #[command(subcommand)]
    Target(target::Target),
    /// Put together what is known of a target after something has happened
    #[command(subcommand)]
    Incident(incident::Command),
    /// Which workloads use which login at which target
    #[command(subcommand)]
    Credential(credential::Credential),
    /// Check, test, show and suggest the policy, decide the past once more, print its schema, write a starter set
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print the API's description (OpenAPI 3.1), from which clients can be made
    #[command(after_help = examples::OPENAPI)]
    Openapi,
    /// Check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at a target's database and propose classes for what is sensitive in it, with the evidence
    #[command(after_help = examples::CLASSIFY)]
    Classify(classify::Arguments),
    /// Tell what this kernel, this host and its TLS trust give, feature by feature
    #[command(after_help = examples::DOCTOR)]
    Doctor(doctor::Arguments),
}

#[derive(Subcommand)]
enum JobCommand {
    /// Make a process a job, with all that it starts; exit status 1 where protection can't start
    #[command(after_help = examples::JOB_BEGIN)]
    Begin(job_commands::Begin),
    /// Say that a job has ended; what is left of it stays intercepted
    #[command(after_help = examples::JOB_END)]
    End(job_commands::End),
    /// The jobs of this host: root sees all, others their own
    #[command(after_help = examples::JOB_LIST)]
    List(job_commands::List),
}

#[derive(Subcommand)]
enum SessionCommand {
    /// All recorded sessions, live ones included, or those that are like that
    #[command(after_help = examples::LIST)]
    List {
        #[command(flatten)]
        which: session::Which,
        #[command(flatten)]
        common: Common,
    },
    /// One session: who, what, which decision, every statement
    #[command(after_help = examples::SHOW)]
    Show {
        /// The session's id, as `weir session list` prints it
        session: SessionId,
        #[command(flatten)]
        common: Common,
    },
    /// Follow a live session until it ends
    #[command(after_help = examples::WATCH)]
    Watch {
        /// The session's id
        session: SessionId,
        #[command(flatten)]
        common: Common,
    },
    /// Replay the exact sequence: statements, parameters, rows, errors, in their own time
    #[command(after_help = examples::PLAY)]
    Play {
        /// The session's id
        session: SessionId,
        #[command(flatten)]
        how: session::PlayArguments,
        #[command(flatten)]
        common: Common,
    },
    /// Who looked at a session's record, when and how, as the log has it
    #[command(after_help = examples::VIEWS)]
    Views {
        /// The session's id
        session: SessionId,
        #[command(flatten)]
        common: Common,
    },
    /// Run the exact sequence again on a scratch server, and tell where its results differ
    #[command(after_help = examples::RERUN)]
    Rerun(session::RerunArguments),
    /// End a live session: the client is reset, the query is cancelled at the server
    #[command(after_help = examples::KILL)]
    Kill(kill::Arguments),
}

#[derive(Subcommand)]
enum AuditCommand {
    /// When nothing proves that jobs were captured, and whose records are not whole; exit status 1 where there is any
    #[command(after_help = examples::GAPS)]
    Gaps {
        /// From this time on: 2h ago, 7d, 2026-11-29, or with a time
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::control::moment)]
        since: gateway_core::model::time::Timestamp,
        /// Until this time [default: now]
        #[arg(long, value_name = "TIME", value_parser = crate::control::moment)]
        until: Option<gateway_core::model::time::Timestamp>,
        #[command(flatten)]
        common: Common,
    },
    /// Legal holds: records that nobody removes
    #[command(subcommand)]
    Hold(legal::Legal),
    /// The key that the log of records is signed by
    #[command(subcommand)]
    Key(key::Key),
    /// Make the index of the records anew: it can be thrown away
    #[command(after_help = examples::REINDEX)]
    Reindex {
        #[command(flatten)]
        common: Common,
    },
    /// Write a session's record with all that proves it into one file, which verifies offline
    #[command(after_help = examples::PROVE)]
    Prove {
        #[command(flatten)]
        what: audit::Prove,
        #[command(flatten)]
        common: Common,
    },
    /// Name what was changed, removed, reordered, cut, back-dated or forged; exit status 1 if anything was
    #[command(after_help = examples::VERIFY)]
    Verify {
        #[command(flatten)]
        what: audit::Verify,
        #[command(flatten)]
        common: Common,
    },
    /// Open the sealed layer of a session: exact statements and parameters, with another person's approval
    #[command(after_help = examples::UNSEAL, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Unseal(unseal::Arguments),
    /// Remove records that were closed long ago; what is held stays, and so does a tombstone of each in the log
    #[command(after_help = examples::PRUNE)]
    Prune(prune::Prune),
    /// Make what an auditor asks for: who accessed what, when, under which approval
    #[command(after_help = examples::REPORT)]
    Report(audit::Report),
}

#[derive(Subcommand)]
enum PolicyCommand {
    /// Parse, validate and lint the policy set, and run its cases
    #[command(after_help = examples::CHECK)]
    Check {
        #[command(flatten)]
        which: policy::Which,
    },
    /// Run the cases: what each expects, what the set says, and by which policies; exit status 1 if one fails
    #[command(after_help = examples::TEST)]
    Test {
        /// The folder of case files [default: `cases` beside the policies]
        #[arg(long, value_name = "DIR")]
        cases: Option<PathBuf>,
        #[command(flatten)]
        which: policy::Which,
    },
    /// List the policies: where each is written, what it annotates, and the set's hash
    #[command(after_help = examples::POLICIES)]
    Show {
        /// The set that was in force then: 2026-11-29, 2026-11-29T08:30:00Z, or so long ago: 2d
        #[arg(long, value_name = "TIME", conflicts_with = "dir")]
        at: Option<policy::At>,
        #[command(flatten)]
        which: policy::Which,
    },
    /// Decide what is recorded once more with a changed set: what would be otherwise
    #[command(after_help = examples::BACKTEST)]
    Backtest(policy::Backtest),
    /// Write the least policy that lets a workload do what it was seen to do, with the evidence
    #[command(after_help = examples::SUGGEST)]
    Suggest(policy::Suggest),
    /// Say since when enforcing would have refused nothing; exit status 1 where it would have
    #[command(after_help = examples::READINESS)]
    Readiness(policy::Readiness),
    /// Say what the shadow set would have decided otherwise
    #[command(after_help = examples::SHADOW)]
    Shadow(policy::Readiness),
    /// Write the shipped starter set to a folder; nothing is overwritten
    #[command(after_help = examples::INIT)]
    Init(policy::Init),
    /// Have every running gateway read its policy directory again; a bad set changes nothing
    #[command(after_help = examples::RELOAD)]
    Reload {
        #[command(flatten)]
        common: Common,
    },
    /// Print the Cedar schema that policies are checked against
    #[command(after_help = examples::SCHEMA)]
    Schema,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Report every problem at once, with its line and what to do
    #[command(after_help = examples::CONFIG)]
    Check {
        /// The file to check
        #[arg(default_value = DEFAULT_CONFIG)]
        file: PathBuf,
        /// How to print
        #[arg(long, value_enum, value_name = "text|json", default_value_t = Format::Text, hide_possible_values = true)]
        format: Format,
    },
}

/// What most commands take.
#[derive(Args, Clone)]
struct Common {
    /// The configuration, for its state directory
    #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print: tables for people, JSON for machines
    #[arg(long, value_enum, value_name = "text|json", default_value_t = Format::Text, hide_possible_values = true)]
    format: Format,
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: stable and documented.
    Json,
}

/// A command's failure, in the words its user reads.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CliError(String);

impl CliError {
    /// A failure that says what, where and what to do.
    pub fn new(text: impl ToString) -> Self {
        Self(text.to_string())
    }
}

type Result<T = ExitCode> = std::result::Result<T, CliError>;

/// Parses the process's arguments and does what they say.
pub fn main() -> ExitCode {
    if let Some(status) = crate::launch::run_if_asked() {
        return status;
    }
    let arguments = match Arguments::try_parse_from(std::env::args_os().collect::<Vec<OsString>>()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be done where even the usage can't be printed.
            let _printed = error.print().is_ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(arguments.command) {
        Ok(status) => status,
        Err(error) => {
            let _printed = writeln!(std::io::stderr(), "weir: {error}").is_ok();
            ExitCode::from(1)
        }
    }
}

fn dispatch(command: Command) -> Result {
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::Canary { to } => match crate::host::dial(to) {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(CliError::new(format!("the canary's connect to {to} failed: {error}"))),
        },
        Command::VerifySaml => match crate::people::saml::work() {
            Ok(()) => Ok(ExitCode::SUCCESS),
            Err(error) => Err(CliError::new(format!("the response can't be verified: {error}"))),
        },
        Command::Upgrade(arguments) => upgrade::upgrade(&arguments),
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Job(JobCommand::Begin(arguments)) => job_commands::begin(&arguments),
        Command::Job(JobCommand::End(arguments)) => job_commands::end(&arguments),
        Command::Job(JobCommand::List(arguments)) => job_commands::list(&arguments),
        Command::Session(SessionCommand::Rerun(arguments)) => session::rerun(&arguments),
        Command::Session(SessionCommand::Kill(arguments)) => kill::kill(&arguments),
        Command::Session(SessionCommand::List { which, common }) => {
            view(&common, |state, format, out| session::list(state, &which, format, out))
        }
        Command::Session(SessionCommand::Show { session, common }) => view(&common, |state, format, out| {
            viewing::viewed(state, &[session], How::Shown)?;
            session::show(state, session, format, out)
        }),
        Command::Session(SessionCommand::Watch { session, common }) => view(&common, |state, format, out| {
            viewing::viewed(state, &[session], How::Followed)?;
            session::watch(state, session, format, out)
        }),
        Command::Session(SessionCommand::Play { session, how, common }) => {
            let options = how.options(common.format == Format::Json);
            view(&common, |state, format, out| {
                viewing::viewed(state, &[session], How::Played)?;
                session::play(state, session, options, format, out)
            })
        }
        Command::Session(SessionCommand::Views { session, common }) => {
            view(&common, |state, format, out| session::views(state, session, format, out))
        }
        Command::Hold(command) => hold::hold(command),
        Command::Grant(command) => grant::grant(command),
        Command::Block(command) => block::block(command),
        Command::BreakGlass(arguments) => glass::glass(arguments),
        Command::Notify(command) => notify::notify(command),
        Command::Alert(command) => alert::alert(command),
        Command::Sink(command) => sink::sink(command),
        Command::Owner(command) => owner::owner(command),
        Command::Token(command) => token::token(command),
        Command::Login(arguments) => login::login(&arguments),
        Command::Logout(arguments) => login::logout(&arguments),
        Command::Why { id, common } => view(&common, |state, format, out| {
            viewing::viewed(state, &[id.session()], How::Explained)?;
            why::why(state, id, format, out)
        }),
        Command::Audit(AuditCommand::Prove { what, common }) => {
            view(&common, |state, format, out| audit::prove(state, &what, format, out))
        }
        Command::Audit(AuditCommand::Verify { what, common }) => {
            view(&common, |state, format, out| audit::verify(state, &what, format, out))
        }
        Command::Audit(AuditCommand::Report(arguments)) => audit::report(&arguments),
        Command::Audit(AuditCommand::Unseal(arguments)) => unseal::run(arguments),
        Command::Audit(AuditCommand::Prune(arguments)) => prune::prune(arguments),
        Command::Audit(AuditCommand::Gaps { since, until, common }) => incident::gaps::gaps(&common, since, until),
        Command::Audit(AuditCommand::Hold(command)) => legal::legal(command),
        Command::Audit(AuditCommand::Key(command)) => key::key(command),
        Command::Target(command) => target::target(command),
        Command::Incident(command) => incident::incident(command),
        Command::Audit(AuditCommand::Reindex { common }) => view(&common, reindex::reindex),
        Command::Credential(command) => credential::credential(command),
        Command::Policy(PolicyCommand::Check { which }) => policy::check(&which),
        Command::Policy(PolicyCommand::Test { cases, which }) => policy::test(&which, cases.as_deref()),
        Command::Policy(PolicyCommand::Show { at, which }) => policy::show(&which, at),
        Command::Policy(PolicyCommand::Backtest(arguments)) => policy::backtest(&arguments),
        Command::Policy(PolicyCommand::Suggest(arguments)) => policy::suggest(&arguments),
        Command::Policy(PolicyCommand::Readiness(arguments)) => policy::readiness(&arguments),
        Command::Policy(PolicyCommand::Shadow(arguments)) => policy::shadow(&arguments),
        Command::Policy(PolicyCommand::Init(arguments)) => policy::init(&arguments),
        Command::Policy(PolicyCommand::Reload { common }) => reload::reload(&common),
        Command::Policy(PolicyCommand::Schema) => policy::schema(),
        Command::Openapi => openapi::openapi(),
        Command::Config(ConfigCommand::Check { file, format }) => check::config(&file, format),
        Command::Classify(arguments) => classify::classify(&arguments),
        Command::Doctor(arguments) => doctor::doctor(&arguments),
    }
}

/// Runs a view over the state directory, on the standard output.
fn view(common: &Common, show: impl FnOnce(&std::path::Path, Format, &mut dyn Write) -> Result) -> Result {
    let state_dir = state_dir(common.config.as_deref())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let status = show(&state_dir, common.format, &mut out)?;
    match out.flush() {
        // The reader has seen enough: `weir session list | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(status),
        Err(error) => Err(CliError::new(format!("cannot write to the standard output: {error}"))),
        Ok(()) => Ok(status),
    }
}

/// Prints a line on the standard output.
fn print(line: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        // The reader has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(CliError::new),
    }
}

/// Does what asks a gateway, and waits for the answer.
fn block_on<T>(asking: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::new)?.block_on(asking)
}

/// The state directory that a configuration names.
fn state_dir(file: Option<&std::path::Path>) -> Result<PathBuf> {
    Ok(load(file)?.state_dir)
}

/// Loads the named configuration, the host's where none is named, or the defaults where there is none.
fn load(file: Option<&std::path::Path>) -> Result<crate::config::Config> {
    use crate::config::Config;
    match file {
        Some(file) => Config::load(file).map_err(CliError::new),
        None if std::path::Path::new(DEFAULT_CONFIG).exists() => {
            Config::load(std::path::Path::new(DEFAULT_CONFIG)).map_err(CliError::new)
        }
        None => Ok(Config::default_for_run()),
    }
}
