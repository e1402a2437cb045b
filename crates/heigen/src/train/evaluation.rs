//! Losses and accuracies over whole parts, along a training.

use super::TrainError;
use super::dealing::LARGE;
use super::parts::{Part, Parts};
use super::training::{Training, divisor};
use crate::loss::{Answers, SampleLoss};
use crate::model::{Algebra, Plain, Sink, Tape};
use crate::vocabulary::Objective;
use heigen_spectra::{Communicator, Failure};

/// Mean loss and accuracy over one part; `None` where the part is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean loss.
    pub loss: f64,
    /// The fraction of samples that are classified correctly; `None` where there are no classes.
    pub accuracy: Option<f64>,
}

/// The divisors of the mean losses of all parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisors {
    pub(super) train: f64,
    pub(super) validation: f64,
    pub(super) test: f64,
}

/// The counts that the samples of a part add to the divisor of a mean loss, [N], on every piece.
pub(super) fn counts(loss: &Objective, part: &Part, pieces: Option<&dyn Communicator>) -> Result<Vec<f64>, Failure> {
    of_all(SampleLoss::from(loss).counts(&part.own.y), part, pieces)
}

/// The numbers of all samples of a part, [N], on every piece, from those of this piece's samples.
fn of_all(own: Vec<f64>, part: &Part, pieces: Option<&dyn Communicator>) -> Result<Vec<f64>, Failure> {
    let Some(pieces) = pieces else { return Ok(own) };
    let mut all = vec![0.0; part.tiles.samples];
    pieces.gather(&own, |piece| part.tiles.samples_of(piece), &mut all)?;
    Ok(all)
}

impl Divisors {
    pub(super) fn of(loss: &Objective, parts: &Parts, train: &[f64]) -> Result<Self, Failure> {
        let of_part = |part: &Part| -> Result<f64, Failure> {
            Ok(divisor(loss, counts(loss, part, parts.pieces.as_deref())?.iter().sum()))
        };
        Ok(Self {
            train: divisor(loss, train.iter().sum()),
            validation: of_part(&parts.validation)?,
            test: of_part(&parts.test)?,
        })
    }
}

impl Training<'_> {
    /// Mean loss and accuracy over the training samples; of several pieces all have to ask for it.
    ///
    /// # Errors
    /// [`TrainError::Apart`] if the other pieces cannot be reached.
    pub fn evaluate_train(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let parts = self.parts;
        self.evaluate(&parts.train, self.divisors.train)
    }

    /// Mean loss and accuracy over the validation samples; of several pieces all have to ask for it.
    ///
    /// # Errors
    /// As [`Training::evaluate_train`].
    pub fn evaluate_validation(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let parts = self.parts;
        self.evaluate(&parts.validation, self.divisors.validation)
    }

    /// Mean loss and accuracy over the test samples; of several pieces all have to ask for it.
    ///
    /// # Errors
    /// As [`Training::evaluate_train`].
    pub fn evaluate_test(&mut self) -> Result<Option<Evaluation>, TrainError> {
        let parts = self.parts;
        self.evaluate(&parts.test, self.divisors.test)
    }

    fn evaluate(&mut self, part: &Part, divisor: f64) -> Result<Option<Evaluation>, TrainError> {
        if part.tiles.samples == 0 {
            return Ok(None);
        }
        let (loss, answers) = match self.parts.pieces.as_deref() {
            Some(pieces) => self.sums_of_pieces(part, pieces)?,
            None => self.sums(part),
        };
        Ok(Some(Evaluation { loss: loss / divisor, accuracy: answers.map(|answers| answers.accuracy()) }))
    }

    /// The sum of the losses of a part, and the answers that are right.
    fn sums(&mut self, part: &Part) -> (f64, Option<Answers>) {
        let (network, samples, n) = (self.network, &part.own, part.tiles.samples);
        let measure = SampleLoss::from(&self.by);
        if network.multiplications() < LARGE {
            let mut plain = Plain::new(&self.theta, Sink::None, &mut self.workers[0].pool, self.par);
            let input = plain.input(&samples.x);
            let outputs = network.forward(&mut plain, input, &mut Tape::forgetting());
            let targets = samples.y.view();
            let found = (measure.sum(&outputs, targets), measure.answers(&outputs, targets));
            plain.recycle(outputs);
            return found;
        }
        // Where samples depend on each other, they are evaluated in batches of the size of training.
        let batch = if network.couples_samples() { self.batches.size } else { n };
        let (mut loss, mut answers) = (0.0, None);
        for start in (0..n).step_by(batch) {
            let end = (start + batch).min(n);
            let tile = network.tile(end - start, 1);
            let outputs =
                self.threads.run(|| network.outputs_by_tiles(&self.theta, &samples.x.columns(start..end), tile));
            let targets = samples.y.view().from(start);
            loss += measure.sum(&outputs, targets);
            answers = Answers::together(answers, measure.answers(&outputs, targets));
        }
        (loss, answers)
    }

    /// [`Training::sums`] of the samples of all pieces, each of which takes its own ones through the network: the losses of single samples
    /// are added in their order.
    fn sums_of_pieces(&self, part: &Part, pieces: &dyn Communicator) -> Result<(f64, Option<Answers>), Failure> {
        let (network, samples, measure) = (self.network, &part.own, SampleLoss::from(&self.by));
        let outputs = self.threads.run(|| network.outputs_by_tiles(&self.theta, &samples.x, part.tiles.size));
        let (targets, mut losses) = (samples.y.view(), Vec::with_capacity(samples.y.len()));
        measure.each(&outputs, targets, |loss| losses.push(loss));
        let loss = of_all(losses, part, Some(pieces))?.iter().sum::<f64>() + 0.0;
        let Some(own) = measure.answers(&outputs, targets) else { return Ok((loss, None)) };
        let mut all = vec![0.0; 2 * pieces.size()];
        pieces.gather(&[own.right as f64, own.counted as f64], |piece| 2 * piece..2 * piece + 2, &mut all)?;
        let count = |which: usize| all.iter().skip(which).step_by(2).sum::<f64>() as usize;
        Ok((loss, Some(Answers { right: count(0), counted: count(1) })))
    }
}
