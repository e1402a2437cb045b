//! Compares update rules, schedules and batches with a plain float64 loop over the textbook's gradients.

use crate::common::cases::{Architecture, Small};
use crate::common::textbook::Textbook;
use heigen::config::{Activation, BatchSize, LossKind, MultiStepLr, OptimizerSpec};
use heigen::data::Split;
use heigen::rng::{DataLoaderOrder, TorchGenerator};
use heigen::train::{Parts, Training};

/// Tolerance for weights: training is in float32, with a few dozen steps of size 0.1 from weights of order 1.
const TRAJECTORY: f64 = 2e-5;
const SHUFFLE_SEED: u64 = 5;

/// The update rules of `torch.optim`, written out for one parameter at a time.
struct Plain {
    spec: OptimizerSpec,
    /// The momentum of SGD, or Adam's first moment.
    first: Vec<Option<f64>>,
    second: Vec<f64>,
    steps: i32,
}

impl Plain {
    fn new(spec: OptimizerSpec, p: usize) -> Self {
        Self { spec, first: vec![None; p], second: vec![0.0; p], steps: 0 }
    }

    fn step(&mut self, theta: &mut [f64], gradient: &[f64], rate: f64) {
        self.steps += 1;
        for i in 0..theta.len() {
            match self.spec {
                OptimizerSpec::Sgd { momentum, weight_decay, .. }
                | OptimizerSpec::Sam { momentum, weight_decay, .. } => {
                    let g = gradient[i] + weight_decay * theta[i];
                    let velocity = self.first[i].map_or(g, |v| momentum * v + g);
                    self.first[i] = Some(velocity);
                    theta[i] -= rate * velocity;
                }
                OptimizerSpec::Nesterov { momentum, weight_decay, .. } => {
                    let g = gradient[i] + weight_decay * theta[i];
                    let velocity = self.first[i].map_or(g, |v| momentum * v + g);
                    self.first[i] = Some(velocity);
                    theta[i] -= rate * (g + momentum * velocity);
                }
                OptimizerSpec::Adam { .. } => {
                    let (g, t) = (gradient[i], self.steps);
                    let m = 0.9 * self.first[i].unwrap_or(0.0) + 0.1 * g;
                    let v = 0.999 * self.second[i] + 0.001 * g * g;
                    (self.first[i], self.second[i]) = (Some(m), v);
                    let (m, v) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.999f64.powi(t)));
                    theta[i] -= rate * m / (v.sqrt() + 1e-8);
                }
            }
        }
    }
}

/// The weights after every epoch, and the sums of the batch losses.
fn plain_training(
    case: &Small,
    spec: OptimizerSpec,
    scheduler: Option<&MultiStepLr>,
    batch: usize,
    epochs: usize,
) -> Vec<(f64, Vec<f64>)> {
    let (samples, mut theta) = (case.samples(), case.theta_f64());
    let mut rule = Plain::new(spec, theta.len());
    let mut rate = spec.lr();
    let mut loader = DataLoaderOrder::new(TorchGenerator::new(SHUFFLE_SEED));
    let mut order = vec![0; samples.len()];
    let mut epochs_done = Vec::new();
    for epoch in 0..epochs {
        if let Some(MultiStepLr { milestones, gamma }) = scheduler {
            milestones.iter().filter(|&&m| m == epoch).for_each(|_| rate *= gamma);
        }
        loader.next_epoch(&mut order);
        let mut losses = 0.0;
        let mut rest = &order[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(batch.min(rest.len()));
            rest = later;
            let batch: Vec<_> = now.iter().map(|&n| samples[n].clone()).collect();
            let constant: Vec<_> = theta.iter().copied().map(crate::common::hyper_dual::HyperDual::constant).collect();
            losses += case.textbook.mean_loss(&constant, &batch).value;
            let mut gradient = case.textbook.gradient(&theta, &batch);
            if let OptimizerSpec::Sam { rho, .. } = spec {
                let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
                let there: Vec<f64> = theta.iter().zip(&gradient).map(|(w, g)| w + rho * g / norm).collect();
                gradient = case.textbook.gradient(&there, &batch);
            }
            rule.step(&mut theta, &gradient, rate);
        }
        epochs_done.push((losses, theta.clone()));
    }
    epochs_done
}

fn tiny(activation: Activation, log_softmax: bool, loss: LossKind) -> Small {
    let architecture = if log_softmax { Architecture::TwoLayers } else { Architecture::FullyConnected };
    let widths = if log_softmax { vec![2, 3, 3, 3] } else { vec![2, 5, 3] };
    Small::new(architecture, Textbook { widths, activation, log_softmax, loss }, 10, 23)
}

fn parts(case: &Small) -> Parts {
    let all = (0..case.data.labels.len()).collect();
    Parts::new(&case.data, &Split { train: all, test: vec![], validation: vec![] })
}

