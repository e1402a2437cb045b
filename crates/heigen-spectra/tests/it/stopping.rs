//! Computations are stopped by their watch, and errors of operators come back as they are.

use crate::operators::{Reflected, low_rank};
use heigen_spectra::linalg::Matrix;
use heigen_spectra::{
    Compressed, DensityOptions, EstimateError, Failure, Host, KrylovBasis, Method, OrthonormalBasis, Progress,
    SolveError, SolveOptions, SpectrumError, Start, Stopped, SymmetricOperator, TopKError, TopKOptions, Watch, WatchFn,
    Which, dense, diagonal, exact_diagonal, frobenius_norm, hutchinson, solve, spectral_density, spectrum, top_k_from,
    trace,
};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

const P: usize = 150;

fn operator() -> Reflected<Host<f64>> {
    Reflected::new(Host::new(P), low_rank(P, 40))
}

/// A watch that stops when it is asked for the n-th time.
struct At {
    left: usize,
    looks: usize,
}

impl Watch for At {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        assert!(progress.total.is_none_or(|total| progress.done <= total), "{progress:?}");
        self.looks += 1;
        self.left -= 1;
        if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Stops `work` when it asks for the first time, then for the second, and so on until it comes to its end; returns how
/// often it was stopped.
fn stopped_everywhere(mut work: impl FnMut(&mut dyn Watch) -> Result<(), Failure>) -> usize {
    for n in 1..1000 {
        let mut watch = At { left: n, looks: 0 };
        match work(&mut watch) {
            Err(Failure::Stopped(Stopped)) => assert_eq!(watch.looks, n, "it went on after it was stopped"),
            Ok(()) => return n - 1,
            Err(other) => panic!("{other}"),
        }
    }
    unreachable!()
}

fn failure_of_spectrum<T>(result: Result<T, SpectrumError>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(SpectrumError::Failed(failure)) => Err(failure),
        Err(other) => panic!("{other}"),
    }
}

fn failure_of_estimate<T>(result: Result<T, EstimateError>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(EstimateError::Failed(failure)) => Err(failure),
        Err(other) => panic!("{other}"),
    }
}

fn failure_of_top_k<T>(result: Result<T, TopKError<Matrix<f64>>>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(TopKError::Failed(failure)) => Err(failure),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_solver_stops_at_every_look() {
    let operator = operator();
    let exact = |watch: &mut dyn Watch| failure_of_spectrum(spectrum(&operator, Method::Exact, 1e9, watch));
    assert!(stopped_everywhere(exact) >= 5);
    let by_matrix = |watch: &mut dyn Watch| failure_of_spectrum(spectrum(&operator, Method::Dense, 1e9, watch));
    assert!(stopped_everywhere(by_matrix) >= 4);
    assert!(stopped_everywhere(|watch| dense(&operator, watch).map(|_| ())) >= 1);
    let options = DensityOptions { probes: 3, steps: 12, seed: 0 };
    assert_eq!(stopped_everywhere(|w| failure_of_estimate(spectral_density(&operator, &options, w))), 12);
    assert!(stopped_everywhere(|w| failure_of_estimate(trace(&operator, 60, 0, w))) >= 3);
    assert_eq!(stopped_everywhere(|w| failure_of_estimate(hutchinson(&operator, 130, 0, w))), 3);
    assert_eq!(stopped_everywhere(|w| failure_of_estimate(diagonal(&operator, 130, 0, w))), 3);
    assert_eq!(stopped_everywhere(|w| failure_of_estimate(exact_diagonal(&operator, w))), 3);
    assert_eq!(stopped_everywhere(|w| failure_of_estimate(frobenius_norm(&operator, 60, 0, w))), 4);
    let right = Matrix::from_fn(P, 2, |i, j| ((i + j) % 7) as f64);
    let options = SolveOptions { damping: 1.0, ..SolveOptions::default() };
    let system = |watch: &mut dyn Watch| match solve(&operator, &right, &options, watch) {
        Ok(_) => Ok(()),
        Err(SolveError::Failed(failure)) => Err(failure),
        Err(other) => panic!("{other}"),
    };
    assert!(stopped_everywhere(system) >= 5);
    let options = TopKOptions { tolerance: 1e-10, ..TopKOptions::default() };
    let top = |watch: &mut dyn Watch| {
        failure_of_top_k(top_k_from(Start::Random, &operator, 5, Which::Largest, &options, watch))
    };
    assert!(stopped_everywhere(top) >= 5);
}

#[test]
fn a_basis_goes_on_after_every_stop() {
    let operator = operator();
    let options = TopKOptions { tolerance: 1e-10, ..TopKOptions::default() };
    let at_once = top_k_from(Start::Random, &operator, 5, Which::Largest, &options, &mut ()).unwrap();
    let mut basis = KrylovBasis::random(&operator.space, TopKOptions::DEFAULT_BLOCK, options.seed).unwrap();
    let mut stops = 0;
    // The computation is stopped after every single product.
    let found = loop {
        let start = Start::Continue(&mut basis);
        match top_k_from(start, &operator, 5, Which::Largest, &options, &mut At { left: 2, looks: 0 }) {
            Ok(found) => break found,
            Err(TopKError::Failed(Failure::Stopped(_))) => stops += 1,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(stops > 3);
    for (a, b) in found.eigenvalues.iter().zip(&at_once.eigenvalues) {
        assert!((a - b).abs() < 1e-11);
    }
    assert!(basis.products() <= at_once.products + 4 * stops);
}

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the device is on fire")]
struct OnFire(u32);

/// An operator that fails at its n-th product.
struct Failing {
    operator: Reflected<Host<f64>>,
    left: Cell<usize>,
}

impl SymmetricOperator for Failing {
    fn space(&self) -> Host<f64> {
        self.operator.space()
    }

    fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        self.left.set(self.left.get().wrapping_sub(1));
        if self.left.get() == 0 { Err(Failure::of(OnFire(7))) } else { self.operator.apply(directions, out) }
    }
}

#[test]
fn the_operators_own_error_comes_back() {
    let own = |failure: Result<(), Failure>| match failure {
        Err(Failure::Operator(error)) => {
            assert_eq!(error.downcast_ref::<OnFire>(), Some(&OnFire(7)));
            assert_eq!(Failure::Operator(error).to_string(), "the device is on fire");
            true
        }
        Ok(()) => false,
        other => panic!("{other:?}"),
    };
    let failing = |n: usize| Failing { operator: operator(), left: Cell::new(n) };
    for method in [Method::Exact, Method::Dense, Method::Auto] {
        let fails = |n: usize| own(failure_of_spectrum(spectrum(&failing(n), method, 1e9, &mut ())));
        let last = (1..1000).find(|&n| !fails(n)).unwrap();
        assert!(last > 2, "{method:?} took {last} products");
    }
    let options = TopKOptions::default();
    let mut basis = KrylovBasis::random(&operator().space, 4, 0).unwrap();
    // The basis survives failures, with and without products between them.
    for n in [1, 2, 1, 1, 2] {
        let start = Start::Continue(&mut basis);
        let found = top_k_from(start, &failing(n), 5, Which::Largest, &options, &mut ());
        assert!(own(failure_of_top_k(found)));
    }
    let found = top_k_from(Start::Continue(&mut basis), &operator(), 5, Which::Largest, &options, &mut ()).unwrap();
    assert!((found.eigenvalues[0] - 1.0).abs() < 1e-9);
    assert!(own(failure_of_estimate(trace(&failing(2), 30, 0, &mut ()))));
    assert!(own(failure_of_estimate(diagonal(&failing(1), 30, 0, &mut ()))));
    let density = DensityOptions::default();
    assert!(own(failure_of_estimate(spectral_density(&failing(3), &density, &mut ()))));
}

/// A basis without vectors.
struct Nothing;

impl OrthonormalBasis<Host<f64>> for Nothing {
    fn combined(&self, u: &Matrix<f64>) -> Result<Matrix<f64>, Failure> {
        Ok(Matrix::zeros(3, u.columns))
    }
}

/// An operator that overrides the optional methods of the trait.
struct Everything;

impl SymmetricOperator for Everything {
    fn space(&self) -> Host<f64> {
        Host::new(3)
    }

    fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        out.data.copy_from_slice(&directions.data);
        Ok(())
    }

    fn written_out(&self, bytes: f64, _: &mut dyn Watch) -> Result<Option<Box<dyn SymmetricOperator + '_>>, Failure> {
        Ok((bytes > 1.0).then(|| Box::new(Everything) as Box<dyn SymmetricOperator>))
    }

    fn compressed(&self, bytes: f64, _: &mut dyn Watch) -> Result<Option<Compressed<Host<f64>>>, Failure> {
        Ok((bytes > 1.0).then(|| Compressed { small: Matrix::zeros(0, 0), basis: Box::new(Nothing) }))
    }

    fn exact_trace(&self) -> Option<f64> {
        Some(3.0)
    }

    fn rounding(&self) -> f64 {
        0.125
    }
}

