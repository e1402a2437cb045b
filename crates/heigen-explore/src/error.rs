//! Errors of the explorer.

use heigen_lab::LabError;
use std::net::SocketAddr;

/// Why the explorer could not begin, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The server stopped.
    #[error("the explorer's server stopped: {0}")]
    Server(#[from] std::io::Error),
    /// The system gives no random numbers, without which the page's address could be guessed.
    #[error("the system gives no random numbers for the page's address: {0}")]
    Random(String),
    /// The experiment is not one that can be shown.
    #[error("{name} cannot be explored: {why}")]
    Unfit {
        /// The name of the experiment.
        name: String,
        /// The reason.
        why: String,
    },
    /// The experiment, or a model that it starts from, cannot be had.
    #[error(transparent)]
    Lab(#[from] LabError),
}
