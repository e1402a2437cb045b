//! The observer of a training: it reports progress and stores what the experiment wants kept along the way.

use crate::LabError;
use crate::call::{Call, JobWatch};
use crate::prepare::Prepared;
use crate::watch::stage;
use heigen::config::Experiment;
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::Matrix;
use heigen::train::{Checkpoint, Observer};
use heigen_spectra::Watch;
use heigen_store::atomic::Staged;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Order};
use heigen_store::{checkpoint, weights};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Number of epochs between two questions to the watch: a question takes longer than an epoch of a small network.
const EPOCHS: usize = 64;
/// Time after which the watch is asked, however few epochs have passed.
const LONGEST: Duration = Duration::from_millis(100);

/// The observer of a training.
pub(super) struct Along<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) watch: JobWatch<'a>,
    pub(super) prepared: &'a Prepared,
    /// The samples that this one of several processes takes gradients of along the way, at weights that are replaced; none where it takes
    /// those of all, or none are kept.
    pub(super) share: Option<Problem<'static, f32>>,
    pub(super) paths: &'a ExperimentPaths,
    pub(super) experiment: &'a Experiment,
    /// A hash of all that determines the weights and the record.
    pub(super) stamp: &'a str,
    /// The time at which training began, and the seconds that it had taken before an interruption, if there was one.
    pub(super) begun: (Instant, f64),
    /// The time at which the state was last saved.
    pub(super) saved: Instant,
    /// The time at which the watch was last asked.
    pub(super) asked: Instant,
    /// Time between two saved states: the most that is lost if the process is killed.
    pub(super) save_every: Duration,
    /// Files that the experiment wants kept along the way; they replace earlier results only once training is done.
    pub(super) kept: Vec<Staged>,
    pub(super) error: Option<LabError>,
}

impl Along<'_> {
    fn check(&mut self, outcome: Result<(), LabError>) -> ControlFlow<()> {
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn save_gradients(&mut self, epoch: usize, theta: &[f32]) -> Result<(), LabError> {
        let prepared = self.prepared;
        let mut gradients = if let Some(share) = self.share.take() {
            let share = share.moved_to(Arc::new(prepared.network.clone()), theta)?;
            let own = share.example_gradients(&ExampleLabels::True);
            let all = share.of_all_samples(&own.data, own.rows)?;
            self.share = Some(share);
            all
        } else {
            let (samples, objective) = (prepared.training(), self.experiment.objective());
            let problem: Problem<f32> = self.call.problem(&prepared.network, theta, samples, objective)?;
            problem.example_gradients(&ExampleLabels::True)
        };
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

impl Along<'_> {
    /// Seconds of training so far, the parts before interruptions included.
    pub(super) fn seconds(&self) -> f64 {
        self.begun.1 + self.begun.0.elapsed().as_secs_f64()
    }
}

impl Observer for Along<'_> {
    /// No state is saved where files are kept along the way: they have temporary names until the end, so an interrupted
    /// training of that kind starts anew.
    fn wants_checkpoint(&mut self, _: usize) -> bool {
        self.kept.is_empty() && self.saved.elapsed() >= self.save_every
    }

    fn checkpoint(&mut self, state: &Checkpoint) -> ControlFlow<()> {
        let written = checkpoint::save(&self.paths.checkpoint(), self.stamp, self.seconds(), state);
        self.saved = Instant::now();
        self.check(written.map_err(Into::into))
    }

    fn epoch(&mut self, epochs_done: usize, _: f64) -> ControlFlow<()> {
        if !epochs_done.is_multiple_of(EPOCHS) && self.asked.elapsed() < LONGEST {
            return ControlFlow::Continue(());
        }
        self.asked = Instant::now();
        let of = self.experiment.trainer.num_epochs as u64;
        let told = self.watch.tell(stage::TRAINING, epochs_done as u64, Some(of), "epochs");
        self.check(told.map_err(Into::into))
    }

    fn snapshot(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        let prepared = self.prepared;
        let tensors = self.call.run(|| prepared.tensors(theta));
        let metadata = BTreeMap::from([("epoch".to_owned(), epochs_done.to_string())]);
        let staged = weights::stage(&self.paths.snapshot(epochs_done), &tensors, &metadata);
        let kept = staged.map(|staged| self.kept.push(staged));
        self.check(kept.map_err(Into::into))
    }

    fn gradients(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        let saved = self.save_gradients(epochs_done, theta);
        self.check(saved)
    }
}
