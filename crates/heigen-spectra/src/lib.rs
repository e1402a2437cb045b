//! Symmetric operators known by their products, and what can be learnt from products alone.

pub mod watch;

pub use watch::{Progress, Stopped, Watch, stage};
