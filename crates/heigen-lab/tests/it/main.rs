//! The tests of the lab, in one program.
#![allow(missing_docs)]

mod common;
mod from_memory;
mod in_memory;
mod limits;
mod mini_batches;
mod side_by_side;
mod steps;
