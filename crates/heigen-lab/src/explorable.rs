//! The experiments that a live page can show: the explorer takes them, and reports say how to open it for them.

use heigen::config::Experiment;
use heigen::data::Dataset;
use heigen::model::Network;
use heigen_store::catalogue::{Loaded, Origin};
use std::path::Path;

/// A function that words the command that opens a live page, given the name or the file of an experiment, and the file of the weights
/// at which the page begins; without weights it begins where the training of the experiment does.
pub type LiveCommand = fn(&str, Option<&Path>) -> String;

/// The most samples that a live page takes.
pub const MOST_EXPLORED_SAMPLES: usize = 1000;
/// The most parameters of a network that a live page takes.
pub const MOST_EXPLORED_PARAMS: usize = 100_000;
/// The most classes: there are so many colours for them.
const MOST_CLASSES: usize = 12;

/// The reason why a live page cannot show an experiment with its samples and its network, in a sentence; none if it can.
pub fn why_not_explored(experiment: &Experiment, data: &Dataset, network: &Network) -> Option<String> {
    let features = data.n_features();
    let (n_classes, n_samples, n_params) = (data.n_classes, data.n_samples(), network.n_params());
    if features < 2 {
        return Some(format!(
            "it has samples of {features} features; the explorer takes 2, or more, which it embeds in the plane"
        ));
    }
    if data.classes().is_none() || experiment.loss.is_regression() {
        return Some("its samples have no classes, and so there is no boundary".to_owned());
    }
    if n_classes > MOST_CLASSES {
        return Some(format!("it has {n_classes} classes; there are colours for {MOST_CLASSES}"));
    }
    if n_samples > MOST_EXPLORED_SAMPLES {
        return Some(format!("it has {n_samples} samples; a live page takes at most {MOST_EXPLORED_SAMPLES}"));
    }
    if n_params > MOST_EXPLORED_PARAMS {
        return Some(format!("it has {n_params} parameters; a live page takes at most {MOST_EXPLORED_PARAMS}"));
    }
    if network.couples_samples() || network.has_graph_buffers() {
        return Some(
            "its samples are coupled by batch normalisation, or it holds numbers besides its parameters, and the explorer \
             trains no such network"
                .to_owned(),
        );
    }
    None
}

/// The argument that names an experiment in a command: its name, or the path of its file where it is not a shipped one.
pub(crate) fn called(loaded: &Loaded) -> String {
    match &loaded.origin {
        Origin::Shipped => loaded.experiment.name.to_string(),
        Origin::File(path) => path.display().to_string(),
    }
}
