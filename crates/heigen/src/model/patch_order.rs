//! Networks whose weights of convolutions have the order of patches.

use super::{Layer, Linear, Network};
use crate::linalg::Scalar;
use rayon::prelude::*;

/// A network that takes the weights of its convolutions in the order in which patches have their numbers. Products with patches then
/// need no copy of weights, where PyTorch's order needs one for each product of each layer.
#[derive(Clone, Debug)]
pub(crate) struct PatchOrder {
    /// The network, for a theta in this order.
    pub(crate) network: Network,
    /// The layers whose weights lie otherwise in PyTorch's order.
    layers: Vec<Linear>,
}

impl PatchOrder {
    /// The network in this order; `None` where nothing would change, and where several layers may use one tensor.
    pub(crate) fn of(network: &Network) -> Option<Self> {
        if network.layout().has_ties() {
            return None;
        }
        let mut layers = Vec::new();
        Layer::visit(network.layers(), &mut |layer| match layer {
            Layer::Linear(linear) if !linear.in_patch_order() => layers.push(linear.clone()),
            _ => {}
        });
        let network = network.with_layers_changed(|layer| {
            if let Layer::Linear(linear) = layer {
                linear.ordered = true;
            }
        });
        (!layers.is_empty()).then_some(Self { network, layers })
    }

    /// Vectors [P, K], one after another, of parameters in PyTorch's order, in the order of patches.
    pub(crate) fn there<T: Scalar>(&self, vectors: &[T]) -> Vec<T> {
        let mut ordered = vectors.to_vec();
        self.each_row(&mut ordered, Linear::row_to_patch_order);
        ordered
    }

    /// Brings vectors [P, K] in the order of patches into PyTorch's.
    pub(crate) fn back<T: Scalar>(&self, vectors: &mut [T]) {
        self.each_row(vectors, Linear::row_from_patch_order);
    }

    /// Replaces every row of weights by what `order` makes of it.
    fn each_row<T: Scalar>(&self, vectors: &mut [T], order: impl Fn(&Linear, &[T], &mut [T]) + Sync) {
        for vector in vectors.chunks_exact_mut(self.network.n_params().max(1)) {
            for layer in &self.layers {
                let inputs = layer.inputs();
                vector[layer.weight.clone()].par_chunks_exact_mut(inputs).for_each_init(Vec::new, |copy, row| {
                    copy.clear();
                    copy.extend_from_slice(row);
                    order(layer, copy, row);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::ModelSpec;

    #[test]
    fn the_way_there_and_back_changes_nothing() {
        let network = Network::build(&ModelSpec::Cnn {}, 784, 3).unwrap();
        let order = PatchOrder::of(&network).unwrap();
        let vectors: Vec<f64> = (0..2 * network.n_params()).map(|i| i as f64).collect();
        let mut there = order.there(&vectors);
        assert_ne!(there, vectors);
        assert!(PatchOrder::of(&order.network).is_none());
        order.back(&mut there);
        assert_eq!(there, vectors);
    }
}
