//! The memory and the processor of this machine, as far as the system tells them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Number of processes of one computation on this machine.
static NEIGHBOURS: AtomicUsize = AtomicUsize::new(1);

/// From now on the memory of this machine is shared with so many processes of one computation, this one included.
pub(crate) fn share_with(neighbours: usize) {
    NEIGHBOURS.store(neighbours.max(1), Ordering::Relaxed);
}

/// The share of a process in three quarters of the memory that the system reports as available; in 16 GiB where it reports nothing.
pub fn memory_limit() -> f64 {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    });
    available.map_or(16.0 * 2f64.powi(30), |kib| 0.75 * 1024.0 * kib) / NEIGHBOURS.load(Ordering::Relaxed) as f64
}

/// The name of the processor, or of its architecture where the system does not tell the name.
pub fn processor() -> String {
    let name = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("model name"))?;
        line.split_once(':').map(|(_, name)| name.trim().to_owned())
    });
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
