//! The tests of the lab, in one program.
#![allow(missing_docs)]

mod common;
mod from_memory;
mod in_memory;
mod limits;
mod side_by_side;
