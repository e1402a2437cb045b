//! Samples dealt to several pieces: any number of them gives the bytes of one.

use heigen::analysis::{SurfaceError, SurfaceGrid, loss_surface};
use heigen::curvature::{
    Alone, ClassStructure, Communicator, EmpiricalFisher, FunctionalRemainder, GaussNewton, Hessian, Host, Problem,
    ProblemError, SymmetricOperator, ThreadPiece, TopKOptions, Which, diagonal, exact_diagonal, precision, top_k,
    trace,
};
use heigen::data::Dataset;
use heigen::linalg::{Matrix, Scalar};
use heigen::model::Network;
use heigen::vocabulary::{Activation, Decay, LossKind, ModelSpec, Objective};
use std::sync::Arc;

/// Everything that a computation tells, as bytes of numbers.
type Told = Vec<(&'static str, Vec<u64>)>;

/// A problem that every piece makes by itself.
pub(crate) struct Case<'a, T> {
    network: &'a Network,
    theta: Vec<T>,
    inputs: Matrix<T>,
    labels: Vec<usize>,
    objective: Objective,
}

impl<T: Scalar> Case<'_, T> {
    pub(crate) fn problem(&self) -> Problem<'_, T> {
        let (theta, inputs, labels) = (self.theta.clone(), self.inputs.clone(), self.labels.clone());
        Problem::at(self.network, theta, inputs, labels, self.objective.clone()).unwrap()
    }
}

pub(crate) fn case<T: Scalar>(network: &Network, samples: usize, objective: impl Into<Objective>) -> Case<'_, T> {
    let wave = |i: usize, phase: f64| (i as f64 * 2.399 + phase).sin();
    let theta = (0..network.n_params()).map(|i| T::from_f64(0.4 * wave(i, 0.3))).collect();
    let inputs = Matrix::from_fn(network.n_inputs(), samples, |i, n| T::from_f64(wave(i * 31 + n * 7, 1.1)));
    let labels = (0..samples).map(|n| (n * n + n / 3) % network.n_outputs()).collect();
    Case { network, theta, inputs, labels, objective: objective.into() }
}

pub(crate) fn bits<T: Scalar>(numbers: &[T]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_f64().to_bits()).collect()
}

fn told<T: Scalar>(problem: &Problem<'_, T>) -> Told {
    let mut told = vec![("loss", bits(&[problem.loss()])), ("gradient", bits(&problem.gradient()))];
    told.push(("accuracy", bits(&[problem.accuracy().unwrap_or(-1.0)])));
    told.push(("has classes", vec![u64::from(problem.classes().is_some())]));
    let p = problem.n_params();
    for (k, name) in [(1, "one product"), (3, "three products"), (9, "nine products")] {
        let v = Matrix::from_fn(p, k, |i, j| T::from_f64(((i * (j + 2)) as f64 * 0.37).sin()));
        let operators: [Box<dyn SymmetricOperator<Host<T>> + '_>; 4] = [
            Box::new(Hessian(problem)),
            Box::new(GaussNewton(problem)),
            Box::new(EmpiricalFisher(problem)),
            Box::new(FunctionalRemainder(problem)),
        ];
        for operator in operators {
            told.push((name, bits(&operator.product(&v).unwrap().data)));
            told.push(("exact trace", bits(&[operator.exact_trace().unwrap_or(-1.0), operator.rounding()])));
        }
    }
    told
}

