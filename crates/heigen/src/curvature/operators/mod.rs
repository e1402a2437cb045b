//! Symmetric operators other than the Hessian, for the same loss.
//!
//! | operator | of the mean loss over N samples |
//! | --- | --- |
//! | [`GaussNewton`] | 1/N sum_n J_n^T A_n J_n |
//! | [`EmpiricalFisher`] | 1/N sum_n g_n g_n^T |
//! | [`FunctionalRemainder`] | H - GGN |
//! | [`Batched`] | one of these or the Hessian, summed over mini-batches in bounded memory |
//! | [`ByRows`] | one of these or the Hessian, for vectors whose rows are spread over the pieces of a computation |
//!
//! For some classes or samples only, they are the operators of [`Problem::of_classes`](super::Problem::of_classes) and
//! [`Problem::of_samples`](super::Problem::of_samples).

mod batched;
mod by_rows;
mod fisher;
mod ggn;
mod of_samples;
mod owned;
mod remainder;
mod samples;

pub use batched::{Batched, OperatorKind};
pub use by_rows::ByRows;
pub use fisher::EmpiricalFisher;
pub use ggn::GaussNewton;
pub(in crate::curvature) use of_samples::{OfSamples, forward, of_problem};
pub use owned::OwnedOperator;
pub use remainder::FunctionalRemainder;
pub use samples::SampleSelectionError;
