//! How problems are made: from samples in memory, for one of several pieces, and from a problem at another point.

use super::{Penalty, Problem};
use crate::curvature::shared_network::SharedNetwork;
use crate::curvature::sums::{Pools, Share, samples_of_piece};
use crate::curvature::{Host, IndexRanges, ProblemError, UnknownParameters, named_parameters};
use crate::data::Dataset;
use crate::linalg::{Matrix, Scalar};
use crate::loss::SampleLoss;
use crate::model::Network;
use crate::vocabulary::{LossKind, Objective, ObjectiveError, Targets, TargetsView};
use heigen_spectra::Communicator;
use std::ops::Range;
use std::sync::Arc;

impl<'a, T: Scalar> Problem<'a, T> {
    /// A network at `theta` `[P]` (float32 or float64) with the samples of `data` and an objective, which may be
    /// a [`LossKind`] alone: its mean. Features are float32; where T is float64 both are converted exactly.
    ///
    /// # Errors
    /// [`ProblemError`] if sizes disagree, there are no samples, a number is infinite or NaN, the objective is not known, or
    /// the network lacks numbers ([`Network::check_complete`]).
    pub fn new<W: Copy + Into<f64>>(
        network: impl Into<SharedNetwork<'a>>,
        theta: &[W],
        data: &Dataset,
        objective: impl Into<Objective>,
    ) -> Result<Self, ProblemError> {
        let network = network.into();
        let (n, d) = (data.n_samples(), network.n_inputs());
        if n > 0 && data.features.len() != n * d {
            return Err(ProblemError::Features { got: data.features.len() / n, wanted: d });
        }
        let theta = theta.iter().map(|&w| T::from_f64(w.into())).collect();
        Self::at(network, theta, Matrix::from_f32(&data.features, d), data.targets(), objective)
    }

    /// A network at `theta` `[P]` with `inputs` [d, N] and their `targets`, the classes `[N]` or other [`Targets`]; all
    /// numbers of type T.
    ///
    /// # Errors
    /// [`ProblemError`] as for [`Problem::new`].
    pub fn at(
        network: impl Into<SharedNetwork<'a>>,
        theta: Vec<T>,
        inputs: Matrix<T>,
        targets: impl Into<Targets>,
        objective: impl Into<Objective>,
    ) -> Result<Self, ProblemError> {
        let targets = targets.into();
        Self::made(network.into(), theta, inputs, targets, objective.into(), None)
    }

    /// The share of one of several pieces of the problem over the N samples of `data` at `theta` `[P]`, as [`Problem::dealt`] makes it of the
    /// problem over all samples, without a copy of the samples of other pieces: about d N / pieces numbers. Every piece calls this with the
    /// same arguments.
    ///
    /// # Errors
    /// [`ProblemError`] as for [`Problem::new`] and [`Problem::dealt`], the same on all pieces, but for a negative variance of the Gaussian
    /// loss: that is an error of the piece that has the sample.
    pub fn share_of<W: Copy + Into<f64>>(
        network: impl Into<SharedNetwork<'a>>,
        theta: &[W],
        data: &Dataset,
        objective: impl Into<Objective>,
        communicator: Arc<dyn Communicator>,
    ) -> Result<Self, ProblemError> {
        let network = network.into();
        let (n, d) = (data.n_samples(), network.n_inputs());
        if network.couples_samples() {
            return Err(ProblemError::Coupled);
        }
        if data.features.len() != n * d {
            return Err(ProblemError::Features { got: data.features.len() / n.max(1), wanted: d });
        }
        // All pieces have to see what is wrong with the samples of one.
        if let Some(i) = data.features.iter().position(|x| !x.is_finite()) {
            return Err(ProblemError::Input { sample: i / d });
        }
        let own = samples_of_piece(n, &*communicator);
        let inputs = Matrix::from_f32(&data.features[own.start * d..own.end * d], d);
        let inputs = Matrix { rows: d, columns: own.len(), ..inputs };
        let theta = theta.iter().map(|&w| T::from_f64(w.into())).collect();
        Self::made(network, theta, inputs, data.targets(), objective.into(), Some((own, communicator)))
    }

