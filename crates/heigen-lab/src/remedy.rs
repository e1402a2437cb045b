//! The remedy that an error of the store, or of a foreign file, knows of; each face words it in its own terms.

use crate::LabError;
use heigen_store::{Remedy, StoreError, of_format};
use std::error::Error;

/// The remedy of the first error among an error and its causes that knows one.
pub fn remedy_of(error: &(dyn Error + 'static)) -> Option<Remedy> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // [`LabError::Store`] shows the text of the store's error as its own, so that error is not among its sources.
        let remedy = match error.downcast_ref::<LabError>() {
            Some(LabError::Store(error)) => error.remedy(),
            Some(LabError::Format(error)) => of_format(error),
            _ => error.downcast_ref::<StoreError>().and_then(StoreError::remedy),
        };
        if remedy.is_some() {
            return remedy;
        }
        cause = error.source();
    }
    None
}
