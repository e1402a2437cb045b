//! Pictures of a training: eigenvalues against epochs, and the leading subspaces of all pairs of moments.

mod spectra;
mod subspaces;

pub use spectra::{Course, SpectraAlong, Threshold, Track, spectra_along};
pub use subspaces::{SubspaceOverlaps, subspace_overlaps};
