//! The state of a run between two epochs, from which it goes on as if it had never stopped.

use super::{Report, Training};

/// The state of a training run between two epochs. Together with the experiment it is all that is needed to go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Finished epochs.
    pub epochs_done: usize,
    /// The weights, `[P]`.
    pub theta: Vec<f32>,
    /// The buffers of the update rule, `[P]` each: b of SGD with momentum, m and v of Adam.
    pub buffers: Vec<Vec<f32>>,
    /// Updates so far.
    pub updates: u32,
    /// The reports so far, in order.
    pub reports: Vec<Report>,
}

impl Training<'_> {
    /// The state after the last finished epoch, with the reports so far.
    pub fn checkpoint(&self, reports: &[Report]) -> Checkpoint {
        let (buffers, updates) = self.optimizer.state();
        Checkpoint {
            epochs_done: self.epochs_done(),
            theta: self.theta().to_vec(),
            buffers,
            updates,
            reports: reports.to_vec(),
        }
    }

    /// Puts a new run into the state of `checkpoint`, which comes from a run of the same experiment. If the state does
    /// not fit the network or the update rule, nothing is changed and the result is `false`.
    ///
    /// The order of the batches of the epochs that are done is drawn again and not used: this takes about a microsecond
    /// for each epoch and hundred samples.
    pub fn resume(&mut self, checkpoint: &Checkpoint) -> bool {
        if self.epochs_done() > 0 || checkpoint.theta.len() != self.theta().len() {
            return false;
        }
        if !self.optimizer.restore(&checkpoint.buffers, checkpoint.updates) {
            return false;
        }
        self.continue_from(&checkpoint.theta, checkpoint.epochs_done);
        true
    }
}
