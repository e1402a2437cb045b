//! Drawings of one network's numbers, to look into a run: its spectrum, eigenvectors, alignments and gradients.

mod coherence;
mod eigenvectors;
mod overlaps;
mod spectrum;

pub use coherence::{Coherence, LogitCoherence, coherence, logit_coherence};
pub use eigenvectors::{Eigenvectors, NamedVector, eigenvectors};
pub use overlaps::{Overlaps, overlaps};
pub use spectrum::spectrum;
pub(crate) use spectrum::stems;
