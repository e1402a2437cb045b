//! Tests that a run that is interrupted and goes on ends at the same bytes as one that is not.

use crate::common::cases::{Architecture, Small};
use crate::common::textbook::Textbook;
use heigen::config::{Activation, BatchSize, LossKind, MultiStepLr, OptimizerSpec, Trainer};
use heigen::data::Split;
use heigen::train::{Checkpoint, Observer, Outcome, Parts, Plan, Trained, train};
use std::ops::ControlFlow;

/// An observer that keeps the state after `at` epochs and ends the run there.
struct Until {
    at: usize,
    state: Option<Checkpoint>,
}

impl Observer for Until {
    fn wants_checkpoint(&mut self, epochs_done: usize) -> bool {
        epochs_done == self.at
    }
    fn checkpoint(&mut self, state: &Checkpoint) -> ControlFlow<()> {
        self.state = Some(state.clone());
        ControlFlow::Break(())
    }
}

fn case() -> Small {
    let textbook = Textbook {
        widths: vec![2, 4, 3],
        activation: Activation::Relu,
        log_softmax: false,
        loss: LossKind::CrossEntropy,
    };
    Small::new(Architecture::FullyConnected, textbook, 12, 5)
}

fn run(optimizer: OptimizerSpec, from: Option<&Checkpoint>, observer: &mut dyn Observer) -> Trained {
    let case = case();
    let parts = Parts::new(&case.data, &Split { train: (0..8).collect(), test: vec![8, 9], validation: vec![10, 11] });
    let plan = Plan {
        loss: LossKind::CrossEntropy.into(),
        optimizer,
        scheduler: Some(MultiStepLr { milestones: vec![4], gamma: 0.5 }),
        trainer: Trainer {
            num_epochs: 9,
            batch_size: BatchSize::Samples(3),
            how_often_print: 2,
            how_often_save_model: 0,
            how_often_compute_grads: 0,
        },
        early_stopping: false,
        shuffle_seed: 3,
        eval_every: None,
        threads: heigen::curvature::Threads::current(),
    };
    // The run gets other weights to begin with, because a state that is taken over has its own.
    let theta = from.map_or(case.theta.clone(), |_| vec![7.0; case.theta.len()]);
    train(&case.network(), &parts, theta, &plan, from, observer, &mut ()).unwrap()
}

#[test]
fn a_run_goes_on_as_if_it_had_never_stopped() {
    let rules = [
        OptimizerSpec::Sgd { lr: 0.05, momentum: 0.0, weight_decay: 0.0 },
        OptimizerSpec::Sgd { lr: 0.05, momentum: 0.9, weight_decay: 0.01 },
        OptimizerSpec::Nesterov { lr: 0.05, momentum: 0.9, weight_decay: 0.01 },
        OptimizerSpec::Adam { lr: 0.02 },
    ];
    for optimizer in rules {
        let whole = run(optimizer, None, &mut ());
        for at in [1, 4, 8] {
            let mut until = Until { at, state: None };
            let part = run(optimizer, None, &mut until);
            assert_eq!((part.outcome, part.epochs_done), (Outcome::Interrupted, at));
            let state = until.state.unwrap();
            assert_eq!(run(optimizer, Some(&state), &mut ()), whole, "{optimizer:?} {at}");
        }
    }
}

#[test]
fn a_state_of_another_run_is_left_aside() {
    let sgd = OptimizerSpec::Sgd { lr: 0.05, momentum: 0.0, weight_decay: 0.0 };
    let whole = run(sgd, None, &mut ());
    let mut until = Until { at: 4, state: None };
    run(OptimizerSpec::Adam { lr: 0.02 }, None, &mut until);
    let other = until.state.unwrap();
    let case = case();
    let trained = run(sgd, Some(&other), &mut ());
    // The run began with the weights that it was given, and not with those of the state.
    assert_ne!(trained, whole);
    assert_eq!(trained.epochs_done, 9);
    assert_eq!(other.theta.len(), case.theta.len());
}