    /// The problem over samples with these `targets`, or over those of one piece, with the `inputs` of the piece alone.
    fn made(
        mut network: SharedNetwork<'a>,
        theta: Vec<T>,
        inputs: Matrix<T>,
        targets: Targets,
        objective: Objective,
        piece: Option<(Range<usize>, Arc<dyn Communicator>)>,
    ) -> Result<Self, ProblemError> {
        let (n, d) = (targets.len(), network.n_inputs());
        if theta.len() != network.n_params() {
            return Err(ProblemError::Parameters { got: theta.len(), wanted: network.n_params() });
        }
        network.check_complete()?;
        if n == 0 {
            return Err(ProblemError::NoSamples);
        }
        let own = piece.as_ref().map_or(0..n, |(own, _)| own.clone());
        if inputs.data.len() != own.len() * d {
            return Err(ProblemError::Features { got: inputs.data.len() / own.len().max(1), wanted: d });
        }
        objective.check()?;
        let mut by = objective.clone();
        network = with_two_logits(network, &objective, &targets);
        if let Some(of_two) = objective.for_outputs_of(&network, &targets) {
            objective.check_targets(&targets, 1)?;
            by = of_two;
        }
        by.check_targets(&targets, network.n_outputs())?;
        check_labels(&by, &targets, network.n_outputs())?;
        check_weights(&network, &theta)?;
        if let Some(i) = inputs.data.iter().position(|x| !x.is_finite()) {
            return Err(ProblemError::Input { sample: own.start + i / d });
        }
        let penalty = match &objective.decay {
            Some(decay) if decay.mu != 0.0 => {
                let p = theta.len();
                let on = if decay.only.is_empty() {
                    let all = std::iter::once(0..p).collect();
                    IndexRanges::new(p, all).map_err(UnknownParameters::from)?
                } else {
                    named_parameters(network.layout(), &decay.only)?
                };
                Some(Penalty { mu: decay.mu, on })
            }
            _ => None,
        };
        let space = Host::new(theta.len());
        let held = network.couples_samples().then(|| Arc::new(network.with_held_statistics(&theta, &inputs)));
        let count = Self::counted(&objective, &by, &targets);
        let by = Arc::new(by);
        let mut problem = Self {
            network,
            theta,
            inputs,
            targets,
            objective,
            by,
            count,
            penalty,
            held,
            batch: None,
            trial: None,
            space,
            share: None,
            ordered: Arc::default(),
            pools: Pools::new(),
        };
        if problem.counts_nothing() {
            return Err(ObjectiveError::NothingCounts.into());
        }
        if let Some((own, communicator)) = piece {
            let share = Share::of(communicator, n, problem.classes().is_some());
            problem = Self { targets: problem.targets.in_range(own), share: Some(share), ..problem };
        }
        problem.check_variances()?;
        Ok(problem)
    }

    /// The problem with the same samples and objective at another point theta `[P]`, of the same network or one that differs in
    /// numbers besides its parameters, such as statistics that come with weights. The samples are not copied; the share of one of several
    /// pieces stays one.
    ///
    /// # Errors
    /// [`ProblemError`] if the number of parameters is another, a weight is infinite or NaN, or the network lacks numbers.
    pub fn moved_to<'b, W: Copy + Into<f64>>(
        self,
        network: impl Into<SharedNetwork<'b>>,
        theta: &[W],
    ) -> Result<Problem<'b, T>, ProblemError> {
        let network = with_two_logits(network.into(), &self.objective, &self.targets);
        let theta: Vec<T> = theta.iter().map(|&w| T::from_f64(w.into())).collect();
        if theta.len() != network.n_params() || theta.len() != self.theta.len() {
            return Err(ProblemError::Parameters { got: theta.len(), wanted: self.theta.len() });
        }
        network.check_complete()?;
        check_weights(&network, &theta)?;
        let held = network.couples_samples().then(|| Arc::new(network.with_held_statistics(&theta, &self.inputs)));
        let moved = Problem {
            network,
            theta,
            inputs: self.inputs,
            targets: self.targets,
            objective: self.objective,
            by: self.by,
            count: self.count,
            penalty: self.penalty,
            held,
            batch: self.batch,
            trial: self.trial,
            space: self.space,
            share: self.share,
            ordered: Arc::default(),
            pools: self.pools,
        };
        moved.check_variances()?;
        Ok(moved)
    }

    /// Fails if a network is to tell variances and they are negative.
    fn check_variances(&self) -> Result<(), ProblemError> {
        if self.by.loss != LossKind::GaussianNll {
            return Ok(());
        }
        let numbers = self.network.n_outputs() / 2;
        for (sample, o) in self.outputs().iter_columns().enumerate() {
            if let Some(got) = o[numbers..].iter().find(|&&v| v < T::ZERO) {
                let sample = self.first_sample() + sample;
                return Err(ObjectiveError::Variance { sample, got: got.to_f64() }.into());
            }
        }
        Ok(())
    }
}

/// The network, or where its one output stands for two classes that with their two logits.
fn with_two_logits<'a>(network: SharedNetwork<'a>, objective: &Objective, targets: &Targets) -> SharedNetwork<'a> {
    if objective.loss != LossKind::BinaryCrossEntropy || targets.classes().is_none() {
        return network;
    }
    network.with_binary_logits().map_or(network, |binary| Arc::new(binary).into())
}

/// Fails if a weight is infinite or NaN.
fn check_weights<T: Scalar>(network: &Network, theta: &[T]) -> Result<(), ProblemError> {
    let Some(index) = theta.iter().position(|w| !w.is_finite()) else { return Ok(()) };
    let entry = network.layout().entries().iter().find(|e| e.range.contains(&index));
    Err(ProblemError::Weight { index, tensor: entry.map_or_else(String::new, |e| e.name.clone()) })
}

/// Fails if a label is no class of the network's and is not ignored.
fn check_labels(objective: &Objective, targets: &Targets, outputs: usize) -> Result<(), ProblemError> {
    let loss = SampleLoss::from(objective);
    let (labels, positions, classes) = match targets.view() {
        TargetsView::Classes(labels) => (labels, 1, outputs),
        TargetsView::Positions { classes, positions, .. } => (classes, positions.max(1), outputs / positions.max(1)),
        TargetsView::Real { .. } => return Ok(()),
    };
    let may_ignore = matches!(objective.loss, LossKind::CrossEntropy | LossKind::Nll);
    let wrong = |&label: &usize| label >= classes && !(may_ignore && loss.ignores(label));
    match labels.iter().position(wrong) {
        Some(i) => Err(ProblemError::Label { sample: i / positions, label: labels[i], classes }),
        None => Ok(()),
    }
}
