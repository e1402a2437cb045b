//! Plans of small trainings.

use heigen::config::{LossKind, OptimizerSpec, Trainer};
use heigen::curvature::Threads;
use heigen::train::Plan;

/// A plan of a training of the cross-entropy by gradient descent with momentum.
pub fn descent(trainer: Trainer, momentum: f64) -> Plan {
    Plan {
        loss: LossKind::CrossEntropy.into(),
        optimizer: OptimizerSpec::Sgd { lr: 0.05, momentum, weight_decay: 0.0 },
        scheduler: None,
        trainer,
        early_stopping: false,
        shuffle_seed: 1,
        eval_every: None,
        threads: Threads::current(),
    }
}
