//! Spectra along a training: at every moment a look, written as soon as it is known, and pictures of all of them.

mod journal;
mod moments;
mod page;
mod pictures;
mod recipe;
mod samples;
mod schedule;
mod summary;
mod walk;
mod weights;
mod whole;

pub use pictures::FollowPicture;
pub use schedule::moments as scheduled_epochs;

pub(crate) use summary::summary;
pub(crate) use weights::{Point, points};

use crate::call::Call;
use crate::explorable::LiveCommand;
use crate::making::made;
use crate::{Lab, LabError, LabWatch, Making, Store};
use heigen::analysis::LookOptions;
use heigen_store::along_record::{AlongPaths, AlongRecord};
use heigen_store::catalogue::Loaded;
use recipe::Follow;
use serde::Serialize;
use std::path::PathBuf;
use std::str::FromStr;

/// The weights that are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FollowedWeights {
    /// The experiment is trained, and looked at along the way.
    #[default]
    Training,
    /// The snapshots that a training of the experiment has kept.
    Snapshots,
    /// Weights in files, in this order; a folder stands for its files, in the order of the numbers in their names.
    Files(Vec<PathBuf>),
}

/// The way from one look to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// So many epochs.
    Epochs(usize),
    /// So many steps of the update rule, one for each batch.
    Steps(usize),
}

impl FromStr for Every {
    type Err = NoWay;

    /// A number from 1, of epochs alone or with the word "steps" behind it: "5", "50steps", "1 step".
    fn from_str(text: &str) -> Result<Self, NoWay> {
        let text = text.trim();
        let (number, kind): (&str, fn(usize) -> Self) =
            match text.strip_suffix("steps").or_else(|| text.strip_suffix("step")) {
                Some(number) => (number, Self::Steps),
                None => (text, Self::Epochs),
            };
        let count = number.trim().parse::<u32>().ok().filter(|&n| n > 0);
        count.map(|n| kind(n as usize)).ok_or(NoWay)
    }
}

/// A text names no way from one look to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 1, of epochs or as in 50steps")]
pub struct NoWay;

/// Asks for the spectra along a training.
#[derive(Clone, Debug)]
pub struct FollowRequest {
    /// Where results live.
    pub store: Store,
    /// The experiment.
    pub experiment: Loaded,
    /// The weights.
    pub weights: FollowedWeights,
    /// The way from one look to the next; `None` for about forty looks and some more at the beginning.
    pub every: Option<Every>,
    /// The options of each look.
    pub look: LookOptions,
    /// At how many of the moments the whole spectrum is computed, for `G_theta`; `None` for as many as take a moment.
    pub whole: Option<usize>,
    /// The folder that pictures are written to; none are drawn without one.
    pub figures: Option<PathBuf>,
    /// The folder that a page with these pictures is written to; none is written without one, or without pictures.
    pub report: Option<PathBuf>,
    /// A function that words the command that opens a live page on which the training can be gone through, if the face has one.
    pub live: Option<LiveCommand>,
    /// How models and looks are made.
    pub making: Making,
}

/// The spectra along a training.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The record of all moments.
    pub record: AlongRecord,
    /// Where the arrays and the moments stand.
    pub files: AlongPaths,
    /// The pictures that were drawn.
    pub pictures: Vec<FollowPicture>,
    /// The page.
    pub report: Option<PathBuf>,
}

impl Lab {
    /// The spectra along a training, reused or computed, and their pictures. What is killed or stopped on the way goes on where it
    /// was.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps the moments from being looked at or written.
    pub fn follow(&self, request: &FollowRequest, watch: &dyn LabWatch) -> Result<Followed, LabError> {
        self.call(&request.store, &request.making, watch, |call| followed(call, request))
    }
}

fn followed(call: &Call, request: &FollowRequest) -> Result<Followed, LabError> {
    let loaded = call.seeded(request.experiment.clone());
    let follow = Follow::new(call, &loaded, request)?;
    let record = made(call, &follow)?;
    let pictures = match &request.figures {
        Some(folder) => pictures::draw(&follow, &record, folder)?,
        None => vec![],
    };
    let report = match &request.report {
        Some(folder) if !pictures.is_empty() => Some(page::write(&follow, &record, &pictures, folder)?),
        _ => None,
    };
    Ok(Followed { record, files: follow.paths, pictures, report })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_between_looks_are_counted_in_epochs_or_in_steps() {
        let read = |text: &str| text.parse::<Every>().ok();
        assert_eq!(["5", " 12 "].map(read), [Some(Every::Epochs(5)), Some(Every::Epochs(12))]);
        assert_eq!(["50steps", "1 step", "7 steps"].map(read), [50, 1, 7].map(|n| Some(Every::Steps(n))));
        for text in ["", "0", "0steps", "50s", "steps", "-1", "1.5", "5 epochs", "1e3", "99999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
