//! The binary cross-entropy of one logit as the cross-entropy of two.

use crate::model::Network;
use crate::vocabulary::{LossKind, Objective, Targets};

impl Objective {
    /// The cross-entropy of the two logits [0, z] that is the same function as this binary cross-entropy of z, where the
    /// network has such outputs and targets are classes; `None` elsewhere. A mean still divides by the number of samples.
    pub(crate) fn for_outputs_of(&self, network: &Network, targets: &Targets) -> Option<Self> {
        let is_binary = self.loss == LossKind::BinaryCrossEntropy && network.has_binary_logits();
        if !is_binary || targets.classes().is_none() {
            return None;
        }
        let first = |weights: &Option<Vec<f64>>| weights.as_ref().and_then(|weights| weights.first().copied());
        let (weight, positive) = (first(&self.class_weights), first(&self.options.pos_weight));
        let class_weights = (weight.is_some() || positive.is_some()).then(|| {
            let weight = weight.unwrap_or(1.0);
            vec![weight, weight * positive.unwrap_or(1.0)]
        });
        let (reduction, decay) = (self.reduction, self.decay.clone());
        Some(Self { class_weights, reduction, decay, ..LossKind::CrossEntropy.into() })
    }
}
