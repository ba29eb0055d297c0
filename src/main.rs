//! The `stallprof` command: see `stallprof help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stallprof::cli::main()
}