/// The numbers that every one of `pieces` pieces is told.
pub(crate) fn told_by<T: Scalar, R: Send>(
    case: &Case<'_, T>,
    pieces: usize,
    tell: impl Fn(&Problem<'_, T>) -> R + Sync,
) -> Vec<R> {
    let run = |piece: ThreadPiece| tell(&case.problem().dealt(Arc::new(piece)).unwrap());
    std::thread::scope(|scope| {
        let run = &run;
        let all: Vec<_> = ThreadPiece::all(pieces).into_iter().map(|piece| scope.spawn(move || run(piece))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn check<T: Scalar>(case: &Case<'_, T>) {
    let alone = told(&case.problem());
    for pieces in [1, 2, 3, 5] {
        for (rank, together) in told_by(case, pieces, told).iter().enumerate() {
            for (one, other) in alone.iter().zip(together) {
                assert_eq!(one, other, "{} of piece {rank} of {pieces}", one.0);
            }
        }
    }
}

#[test]
fn losses_gradients_products_and_traces_do_not_depend_on_the_pieces() {
    let network = Network::fully_connected(&[2, 12, 9, 3], Activation::Tanh).unwrap();
    check(&case::<f64>(&network, 300, LossKind::CrossEntropy));
    check(&case::<f32>(&network, 521, LossKind::CrossEntropy));
    // Fewer leaves than pieces: the others have no sample.
    check(&case::<f64>(&network, 40, LossKind::Mse));
    check(&case::<f64>(&network, 3, LossKind::CrossEntropy));
    let mut objective = Objective::from(LossKind::CrossEntropy);
    objective.decay = Some(Decay::of_all(0.01));
    objective.class_weights = Some(vec![1.0, 0.25, 3.0]);
    // One piece has samples that do not count, the others have none.
    objective.ignore_index = Some(2);
    let mut own = case::<f64>(&network, 300, objective);
    own.labels.iter_mut().enumerate().for_each(|(n, y)| *y = if n < 10 { 2 } else { n % 2 });
    check(&own);
}

/// A share that is made without the samples of the others, and moved to another point, is the share of the whole problem there.
#[test]
fn shares_are_made_of_their_own_samples() {
    let network = Network::fully_connected(&[2, 12, 9, 3], Activation::Tanh).unwrap();
    let mut objective = Objective::from(LossKind::CrossEntropy);
    objective.class_weights = Some(vec![1.0, 0.25, 3.0]);
    objective.ignore_index = Some(2);
    objective.decay = Some(Decay::of_all(0.01));
    for samples in [300, 3] {
        let mut own = case::<f64>(&network, samples, objective.clone());
        own.labels.iter_mut().enumerate().for_each(|(n, y)| *y = n % 3);
        let features: Vec<f32> = own.inputs.data.iter().map(|&x| x as f32).collect();
        own.inputs.data = features.iter().copied().map(f64::from).collect();
        let (labels, source) = (own.labels.clone(), String::new());
        let data = Dataset { features, shape: vec![2], labels, n_classes: 3, others: None, source };
        let alone = told(&own.problem());
        let elsewhere: Vec<f64> = own.theta.iter().map(|w| w + 0.5).collect();
        let by = |piece: ThreadPiece| {
            let share =
                Problem::<f64>::share_of(&network, &elsewhere, &data, objective.clone(), Arc::new(piece)).unwrap();
            told(&share.moved_to(&network, &own.theta).unwrap())
        };
        for pieces in [1, 2, 3, 5] {
            let all: Vec<Told> = std::thread::scope(|scope| {
                let by = &by;
                let all: Vec<_> = ThreadPiece::all(pieces).into_iter().map(|p| scope.spawn(move || by(p))).collect();
                all.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(all.iter().all(|together| *together == alone), "{pieces} pieces of {samples} samples");
        }
        let mut broken = data.clone();
        broken.features[2 * samples - 1] = f32::NAN;
        // Whichever piece has the sample, all of them fail.
        for piece in ThreadPiece::all(2) {
            let error = Problem::<f64>::share_of(&network, &elsewhere, &broken, objective.clone(), Arc::new(piece));
            assert_eq!(error.unwrap_err(), ProblemError::Input { sample: samples - 1 });
        }
        let share = Problem::<f64>::share_of(&network, &elsewhere, &data, objective.clone(), Arc::new(Alone)).unwrap();
        let infinite = vec![f64::INFINITY; own.theta.len()];
        assert!(matches!(share.clone().moved_to(&network, &infinite), Err(ProblemError::Weight { index: 0, .. })));
        let short = share.moved_to(&network, &own.theta[1..]);
        assert!(matches!(short, Err(ProblemError::Parameters { .. })));
    }
}

#[test]
fn images_do_not_depend_on_the_pieces() {
    let network = Network::build(&ModelSpec::LeNet5 {}, 3 * 32 * 32, 10).unwrap();
    check(&case::<f32>(&network, 70, LossKind::CrossEntropy));
}

#[test]
fn solvers_do_not_see_the_pieces() {
    let network = Network::fully_connected(&[2, 10, 3], Activation::Relu).unwrap();
    let case = case::<f64>(&network, 290, LossKind::CrossEntropy);
    let tell = |problem: &Problem<'_, f64>| {
        let hessian = Hessian(problem);
        let top = top_k(&hessian, 3, Which::Largest, &TopKOptions::default()).unwrap();
        let rounding = precision(&hessian, 4).unwrap();
        let diagonal: Vec<f64> = diagonal(&hessian, 8, 0, &mut ()).unwrap().iter().map(|entry| entry.value).collect();
        let structure = ClassStructure::of(problem).unwrap();
        let directions = [top.eigenvectors.column(2), top.eigenvectors.column(1)];
        let surface = loss_surface(problem, directions, &SurfaceGrid::square(1.0, 5), &mut ()).unwrap();
        vec![
            ("eigenvalues", bits(&top.eigenvalues)),
            ("eigenvectors", bits(&top.eigenvectors.data)),
            ("precision", bits(&[rounding.matrix_error.unwrap()])),
            ("diagonal", bits(&exact_diagonal(&hessian, &mut ()).unwrap())),
            ("estimated diagonal", bits(&diagonal)),
            ("trace", bits(&[trace(&hessian, 8, 0, &mut ()).unwrap().value])),
            ("class means", bits(&structure.pair_means().data)),
            ("shares", bits(&[structure.shares(&top.eigenvectors).unwrap()[0].within])),
            ("losses of a plane", bits(&surface.losses.data)),
            ("accuracies of a plane", bits(&surface.accuracies.unwrap().data)),
        ]
    };
    let alone = told_by(&case, 1, tell).remove(0);
    for pieces in [2, 3, 5] {
        for together in told_by(&case, pieces, tell) {
            for (one, other) in alone.iter().zip(&together) {
                assert_eq!(one, other, "{} of {pieces} pieces", one.0);
            }
        }
    }
}

#[test]
fn a_piece_that_ends_leaves_numbers_that_are_none_and_an_error_for_products() {
    let network = Network::fully_connected(&[2, 4, 2], Activation::Tanh).unwrap();
    let case = case::<f64>(&network, 64, LossKind::CrossEntropy);
    let mut pieces = ThreadPiece::all(2);
    drop(pieces.pop());
    let piece: Arc<dyn Communicator> = Arc::new(pieces.remove(0));
    let problem = case.problem().dealt(piece).unwrap();
    assert!(problem.loss().is_nan() && problem.gradient()[0].is_nan());
    let v = Matrix::from_fn(problem.n_params(), 1, |i, _| i as f64);
    let error = Hessian(&problem).product(&v).unwrap_err().to_string();
    assert!(error.contains("piece 1 of the computation has ended"), "{error}");
    let surface = loss_surface(&problem, [v.column(0); 2], &SurfaceGrid::square(1.0, 2), &mut ());
    assert!(matches!(surface, Err(SurfaceError::Failure(_))), "{surface:?}");
}

#[test]
fn shares_keep_their_objective() {
    let network = Network::fully_connected(&[2, 4, 3], Activation::Tanh).unwrap();
    let case = case::<f64>(&network, 40, LossKind::CrossEntropy);
    for refused in told_by(&case, 2, |problem| problem.with_objective(LossKind::Mse).err()) {
        assert_eq!(refused, Some(ProblemError::Dealt));
    }
}

#[test]
fn samples_that_share_statistics_are_not_dealt() {
    let spec = ModelSpec::ResNet18 { pretrained: false, for_cifar: true };
    let network = Network::build(&spec, 3 * 8 * 8, 2).unwrap();
    let case = case::<f32>(&network, 4, LossKind::CrossEntropy);
    let error = case.problem().dealt(Arc::new(Alone)).unwrap_err();
    assert_eq!(error, ProblemError::Coupled);
}
