//! Parallel loops that a watch can stop.

use crate::curvature::{Stopped, Threads, Watch};
use rayon::prelude::*;

/// The results of `work` for 0..count, in that order. `together` calls run at a time, in parallel in `threads`; between
/// these groups `watch` is told, on the calling thread, how many calls are done. The caller passes a constant as
/// `together`, so that `watch` is asked at the same places whatever the number of threads.
pub(super) fn in_parallel<R: Send>(
    count: usize,
    together: usize,
    threads: &Threads,
    (stage, unit): (&'static str, &'static str),
    watch: &mut dyn Watch,
    work: impl Fn(usize) -> R + Sync,
) -> Result<Vec<R>, Stopped> {
    let mut results = Vec::with_capacity(count);
    while results.len() < count {
        let next = results.len()..(results.len() + together).min(count);
        let group: Vec<R> = threads.run(|| next.into_par_iter().map(&work).collect());
        results.extend(group);
        watch.tell(stage, results.len() as u64, Some(count as u64), unit)?;
    }
    Ok(results)
}
