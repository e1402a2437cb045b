//! The commands, one module for each: it turns arguments into a request, and the result into the text that is printed.

pub(crate) mod attribute;
pub(crate) mod boundary;
pub(crate) mod classics;
mod countdown;
pub(crate) mod experiments;
pub(crate) mod explore;
pub(crate) mod factorial;
pub(crate) mod figures;
pub(crate) mod follow;
pub(crate) mod image_sets;
pub(crate) mod reproduce;
pub(crate) mod show;
pub(crate) mod spectrum;
pub(crate) mod study;
pub(crate) mod train;

use crate::session::usage;
use heigen_lab::{Part, Shard};

/// The part of its work that a command does.
pub(crate) fn part(shard: Option<Shard>) -> Part {
    shard.map_or(Part::Whole, Part::Shard)
}

/// The part that gathers what the shares have done. A share is none of its options.
pub(crate) fn gathered(shard: Option<Shard>) -> Part {
    if let Some(shard) = shard {
        usage(&format!("gather is about all shares; leave --shard {shard} out"));
    }
    Part::Gathered
}
