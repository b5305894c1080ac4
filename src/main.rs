//! The one binary: `tairyo operator`, `tairyo crds`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tairyo::cli::run().await
}
