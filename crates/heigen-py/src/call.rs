//! A call from Python: the interpreter is free while Rust works; Ctrl-C and progress are looked at now and then.

use crate::raise::{Class, error};
use heigen_spectra::{Failure, Progress, Watch};
use pyo3::prelude::*;
use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often signals are looked at and progress is told, at most.
const INTERVAL: Duration = Duration::from_millis(50);

/// Tells a function of Python's how far a computation is, and stops it at Ctrl-C.
pub(crate) struct PyWatch {
    tell: Option<Py<PyAny>>,
    looked: Option<Instant>,
    stage: &'static str,
    stopped_by: Option<PyErr>,
}

impl PyWatch {
    fn look(&self, progress: Progress) -> PyResult<()> {
        Python::attach(|py| {
            py.check_signals()?;
            let Some(tell) = &self.tell else { return Ok(()) };
            tell.call1(py, (progress.stage, progress.done, progress.total, progress.unit)).map(drop)
        })
    }
}

impl Watch for PyWatch {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        let ended = progress.total == Some(progress.done);
        let soon = self.looked.is_some_and(|looked| looked.elapsed() < INTERVAL);
        if soon && !ended && self.stage == progress.stage {
            return ControlFlow::Continue(());
        }
        self.stage = progress.stage;
        let outcome = self.look(progress);
        self.looked = Some(Instant::now());
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.stopped_by = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// Does `work` without holding the interpreter. `tell` is called with (stage, done, total, unit); an exception in it, and
/// Ctrl-C, end the work and are raised. A panic becomes an exception that asks for a report.
pub(crate) fn run<R: Send>(
    py: Python<'_>,
    tell: Option<Py<PyAny>>,
    work: impl FnOnce(&mut PyWatch) -> PyResult<R> + Send,
) -> PyResult<R> {
    let mut watch = PyWatch { tell, looked: None, stage: "", stopped_by: None };
    let outcome = py.detach(|| catch_unwind(AssertUnwindSafe(|| work(&mut watch))));
    match (outcome, watch.stopped_by) {
        (Err(panic), _) => Err(of_panic(&*panic)),
        (Ok(Err(_)), Some(error)) | (Ok(Err(error)), None) => Err(error),
        (Ok(Ok(result)), _) => Ok(result),
    }
}

/// Does `work` on a thread of its own and looks at signals meanwhile. At Ctrl-C the work goes on to its end by itself, with all
/// that it owns, and what it finds is dropped.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method alone is for one lifetime of the interpreter"
)]
pub(crate) fn aside<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, Failure> + Send + 'static,
) -> Result<R, Failure> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody may be there to be told.
        let _ = tell.send(catch_unwind(AssertUnwindSafe(work)));
    });
    loop {
        match told.recv_timeout(INTERVAL) {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals()).map_err(Failure::of)?,
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::of("a thread has ended before its work")),
        }
    }
}

fn of_panic(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("no message");
    error(Class::Internal, format!("heigen has made a mistake, please report it: {text}"))
}

/// Panics, so that a test can see what becomes of it.
#[pyfunction]
fn panic_for_tests(py: Python<'_>, text: String) -> PyResult<()> {
    run(py, None, |_| -> PyResult<()> { std::panic::panic_any(text) })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(panic_for_tests, module)?)
}
