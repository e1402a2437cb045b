//! Update rules, as `torch.optim` defines them, in float32.

use crate::config::{MultiStepLr, OptimizerSpec};

/// Adam's constants, with PyTorch's default values.
pub(super) const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const ADAM_EPS: f64 = 1e-8;

/// An update rule with its state. That of SAM is SGD's: its gradient is taken elsewhere.
#[derive(Clone, Debug)]
pub enum Optimizer {
    /// g += `weight_decay` theta; b = momentum b + g (b = g at first); theta -= lr b, or lr (g + momentum b) after Nesterov.
    Sgd {
        /// Momentum factor.
        momentum: f32,
        /// Factor of the L2 penalty.
        weight_decay: f32,
        /// The buffer b; empty without momentum.
        buffer: Vec<f32>,
        /// Whether b holds a gradient already.
        started: bool,
        /// Whether the step is Nesterov's.
        nesterov: bool,
    },
    /// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; theta -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps).
    Adam {
        /// First moments m of the gradient.
        m: Vec<f32>,
        /// Second moments v of the gradient.
        v: Vec<f32>,
        /// Number of updates t.
        t: u32,
    },
}

impl Optimizer {
    /// The rule of `spec` for P parameters.
    pub fn new(spec: &OptimizerSpec, n_params: usize) -> Self {
        match *spec {
            OptimizerSpec::Sgd { momentum, weight_decay, .. }
            | OptimizerSpec::Nesterov { momentum, weight_decay, .. }
            | OptimizerSpec::Sam { momentum, weight_decay, .. } => Self::Sgd {
                momentum: momentum as f32,
                weight_decay: weight_decay as f32,
                buffer: vec![0.0; if momentum == 0.0 { 0 } else { n_params }],
                started: false,
                nesterov: matches!(spec, OptimizerSpec::Nesterov { .. }),
            },
            OptimizerSpec::Adam { .. } => Self::Adam { m: vec![0.0; n_params], v: vec![0.0; n_params], t: 0 },
        }
    }

    /// The buffers `[P]` and the number of updates (for SGD, 1 if there were any), as [`Self::restore`] takes them.
    pub fn state(&self) -> (Vec<Vec<f32>>, u32) {
        match self {
            Self::Sgd { buffer, .. } if buffer.is_empty() => (vec![], 0),
            Self::Sgd { buffer, started, .. } => (vec![buffer.clone()], u32::from(*started)),
            Self::Adam { m, v, t } => (vec![m.clone(), v.clone()], *t),
        }
    }

    /// Takes over a state. If it belongs to another rule or size, nothing is changed and the result is `false`.
    pub fn restore(&mut self, buffers: &[Vec<f32>], updates: u32) -> bool {
        match (self, buffers) {
            (Self::Sgd { buffer, .. }, []) => buffer.is_empty(),
            (Self::Sgd { buffer, started, .. }, [b]) if b.len() == buffer.len() => {
                buffer.copy_from_slice(b);
                *started = updates > 0;
                true
            }
            (Self::Adam { m, v, t }, [first, second]) if [first.len(), second.len()] == [m.len(), v.len()] => {
                m.copy_from_slice(first);
                v.copy_from_slice(second);
                *t = updates;
                true
            }
            _ => false,
        }
    }

    /// The numbers by which the steps are divided after the updates so far, `[P]`: sqrt(v / (1 - b2^t)) + eps of Adam. `None` for
    /// SGD, and before the first update.
    pub fn preconditioner(&self) -> Option<Vec<f64>> {
        let Self::Adam { v, t, .. } = self else { return None };
        let seen = 1.0 - BETA2.powf(f64::from(*t));
        (*t > 0).then(|| v.iter().map(|&v| (f64::from(v) / seen).sqrt() + ADAM_EPS).collect())
    }

    /// One update of `theta` `[P]` along `gradient` `[P]` with learning rate `lr`.
    pub fn step(&mut self, theta: &mut [f32], gradient: &[f32], lr: f64) {
        let parameters = theta.iter_mut().zip(gradient);
        match self {
            Self::Sgd { momentum, weight_decay, buffer, started, nesterov } => {
                let (lr, weight_decay, momentum) = (lr as f32, *weight_decay, *momentum);
                let ahead = momentum;
                if buffer.is_empty() {
                    parameters.for_each(|(w, &g)| *w -= lr * (g + weight_decay * *w));
                } else {
                    let momentum = if *started { momentum } else { 0.0 };
                    *started = true;
                    for ((w, &g), b) in parameters.zip(buffer) {
                        let g = g + weight_decay * *w;
                        *b = momentum * *b + g;
                        *w -= lr * if *nesterov { g + ahead * *b } else { *b };
                    }
                }
            }
            Self::Adam { m, v, t } => {
                *t += 1;
                let exponent = f64::from(*t);
                let step = (lr / (1.0 - BETA1.powf(exponent))) as f32;
                let root = (1.0 - BETA2.powf(exponent)).sqrt() as f32;
                let (b1, b2) = (BETA1 as f32, BETA2 as f32);
                let (c1, c2) = ((1.0 - BETA1) as f32, (1.0 - BETA2) as f32);
                for (((w, &g), m), v) in parameters.zip(m).zip(v) {
                    *m = b1 * *m + c1 * g;
                    *v = b2 * *v + c2 * g * g;
                    *w -= step * *m / (v.sqrt() / root + ADAM_EPS as f32);
                }
            }
        }
    }
}

/// Learning rate of epoch `epoch` (from 0): the base rate times gamma for every milestone reached.
pub fn learning_rate(spec: &OptimizerSpec, scheduler: Option<&MultiStepLr>, epoch: usize) -> f64 {
    let reached = |s: &MultiStepLr| s.milestones.iter().filter(|&&m| m <= epoch).count() as f64;
    spec.lr() * scheduler.map_or(1.0, |s| s.gamma.powf(reached(s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milestones_multiply() {
        let spec = OptimizerSpec::Adam { lr: 0.5 };
        let scheduler = MultiStepLr { milestones: vec![2, 3], gamma: 0.1 };
        let rates: Vec<f64> = (0..5).map(|e| learning_rate(&spec, Some(&scheduler), e)).collect();
        for (got, wanted) in rates.iter().zip([0.5, 0.5, 0.05, 0.005, 0.005]) {
            assert!((got - wanted).abs() < 1e-12, "{rates:?}");
        }
        assert_eq!(learning_rate(&spec, None, 100), 0.5);
    }
}
