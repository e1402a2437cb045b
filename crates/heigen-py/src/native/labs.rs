//! The labs of this process: one for each number of threads, memory limit and folder of images.

use heigen_cli::machine::{memory_limit, processor};
use heigen_lab::{Lab, LabError, LabOptions};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The threads and memory that a lab may use; results do not depend on them.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Resources {
    /// Number of threads; 0 means all cores.
    pub(super) threads: usize,
    /// Bytes that one analysis may take; three quarters of what is available if not given.
    memory: Option<f64>,
    /// Folder of the image sets.
    pub(super) images: PathBuf,
}

/// The labs by their resources.
type Labs = Vec<(Resources, Arc<Lab>)>;

/// The labs, and the process that they belong to: threads do not survive a fork, so that a forked process makes its own.
static LABS: Mutex<(u32, Labs)> = Mutex::new((0, Vec::new()));

/// The lab with these resources.
pub(crate) fn lab(resources: &Resources) -> Result<Arc<Lab>, LabError> {
    // A lab is put in complete, so that the list is as good after a panic as before.
    let mut labs = LABS.lock().unwrap_or_else(PoisonError::into_inner);
    let (process, known) = &mut *labs;
    if *process != std::process::id() {
        *process = std::process::id();
        // Labs of another process are not dropped: their threads are not here to be ended.
        std::mem::forget(std::mem::take(known));
    }
    if let Some((_, lab)) = known.iter().find(|(known, _)| known == resources) {
        return Ok(Arc::clone(lab));
    }
    let options = LabOptions {
        images: resources.images.clone(),
        threads: resources.threads,
        memory: resources.memory.unwrap_or_else(memory_limit),
        machine: processor(),
    };
    let lab = Arc::new(Lab::new(options)?);
    known.push((resources.clone(), Arc::clone(&lab)));
    Ok(lab)
}
