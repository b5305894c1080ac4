//! SIGTERM and SIGINT: the first asks for a graceful end, the second ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit status after the second signal, as shells count it for SIGINT.
const ABORTED: i32 = 130;

/// Why signals are not listened to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused a handler.
    #[error("failed to listen to SIGTERM and SIGINT")]
    ListenToSignals(#[source] std::io::Error),
}

/// Listens from now on; the token is cancelled at the first signal.
pub fn listen() -> Result<CancellationToken, Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::ListenToSignals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::ListenToSignals)?;
    let shutdown = CancellationToken::new();
    let token = shutdown.clone();
    tokio::spawn(async move {
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "Shutting down; what runs is finished first, a second signal ends at once");
        token.cancel();
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "Aborted by a second signal");
        // Passes that run are cut off wherever they are. They are made for that: a crash does the same.
        std::process::exit(ABORTED);
    });
    Ok(shutdown)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
