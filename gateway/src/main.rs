//! The `weir` binary: arguments in, exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir::cli::main()
}
