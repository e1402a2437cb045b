//! Networks and losses as textbooks define them: one sample, one unit, one number at a time. This oracle of the tests
//! shares nothing with the code under test but the names of losses and activations.

use super::hyper_dual::{self, HyperDual};
use heigen::config::{Activation, LossKind};

/// A fully connected network with its loss. Parameters: for every layer W row by row, then b.
#[derive(Clone, Debug)]
pub struct Textbook {
    /// The number of features, of hidden units in every layer, and of classes.
    pub widths: Vec<usize>,
    pub activation: Activation,
    /// Whether log(softmax(.)) follows the last layer.
    pub log_softmax: bool,
    pub loss: LossKind,
}

fn log_sum_exp(x: &[HyperDual]) -> HyperDual {
    x.iter().map(|x| x.exp()).sum::<HyperDual>().ln()
}

impl Textbook {
    pub fn n_params(&self) -> usize {
        self.widths.windows(2).map(|w| w[1] * (w[0] + 1)).sum()
    }

    /// The outputs for one sample, and the pre-activations of its hidden units.
    pub fn forward(&self, theta: &[HyperDual], x: &[f64]) -> (Vec<HyperDual>, Vec<f64>) {
        let one = HyperDual::constant(1.0);
        let mut units: Vec<HyperDual> = x.iter().copied().map(HyperDual::constant).collect();
        let mut hidden = Vec::new();
        let mut start = 0;
        for (layer, pair) in self.widths.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            if layer > 0 {
                hidden.extend(units.iter().map(|z| z.value));
                let activate = |z: &HyperDual| match self.activation {
                    Activation::Relu => z.positive_part(),
                    Activation::Sigmoid => one / (one + (-*z).exp()),
                    Activation::Tanh => one - (one + one) / (one + (*z + *z).exp()),
                    // The other activations are tested in `oracles/layers.rs`.
                    other => panic!("the textbook has no {other:?}"),
                };
                units = units.iter().map(activate).collect();
            }
            let (w, b) = (start, start + outputs * inputs);
            let unit = |o: usize| (0..inputs).map(|i| theta[w + o * inputs + i] * units[i]).sum::<HyperDual>();
            units = (0..outputs).map(|o| unit(o) + theta[b + o]).collect();
            start = b + outputs;
        }
        if self.log_softmax {
            let total = log_sum_exp(&units);
            units.iter_mut().for_each(|u| *u = *u - total);
        }
        (units, hidden)
    }

    /// The loss of one sample.
    pub fn sample_loss(&self, theta: &[HyperDual], x: &[f64], label: usize) -> HyperDual {
        let o = self.forward(theta, x).0;
        let number = |x: f64| HyperDual::constant(x);
        match self.loss {
            LossKind::CrossEntropy => log_sum_exp(&o) - o[label],
            LossKind::Nll => -o[label],
            LossKind::Mse => {
                let wanted = |c: usize| number(if c == label { 1.0 } else { 0.0 });
                let squares = (0..o.len()).map(|c| (o[c] - wanted(c)) * (o[c] - wanted(c)));
                squares.sum::<HyperDual>() / number(o.len() as f64)
            }
            LossKind::Hinge => {
                let others = (0..o.len()).filter(|&c| c != label);
                let margins = others.map(|c| (number(1.0) - o[label] + o[c]).positive_part());
                margins.sum::<HyperDual>() / number(o.len() as f64)
            }
            other => unreachable!("{other} has oracles of its own"),
        }
    }

    /// The mean loss over samples `(x, label)`.
    pub fn mean_loss(&self, theta: &[HyperDual], samples: &[(Vec<f64>, usize)]) -> HyperDual {
        let sum: HyperDual = samples.iter().map(|(x, y)| self.sample_loss(theta, x, *y)).sum();
        sum / HyperDual::constant(samples.len() as f64)
    }

    /// The gradient of the mean loss, [P].
    pub fn gradient(&self, theta: &[f64], samples: &[(Vec<f64>, usize)]) -> Vec<f64> {
        hyper_dual::gradient(|theta| self.mean_loss(theta, samples), theta)
    }

    /// The Hessian of the mean loss, [P, P].
    pub fn hessian(&self, theta: &[f64], samples: &[(Vec<f64>, usize)]) -> Vec<f64> {
        hyper_dual::hessian(|theta| self.mean_loss(theta, samples), theta)
    }

    /// The outputs as numbers.
    pub fn outputs(&self, theta: &[f64], x: &[f64]) -> Vec<f64> {
        let theta: Vec<HyperDual> = theta.iter().copied().map(HyperDual::constant).collect();
        self.forward(&theta, x).0.iter().map(|o| o.value).collect()
    }

    /// All numbers whose signs decide which linear piece the loss is on: pre-activations under `ReLU`, margins of the
    /// hinge.
    pub fn switches(&self, theta: &[f64], samples: &[(Vec<f64>, usize)]) -> Vec<f64> {
        let theta: Vec<HyperDual> = theta.iter().copied().map(HyperDual::constant).collect();
        let mut switches = Vec::new();
        for (x, label) in samples {
            let (outputs, hidden) = self.forward(&theta, x);
            if self.activation == Activation::Relu {
                switches.extend(hidden);
            }
            if self.loss == LossKind::Hinge {
                let others = outputs.iter().enumerate().filter(|(c, _)| c != label);
                switches.extend(others.map(|(_, o)| 1.0 - outputs[*label].value + o.value));
            }
        }
        switches
    }
}
