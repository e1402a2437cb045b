//! Batches of a training dealt to several pieces: any number of them gives the bytes of one.

use heigen::config::{BatchSize, OptimizerSpec, Trainer};
use heigen::curvature::{Communicator, ThreadPiece, Threads};
use heigen::data::{Dataset, Split};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Checkpoint, Observer, Parts, Plan, TrainError, Trained, Training, train};
use heigen::vocabulary::{Activation, LossKind, ModelSpec, PositionLayout, Targets};
use heigen_spectra::{Counted, InAnyOrder};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Images that are waves, with three classes.
fn images(samples: usize, pixels: usize) -> Dataset {
    let wave = |i: usize| ((i as f64) * 0.37 + ((i % 101) as f64) * 1.7).sin() as f32;
    Dataset {
        features: (0..samples * pixels).map(wave).collect(),
        shape: vec![pixels],
        labels: (0..samples).map(|n| (n * n + n / 3) % 3).collect(),
        n_classes: 3,
        others: None,
        source: String::new(),
    }
}

struct Case {
    network: Network,
    data: Dataset,
    split: Split,
    theta: Vec<f32>,
    plan: Plan,
}

/// A case with a batch of which the last one is smaller, and tiles of 8 of which the last one is, too.
fn case(spec: &ModelSpec, pixels: usize, optimizer: OptimizerSpec) -> Case {
    let network = Network::build(spec, pixels, 3).unwrap();
    let theta = fresh(spec, &network, &mut TorchGenerator::new(0));
    let split = Split { train: (0..50).collect(), test: (50..60).collect(), validation: (60..67).collect() };
    let trainer = Trainer {
        num_epochs: 2,
        batch_size: BatchSize::Samples(36),
        how_often_print: 1,
        how_often_save_model: 0,
        how_often_compute_grads: 0,
    };
    let plan = Plan {
        loss: LossKind::CrossEntropy.into(),
        optimizer,
        scheduler: None,
        trainer,
        early_stopping: false,
        shuffle_seed: 3,
        eval_every: None,
        threads: Threads::current(),
    };
    Case { network, data: images(67, pixels), split, theta, plan }
}

impl Case {
    fn trained(&self, pieces: Option<Arc<dyn Communicator>>) -> Result<Trained, TrainError> {
        train(&self.network, &self.parts(pieces)?, self.theta.clone(), &self.plan, None, &mut (), &mut ())
    }

    fn parts(&self, pieces: Option<Arc<dyn Communicator>>) -> Result<Parts, TrainError> {
        match pieces {
            Some(pieces) => Parts::dealt(&self.data, &self.split, &self.network, pieces),
            None => Ok(Parts::new(&self.data, &self.split)),
        }
    }
}

