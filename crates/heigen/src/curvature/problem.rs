//! A network at a point theta, with samples and a loss: together they define the function whose curvature is computed.

use super::counted::Count;
use super::shared_network::SharedNetwork;
use super::sums::{Pools, Share};
use super::{Host, IndexRanges, ProblemError, Space, Threads, UnknownParameters, named_parameters};
use crate::data::Dataset;
use crate::linalg::{Matrix, Scalar};
use crate::loss::{LossDelta, Rounding, SampleLoss};
use crate::model::{Network, PatchOrder};
use crate::vocabulary::{LossKind, Objective, ObjectiveError, Targets, TargetsView};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// The objective L(theta) = 1/N sum_n l(f(x_n; theta), y_n) + mu/2 |theta_S|^2 of a network over N samples, at one theta.
///
/// # What a mean divides by
/// N stands for the loss's own count ([`Objective`]): with class weights the sum of the weights of the targets, with an
/// `ignore_index` only those that are not ignored, and with positions the number of positions of all samples together.
///
/// # One logit
/// A network of one output z under the binary cross-entropy with classes as targets is taken as the classifier of two classes
/// whose logits are [0, z] ([`Network::with_binary_logits`]): the loss is their cross-entropy, the same function.
///
/// # Weight decay
/// The penalty belongs to the objective and to no sample. Loss and gradient have it; so have the Hessian, the
/// Gauss-Newton matrix (the penalty is its own) and the empirical Fisher matrix (mu stands on the diagonal for S). The
/// functional remainder H - GGN has none. Gradients of single samples, and all that is made of them (alignments,
/// `G_theta`, coherence, the margin), are those of the sample's own loss.
///
/// # Statistics of the batch
/// Where batch normalisation takes the statistics of the batch, loss, gradient and operators are those of all samples as
/// one batch, or of mini-batches ([`Problem::in_batches`]). A single sample has no batch of its own: everything about
/// single samples, from their gradients to predictions and the decision boundary, is that of [`Problem::classifier`], the
/// network with the statistics of all samples that the problem was made with held fixed. A choice of these samples
/// ([`Problem::of_samples`]) keeps their classifier.
#[derive(Clone, Debug)]
pub struct Problem<'a, T> {
    network: SharedNetwork<'a>,
    theta: Vec<T>,
    inputs: Matrix<T>,
    targets: Targets,
    objective: Objective,
    /// The objective by whose loss samples are compared with their targets: the given one, or the cross-entropy of two logits
    /// in place of the binary cross-entropy of one.
    by: Arc<Objective>,
    /// The divisor of a mean, and the factor of the empirical Fisher matrix.
    count: Count,
    /// The penalty of weight decay, if there is one.
    penalty: Option<Penalty>,
    /// The network with the batch's statistics held fixed, if it takes those of the batch.
    held: Option<Arc<Network>>,
    /// Number of samples whose statistics are taken together; all if not given.
    batch: Option<NonZeroUsize>,
    /// The number of the trial, where operators are to round otherwise.
    trial: Option<u32>,
    /// Theta's space R^P, with the threads in which the work is done.
    space: Host<T>,
    /// Which of the samples of several pieces these are, if the computation is one of several pieces.
    share: Option<Share>,
    /// Network and theta with the weights of convolutions in the order of patches, once a product has needed them.
    ordered: Arc<OnceLock<Ordered<T>>>,
    /// Working memory that one product leaves to the next.
    pools: Arc<Pools<T>>,
}

/// A network and theta with the weights of convolutions in the order of patches; none where there are no such weights.
type Ordered<T> = Option<(PatchOrder, Vec<T>)>;

