//! From moment to moment: through the files that are followed, or through the training.

use super::journal::{self, Known};
use super::moments::{At, look_at};
use super::recipe::Follow;
use super::weights::Point;
use crate::LabError;
use crate::prepare::Prepared;
use crate::watch::{NoteKind, stage};
use heigen::train::{Plan, Training};
use heigen_spectra::Watch;
use heigen_store::along_record::Moment;
use heigen_store::checkpoint;
use std::time::{Duration, Instant};

/// Number of epochs between two questions to the watch, and the time after which it is asked however few have passed.
const EPOCHS: usize = 64;
const LONGEST: Duration = Duration::from_millis(100);

/// Every so many looks one begins from random directions, so that no eigenvector can be missed for long.
pub(super) const ANEW: usize = 10;

/// The moments that are known so far, with the arrays that the next look needs.
pub(super) struct Way {
    pub(super) moments: Vec<Moment>,
    pub(super) last: Option<Known>,
}

impl Follow<'_> {
    fn look(&self, prepared: &Prepared, mut at: At, way: &mut Way) -> Result<(), LabError> {
        let place = way.moments.len();
        at.whole = self.wholes.contains(&place);
        let mut watch = self.call.job(&self.experiment().name);
        watch.tell(stage::FOLLOWING, place as u64, Some(self.epochs.len() as u64), "moments")?;
        let mut known = look_at(self, prepared, at, way.last.as_ref(), place.is_multiple_of(ANEW))?;
        journal::write(&self.paths, place, &mut known)?;
        if let Some(before) = place.checked_sub(1) {
            journal::forget_arrays(&self.paths, before, self.kept.binary_search(&before).is_err())?;
        }
        way.moments.push(known.moment.clone());
        way.last = Some(known);
        Ok(())
    }

    /// Looks at the weights of every file that was not looked at yet.
    pub(super) fn through_files(&self, points: &[Point], way: &mut Way) -> Result<(), LabError> {
        for point in points.iter().skip(way.moments.len()) {
            let mut prepared = self.prepared.clone();
            let file = self.call.weights_for_all(&point.path)?;
            let theta = prepared.load(&point.path, &file)?;
            self.call.memo.forget(&point.path);
            let name = point.path.file_name().map(|name| name.to_string_lossy().into_owned());
            let at =
                At { place: point.epoch, epoch: point.epoch, file: name, theta, preconditioner: None, whole: false };
            self.look(&prepared, at, way)?;
        }
        Ok(())
    }

    /// Trains, and looks at every moment that was not looked at yet.
    pub(super) fn through_training(&self, way: &mut Way) -> Result<(), LabError> {
        let (call, experiment, prepared) = (self.call, self.experiment(), &self.prepared);
        let whole;
        let share = self.samples.shares.as_ref().and_then(|shares| shares.parts.as_ref());
        let parts = if let Some(share) = share {
            share
        } else {
            whole = prepared.parts(call)?;
            &whole
        };
        let plan = Plan { threads: call.threads.clone(), ..Plan::of(experiment) };
        let trainer = plan.trainer;
        let (optimizer, scheduler) = (plan.optimizer, plan.scheduler.clone());
        let mut run = Training::new(
            &prepared.network,
            parts,
            self.theta.clone(),
            plan.loss.clone(),
            optimizer,
            scheduler,
            trainer.batch_size,
            plan.shuffle_seed,
        )?
        .on(plan.threads.clone());
        let last_epoch = way.moments.last().map(|moment| moment.epoch);
        // A state that is later than the last moment that is whole would leave moments out.
        let state = checkpoint::load(&self.paths.checkpoint(), &self.stamp);
        let state = call.lab.together.found(state, &self.paths.checkpoint())?;
        let known = way.moments.len();
        let before = |done: usize| self.epochs.iter().filter(|&&place| place <= done * self.per_epoch).count();
        if let Some((state, _)) = state.filter(|(state, _)| last_epoch.is_some() && before(state.epochs_done) <= known)
            && run.resume(&state)
        {
            call.note(&experiment.name, NoteKind::GoingOn { done: run.epochs_done(), of: trainer.num_epochs });
        }
        let mut watch = call.job(&experiment.name);
        let mut asked = Instant::now();
        let mut kept = way.moments.len();
        loop {
            let done = run.epochs_done();
            let printed = trainer.how_often_print > 0 && done > 0 && done.is_multiple_of(trainer.how_often_print);
            let early =
                plan.early_stopping && printed && run.evaluate_train()?.is_some_and(|e| e.accuracy == Some(1.0));
            let last = done >= trainer.num_epochs || early;
            let place = done * self.per_epoch;
            let due = self.epochs.binary_search(&place).is_ok() || last;
            let mut looked = way.moments.len() > kept;
            if due && last_epoch.is_none_or(|seen| place > seen) {
                self.look(prepared, moment(&run, done, place), way)?;
                looked = true;
            }
            if looked {
                checkpoint::save(&self.paths.checkpoint(), &self.stamp, 0.0, &run.checkpoint(&[]))?;
                kept = way.moments.len();
            }
            if last {
                return Ok(());
            }
            // The end of an epoch is looked at above.
            run.run_epoch_seen(|run, step| -> Result<(), LabError> {
                let place = place + step;
                let due = step < self.per_epoch && self.epochs.binary_search(&place).is_ok();
                if due && last_epoch.is_none_or(|seen| place > seen) {
                    self.look(prepared, moment(run, done, place), way)?;
                }
                Ok(())
            })?;
            let done = run.epochs_done();
            if done.is_multiple_of(EPOCHS) || asked.elapsed() > LONGEST {
                asked = Instant::now();
                watch.tell(stage::TRAINING, done as u64, Some(trainer.num_epochs as u64), "epochs")?;
            }
        }
    }
}

/// The present weights of a training, at a place that counts epochs or steps.
fn moment(run: &Training, epoch: usize, place: usize) -> At {
    let theta = run.theta().iter().map(|&w| f64::from(w)).collect();
    At { place, epoch, file: None, theta, preconditioner: run.preconditioner(), whole: false }
}
