//! A whole training run, which a [`Watch`] may follow and stop.

use super::{Checkpoint, Evaluation, Parts, TrainError, Training};
use crate::config::{Experiment, MultiStepLr, OptimizerSpec, Trainer};
use crate::model::Network;
use crate::vocabulary::Objective;
use heigen_spectra::{Threads, Watch};
use std::ops::ControlFlow;

/// The name under which a [`Watch`] is told of a run, after every epoch.
pub const STAGE: &str = "training";

/// The settings of a training run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The loss with its options; the penalty of weight decay is the optimizer's.
    pub loss: Objective,
    /// The update rule.
    pub optimizer: OptimizerSpec,
    /// The learning-rate schedule.
    pub scheduler: Option<MultiStepLr>,
    /// Number of epochs, size of batches, and files that are kept along the way.
    pub trainer: Trainer,
    /// Whether training stops at 100 % training accuracy, which is looked at when losses are reported.
    pub early_stopping: bool,
    /// Seed of the order of the batches.
    pub shuffle_seed: u64,
    /// All parts are also evaluated every so many epochs, in addition to `how_often_print`; this does not change the
    /// weights.
    pub eval_every: Option<usize>,
    /// The threads that large networks are trained in. The weights do not depend on them.
    pub threads: Threads,
}

impl Plan {
    /// The settings of an experiment's training, with evaluations where the experiment asks for them.
    pub fn of(experiment: &Experiment) -> Self {
        Self {
            loss: experiment.objective(),
            optimizer: experiment.optimizer,
            scheduler: experiment.scheduler.clone(),
            trainer: experiment.trainer,
            early_stopping: experiment.early_stopping,
            shuffle_seed: experiment.seed,
            eval_every: None,
            threads: Threads::current(),
        }
    }
}

/// Losses and accuracies after a number of epochs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Finished epochs.
    pub epochs_done: usize,
    /// Mean over the training samples.
    pub train: Option<Evaluation>,
    /// Mean over the validation samples.
    pub validation: Option<Evaluation>,
    /// Mean over the test samples.
    pub test: Option<Evaluation>,
}

/// Receives the results of a run along its way, and may end it by `ControlFlow::Break`. (The progress goes to a
/// [`Watch`].)
pub trait Observer {
    /// Receives the sum of the batch losses of an epoch.
    fn epoch(&mut self, _epochs_done: usize, _batch_losses: f64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    /// Receives a report, every `how_often_print` epochs and at the end.
    fn report(&mut self, _report: &Report) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    /// Called after every epoch but the last: whether [`Self::checkpoint`] should be called with the state.
    fn wants_checkpoint(&mut self, _epochs_done: usize) -> bool {
        false
    }
    /// Receives the state after an epoch, from which [`train`] can go on.
    fn checkpoint(&mut self, _state: &Checkpoint) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    /// Receives the weights before the first epoch and after every `how_often_save_model`-th, where that number is not
    /// 0.
    fn snapshot(&mut self, _epochs_done: usize, _theta: &[f32]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    /// Receives weights at which per-example gradients are wanted, according to `how_often_compute_grads`.
    fn gradients(&mut self, _epochs_done: usize, _theta: &[f32]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Observer for () {}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All epochs were run.
    Finished,
    /// Training accuracy reached 100 %.
    EarlyStopped,
    /// The observer or the watch ended it.
    Interrupted,
}

/// A finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The weights, `[P]`.
    pub theta: Vec<f32>,
    /// Finished epochs.
    pub epochs_done: usize,
    /// The reports of the run, in order.
    pub reports: Vec<Report>,
    /// How it ended.
    pub outcome: Outcome,
}

/// Trains `network` from weights `theta` `[P]` on the training part. With a state `from` an earlier run of the same
/// experiment it goes on from there, and ends at the same bytes as a run without interruption; a state that does not
/// fit is ignored. `watch` is told about every epoch; if it stops the run, the run ends as [`Outcome::Interrupted`]
/// with the state that it has reached.
///
/// A seed gives the same trajectory as PyTorch does with it, up to float32 rounding. Parts that are dealt to several pieces
/// ([`Parts::dealt`]) are trained on by all of them together.
///
/// # Errors
/// [`TrainError`] if the loss becomes infinite or NaN, there are no training samples, or the other pieces cannot be reached.
pub fn train(
    network: &Network,
    parts: &Parts,
    theta: Vec<f32>,
    plan: &Plan,
    from: Option<&Checkpoint>,
    observer: &mut dyn Observer,
    watch: &mut dyn Watch,
) -> Result<Trained, TrainError> {
    let Trainer { num_epochs, batch_size, how_often_print, how_often_save_model, how_often_compute_grads } =
        plan.trainer;
    let mut run = Training::new(
        network,
        parts,
        theta,
        plan.loss.clone(),
        plan.optimizer,
        plan.scheduler.clone(),
        batch_size,
        plan.shuffle_seed,
    )?
    .on(plan.threads.clone());
    let resumed = from.filter(|&state| run.resume(state));
    let mut reports = resumed.map_or_else(Vec::new, |state| state.reports.clone());
    let mut outcome = Outcome::Finished;
    let due = |every: usize, done: usize| every > 0 && done.is_multiple_of(every);
    let keep = |run: &Training, observer: &mut dyn Observer| {
        let done = run.epochs_done();
        let mut flow = ControlFlow::Continue(());
        if due(how_often_save_model, done) {
            flow = observer.snapshot(done, run.theta());
        }
        if due(how_often_compute_grads, done) && flow.is_continue() {
            flow = observer.gradients(done, run.theta());
        }
        flow.is_break()
    };
    if resumed.is_none() && keep(&run, observer) {
        outcome = Outcome::Interrupted;
    }
    while outcome == Outcome::Finished && run.epochs_done() < num_epochs {
        let batch_losses = run.run_epoch()?;
        let done = run.epochs_done();
        let told = watch.tell(STAGE, done as u64, Some(num_epochs as u64), "epochs");
        let mut stop = told.is_err() || observer.epoch(done, batch_losses).is_break() || keep(&run, observer);
        let printed = due(how_often_print, done);
        if printed || done == num_epochs || due(plan.eval_every.unwrap_or(0), done) {
            let report = run.report()?;
            stop |= observer.report(&report).is_break();
            reports.push(report);
            if plan.early_stopping
                && printed
                && report.train.is_some_and(|e| e.accuracy == Some(1.0))
                && done < num_epochs
            {
                outcome = Outcome::EarlyStopped;
            }
        }
        let more = outcome == Outcome::Finished && done < num_epochs && !stop;
        if more && observer.wants_checkpoint(done) {
            stop = observer.checkpoint(&run.checkpoint(&reports)).is_break();
        }
        if stop {
            outcome = Outcome::Interrupted;
        }
    }
    Ok(Trained { theta: run.theta().to_vec(), epochs_done: run.epochs_done(), reports, outcome })
}

impl Training<'_> {
    fn report(&mut self) -> Result<Report, TrainError> {
        Ok(Report {
            epochs_done: self.epochs_done(),
            train: self.evaluate_train()?,
            validation: self.evaluate_validation()?,
            test: self.evaluate_test()?,
        })
    }
}
