//! Pairs of parameters of a piecewise-linear network that may have an entry in the functional remainder.

use crate::model::{Layer, Linear, Network};
use crate::vocabulary::Activation;
use std::ops::Range;

/// A partition of the parameters of a piecewise-linear network that ends in two linear layers, where every input of the
/// last layer comes from one unit (or filter) of the layer before it.
#[derive(Debug)]
pub(super) struct Probing {
    /// The parameters of the layers before the last two.
    pub(super) first: Range<usize>,
    /// Number of units in the last layer but one.
    pub(super) units: usize,
    /// The last layer but one.
    pub(super) hidden: Linear,
    /// The last layer.
    pub(super) output: Linear,
}

impl Probing {
    /// Number of parameters of one unit.
    pub(super) fn directions(&self) -> usize {
        self.hidden.inputs() + usize::from(self.hidden.bias.is_some())
    }

    /// The index in theta of parameter `i` of a unit.
    pub(super) fn weight(&self, unit: usize, i: usize) -> usize {
        match &self.hidden.bias {
            Some(bias) if i == self.hidden.inputs() => bias.start + unit,
            _ => self.hidden.weight.start + unit * self.hidden.inputs() + i,
        }
    }

    /// The ranges in theta of the last layer's weights that a unit feeds, output after output.
    pub(super) fn last(&self, unit: usize) -> Vec<Range<usize>> {
        let (inputs, own) = (self.output.inputs(), self.output.inputs() / self.units);
        let start = |output: usize| self.output.weight.start + output * inputs + unit * own;
        (0..self.output.outputs).map(|output| start(output)..start(output) + own).collect()
    }
}

/// The structure of `network`, if it is one that is known: layers that are linear in their parameters, with ReLU and
/// max-pools between them, where parameters of a later layer never act before those of an earlier one.
pub(super) fn probing(network: &Network) -> Option<Probing> {
    // A tensor of several layers has entries of the remainder with itself.
    if network.layout().has_ties() {
        return None;
    }
    let mut linear: Vec<&Linear> = Vec::new();
    let mut flattened = false;
    for (i, layer) in network.layers().iter().enumerate() {
        match layer {
            Layer::Linear(l) => {
                // After a flatten with channels last, the pixels of one channel feed inputs that are not consecutive.
                let spread = |from: &&Linear| from.window.is_some() && !flattened && l.inputs() != from.outputs;
                if l.window.is_none() && linear.last().is_some_and(spread) {
                    return None;
                }
                linear.push(l);
                flattened = false;
            }
            // PyTorch's flatten puts all pixels of one channel side by side: a unit feeds consecutive inputs.
            Layer::Reorder(map) => flattened |= map.flatten && !map.channels_last,
            // They mix no units.
            Layer::MaxPool(_)
            | Layer::AveragePool(_)
            | Layer::Activation(Activation::Relu)
            | Layer::Scale(_)
            | Layer::BinaryLogits => {}
            // The log-softmax belongs to the loss, which is then a function of the logits.
            Layer::LogSoftmax if i + 1 == network.layers().len() => {}
            _ => return None,
        }
    }
    let [before @ .., hidden, output] = &linear[..] else { return None };
    let first = 0..hidden.weight.start;
    let contiguous = before.iter().all(|l| l.weight.end <= first.end);
    let divides = output.window.is_none() && output.inputs().is_multiple_of(hidden.outputs);
    (contiguous && divides).then(|| Probing {
        first,
        units: hidden.outputs,
        hidden: (*hidden).clone(),
        output: (*output).clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{ModelSpec, Sequential};

    #[test]
    fn pixels_that_are_spread_over_the_inputs_of_the_last_layer_have_no_known_structure() {
        let known = |flatten: &str, side: usize| {
            let text = format!(
                r#"{{"layers": [{{"type": "conv2d", "out_channels": 4, "kernel_size": 2}}, {{"type": "relu"}},
                    {{"type": "{flatten}"}}, {{"type": "linear", "out_features": 3}}, {{"type": "scale", "scale": [0.5]}}]}}"#
            );
            let spec = ModelSpec::Sequential(Sequential::parse(&text, "test").unwrap());
            probing(&Network::build_for(&spec, &[1, side, side], 3).unwrap()).is_some()
        };
        assert!(known("flatten", 3));
        assert!(!known("flatten_channels_last", 3));
        assert!(known("flatten_channels_last", 2), "a single pixel");
    }

    #[test]
    fn a_tensor_of_two_layers_has_entries_with_itself() {
        let known = |tie: &str| {
            let text = format!(
                r#"{{"layers": [{{"type": "linear", "out_features": 3}}, {{"type": "relu"}},
                    {{"type": "linear", "out_features": 3{tie}}}]}}"#
            );
            let spec = ModelSpec::Sequential(Sequential::parse(&text, "test").unwrap());
            probing(&Network::build(&spec, 3, 3).unwrap()).is_some()
        };
        assert!(known("") && !known(r#", "tie": {"weight": "0.weight"}"#));
    }
}
