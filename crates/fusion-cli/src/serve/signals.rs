//! How the process is told to stop, and to read the files again.

use std::future::Future;
use std::sync::Weak;

use fusion_gateway::Service;

use super::log;

/// Done when SIGINT or SIGTERM came; SIGHUP has the files read again.
#[cfg(unix)]
pub(super) fn told_to_stop(
    service: Weak<Service>,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use std::os::unix::net::UnixStream;
    use tokio::signal::unix::{SignalKind, signal};
    // The first one needs handles, and panics where there are none.
    drop([UnixStream::pair()?, UnixStream::pair()?]);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => return,
                _ = hangup.recv() => reload(service.clone()),
            }
        }
    })
}

/// Reads the files again, off the threads that answer.
#[cfg(unix)]
fn reload(service: Weak<Service>) {
    tokio::task::spawn_blocking(move || {
        let Some(service) = service.upgrade() else { return };
        log::line("reload: SIGHUP asks for it");
        service.live().reload();
    });
}

/// Done when the user interrupted.
#[cfg(not(unix))]
pub(super) fn told_to_stop(
    _service: Weak<Service>,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
