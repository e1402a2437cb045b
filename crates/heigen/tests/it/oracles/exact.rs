//! Compares the exact way (range, projection, small eigenproblem) with the dense one.

use crate::common::cases::{ACTIVATIONS, Architecture, LOSSES, Small};
use crate::common::compare::{close, largest};
use crate::common::textbook::Textbook;
use crate::oracles::properties::config;
use heigen::config::{Activation, LossKind};
use heigen::curvature::{Hessian, Method, NULL_TOLERANCE, Problem, Spectrum, spectrum};
use heigen::linalg::Matrix;
use proptest::prelude::*;

/// Tolerance for eigenvalues, relative to |lambda|_max.
const EIGENVALUES: f64 = 1e-9;
/// Limit for the bound on |A - V diag(lambda) V^T|, relative to |lambda|_max.
const LIMIT: f64 = 1e-9;

fn of(problem: &Problem<f64>, method: Method) -> Spectrum<Matrix<f64>> {
    spectrum(&Hessian(problem), method, f64::INFINITY, &mut ()).unwrap()
}

/// Checks that both ways agree, and that the certificate of the exact one holds.
fn agree(case: &Small) -> Spectrum<Matrix<f64>> {
    case.with::<f64, _>(|problem| {
        let (exact, dense) = (of(problem, Method::Exact), of(problem, Method::Dense));
        assert_eq!((exact.method, dense.method), (Method::Exact, Method::Dense));
        let scale = dense.scale();
        let off = EIGENVALUES * scale + exact.certificate.rounding;
        close(&exact.eigenvalues, &dense.eigenvalues, off, &case.name());
        if scale > exact.certificate.rounding / NULL_TOLERANCE {
            assert_eq!(exact.rank(), dense.rank(), "{}", case.name());
        }
        assert!(exact.certificate.outside_bound <= (LIMIT * scale).max(exact.certificate.rounding), "{}", case.name());
        exact
    })
}

fn case(widths: &[usize], activation: Activation, loss: LossKind, n: usize, seed: u64) -> Small {
    let textbook = Textbook { widths: widths.to_vec(), activation, log_softmax: false, loss };
    Small::new(Architecture::FullyConnected, textbook, n, seed)
}

/// Cases so wide that the range is found in several blocks, or that most of theta lies in the null space.
fn wide() -> impl Strategy<Value = Small> {
    let hidden = prop_oneof![
        (8usize..=24).prop_map(|w| vec![w]),
        (6usize..=18, 6usize..=18).prop_map(|(a, b)| vec![a, b]),
        prop::collection::vec(2usize..=4, 4..=6),
    ];
    (1usize..=4, hidden, 2usize..=4, 1usize..=40, 0usize..4, 0usize..2, any::<u64>()).prop_map(
        |(d, hidden, classes, n, loss, activation, seed)| {
            let widths = [vec![d], hidden, vec![classes]].concat();
            case(&widths, ACTIVATIONS[activation], LOSSES[loss], n, seed)
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_networks(case in wide()) {
        agree(&case);
    }
}

#[test]
fn duplicated_samples_collapse_the_rank() {
    for loss in [LossKind::CrossEntropy, LossKind::Mse] {
        let mut few = case(&[2, 16, 16, 3], Activation::Relu, loss, 3, 5);
        let rank = agree(&few).rank();
        let (features, labels) = (few.data.features.clone(), few.data.labels.clone());
        few.data.features = features.repeat(20);
        few.data.labels = labels.repeat(20);
        let many = agree(&few);
        assert_eq!(many.rank(), rank, "sixty samples, of which three differ");
        assert!(rank < many.eigenvalues.len() / 2);
    }
}

#[test]
fn one_sample() {
    for (widths, loss) in [(&[2, 30, 3], LossKind::CrossEntropy), (&[2, 30, 3], LossKind::Mse)] {
        let spectrum = agree(&case(widths, Activation::Relu, loss, 1, 11));
        assert!(spectrum.rank() < 30 * 6);
    }
}

#[test]
fn fewer_parameters_than_samples() {
    for activation in ACTIVATIONS {
        agree(&case(&[1, 2, 2], activation, LossKind::CrossEntropy, 50, 3));
    }
}

#[test]
fn deep_and_narrow() {
    for loss in LOSSES {
        agree(&case(&[3, 4, 4, 4, 4, 4, 4, 4, 2], Activation::Relu, loss, 12, 8));
    }
}

#[test]
fn a_hinge_without_loss_has_no_curvature() {
    // Outputs are 10, 0 for class 0 and 0, 10 for class 1, which is far beyond the margin.
    let mut satisfied = case(&[1, 2, 2], Activation::Relu, LossKind::Hinge, 2, 1);
    satisfied.data.features = vec![1.0, -1.0];
    satisfied.data.labels = vec![0, 1];
    satisfied.theta = vec![1.0, -1.0, 0.0, 0.0, 10.0, 0.0, 0.0, 10.0, 0.0, 0.0];
    let spectrum = agree(&satisfied);
    satisfied.with::<f64, _>(|problem| assert_eq!(problem.loss(), 0.0));
    assert_eq!((spectrum.rank(), largest(&spectrum.eigenvalues)), (0, 0.0));
}

#[test]
fn threads_do_not_change_a_bit() {
    let case = case(&[2, 24, 24, 3], Activation::Relu, LossKind::CrossEntropy, 30, 2);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.with::<f64, _>(|problem| of(problem, Method::Exact)))
    };
    let [one, two] = [on(1), on(2)];
    assert_eq!(one.eigenvalues, two.eigenvalues);
    assert_eq!(one.eigenvectors, two.eigenvectors);
    assert_eq!(one.certificate, two.certificate);
}
