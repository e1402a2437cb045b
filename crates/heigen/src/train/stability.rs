//! The largest curvature at which an update rule is stable.

use super::optimizer::BETA1;
use crate::config::OptimizerSpec;

/// The momentum of an update rule, on which its stability depends; g is the gradient and eta the learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateRule {
    /// theta -= eta g.
    Plain,
    /// m = b m + g; theta -= eta m. Momentum as PyTorch's SGD has it.
    Polyak(f64),
    /// m = b m + g; theta -= eta (g + b m). PyTorch's SGD with `nesterov=True`.
    Nesterov(f64),
    /// m = b m + (1 - b) g; theta -= eta m. Adam's momentum, also where its steps are scaled.
    Averaged(f64),
}

impl UpdateRule {
    /// The rule of an experiment's optimizer. Adam's is that of its momentum; its curvature is that of the preconditioned Hessian.
    /// Sharpness-aware minimisation has that of its SGD, below whose threshold it settles.
    pub fn of(optimizer: &OptimizerSpec) -> Self {
        match *optimizer {
            OptimizerSpec::Sgd { momentum: 0.0, .. } | OptimizerSpec::Sam { momentum: 0.0, .. } => Self::Plain,
            OptimizerSpec::Sgd { momentum, .. } | OptimizerSpec::Sam { momentum, .. } => Self::Polyak(momentum),
            OptimizerSpec::Nesterov { momentum, .. } => Self::Nesterov(momentum),
            OptimizerSpec::Adam { .. } => Self::Averaged(BETA1),
        }
    }

    /// The curvature above which the rule with learning rate `eta` leaves the minimum of a quadratic a x^2 / 2: 2 / eta without
    /// momentum, (2 + 2 b) / eta (Polyak), (2 + 2 b) / (eta (1 + 2 b)) (Nesterov), (2 + 2 b) / (eta (1 - b)) (averaged).
    ///
    /// # References
    /// Cohen et al., arXiv:2103.00065, section 2; arXiv:2207.14484 for Adam: 38 / eta at b = 0.9.
    ///
    /// ```
    /// use heigen::train::UpdateRule;
    /// assert_eq!(UpdateRule::Plain.threshold(0.1), 20.0);
    /// assert!((UpdateRule::Averaged(0.9).threshold(1.0) - 38.0).abs() < 1e-12);
    /// ```
    pub fn threshold(self, eta: f64) -> f64 {
        match self {
            Self::Plain => 2.0 / eta,
            Self::Polyak(b) => (2.0 + 2.0 * b) / eta,
            Self::Nesterov(b) => (2.0 + 2.0 * b) / (eta * (1.0 + 2.0 * b)),
            Self::Averaged(b) => (2.0 + 2.0 * b) / (eta * (1.0 - b)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of x after many steps of the rule on a x^2 / 2, from x = 1.
    fn after(rule: UpdateRule, eta: f64, a: f64) -> f64 {
        let (mut x, mut m) = (1.0f64, 0.0f64);
        for _ in 0..4_000 {
            let g = a * x;
            match rule {
                UpdateRule::Plain => x -= eta * g,
                UpdateRule::Polyak(b) => {
                    m = b * m + g;
                    x -= eta * m;
                }
                UpdateRule::Nesterov(b) => {
                    m = b * m + g;
                    x -= eta * (g + b * m);
                }
                UpdateRule::Averaged(b) => {
                    m = b * m + (1.0 - b) * g;
                    x -= eta * m;
                }
            }
            if x.abs() > 1e6 {
                return f64::INFINITY;
            }
        }
        x.abs()
    }

    #[test]
    fn a_quadratic_is_left_above_the_threshold_and_not_below() {
        use UpdateRule::{Averaged, Nesterov, Plain, Polyak};
        for rule in [Plain, Polyak(0.5), Polyak(0.9), Nesterov(0.9), Nesterov(0.3), Averaged(0.9), Averaged(0.2)] {
            for eta in [0.01, 0.4] {
                let threshold = rule.threshold(eta);
                assert!(after(rule, eta, 0.99 * threshold) < 1e-3, "{rule:?}");
                assert!(after(rule, eta, 1.01 * threshold) > 1e6, "{rule:?}");
            }
        }
        assert_eq!(UpdateRule::of(&OptimizerSpec::Adam { lr: 1.0 }), Averaged(0.9));
        let sgd = |momentum| OptimizerSpec::Sgd { lr: 1.0, momentum, weight_decay: 0.0 };
        assert_eq!([sgd(0.0), sgd(0.9)].map(|spec| UpdateRule::of(&spec)), [Plain, Polyak(0.9)]);
        let ahead = OptimizerSpec::Nesterov { lr: 1.0, momentum: 0.8, weight_decay: 0.0 };
        assert_eq!(UpdateRule::of(&ahead), Nesterov(0.8));
    }
}
