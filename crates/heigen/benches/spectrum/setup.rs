//! The subjects of the measurement: networks trained like gauss/normal_training, and the machine's rate.

use heigen::config::{Activation, BatchSize, DatasetSpec, LossKind, ModelSpec, OptimizerSpec};
use heigen::curvature::Problem;
use heigen::data::{Dataset, generate, split};
use heigen::linalg::{Matrix, par, product};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Training};
use std::time::Instant;

pub(crate) struct Trained {
    pub(crate) network: Network,
    pub(crate) data: Dataset,
    pub(crate) theta: Vec<f32>,
    width: usize,
}

impl Trained {
    pub(crate) fn problem(&self) -> Problem<'_, f64> {
        Problem::new(&self.network, &self.theta, &self.data, LossKind::CrossEntropy).expect("problem")
    }

    /// Operations of one Hessian-vector product: two for each sample and weight in each of the six products of the dual
    /// passes, of which the first layer has two.
    pub(crate) fn operations_of_a_product(&self) -> f64 {
        let w = self.width as f64;
        2.0 * self.data.labels.len() as f64 * (2.0 * 2.0 * w + 6.0 * (w * w + 3.0 * w))
    }
}

/// The network of gauss/normal_training with another width, trained for `epochs`; the training samples `copies` times
/// over, slightly moved, to make N larger.
pub(crate) fn normal_training(width: usize, epochs: usize, copies: usize) -> Trained {
    let spec = ModelSpec::Fnn2Layer {
        num_neurons_layer1: width,
        num_neurons_layer2: width,
        activation_func: Activation::Relu,
        initialization: heigen::config::Initialization::Random,
        lsoftmax: false,
    };
    let all = generate(&DatasetSpec::GaussMixtures { random: false, seed: 28, four_classes: false }).expect("data");
    let parts = split(300, 0.5, 0.2);
    let network = Network::build(&spec, 2, 3).expect("network");
    let theta = fresh(&spec, &network, &mut TorchGenerator::new(0));
    let sgd = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.0, weight_decay: 0.0 };
    let samples = Parts::new(&all, &parts);
    let batch = BatchSize::Samples(64);
    let mut run = Training::new(&network, &samples, theta, LossKind::CrossEntropy, sgd, None, batch, 0).expect("run");
    for _ in 0..epochs {
        run.run_epoch().expect("finite");
    }
    let theta = run.theta().to_vec();
    let once = all.subset(&parts.train);
    let mut data = once.clone();
    for copy in 1..copies {
        data.labels.extend_from_slice(&once.labels);
        let moved = once.features.iter().enumerate().map(|(i, x)| x + 0.2 * ((i * copy) as f32).sin());
        data.features.extend(moved);
    }
    Trained { network, data, theta, width }
}

/// Operations per second of faer's float64 product of order 1,000 on all threads, the best of eight.
pub(crate) fn faer_rate() -> f64 {
    let n = 1000;
    let a = Matrix::from_fn(n, n, |i, j| ((i * 7 + j) as f64).sin());
    let mut c = Matrix::zeros(n, n);
    let mut best = f64::INFINITY;
    for _ in 0..8 {
        let begun = Instant::now();
        product(c.as_mut(), a.as_ref(), a.as_ref(), par());
        best = best.min(begun.elapsed().as_secs_f64());
    }
    2.0 * (n as f64).powi(3) / best
}
