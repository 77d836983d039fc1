//! Ctrl-C and the wish of the system to end, while a command runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use anyhow::Context as _;

/// Whether somebody wants the run to end.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicU8>);

/// Who wants a run to end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// A person at the terminal.
    Interrupt,
    /// The system, or another program.
    Terminate,
}

const NOTHING: u8 = 0;
const INTERRUPT: u8 = 1;
const TERMINATE: u8 = 2;

impl Interrupt {
    /// Keeps signals from ending this process at once from now on, since it has a command
    /// to end first.
    pub(super) fn watch() -> anyhow::Result<Self> {
        let told = Arc::new(AtomicU8::new(NOTHING));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("waiting for signals")?;
        let wish = {
            let _guard = runtime.enter();
            wish().context("waiting for signals")?
        };
        let sender = Arc::clone(&told);
        thread::spawn(move || {
            let wish = runtime.block_on(wish);
            let number = if wish == Wish::Interrupt { INTERRUPT } else { TERMINATE };
            sender.store(number, Ordering::Relaxed);
        });
        Ok(Self(told))
    }

    /// What somebody wanted since.
    pub(super) fn told(&self) -> Option<Wish> {
        match self.0.load(Ordering::Relaxed) {
            NOTHING => None,
            INTERRUPT => Some(Wish::Interrupt),
            _ => Some(Wish::Terminate),
        }
    }
}

#[cfg(unix)]
fn wish() -> std::io::Result<impl Future<Output = Wish> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Wish::Interrupt,
            _ = terminate.recv() => Wish::Terminate,
            _ = hangup.recv() => Wish::Terminate,
        }
    })
}

#[cfg(not(unix))]
fn wish() -> std::io::Result<impl Future<Output = Wish> + Send + 'static> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
        Wish::Interrupt
    })
}