/// Regression: references to operators dropped what an operator knows beside its products.
#[test]
fn nothing_is_lost_through_pointers() {
    fn check<O: SymmetricOperator>(operator: O) {
        assert_eq!((operator.exact_trace(), operator.rounding(), operator.n_params()), (Some(3.0), 0.125, 3));
        assert!(operator.written_out(2.0, &mut ()).unwrap().is_some());
        assert!(operator.written_out(0.0, &mut ()).unwrap().is_none());
        assert_eq!([2.0, 0.0].map(|bytes| operator.compressed(bytes, &mut ()).unwrap().is_some()), [true, false]);
    }
    check(Everything);
    check(&Everything);
    let reference = &Everything;
    check::<&&Everything>(&reference);
    check(Box::new(Everything));
    check(Rc::new(Everything));
    check(Arc::new(Everything));
    let unsized_box: Box<dyn SymmetricOperator> = Box::new(Everything);
    check(&unsized_box);
    check(&*unsized_box);
    check(unsized_box);
    // Solvers accept operators of unknown size (`dyn`).
    let operator: &dyn SymmetricOperator = &Everything;
    assert_eq!(dense(operator, &mut ()).unwrap().data, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let found = spectrum(operator, Method::Dense, 1e6, &mut ()).unwrap();
    assert_eq!(found.certificate.trace_exact, Some(3.0));
}

#[test]
fn functions_are_watches() {
    let mut stages = Vec::new();
    let mut watch = WatchFn(|progress: Progress| {
        stages.push(progress.stage);
        ControlFlow::Continue(())
    });
    spectrum(&operator(), Method::Exact, 1e9, &mut watch).unwrap();
    stages.dedup();
    assert_eq!(stages, ["range", "projection", "eigenproblem", "eigenvectors", "certificate"]);
}

/// Two pools side by side give the same bytes, and the work is done in the pool that was given.
#[test]
fn work_enters_the_pool_of_its_home() {
    use heigen_spectra::Threads;
    let found = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let space: Host<f64> = Host::on(P, Threads::of(Arc::new(pool)));
        spectrum(&Reflected::new(space, low_rank(P, 40)), Method::Exact, 1e9, &mut ()).unwrap()
    };
    let (one, three) = (found(1), found(3));
    assert_eq!(one.eigenvalues, three.eigenvalues);
    assert_eq!(one.eigenvectors, three.eigenvectors);
}
