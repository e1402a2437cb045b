//! The divisor of the mean of a loss: the loss's own count, which is not always that of the samples.

use super::Problem;
use crate::linalg::Scalar;
use crate::loss::SampleLoss;
use crate::vocabulary::{Objective, Reduction, Targets, TargetsView};

/// The divisor of the reduction of a loss over samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Count {
    /// W, the divisor of a mean ([`Objective`]).
    pub(super) divisor: f64,
    /// Number of samples that are not ignored as a whole.
    pub(super) samples: f64,
}

impl Count {
    fn of(objective: &Objective, targets: &Targets) -> Self {
        let loss = SampleLoss::from(objective);
        let samples = match targets.view() {
            TargetsView::Classes(labels) => labels.iter().filter(|&&label| !loss.ignores(label)).count(),
            TargetsView::Positions { classes, positions, .. } => {
                let counts = |sample: &&[usize]| sample.iter().any(|&label| !loss.ignores(label));
                classes.chunks_exact(positions.max(1)).filter(counts).count()
            }
            TargetsView::Real { .. } => targets.len(),
        };
        Self { divisor: loss.count(targets), samples: samples as f64 }
    }
}

impl<T: Scalar> Problem<'_, T> {
    /// The count of a loss, which is that of the samples where the binary cross-entropy has become another.
    pub(super) fn counted(objective: &Objective, by: &Objective, targets: &Targets) -> Count {
        if objective.loss == by.loss {
            return Count::of(by, targets);
        }
        let n = targets.len() as f64;
        Count { divisor: n, samples: n }
    }

    /// Whether the mean is over nothing: all targets are ignored, or have weight 0.
    pub(super) fn counts_nothing(&self) -> bool {
        self.objective().reduction == Reduction::Mean && self.count().divisor == 0.0
    }

    /// Whether every sample counts once in the divisor of a mean.
    pub(super) fn counts_samples(&self) -> bool {
        self.count().divisor == self.n_all_samples() as f64 && self.count().samples == self.count().divisor
    }

    /// The factor of the loss of a sample in the objective: 1/N of a mean, 1 of a sum.
    pub(super) fn sample_weight(&self) -> f64 {
        match self.objective().reduction {
            Reduction::Mean => 1.0 / self.count().divisor,
            Reduction::Sum => 1.0,
        }
    }

    /// The root of [`Self::sample_weight`].
    pub(super) fn root_of_weight(&self) -> f64 {
        match self.objective().reduction {
            Reduction::Mean => 1.0 / self.count().divisor.sqrt(),
            Reduction::Sum => 1.0,
        }
    }

    /// The reduction of a sum over the samples: divided by N, or the sum itself.
    pub(super) fn reduced(&self, sum: f64) -> f64 {
        match self.objective().reduction {
            Reduction::Mean => sum / self.count().divisor,
            Reduction::Sum => sum,
        }
    }

    /// The factor of g_n g_n^T in the empirical Fisher matrix, where g_n is the gradient of the own loss of a sample: with the
    /// objective written as a mean of N losses, N / W times the samples' own, it is (N / W)^2 / N.
    pub(super) fn fisher_weight(&self) -> f64 {
        let Count { divisor, samples } = self.count();
        match self.objective().reduction {
            Reduction::Mean if samples == divisor => 1.0 / divisor,
            Reduction::Mean => samples / (divisor * divisor),
            Reduction::Sum => 1.0,
        }
    }

    /// The factor by which the objective is larger than a mean: 1 of a mean, N of a sum.
    pub(crate) fn n_samples_reduced(&self) -> f64 {
        self.sample_weight() * self.n_all_samples() as f64
    }
}
