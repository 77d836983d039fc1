use std::io;
use std::path::Path;
use std::thread;

use overlay_deploy::{phase_word, rollout};
use overlay_store::{Phase, Pointer, Store};
use tokio::runtime::Builder;

use super::site::Site;
use crate::answer_error;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::output::{Color, Format, Output};

/// From now on, whoever ends this process by a signal is told, in this format, what becomes of
/// the rollout that it drives. Where signals cannot be waited for it ends without a word.
pub(super) fn tell_when_ended(site: &Site, format: Format, environment: &Environment) {
    let Ok(runtime) = Builder::new_current_thread().enable_io().build() else { return };
    // Here and not on the thread: a signal may come before that runs.
    let signal = {
        let _guard = runtime.enter();
        signal()
    };
    let Ok(signal) = signal else { return };
    let dir = site.dir().to_owned();
    let mut output = Output::new(format, Color::Never, false, environment);
    thread::spawn(move || {
        runtime.block_on(signal);
        leave(&dir, &mut output);
    });
}

#[cfg(unix)]
fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    })
}

#[cfg(not(unix))]
fn signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

#[expect(clippy::disallowed_methods, reason = "what drives the rollout is not to go on")]
fn leave(dir: &Path, output: &mut Output) -> ! {
    let store = Store::open(dir).ok();
    let pointer = store.as_ref().and_then(|it| it.current().ok().flatten());
    let deployment = pointer.as_ref().and_then(|it| it.deployment.as_deref());
    let kept = store.as_ref().zip(deployment).and_then(|(it, id)| rollout(it, id).ok().flatten());
    let is_first = kept.is_some_and(|it| it.base.is_none());
    let (text, exit) = said(pointer.as_ref(), is_first, dir);
    // The terminal may be gone: the process ends all the same.
    output.remark(&format!("\n{text}\n")).ok();
    if output.is_json() {
        answer_error(&text, exit, &[], output).ok();
    }
    std::process::exit(i32::from(exit.code()));
}

fn said(pointer: Option<&Pointer>, is_first: bool, dir: &Path) -> (String, Exit) {
    let rests = |it: &&Pointer| matches!(it.phase, Phase::Stable | Phase::Paused | Phase::Frozen);
    let Some(Pointer { phase, weight, .. }) = pointer.filter(|it| !rests(it)) else {
        return ("interrupted: no deployment is under way".to_owned(), Exit::ABORTED);
    };
    let share = match phase {
        Phase::Canary => format!(" at {} %", overlay_deploy::Weight(*weight).percent()),
        _ => String::new(),
    };
    let back = match is_first {
        true => "and there is nothing to take it back to",
        false => "`recover` or `abort` takes it back",
    };
    let root = dir.display();
    let text = format!(
        "the process that drove it ended, and the deployment stays as it is ({}{share}): `fusion \
         deploy resume --root {root}` goes on, {back}",
        phase_word(*phase)
    );
    (text, Exit::UNKNOWN)
}
