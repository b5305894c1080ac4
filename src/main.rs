//! The one binary: `tairyo operator`, `tairyo gateway`, `tairyo crds`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tairyo::cli::run().await
}
