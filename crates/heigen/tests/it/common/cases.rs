//! Small networks with samples and a loss, for the code under test and for the textbook.

use super::networks::two_layers;
use super::textbook::Textbook;
use heigen::config::{Activation, LossKind, ModelSpec};
use heigen::curvature::Problem;
use heigen::data::Dataset;
use heigen::linalg::Scalar;
use heigen::model::Network;

pub const LOSSES: [LossKind; 4] = [LossKind::CrossEntropy, LossKind::Mse, LossKind::Nll, LossKind::Hinge];
pub const ACTIVATIONS: [Activation; 2] = [Activation::Relu, Activation::Sigmoid];

/// The constructor that makes the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    FullyConnected,
    Fnn,
    TwoLayers,
}

#[derive(Clone, Debug)]
pub struct Small {
    pub architecture: Architecture,
    pub textbook: Textbook,
    pub theta: Vec<f32>,
    pub data: Dataset,
}

/// Equidistributed numbers in -1..1 (`SplitMix64`): the tests need no quality, only repeatability.
#[derive(Clone, Debug)]
pub struct Numbers(pub u64);

impl Numbers {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn number(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
    pub fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.number()).collect()
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }
}

impl Small {
    /// A case with random weights and samples.
    pub fn new(architecture: Architecture, textbook: Textbook, n_samples: usize, seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let (d, classes) = (textbook.widths[0], textbook.widths[textbook.widths.len() - 1]);
        let theta = numbers.vector(textbook.n_params()).iter().map(|&w| (1.5 * w) as f32).collect();
        let features = numbers.vector(n_samples * d).iter().map(|&x| (2.0 * x) as f32).collect();
        let labels = (0..n_samples).map(|_| numbers.below(classes)).collect();
        let data =
            Dataset { features, shape: vec![d], labels, others: None, n_classes: classes, source: "random".into() };
        Self { architecture, textbook, theta, data }
    }

    pub fn name(&self) -> String {
        let Textbook { widths, activation, log_softmax, loss } = &self.textbook;
        format!("{:?} {widths:?} {activation:?} log_softmax {log_softmax} {loss:?}", self.architecture)
    }

    pub fn network(&self) -> Network {
        let Textbook { widths, activation, log_softmax, .. } = &self.textbook;
        let spec = match self.architecture {
            Architecture::FullyConnected => return Network::fully_connected(widths, *activation).unwrap(),
            Architecture::Fnn => ModelSpec::Fnn { num_neurons: widths[1], init_scales: None },
            Architecture::TwoLayers => {
                assert_eq!(widths[1], widths[2]);
                two_layers(widths[1], *activation, *log_softmax)
            }
        };
        Network::build(&spec, widths[0], widths[widths.len() - 1]).unwrap()
    }

    pub fn problem<'a, T: Scalar>(&self, network: &'a Network) -> Problem<'a, T> {
        Problem::new(network, &self.theta, &self.data, self.textbook.loss).unwrap()
    }

    /// Calls `f` with the problem.
    pub fn with<T: Scalar, R>(&self, f: impl FnOnce(&Problem<T>) -> R) -> R {
        f(&self.problem(&self.network()))
    }

    pub fn theta_f64(&self) -> Vec<f64> {
        self.theta.iter().map(|&w| f64::from(w)).collect()
    }

    pub fn samples(&self) -> Vec<(Vec<f64>, usize)> {
        let x = self.data.features.chunks_exact(self.data.shape[0]);
        x.map(|x| x.iter().map(|&x| f64::from(x)).collect()).zip(self.data.labels.iter().copied()).collect()
    }

    /// Distance to the nearest kink of the loss; infinite where it has none.
    pub fn kink_distance(&self) -> f64 {
        let switches = self.textbook.switches(&self.theta_f64(), &self.samples());
        switches.iter().fold(f64::INFINITY, |m, s| m.min(s.abs()))
    }
}

/// The table of cases that many tests share: networks x losses x activations.
pub fn table() -> Vec<Small> {
    use Architecture::{Fnn, FullyConnected, TwoLayers};
    // 35 classes are more than the softmax keeps on the stack, and 131 samples are more than one task takes.
    let shapes: [(Architecture, &[usize], bool, usize); 8] = [
        (FullyConnected, &[3, 4], false, 6),
        (FullyConnected, &[2, 5, 3], false, 7),
        (FullyConnected, &[3, 4, 5, 2, 3], false, 8),
        (FullyConnected, &[1, 2, 35], false, 3),
        (FullyConnected, &[2, 3, 2], false, 131),
        (Fnn, &[2, 6, 2], false, 5),
        (TwoLayers, &[2, 4, 4, 3], false, 9),
        (TwoLayers, &[2, 4, 4, 3], true, 9),
    ];
    let mut cases = Vec::new();
    for (architecture, widths, log_softmax, n_samples) in shapes {
        for activation in ACTIVATIONS {
            if architecture == Fnn && activation == Activation::Sigmoid {
                continue;
            }
            for loss in LOSSES {
                let textbook = Textbook { widths: widths.to_vec(), activation, log_softmax, loss };
                cases.push(Small::new(architecture, textbook, n_samples, 7 + cases.len() as u64));
            }
        }
    }
    cases
}
