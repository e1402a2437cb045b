//! The threads of the package: one pool for each process.

use crate::raise::{Class, error};
use heigen_spectra::Threads;
use pyo3::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// The pool, and the process that it belongs to: threads do not survive a fork, so that a forked process makes its own.
static POOL: Mutex<Option<(u32, Threads)>> = Mutex::new(None);

/// The threads that operations on vectors run in.
pub(crate) fn current() -> Threads {
    let process = std::process::id();
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, threads)) = &*pool
        && *owner == process
    {
        return threads.clone();
    }
    let threads = made(0).unwrap_or_default();
    // A pool of another process is not dropped: its threads are not here to be ended.
    std::mem::forget(pool.replace((process, threads.clone())));
    threads
}

/// A pool of `number` threads; 0 is one for each processor.
fn made(number: usize) -> Result<Threads, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(number).build().map(|pool| Threads::of(Arc::new(pool)))
}

/// Lets operations on vectors run in `number` threads; 0 is one for each processor. Results do not depend on it.
#[pyfunction]
fn set_threads(number: usize) -> PyResult<()> {
    let threads = made(number).map_err(|failed| error(Class::Error, failed))?;
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    *pool = Some((std::process::id(), threads));
    Ok(())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(set_threads, module)?)
}
