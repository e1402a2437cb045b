//! Tests that everything that takes long asks its watch, and stops when the watch says so.

use crate::common::cases::{Architecture, Small};
use crate::common::plans::descent;
use crate::common::textbook::Textbook;
use heigen::analysis::{
    EmbeddingError, MarginError, MarginOptions, SurfaceError, SurfaceGrid, SwitchOptions, boundary_distances,
    class_switches, loss_surface, margin_estimate, t_sne,
};
use heigen::config::{Activation, BatchSize, LossKind, Trainer};
use heigen::curvature::{Progress, Stopped, Watch};
use heigen::data::Split;
use heigen::linalg::Matrix;
use heigen::train::{Outcome, Parts, train};
use std::ops::ControlFlow;

/// A watch that stops when it is asked for the n-th time.
struct At(usize);

impl Watch for At {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        assert!(progress.total.is_some_and(|total| progress.done <= total), "{progress:?}");
        self.0 -= 1;
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// How often `work` can be stopped before it comes to its end: when it asks for the first time, for the second, and so
/// on.
fn stops(mut work: impl FnMut(&mut dyn Watch) -> Result<(), Stopped>) -> usize {
    (1..1000).find(|&n| work(&mut At(n)).is_ok()).unwrap() - 1
}

fn small() -> Small {
    let textbook = Textbook {
        widths: vec![2, 5, 3],
        activation: Activation::Relu,
        log_softmax: false,
        loss: LossKind::CrossEntropy,
    };
    Small::new(Architecture::FullyConnected, textbook, 20, 1)
}

#[test]
fn measures_of_the_boundary_stop() {
    small().with::<f64, ()>(|problem| {
        let mut v = problem.gradient();
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter_mut().for_each(|x| *x /= norm);
        let options = MarginOptions { starts: 9, steps: 1_700, ..MarginOptions::default() };
        let margin = |watch: &mut dyn Watch| match margin_estimate(problem, &v, &options, watch) {
            Ok(_) => Ok(()),
            Err(MarginError::Stopped(stopped)) => Err(stopped),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(stops(margin), 4, "every 500 steps");
        let samples: Vec<usize> = (0..20).collect();
        assert_eq!(stops(|watch| boundary_distances(problem, &samples, watch).map(|_| ())), 3, "every 8 samples");
        assert!(stops(|watch| class_switches(problem, &SwitchOptions::default(), watch).map(|_| ())) >= 2);
        let surface = |watch: &mut dyn Watch| match loss_surface(problem, [&v, &v], &SurfaceGrid::square(1.0, 6), watch)
        {
            Ok(_) => Ok(()),
            Err(SurfaceError::Stopped(stopped)) => Err(stopped),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(stops(surface), 6, "every row");
    });
}

#[test]
fn an_embedding_stops_before_and_after_its_steps() {
    let samples = Matrix::from_fn(3, 12, |i, j| ((i * 7 + j * 3) as f64).sin());
    let embedding = |watch: &mut dyn Watch| match t_sne(&samples, 3.0, watch) {
        Ok(_) => Ok(()),
        Err(EmbeddingError::Stopped(stopped)) => Err(stopped),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(stops(embedding), 2);
}

#[test]
fn trainings_stop_after_every_epoch() {
    let case = small();
    let parts = Parts::new(&case.data, &Split { train: (0..16).collect(), test: vec![16, 17], validation: vec![] });
    let trainer = Trainer {
        num_epochs: 6,
        batch_size: BatchSize::Samples(4),
        how_often_print: 2,
        how_often_save_model: 0,
        how_often_compute_grads: 0,
    };
    let plan = descent(trainer, 0.9);
    let network = case.network();
    let run = |watch: &mut dyn Watch| train(&network, &parts, case.theta.clone(), &plan, None, &mut (), watch).unwrap();
    let whole = run(&mut ());
    assert_eq!((whole.outcome, whole.epochs_done), (Outcome::Finished, 6));
    for n in 1..=6 {
        let part = run(&mut At(n));
        assert_eq!((part.outcome, part.epochs_done), (Outcome::Interrupted, n));
        assert!(n == 6 || part.theta != whole.theta);
    }
    assert_eq!(run(&mut At(7)), whole);
}