fn follow(case: &Small, spec: OptimizerSpec, scheduler: Option<MultiStepLr>, batch: BatchSize) {
    const EPOCHS: usize = 12;
    let size = match batch {
        BatchSize::Full => case.data.labels.len(),
        BatchSize::Samples(b) => b,
    };
    let wanted = plain_training(case, spec, scheduler.as_ref(), size, EPOCHS);
    let (network, parts) = (case.network(), parts(case));
    let (theta, loss) = (case.theta.clone(), case.textbook.loss);
    let mut run = Training::new(&network, &parts, theta, loss, spec, scheduler, batch, SHUFFLE_SEED).unwrap();
    let name = format!("{} {spec:?} {batch:?}", case.name());
    for (epoch, (losses, theta)) in wanted.iter().enumerate() {
        let got = run.run_epoch().unwrap();
        assert!((got - losses).abs() <= TRAJECTORY * losses.abs().max(1.0), "{name} {epoch}: {got} {losses}");
        for (i, (got, wanted)) in run.theta().iter().zip(theta).enumerate() {
            let off = (f64::from(*got) - wanted).abs();
            assert!(off <= TRAJECTORY, "{name} epoch {epoch} weight {i}: {got} against {wanted}");
        }
    }
    assert_eq!(run.epochs_done(), EPOCHS);
}

const SGD: OptimizerSpec = OptimizerSpec::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.0 };
const DECAY: OptimizerSpec = OptimizerSpec::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.05 };
const MOMENTUM: OptimizerSpec = OptimizerSpec::Sgd { lr: 0.03, momentum: 0.9, weight_decay: 0.0 };
const BOTH: OptimizerSpec = OptimizerSpec::Sgd { lr: 0.03, momentum: 0.8, weight_decay: 0.02 };
const SAM: OptimizerSpec = OptimizerSpec::Sam { lr: 0.05, momentum: 0.5, weight_decay: 0.02, rho: 0.1 };
const NESTEROV: OptimizerSpec = OptimizerSpec::Nesterov { lr: 0.03, momentum: 0.8, weight_decay: 0.02 };
const ADAM: OptimizerSpec = OptimizerSpec::Adam { lr: 0.01 };

#[test]
fn every_rule_follows_its_definition() {
    for spec in [SGD, DECAY, MOMENTUM, BOTH, NESTEROV, ADAM, SAM] {
        for (activation, log_softmax, loss) in [
            (Activation::Relu, false, LossKind::CrossEntropy),
            (Activation::Sigmoid, false, LossKind::Mse),
            (Activation::Relu, true, LossKind::Nll),
            (Activation::Relu, false, LossKind::Hinge),
        ] {
            follow(&tiny(activation, log_softmax, loss), spec, None, BatchSize::Samples(5));
        }
    }
}

#[test]
fn batches_may_be_full_single_uneven_or_larger_than_the_part() {
    let case = tiny(Activation::Sigmoid, false, LossKind::CrossEntropy);
    for batch in [1, 3, 7, 10, 64].map(BatchSize::Samples).into_iter().chain([BatchSize::Full]) {
        follow(&case, MOMENTUM, None, batch);
    }
}

#[test]
fn milestones_lower_the_rate_from_their_epoch_on() {
    let case = tiny(Activation::Sigmoid, false, LossKind::CrossEntropy);
    for milestones in [vec![0, 4], vec![3, 7], vec![2, 2, 11], vec![100]] {
        for spec in [SGD, BOTH, ADAM] {
            let scheduler = MultiStepLr { milestones: milestones.clone(), gamma: 0.3 };
            follow(&case, spec, Some(scheduler), BatchSize::Samples(4));
        }
    }
}

#[test]
fn every_step_inside_of_an_epoch_is_seen() {
    let case = tiny(Activation::Sigmoid, false, LossKind::CrossEntropy);
    let (network, parts) = (case.network(), parts(&case));
    let (theta, loss, batch) = (case.theta.clone(), case.textbook.loss, BatchSize::Samples(4));
    let new = || Training::new(&network, &parts, theta.clone(), loss, SGD, None, batch, SHUFFLE_SEED).unwrap();
    let (mut seen, mut whole) = (new(), new());
    assert_eq!(seen.steps_per_epoch(), 3);
    let mut thetas = vec![];
    let sum = seen.run_epoch_seen::<heigen::train::TrainError>(|run, step| {
        thetas.push((step, run.theta().to_vec()));
        Ok(())
    });
    assert_eq!(sum.unwrap(), whole.run_epoch().unwrap());
    assert_eq!(thetas.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(thetas[2].1, whole.theta());
    // The first step by the textbook, over the first batch.
    let samples = case.samples();
    let mut order = vec![0; samples.len()];
    DataLoaderOrder::new(TorchGenerator::new(SHUFFLE_SEED)).next_epoch(&mut order);
    let batch: Vec<_> = order[..4].iter().map(|&n| samples[n].clone()).collect();
    let mut wanted = case.theta_f64();
    let gradient = case.textbook.gradient(&wanted, &batch);
    wanted.iter_mut().zip(gradient).for_each(|(w, g)| *w -= 0.1 * g);
    for (got, wanted) in thetas[0].1.iter().zip(&wanted) {
        assert!((f64::from(*got) - wanted).abs() < 1e-6, "{got} against {wanted}");
    }
}
