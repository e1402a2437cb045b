//! Symmetric operators beside the Hessian: of the same loss, and made from other operators.
//!
//! | operator | of the mean loss over N samples |
//! | --- | --- |
//! | [`GaussNewton`] | 1/N sum_n J_n^T A_n J_n |
//! | [`EmpiricalFisher`] | 1/N sum_n g_n g_n^T |
//! | [`FunctionalRemainder`] | H - GGN |
//! | [`Batched`] | one of these or the Hessian, summed over mini-batches in bounded memory |
//! | [`Restricted`] | the block of some parameters of any operator |
//! | [`Shifted`] | A + mu I |
//!
//! Restricted to classes or samples, they are the operators of [`Problem::of_classes`](super::Problem::of_classes) and
//! [`Problem::of_samples`](super::Problem::of_samples).

mod batched;
mod fisher;
mod ggn;
mod reference;
mod remainder;
mod restricted;
mod samples;
mod selection;
mod shifted;

pub use batched::{Batched, OperatorKind};
pub use fisher::EmpiricalFisher;
pub use ggn::GaussNewton;
pub use remainder::FunctionalRemainder;
pub use restricted::Restricted;
pub use samples::SampleSelectionError;
pub use selection::{ParamSelection, ParamSelectionError};
pub use shifted::Shifted;
