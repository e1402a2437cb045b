//! Operators made from other operators.
//!
//! | operator | is |
//! | --- | --- |
//! | [`Restricted`] | the block of some coordinates, S^T A S |
//! | [`Shifted`] | A + mu I |
//! | [`Scaled`] | c A |
//! | [`Summed`] | A + B |

mod ranges;
mod restricted;
mod scaled;
mod shifted;
mod summed;

pub use ranges::{IndexRanges, IndexRangesError};
pub(crate) use ranges::{gather, scatter};
pub use restricted::Restricted;
pub use scaled::Scaled;
pub use shifted::Shifted;
pub use summed::Summed;
