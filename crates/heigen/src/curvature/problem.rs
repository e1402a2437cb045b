//! A network at a point theta, with samples and a loss: together they define the function whose curvature is computed.

mod construction;

use super::counted::Count;
use super::shared_network::SharedNetwork;
use super::sums::{Pools, Share};
use super::{Host, IndexRanges, ProblemError, Space, Threads};
use crate::linalg::{Matrix, Scalar};
use crate::loss::{LossDelta, Rounding, SampleLoss};
use crate::model::{Network, PatchOrder};
use crate::vocabulary::{LossKind, Objective, Targets};
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
