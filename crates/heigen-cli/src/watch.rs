//! What happens along a training: progress is shown, and what the experiment wants kept is kept.

use crate::prepare::Prepared;
use anyhow::Result;
use heigen::config::Experiment;
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::Matrix;
use heigen::train::{Checkpoint, Observer};
use heigen_store::atomic::Staged;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Order};
use heigen_store::{checkpoint, weights};
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Shows progress and keeps what the experiment wants kept along the way.
pub(crate) struct Watch<'a> {
    pub(crate) bar: ProgressBar,
    pub(crate) prepared: &'a Prepared,
    pub(crate) paths: &'a ExperimentPaths,
    pub(crate) experiment: &'a Experiment,
    /// What determines the weights and the record.
    pub(crate) stamp: &'a str,
    /// When training began, and the seconds it had taken before it was interrupted, if it was.
    pub(crate) begun: (Instant, f64),
    /// When the state was last saved.
    pub(crate) saved: Instant,
    /// How often it is: what a kill costs at most.
    pub(crate) save_every: Duration,
    /// What the experiment wants kept along the way; it replaces earlier results only once training is done.
    pub(crate) kept: Vec<Staged>,
    pub(crate) error: Option<anyhow::Error>,
}

impl Watch<'_> {
    fn check(&mut self, outcome: Result<()>) -> ControlFlow<()> {
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn save_gradients(&mut self, epoch: usize, theta: &[f32]) -> Result<()> {
        let samples = self.prepared.training();
        let problem: Problem<f32> = Problem::new(&self.prepared.network, theta, &samples, self.experiment.loss)?;
        let mut gradients = problem.example_gradients(&ExampleLabels::True);
        let shape = [gradients.columns, gradients.rows];
        self.kept.push(npy::stage(&self.paths.gradient(epoch), &shape, Order::C, &gradients.data)?);
        normalize(&mut gradients);
        self.kept.push(npy::stage(&self.paths.gradient_normalized(epoch), &shape, Order::C, &gradients.data)?);
        Ok(())
    }
}

/// Every column divided by its l2 norm; a zero column stays zero.
fn normalize(m: &mut Matrix<f32>) {
    for j in 0..m.columns {
        let column = m.column_mut(j);
        let norm = column.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            column.iter_mut().for_each(|x| *x /= norm);
        }
    }
}

impl Watch<'_> {
    /// Seconds of training, earlier parts included.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.1 + self.begun.0.elapsed().as_secs_f64()
    }
}

impl Observer for Watch<'_> {
    /// What is kept along the way lives in temporary files until the end, so such a training starts anew.
    fn wants_checkpoint(&mut self, _: usize) -> bool {
        self.kept.is_empty() && self.saved.elapsed() >= self.save_every
    }

    fn checkpoint(&mut self, state: &Checkpoint) -> ControlFlow<()> {
        let written = checkpoint::save(&self.paths.checkpoint(), self.stamp, self.seconds(), state);
        self.saved = Instant::now();
        self.check(written.map_err(Into::into))
    }

    fn epoch(&mut self, epochs_done: usize, _: f64) -> ControlFlow<()> {
        if epochs_done.is_multiple_of(64) {
            self.bar.set_position(epochs_done as u64);
        }
        ControlFlow::Continue(())
    }

    fn snapshot(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        let metadata = BTreeMap::from([("epoch".to_owned(), epochs_done.to_string())]);
        let staged = weights::stage(&self.paths.snapshot(epochs_done), &self.prepared.tensors(theta), &metadata);
        let kept = staged.map(|staged| self.kept.push(staged));
        self.check(kept.map_err(Into::into))
    }

    fn gradients(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        let saved = self.save_gradients(epochs_done, theta);
        self.check(saved)
    }
}
