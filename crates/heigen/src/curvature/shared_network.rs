//! Networks that problems borrow or share.

use crate::model::Network;
use std::ops::Deref;
use std::sync::Arc;

/// The network of a problem: borrowed, or shared with others that own it too, by which the problem borrows nothing.
#[derive(Clone, Debug)]
pub enum SharedNetwork<'a> {
    /// A network that outlives the problem.
    Borrowed(&'a Network),
    /// A network that lives as long as one of its owners.
    Owned(Arc<Network>),
}

impl<'a> From<&'a Network> for SharedNetwork<'a> {
    fn from(network: &'a Network) -> Self {
        Self::Borrowed(network)
    }
}

impl From<Arc<Network>> for SharedNetwork<'_> {
    fn from(network: Arc<Network>) -> Self {
        Self::Owned(network)
    }
}

impl Deref for SharedNetwork<'_> {
    type Target = Network;

    fn deref(&self) -> &Network {
        match self {
            Self::Borrowed(network) => network,
            Self::Owned(network) => network,
        }
    }
}
