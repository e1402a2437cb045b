//! Work of the lab on a thread of its own, while the thread that called from Python looks after signals and progress.

use super::errors;
use heigen_lab::{Event, LabError, LabWatch, Note, NoteKind, bytes, number};
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Time between two looks at signals.
const LOOK: Duration = Duration::from_millis(50);
/// Time that work has to end after it was told to stop; whatever still runs then is left to end by itself.
const PATIENCE: Duration = Duration::from_millis(700);
/// Bytes of the stack of a thread that works: those of a program's main thread.
const STACK: usize = 8 << 20;

/// What the thread that works tells the one that waits.
enum Message<R> {
    Event(Event),
    Done(Result<R, LabError>),
}

/// The lab's watch on the thread that works.
struct Watch<R> {
    to: Sender<Message<R>>,
    stop: Arc<AtomicBool>,
    /// The notes, with whether each is a warning.
    notes: Arc<Mutex<Vec<(bool, String)>>>,
}

impl<R> LabWatch for Watch<R> {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        // Nobody listens after an interruption.
        let _ = self.to.send(Message::Event(event.clone()));
        if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn note(&self, note: &Note) {
        let Some(said) = worded(&note.kind) else { return };
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&said) {
            notes.push(said);
        }
    }
}

/// A note in words, and whether it is a warning; `None` for notes that say nothing in Python.
fn worded(kind: &NoteKind) -> Option<(bool, String)> {
    Some(match kind {
        NoteKind::Warning(text) => (true, text.clone()),
        NoteKind::Samples(text) | NoteKind::Remark(text) => (false, text.clone()),
        NoteKind::TooLarge { n_params, eigenpairs, why, operations, bytes: memory } => (
            false,
            format!(
                "{n_params} parameters are too many for the whole spectrum: {why}; the {eigenpairs} largest eigenvalues by \
                 Lanczos instead, about {} operations and {} (k=20 for others, method=\"exact\" to insist)",
                number(*operations),
                bytes(*memory)
            ),
        ),
        NoteKind::Margin { measured: false, operations } => (
            false,
            format!(
                "the margin would take about {} operations and is left out (margin=True, or the attribute `margin`, \
                 measures it)",
                number(*operations)
            ),
        ),
        NoteKind::CoherenceLeftOut { of, side, bytes: memory } => (
            false,
            format!(
                "the cosines of all pairs of {side} {of} gradients would take {:.1} GiB and are left out (coherence=True \
                 keeps them)",
                memory / 2f64.powi(30)
            ),
        ),
        NoteKind::Embedded { chosen, of } => (false, format!("t-SNE of {chosen} of the {of} samples, evenly spread")),
        NoteKind::EvaluatedLess => (false, "the model that is reused was evaluated less often".to_owned()),
        NoteKind::StartsFrom { file, fresh } => {
            (false, format!("training starts from {}, except for fresh {}", file.display(), fresh.join(", ")))
        }
        _ => return None,
    })
}

/// What a piece of work gave, and the notes that it made.
pub(crate) type Told<R> = (R, Vec<(bool, String)>);

/// Runs `work` without the interpreter's lock.
///
/// `progress` is called with (stage, done, total, unit) from the calling thread. An exception of its, or of a signal's
/// handler, stops the work and is raised.
pub(crate) fn run<R: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&dyn LabWatch) -> Result<R, LabError> + Send + 'static,
) -> PyResult<Told<R>> {
    let (to, from) = channel();
    let (stop, notes) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let watch = Watch { to: to.clone(), stop: Arc::clone(&stop), notes: Arc::clone(&notes) };
    let thread = move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&watch)));
        let outcome = outcome.unwrap_or_else(|panic| Err(LabError::Panicked(text_of(&*panic))));
        let _ = to.send(Message::Done(outcome));
    };
    let spawned = Builder::new().name("heigen".to_owned()).stack_size(STACK).spawn(thread);
    spawned.map_err(|e| errors::internal(py, &format!("no thread could be started: {e}")))?;
    let from = Mutex::new(from);
    let waited = wait(py, progress, &from);
    let outcome = match waited {
        Ok(outcome) => outcome,
        Err(raised) => {
            stop.store(true, Ordering::Relaxed);
            py.detach(|| until_done(&from));
            return Err(raised);
        }
    };
    let notes = std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner));
    match outcome {
        Ok(value) => Ok((value, notes)),
        Err(error) => Err(errors::of(py, &error)),
    }
}

/// Waits for the end of the work, while it looks at signals and tells progress.
fn wait<R: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    from: &Mutex<Receiver<Message<R>>>,
) -> PyResult<Result<R, LabError>> {
    let mut looked = Instant::now();
    loop {
        let message = py.detach(|| next(from, LOOK));
        if looked.elapsed() >= LOOK {
            py.check_signals()?;
            looked = Instant::now();
        }
        match message {
            Ok(Message::Done(outcome)) => return Ok(outcome),
            Ok(Message::Event(event)) => {
                if let Some(progress) = progress {
                    progress.call1((event.stage, event.done, event.total, event.unit))?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Err(LabError::Lost)),
        }
    }
}

fn next<R>(from: &Mutex<Receiver<Message<R>>>, time: Duration) -> Result<Message<R>, RecvTimeoutError> {
    from.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time)
}

/// Waits for a moment until work that was told to stop has done so.
fn until_done<R>(from: &Mutex<Receiver<Message<R>>>) {
    let begun = Instant::now();
    while let Some(left) = PATIENCE.checked_sub(begun.elapsed()) {
        if !matches!(next(from, left), Ok(Message::Event(_))) {
            return;
        }
    }
}

/// The text of a panic.
fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}
