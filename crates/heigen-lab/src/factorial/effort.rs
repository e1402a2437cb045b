//! How long the cells of a study take, roughly, and their dealing to shares that take about equally long.

use super::cells::Cell;
use crate::reproduction::schedule::dealt;
use heigen::config::{BatchSize, Experiment};
use std::collections::BTreeMap;

/// Multiplications in a second of one core, where nothing is known yet.
pub(super) const RATE: f64 = 4e9;

/// Multiplications of the training of an experiment, roughly: parameters times batches' samples, three passes.
pub(super) fn training(experiment: &Experiment) -> f64 {
    let trainer = experiment.trainer;
    let batch = match trainer.batch_size {
        BatchSize::Full => 200.0,
        BatchSize::Samples(n) => n as f64,
    };
    // A data set of the plane has about 200 training samples; a batch takes a little time by itself.
    trainer.num_epochs as f64 * 3.0 * 200.0 * (1.0 + 100.0 / batch) * 200.0
}

/// Multiplications of a cell without its first training, roughly.
pub(super) fn work(cell: &Cell) -> f64 {
    training(&cell.experiment) + 1e10
}

/// The share of every cell: cells whose training starts from the same one are in one share.
pub(super) fn shares(cells: &[Cell], shares: usize) -> Vec<usize> {
    let mut units: BTreeMap<String, usize> = BTreeMap::new();
    let mut seconds: Vec<f64> = Vec::new();
    let mut unit_of: Vec<usize> = Vec::new();
    for cell in cells {
        let first = cell.first.as_ref();
        let unit = *units
            .entry(first.map_or_else(|| cell.stamp.clone(), |first| first.name.to_string()))
            .or_insert_with(|| {
                seconds.push(first.map_or(0.0, training));
                seconds.len() - 1
            });
        seconds[unit] += work(cell);
        unit_of.push(unit);
    }
    let share = dealt(&seconds, shares);
    unit_of.into_iter().map(|unit| share[unit]).collect()
}
