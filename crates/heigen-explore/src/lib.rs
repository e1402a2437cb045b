//! The explorer: a live page on which the curvature of a small network's loss moves together with its decision boundary.
//!
//! [`Explorer`] says what the page begins with, and [`Server`] serves it to browsers of this machine: one page with all that it
//! loads inside of the program, and one WebSocket a client. Every client has a session of its own, which holds an experiment,
//! its weights and its samples, trains, and computes whatever the page shows. All numbers come from `heigen`; the page draws them.
//! [`protocol`] documents the messages.
//!
//! ```no_run
//! use heigen_explore::{Explorer, Options, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind(Explorer::default(), Options::default())?;
//! println!("{}", server.address());
//! server.run()?;
//! # Ok(())
//! # }
//! ```

mod connections;
mod deep;
mod embedding;
mod error;
mod gallery;
mod ground;
mod guard;
mod mailbox;
mod opening;
mod page;
mod picture;
pub mod protocol;
mod server;
mod session;
mod socket;

pub use error::ExploreError;
pub use opening::{Explorer, Opened};
pub use server::{Options, Server};
