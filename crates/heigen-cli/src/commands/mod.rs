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