/// The penalty mu/2 |theta_S|^2.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Penalty {
    pub(super) mu: f64,
    /// S.
    pub(super) on: IndexRanges,
}

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
        let (mut network, targets, objective) = (network.into(), targets.into(), objective.into());
        let (n, d) = (targets.len(), network.n_inputs());
        if theta.len() != network.n_params() {
            return Err(ProblemError::Parameters { got: theta.len(), wanted: network.n_params() });
        }
        network.check_complete()?;
        if n == 0 {
            return Err(ProblemError::NoSamples);
        }
        if inputs.data.len() != n * d {
            return Err(ProblemError::Features { got: inputs.data.len() / n, wanted: d });
        }
        objective.check()?;
        let mut by = objective.clone();
        if objective.loss == LossKind::BinaryCrossEntropy
            && targets.classes().is_some()
            && let Some(binary) = network.with_binary_logits()
        {
            network = Arc::new(binary).into();
        }
        if let Some(of_two) = objective.for_outputs_of(&network, &targets) {
            objective.check_targets(&targets, 1)?;
            by = of_two;
        }
        by.check_targets(&targets, network.n_outputs())?;
        check_labels(&by, &targets, network.n_outputs())?;
        if let Some(index) = theta.iter().position(|w| !w.is_finite()) {
            let entry = network.layout().entries().iter().find(|e| e.range.contains(&index));
            return Err(ProblemError::Weight { index, tensor: entry.map_or_else(String::new, |e| e.name.clone()) });
        }
        if let Some(i) = inputs.data.iter().position(|x| !x.is_finite()) {
            return Err(ProblemError::Input { sample: i / d });
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
        let problem = Self {
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
        problem.check_variances()?;
        Ok(problem)
    }

    /// Fails if a network is to tell variances and they are negative.
    fn check_variances(&self) -> Result<(), ProblemError> {
        if self.by.loss != LossKind::GaussianNll {
            return Ok(());
        }
        let numbers = self.network.n_outputs() / 2;
        for (sample, o) in self.outputs().iter_columns().enumerate() {
            if let Some(got) = o[numbers..].iter().find(|&&v| v < T::ZERO) {
                return Err(ObjectiveError::Variance { sample, got: got.to_f64() }.into());
            }
        }
        Ok(())
    }

    /// A problem with the same network, point and objective over other samples: `inputs` [d, M] and their `targets`, M at
    /// least 1. Where single samples need the statistics of a batch, they are still those of this problem's samples.
    pub(super) fn with_samples(&self, inputs: Matrix<T>, targets: Targets) -> Self {
        let count = Self::counted(&self.objective, &self.by, &targets);
        Self { inputs, targets, count, ..self.without_samples() }
    }

    /// The part of the problem that is over some of its samples, with the divisor of all of them: the objective is the sum of
    /// those of its parts.
    pub(super) fn part(&self, inputs: Matrix<T>, targets: Targets) -> Self {
        Self { inputs, targets, ..self.without_samples() }
    }

    /// The problem with no samples in it.
    fn without_samples(&self) -> Self {
        Self {
            network: self.network.clone(),
            theta: self.theta.clone(),
            inputs: Matrix::zeros(self.inputs.rows, 0),
            targets: self.targets.none_of_this_kind(0),
            objective: self.objective.clone(),
            by: Arc::clone(&self.by),
            count: self.count,
            penalty: self.penalty.clone(),
            held: self.held.clone(),
            batch: self.batch,
            trial: self.trial,
            space: self.space.clone(),
            share: None,
            ordered: Arc::clone(&self.ordered),
            pools: Arc::clone(&self.pools),
        }
    }

    /// The problem with only some of its samples, and the part that they have in a computation of several pieces.
    pub(super) fn with_share(self, own: Range<usize>, share: Share) -> Self {
        let (inputs, targets) = (self.inputs.columns(own.clone()), self.targets.in_range(own));
        Self { inputs, targets, share: Some(share), ..self }
    }

    /// The part that the samples have in a computation of several pieces.
    pub(super) fn share(&self) -> Option<&Share> {
        self.share.as_ref()
    }

    /// Number of samples of a mini-batch, where there are some.
    pub(super) fn batch(&self) -> Option<NonZeroUsize> {
        self.batch
    }

    /// The working memory of products.
    pub(super) fn pools(&self) -> &Pools<T> {
        &self.pools
    }

    /// Network and theta with the weights of convolutions in the order of patches, and the change of order; where there is none to
    /// change, the network and theta themselves.
    pub(super) fn in_patch_order(&self) -> (&Network, &[T], Option<&PatchOrder>) {
        let made = || {
            let order = PatchOrder::of(&self.network)?;
            let theta = order.there(&self.theta);
            Some((order, theta))
        };
        // Made outside of the cell's lock: a thread that makes it may be the one that another task needs it in.
        if self.ordered.get().is_none() {
            let made = self.space.threads().run(made);
            // Another task may have been faster, with the same result.
            let _ = self.ordered.set(made);
        }
        match self.ordered.get().and_then(Option::as_ref) {
            Some((order, theta)) => (&order.network, theta, Some(order)),
            None => (&self.network, &self.theta, None),
        }
    }

    /// The problem whose operators round otherwise, at random by the number of the `trial`.
    pub(super) fn rounding_otherwise(&self, trial: u32) -> Self {
        Self { trial: Some(trial), ..self.clone() }
    }

    /// The number of the trial, where operators are to round otherwise.
    pub(super) fn trial(&self) -> Option<u32> {
        self.trial
    }

    /// The same problem in another type of numbers, to which weights and samples are rounded.
    pub fn in_type<U: Scalar>(&self) -> Problem<'a, U> {
        let other = |numbers: &[T]| numbers.iter().map(|x| U::from_f64(x.to_f64())).collect::<Vec<U>>();
        Problem {
            network: self.network.clone(),
            theta: other(&self.theta),
            inputs: Matrix { data: other(&self.inputs.data), rows: self.inputs.rows, columns: self.inputs.columns },
            targets: self.targets.clone(),
            objective: self.objective.clone(),
            by: Arc::clone(&self.by),
            count: self.count,
            penalty: self.penalty.clone(),
            held: self.held.clone(),
            batch: self.batch,
            trial: None,
            space: Host::on(self.theta.len(), self.space.threads()),
            share: self.share.clone(),
            ordered: Arc::default(),
            pools: Pools::new(),
        }
    }

    /// The problem whose samples go through the network in mini-batches of `size`, one after another; the last batch holds
    /// the remaining samples. Where batch normalisation takes the statistics of the batch, the loss, the outputs and the
    /// gradient are then those of the mini-batches, as those of [`Batched`](super::Batched) operators are; else nothing
    /// changes but the use of memory.
    pub fn in_batches(mut self, size: NonZeroUsize) -> Self {
        self.batch = Some(size);
        self
    }

    /// The problem with another objective.
    ///
    /// # Errors
    /// [`ProblemError`] if the objective is not known, no parameter has the name of those that decay, or this is the share of one
    /// of several pieces, which cannot count the samples of the others.
    pub fn with_objective(&self, objective: impl Into<Objective>) -> Result<Self, ProblemError> {
        if self.share.is_some() {
            return Err(ProblemError::Dealt);
        }
        let (inputs, targets) = (self.inputs.clone(), self.targets.clone());
        let other = Self::at(self.network.clone(), self.theta.clone(), inputs, targets, objective)?;
        let (held, batch, space) = (self.held.clone(), self.batch, self.space.clone());
        Ok(Self { held, batch, space, ..other })
    }

    /// The problem with its work done in `threads` instead of rayon's current pool.
    pub fn on(mut self, threads: Threads) -> Self {
        self.space = Host::on(self.theta.len(), threads);
        self
    }

    /// Theta's space R^P in host memory: the home of the directions that operators take.
    pub fn space(&self) -> &Host<T> {
        &self.space
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The point theta, `[P]`.
    pub fn theta(&self) -> &[T] {
        &self.theta
    }

    /// The samples, [d, N].
    pub fn inputs(&self) -> &Matrix<T> {
        &self.inputs
    }

    /// The targets: the classes or numbers that the outputs of the samples are compared with.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The classes of the samples, `[N]`, below the number of outputs; `None` where samples have none: real targets, labels
    /// of positions, and labels of which some are ignored. Of a share that was dealt to one of several pieces, all pieces
    /// have classes or none does.
    pub fn classes(&self) -> Option<&[usize]> {
        let loss = self.sample_loss();
        let labels = self.targets.classes()?;
        let by_class = !self.objective.loss.is_regression();
        let none_ignored = || !labels.iter().any(|&label| loss.ignores(label));
        (by_class && self.all_have_classes().unwrap_or_else(none_ignored)).then_some(labels)
    }

    /// The network as a function of single samples: where it takes the statistics of the batch, those of all samples that
    /// the problem was made with, held fixed; else the network itself.
    pub fn classifier(&self) -> &Network {
        self.held.as_deref().unwrap_or(&self.network)
    }

    /// The objective: the loss with its smoothing and its weight decay.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// The kind of loss.
    pub fn loss_kind(&self) -> LossKind {
        self.objective.loss
    }

    /// The loss of a single sample, without the penalty. For the binary cross-entropy of one logit it is the cross-entropy of
    /// two.
    pub fn sample_loss(&self) -> SampleLoss<'_> {
        SampleLoss::from(&*self.by)
    }

    /// The divisor of a mean.
    pub(super) fn count(&self) -> Count {
        self.count
    }

    /// The penalty of weight decay.
    pub(super) fn penalty(&self) -> Option<&Penalty> {
        self.penalty.as_ref()
    }

    /// N, the number of samples; of a share that was dealt to one of several pieces, those of the share.
    pub fn n_samples(&self) -> usize {
        self.inputs.columns
    }

    /// P, the number of parameters.
    pub fn n_params(&self) -> usize {
        self.theta.len()
    }

    /// Adds mu v_S to `out`, for columns v `[P]` of `directions` one after another: the product with the Hessian of the
    /// penalty.
    pub(super) fn add_penalty(&self, directions: &[T], out: &mut [T]) {
        let Some(Penalty { mu, on }) = &self.penalty else { return };
        let (mu, p) = (T::from_f64(*mu), self.n_params());
        for (out, v) in out.chunks_exact_mut(p).zip(directions.chunks_exact(p)) {
            for range in on.ranges() {
                out[range.clone()].iter_mut().zip(&v[range.clone()]).for_each(|(out, &v)| *out += mu * v);
            }
        }
    }

    /// The derivative of L with respect to the outputs.
    pub(super) fn delta(&self) -> LossDelta<'_, T> {
        LossDelta {
            loss: self.sample_loss(),
            targets: self.targets.view(),
            weight: T::from_f64(self.sample_weight()),
            rounding: Rounding::Exact,
        }
    }
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
