//! The threads that operations on host memory run in.

use std::sync::Arc;

/// The threads that operations on host memory enter: a pool of the caller's own, or rayon's global one.
///
/// Results do not depend on their number. Cloning is cheap and shares the pool.
#[derive(Clone, Debug, Default)]
pub struct Threads(Option<Arc<rayon::ThreadPool>>);

impl Threads {
    /// The threads of rayon's global pool, or of the pool that the calling thread belongs to.
    pub fn current() -> Self {
        Self(None)
    }

    /// The threads of a given pool.
    pub fn of(pool: Arc<rayon::ThreadPool>) -> Self {
        Self(Some(pool))
    }

    /// Runs `work` in the pool and waits for it.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}
