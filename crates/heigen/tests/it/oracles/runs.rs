//! Tests of whole runs: calls of observers and their times, early stopping, interruption, divergence.

use crate::common::cases::{Architecture, Small};
use crate::common::plans::descent;
use crate::common::textbook::Textbook;
use heigen::config::{Activation, BatchSize, LossKind, MultiStepLr, OptimizerSpec, Trainer};
use heigen::data::Split;
use heigen::train::{Evaluation, Observer, Outcome, Parts, Plan, Report, TrainError, Trained, Training, train};
use std::ops::ControlFlow;

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Epoch(usize, f64),
    Report(Report),
    Snapshot(usize, Vec<f32>),
    Gradients(usize, Vec<f32>),
}

/// An observer that writes all events down and breaks at event number `until`.
#[derive(Debug, Default)]
struct Recorder {
    events: Vec<Event>,
    until: Option<usize>,
}

impl Recorder {
    fn note(&mut self, event: Event) -> ControlFlow<()> {
        self.events.push(event);
        if self.until == Some(self.events.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The events without their contents.
    fn names(&self) -> Vec<String> {
        let name = |event: &Event| match event {
            Event::Epoch(n, _) => format!("epoch {n}"),
            Event::Report(r) => format!("report {}", r.epochs_done),
            Event::Snapshot(n, _) => format!("snapshot {n}"),
            Event::Gradients(n, _) => format!("gradients {n}"),
        };
        self.events.iter().map(name).collect()
    }
}

impl Observer for Recorder {
    fn epoch(&mut self, epochs_done: usize, batch_losses: f64) -> ControlFlow<()> {
        self.note(Event::Epoch(epochs_done, batch_losses))
    }
    fn report(&mut self, report: &Report) -> ControlFlow<()> {
        self.note(Event::Report(*report))
    }
    fn snapshot(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        self.note(Event::Snapshot(epochs_done, theta.to_vec()))
    }
    fn gradients(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        self.note(Event::Gradients(epochs_done, theta.to_vec()))
    }
}

/// A case with twelve samples of two classes on either side of a line.
fn separable() -> Small {
    let textbook = Textbook {
        widths: vec![2, 4, 2],
        activation: Activation::Relu,
        log_softmax: false,
        loss: LossKind::CrossEntropy,
    };
    let mut case = Small::new(Architecture::FullyConnected, textbook, 12, 2);
    case.data.labels = case.data.features.chunks(2).map(|x| usize::from(x[0] - x[1] > 0.0)).collect();
    case
}

fn parts(case: &Small) -> Parts {
    Parts::new(&case.data, &Split { train: (0..8).collect(), test: vec![8, 9], validation: vec![] })
}

fn plan(num_epochs: usize, [print, save, grads]: [usize; 3]) -> Plan {
    let batch_size = BatchSize::Samples(3);
    let trainer = Trainer {
        num_epochs,
        batch_size,
        how_often_print: print,
        how_often_save_model: save,
        how_often_compute_grads: grads,
    };
    descent(trainer, 0.0)
}

fn run(case: &Small, plan: &Plan, until: Option<usize>) -> (Result<Trained, TrainError>, Recorder) {
    let mut recorder = Recorder { events: vec![], until };
    let result = train(&case.network(), &parts(case), case.theta.clone(), plan, None, &mut recorder, &mut ());
    (result, recorder)
}

/// The sum of batch losses, the weights and the training accuracy after each epoch.
fn epochs(case: &Small, plan: &Plan, n: usize) -> Vec<(f64, Vec<f32>, Evaluation)> {
    let (network, parts, batch) = (case.network(), parts(case), plan.trainer.batch_size);
    let theta = case.theta.clone();
    let mut run =
        Training::new(&network, &parts, theta, plan.loss.clone(), plan.optimizer, None, batch, plan.shuffle_seed)
            .unwrap();
    let mut epoch = || (run.run_epoch().unwrap(), run.theta().to_vec(), run.evaluate_train().unwrap().unwrap());
    (0..n).map(|_| epoch()).collect()
}

#[test]
fn observers_see_everything_in_order() {
    let (case, plan) = (separable(), plan(5, [2, 2, 3]));
    let (trained, seen) = run(&case, &plan, None);
    let trained = trained.unwrap();
    let wanted = "snapshot 0, gradients 0, epoch 1, epoch 2, snapshot 2, report 2, epoch 3, gradients 3, \
                  epoch 4, snapshot 4, report 4, epoch 5, report 5";
    assert_eq!(seen.names().join(", "), wanted);
    assert_eq!((trained.epochs_done, trained.outcome), (5, Outcome::Finished));
    let by_hand = epochs(&case, &plan, 5);
    let after = |n: usize| if n == 0 { &case.theta } else { &by_hand[n - 1].1 };
    assert_eq!(&trained.theta, after(5));
    let mut reports = vec![];
    for event in seen.events {
        match event {
            Event::Epoch(n, losses) => assert_eq!(losses, by_hand[n - 1].0),
            Event::Snapshot(n, theta) | Event::Gradients(n, theta) => assert_eq!(&theta, after(n)),
            Event::Report(report) => reports.push(report),
        }
    }
    assert_eq!(trained.reports, reports);
    for report in &reports {
        assert_eq!(report.train, Some(by_hand[report.epochs_done - 1].2));
        assert_eq!(report.validation, None);
        assert!(report.test.is_some_and(|t| [0.0, 0.5, 1.0].map(Some).contains(&t.accuracy)));
    }
}

#[test]
fn what_is_never_due_is_never_kept() {
    let names = |epochs, often| run(&separable(), &plan(epochs, often), None).1.names().join(", ");
    assert_eq!(names(3, [10, 0, 0]), "epoch 1, epoch 2, epoch 3, report 3");
    assert_eq!(names(2, [1, 5, 0]), "snapshot 0, epoch 1, report 1, epoch 2, report 2");
    assert_eq!(names(0, [1, 1, 1]), "snapshot 0, gradients 0");
    assert_eq!(run(&separable(), &plan(0, [1, 0, 0]), None).0.unwrap().theta, separable().theta);
}

#[test]
fn evaluations_are_means_over_their_part() {
    let case = separable();
    let (network, parts) = (case.network(), parts(&case));
    let optimizer = OptimizerSpec::Adam { lr: 0.1 };
    let mut run =
        Training::new(&network, &parts, case.theta.clone(), LossKind::Mse, optimizer, None, BatchSize::Full, 0)
            .unwrap();
    let mut textbook = case.textbook.clone();
    textbook.loss = LossKind::Mse;
    let theta: Vec<_> = case.theta_f64().into_iter().map(crate::common::hyper_dual::HyperDual::constant).collect();
    for (part, got) in [(0..8, run.evaluate_train().unwrap()), (8..10, run.evaluate_test().unwrap())] {
        let samples = case.samples()[part].to_vec();
        let loss = textbook.mean_loss(&theta, &samples).value;
        let right = samples.iter().filter(|(x, y)| {
            let o = case.textbook.outputs(&case.theta_f64(), x);
            usize::from(o[1] > o[0]) == *y
        });
        let got = got.unwrap();
        assert!((got.loss - loss).abs() < 1e-6 * loss.max(1.0), "{} against {loss}", got.loss);
        assert_eq!(got.accuracy, Some(right.count() as f64 / samples.len() as f64));
    }
    assert_eq!(run.evaluate_validation(), Ok(None));
}

#[test]
fn a_break_anywhere_ends_the_run_before_the_next_epoch() {
    let (case, plan) = (separable(), plan(4, [2, 1, 2]));
    let all = run(&case, &plan, None).1.names();
    for until in 1..=all.len() {
        let (trained, seen) = run(&case, &plan, Some(until));
        let trained = trained.unwrap();
        let done = all[..until].iter().filter(|e| e.starts_with("epoch")).count();
        assert_eq!((trained.outcome, trained.epochs_done), (Outcome::Interrupted, done), "break at {}", all[until - 1]);
        assert_eq!(seen.names()[..until], all[..until]);
        assert!(seen.names()[until..].iter().all(|e| !e.starts_with("epoch")), "{:?}", seen.names());
        let theta = if done == 0 { case.theta.clone() } else { epochs(&case, &plan, done).pop().unwrap().1 };
        assert_eq!(trained.theta, theta);
    }
}

#[test]
fn early_stopping_waits_for_a_report() {
    let case = separable();
    let accuracies: Vec<f64> =
        epochs(&case, &plan(200, [1, 0, 0]), 200).iter().map(|e| e.2.accuracy.unwrap()).collect();
    let first = 1 + accuracies.iter().position(|&a| a == 1.0).unwrap();
    assert!(first > 3, "the test needs a network that does not start perfect: {first}");
    for every in [1, 2, 7, first - 1, first] {
        let stop = (1..=200).find(|&n| n % every == 0 && accuracies[n - 1] == 1.0).unwrap();
        let mut plan = plan(200, [every, 0, 0]);
        plan.early_stopping = true;
        let trained = run(&case, &plan, None).0.unwrap();
        assert_eq!((trained.outcome, trained.epochs_done), (Outcome::EarlyStopped, stop), "every {every}");
        assert_eq!(trained.reports.len(), stop / every);
        plan.early_stopping = false;
        let trained = run(&case, &plan, None).0.unwrap();
        assert_eq!((trained.outcome, trained.epochs_done), (Outcome::Finished, 200));
    }
    // With this plan the accuracy is looked at too late to stop the run early.
    let mut plan = plan(first, [first + 1, 0, 0]);
    plan.early_stopping = true;
    let trained = run(&case, &plan, None).0.unwrap();
    assert_eq!((trained.outcome, trained.epochs_done), (Outcome::Finished, first));
}

#[test]
fn divergence_names_its_epoch_and_rate() {
    let case = separable();
    let mut plan = plan(9, [1, 0, 0]);
    plan.loss = LossKind::Mse.into();
    plan.optimizer = OptimizerSpec::Sgd { lr: 1e30, momentum: 0.0, weight_decay: 0.0 };
    let (error, seen) = run(&case, &plan, None);
    let error = error.unwrap_err();
    let TrainError::Diverged { epoch: 1, lr: 1e30, loss } = error else { panic!("{error:?}") };
    assert!(!loss.is_finite());
    assert_eq!(
        error.to_string(),
        format!(
            "training diverged in epoch 1 at learning rate 1e30: the loss of a batch is {loss}; lower `optimizer.args.lr`"
        )
    );
    assert!(seen.events.is_empty());
    // The schedule raises the rate from the fourth epoch on.
    plan.optimizer = OptimizerSpec::Sgd { lr: 0.01, momentum: 0.0, weight_decay: 0.0 };
    plan.scheduler = Some(MultiStepLr { milestones: vec![3], gamma: 1e32 });
    let (error, seen) = run(&case, &plan, None);
    let error = error.unwrap_err();
    assert!(matches!(error, TrainError::Diverged { epoch: 4, lr, .. } if (lr / 1e30 - 1.0).abs() < 1e-12), "{error:?}");
    assert_eq!(seen.names().join(", "), "epoch 1, report 1, epoch 2, report 2, epoch 3, report 3");
}

#[test]
fn an_empty_training_part_is_refused() {
    let case = separable();
    let parts = Parts::new(&case.data, &Split { train: vec![], test: vec![0], validation: vec![] });
    let error =
        train(&case.network(), &parts, case.theta.clone(), &plan(1, [1, 0, 0]), None, &mut (), &mut ()).unwrap_err();
    assert_eq!(error, TrainError::Empty);
    assert_eq!(error.to_string(), "the training part is empty; raise `train_fraction`");
}

#[test]
fn a_last_step_that_diverges_is_no_success() {
    let case = separable();
    let mut plan = plan(1, [1, 0, 0]);
    plan.trainer.batch_size = BatchSize::Full;
    plan.optimizer = OptimizerSpec::Sgd { lr: 1e39, momentum: 0.0, weight_decay: 0.0 };
    let (result, seen) = run(&case, &plan, None);
    let error = result.unwrap_err();
    assert_eq!(error, TrainError::DivergedWeights { epoch: 1, lr: 1e39, tensor: "fc1.weight".into() });
    assert_eq!(
        error.to_string(),
        format!(
            "training diverged in epoch 1 at learning rate 1e39: fc1.weight has a weight that is infinite or NaN; \
             lower `optimizer.args.lr`"
        )
    );
    assert!(seen.events.is_empty());
}
