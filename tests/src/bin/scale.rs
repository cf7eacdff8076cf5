//! `weir-scale measure`: what many sessions cost a gateway. Its other commands are what it starts for that.

use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use weir_tests::report::finish;
use weir_tests::scale::{Options, measure, serve, work};

/// What many sessions cost a gateway (needs root).
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures memory, the processor's time and starts.
    Measure {
        /// Where the report goes, as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Few of everything: that it works.
        #[arg(long)]
        quick: bool,
    },
    /// Stands in for Postgres.
    Server {
        /// Where it listens, on 127.0.0.1.
        port: u16,
    },
    /// Does what its standard input says.
    Load {
        /// Where its server is.
        address: SocketAddr,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Measure { json, quick } => {
            let options = if quick { Options::QUICK } else { Options::FULL };
            // Nobody has to read it.
            let report = measure(options, |line| drop(writeln!(std::io::stderr(), "{line}")))?;
            finish(&report, &[], json.as_deref()).map(drop)
        }
        Command::Server { port } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(runtime.block_on(serve(port))?)
        }
        Command::Load { address } => work(address),
    }
}