fn by<R: Send>(pieces: usize, work: impl Fn(ThreadPiece) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let work = &work;
        let all: Vec<_> = ThreadPiece::all(pieces).into_iter().map(|p| scope.spawn(move || work(p))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

const SGD: OptimizerSpec = OptimizerSpec::Sgd { lr: 0.05, momentum: 0.9, weight_decay: 1e-3 };

fn check(case: &Case) {
    let alone = case.trained(None).unwrap();
    assert_ne!(alone.theta, case.theta);
    assert!(
        alone
            .reports
            .iter()
            .all(|report| report.train.is_some() && report.validation.is_some() && report.test.is_some())
    );
    for pieces in [1, 2, 3, 4, 7] {
        for (rank, together) in by(pieces, |p| case.trained(Some(Arc::new(p))).unwrap()).iter().enumerate() {
            let bits = |theta: &[f32]| theta.iter().map(|w| w.to_bits()).collect::<Vec<u32>>();
            assert!(bits(&together.theta) == bits(&alone.theta), "weights of piece {rank} of {pieces}");
            assert_eq!(together.reports, alone.reports, "losses of piece {rank} of {pieces}");
        }
    }
}

#[test]
fn weights_and_losses_of_images_do_not_depend_on_the_pieces() {
    check(&case(&ModelSpec::LeNet5 {}, 3072, SGD));
    check(&case(&ModelSpec::LeNet5 {}, 3072, OptimizerSpec::Adam { lr: 1e-3 }));
    check(&case(&ModelSpec::Cnn {}, 784, OptimizerSpec::Sam { lr: 0.05, momentum: 0.0, weight_decay: 0.0, rho: 0.05 }));
}

/// A batch of one tile, one of all samples, and samples that are fetched for one step, for several, and for a whole epoch.
#[test]
fn weights_and_losses_of_batches_of_any_size_do_not_depend_on_the_pieces() {
    let sizes =
        [BatchSize::Samples(1), BatchSize::Samples(3), BatchSize::Samples(8), BatchSize::Samples(20), BatchSize::Full];
    for size in sizes {
        let mut case = case(&ModelSpec::Cnn {}, 784, SGD);
        case.plan.trainer.batch_size = size;
        check(&case);
    }
}

#[test]
fn targets_of_every_kind_come_with_their_samples() {
    let mut weighted = case(&ModelSpec::Cnn {}, 784, SGD);
    weighted.plan.loss.class_weights = Some(vec![1.0, 0.3, 2.7]);
    weighted.plan.loss.ignore_index = Some(2);
    check(&weighted);
    // Two positions of three classes.
    let mut sequences = case(&ModelSpec::Cnn {}, 784, SGD);
    sequences.network = Network::build(&ModelSpec::Cnn {}, 784, 6).unwrap();
    sequences.theta = fresh(&ModelSpec::Cnn {}, &sequences.network, &mut TorchGenerator::new(0));
    let classes = (0..67 * 2).map(|i| if i % 7 == 3 { Targets::IGNORED } else { i * i % 3 }).collect();
    sequences.data.others = Some(Targets::Positions { classes, positions: 2, layout: PositionLayout::ClassesLast });
    sequences.plan.loss = weighted.plan.loss.clone();
    check(&sequences);
    let numbers = (0..67 * 3).map(|i| (i as f64 * 0.7).cos()).collect();
    let mut regression =
        case(&ModelSpec::Cnn {}, 784, OptimizerSpec::Sgd { lr: 0.01, momentum: 0.0, weight_decay: 0.0 });
    regression.data.others = Some(Targets::Real { values: numbers, outputs: 3 });
    regression.plan.loss = LossKind::Mse.into();
    check(&regression);
}

#[test]
fn a_training_goes_on_from_a_saved_state() {
    struct Saving(Vec<Checkpoint>);
    impl Observer for Saving {
        fn wants_checkpoint(&mut self, _: usize) -> bool {
            true
        }
        fn checkpoint(&mut self, state: &Checkpoint) -> ControlFlow<()> {
            self.0.push(state.clone());
            ControlFlow::Continue(())
        }
    }
    let case = case(&ModelSpec::Cnn {}, 784, SGD);
    let (alone, mut saved) = (case.trained(None).unwrap(), Saving(vec![]));
    let parts = case.parts(None).unwrap();
    train(&case.network, &parts, case.theta.clone(), &case.plan, None, &mut saved, &mut ()).unwrap();
    for together in by(3, |piece| {
        let parts = case.parts(Some(Arc::new(piece))).unwrap();
        train(&case.network, &parts, case.theta.clone(), &case.plan, Some(&saved.0[0]), &mut (), &mut ()).unwrap()
    }) {
        assert!(together == alone, "the weights, or the losses");
    }
}

#[test]
fn a_small_network_is_trained_by_every_piece() {
    let mut small = case(&ModelSpec::Cnn {}, 784, SGD);
    small.network = Network::fully_connected(&[784, 5, 3], Activation::Relu).unwrap();
    assert!(!small.parts(Some(Arc::new(ThreadPiece::all(2).remove(0)))).unwrap().are_dealt());
    small.theta = (0..small.network.n_params()).map(|i| (i as f32 * 0.7).sin() * 0.1).collect();
    check(&small);
}

#[test]
fn each_piece_has_a_share_of_the_tiles_and_tells_its_sum_alone() {
    // An evaluation takes 250 samples of this network together, so that a piece's share is a multiple of that.
    let mut case = case(&ModelSpec::LeNet5 {}, 3072, SGD);
    case.data = images(1500, 3072);
    case.split.train = (0..1500).collect();
    let told = by(3, |piece| {
        let counted = Arc::new(Counted::new(piece));
        let parts = case.parts(Some(Arc::clone(&counted) as Arc<dyn Communicator>)).unwrap();
        let batch = BatchSize::Samples(100);
        let (theta, loss) = (case.theta.clone(), LossKind::CrossEntropy);
        let mut run = Training::new(&case.network, &parts, theta, loss, SGD, None, batch, 0).unwrap();
        let before = counted.bytes();
        run.run_epoch().unwrap();
        (counted.bytes() - before, parts.n_own_training())
    });
    // In each of 15 steps a sum goes from piece to piece down to piece 0, which tells both others; losses are a few numbers. A sample, with
    // its label, is handed on once if another piece takes it through the network, as two of three do.
    let sums = 15 * 4 * case.network.n_params() as u64;
    let sample = 4 * 3072 + 8;
    for ((sent, own), sums) in told.iter().zip([2 * sums, sums, sums]) {
        let samples = sent.saturating_sub(sums) / sample;
        assert_eq!(*own, 500);
        assert!(*sent >= sums && (280..=390).contains(&samples), "{samples} samples, {sent} bytes for {sums}");
        assert!(sent - sums - samples * sample < sample / 2, "{sent} bytes for {sums} and {samples} samples");
    }
}

#[test]
fn sums_in_any_order_train_to_rounding() {
    let case = case(&ModelSpec::LeNet5 {}, 3072, SGD);
    let alone = case.trained(None).unwrap();
    let all = by(3, |piece| case.trained(Some(Arc::new(InAnyOrder(piece)))).unwrap());
    assert!(all.iter().all(|trained| trained.theta == all[0].theta), "pieces went different ways");
    let scale = alone.theta.iter().fold(0f32, |m, w| m.max(w.abs()));
    let apart = alone.theta.iter().zip(&all[0].theta).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(apart > 0.0 && apart <= 1e-5 * scale, "{apart} of {scale}");
}

#[test]
fn batches_whose_statistics_are_taken_are_not_shared() {
    let spec = ModelSpec::ResNet18 { pretrained: false, for_cifar: true };
    let case = case(&spec, 3 * 8 * 8, SGD);
    let errors = by(2, |piece| case.trained(Some(Arc::new(piece))).unwrap_err());
    assert_eq!(errors, [TrainError::Coupled, TrainError::Coupled]);
}

#[test]
fn a_piece_that_ends_ends_the_training_of_the_others() {
    let case = case(&ModelSpec::Cnn {}, 784, SGD);
    let mut pieces = ThreadPiece::all(2);
    drop(pieces.pop());
    let error = case.trained(Some(Arc::new(pieces.remove(0)))).unwrap_err();
    assert!(
        matches!(&error, TrainError::Apart(why) if why.contains("piece 1 of the computation has ended")),
        "{error}"
    );
}
