//! Compares operators on the range that the structure of a network tells with their matrices from products.

use crate::common::cases::{Architecture, LOSSES, Small};
use crate::common::textbook::Textbook;
use heigen::config::{Activation, LossKind};
use heigen::curvature::{
    FunctionalRemainder, GaussNewton, Hessian, Host, Method, Problem, SymmetricOperator, dense, spectrum,
};
use heigen::linalg::Matrix;

fn case(widths: &[usize], loss: LossKind, n: usize, seed: u64) -> Small {
    let log_softmax = loss == LossKind::Nll;
    let textbook = Textbook { widths: widths.to_vec(), activation: Activation::Relu, log_softmax, loss };
    Small::new(Architecture::FullyConnected, textbook, n, seed)
}

fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(0.0, |m: f64, x| m.max(x.abs()))
}

/// Q T Q^T is the matrix, and the columns of Q are orthonormal. Returns their number.
fn check(operator: &dyn SymmetricOperator<Host<f64>>, what: &str) -> usize {
    let found = operator.compressed(f64::INFINITY, &mut ()).unwrap().unwrap_or_else(|| panic!("{what}: no structure"));
    let matrix = dense(operator, &mut ()).unwrap();
    let m = found.small.columns;
    let q = found.basis.combined(&Matrix::from_fn(m, m, |i, j| f64::from(u8::from(i == j)))).unwrap();
    let gram = q.gram();
    let skew = largest((0..m * m).map(|e| gram.data[e] - f64::from(u8::from(e / m.max(1) == e % m.max(1)))));
    assert!(skew < 1e-12, "{what}: orthonormal up to {skew:e}");
    let transposed = Matrix::from_fn(m, q.rows, |i, j| q.column(i)[j]);
    let back = transposed.transposed_product(&found.small.transposed_product(&transposed));
    let scale = largest(matrix.data.iter().copied());
    let off = largest(back.data.iter().zip(&matrix.data).map(|(a, b)| a - b));
    assert!(off <= 1e-11 * scale + 1e-14, "{what}: off by {off:e} of {scale:e}");
    m
}

fn check_all(problem: &Problem<f64>, what: &str) {
    check(&Hessian(problem), &format!("{what}, Hessian"));
    check(&GaussNewton(problem), &format!("{what}, GGN"));
    check(&FunctionalRemainder(problem), &format!("{what}, remainder"));
}

/// Widths of every kind: one hidden layer and several, layers so narrow that stripes and right vectors depend on each other,
/// a single unit, more outputs than units, and more inputs than samples.
#[test]
fn the_matrices_of_fully_connected_networks() {
    let all: [&[usize]; 9] = [
        &[2, 30, 3],
        &[3, 12, 12, 3],
        &[2, 3, 3, 2],
        &[2, 1, 1, 3],
        &[1, 2, 7, 5],
        &[9, 4, 3],
        &[2, 5, 4, 6, 3],
        &[2, 16, 2, 3],
        &[6, 2, 16, 2],
    ];
    for loss in LOSSES.into_iter().chain([LossKind::Nll]) {
        for (seed, widths) in all.iter().enumerate() {
            for n in [1, 4] {
                let case = case(widths, loss, n, seed as u64);
                case.with::<f64, _>(|problem| {
                    let columns = n * problem.network().n_outputs();
                    if columns <= problem.n_params() {
                        check_all(problem, &format!("{widths:?}, {loss:?}, {n} samples"));
                    }
                });
            }
        }
    }
}

/// Units that no sample reaches have no vectors, and inputs that are zero have no stripes.
#[test]
fn dead_units_cost_nothing() {
    let mut alive = case(&[2, 12, 12, 3], LossKind::CrossEntropy, 6, 4);
    let of = |case: &Small| case.with::<f64, _>(|problem| check(&Hessian(problem), "dead units"));
    let all = of(&alive);
    // The biases of the second hidden layer.
    let biases = 24 + 12 + 144;
    alive.theta[biases..biases + 12].iter_mut().for_each(|b| *b = -1e3);
    let dead = of(&alive);
    assert!(dead < all / 4, "{dead} of {all}");
}

/// The spectrum by the structure is the one by the range of products, to rounding, also where the scale is tiny.
#[test]
fn spectra_by_structure_and_by_products() {
    struct Products<'a>(Hessian<'a, f64>);
    impl SymmetricOperator for Products<'_> {
        fn space(&self) -> Host<f64> {
            self.0.space()
        }
        fn apply(&self, v: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), heigen::curvature::Failure> {
            self.0.apply(v, out)
        }
    }
    for scale in [1.0, 1e-3, 30.0] {
        let mut case = case(&[2, 20, 20, 3], LossKind::CrossEntropy, 12, 9);
        case.theta.iter_mut().for_each(|w| *w *= scale);
        case.with::<f64, _>(|problem| {
            let structure = spectrum(&Hessian(problem), Method::Exact, 1e9, &mut ()).unwrap();
            let products = spectrum(&Products(Hessian(problem)), Method::Exact, 1e9, &mut ()).unwrap();
            let off = largest(structure.eigenvalues.iter().zip(&products.eigenvalues).map(|(a, b)| a - b));
            assert!(off <= 1e-12 * products.scale(), "{scale}: {off:e} of {:e}", products.scale());
            assert_eq!(structure.rank(), products.rank(), "{scale}");
        });
    }
}

/// Products along single weights leave out what does not vary with them; combined they are the product along all.
#[test]
fn products_along_single_layers_add_up() {
    let case = case(&[3, 7, 6, 5, 3], LossKind::CrossEntropy, 9, 3);
    case.with::<f64, _>(|problem| {
        let p = problem.n_params();
        let direction = Matrix::from_fn(p, 1, |i, _| ((i * 37 % 101) as f64 - 50.0) / 50.0);
        for operator in [
            &Hessian(problem) as &dyn SymmetricOperator<Host<f64>>,
            &GaussNewton(problem),
            &FunctionalRemainder(problem),
        ] {
            let whole = operator.product(&direction).unwrap();
            let mut sum = vec![0.0; p];
            for entry in problem.network().layout().entries() {
                let own = Matrix::from_fn(p, 1, |i, _| if entry.range.contains(&i) { direction.data[i] } else { 0.0 });
                let product = operator.product(&own).unwrap();
                sum.iter_mut().zip(&product.data).for_each(|(sum, x)| *sum += x);
            }
            let off = largest(sum.iter().zip(&whole.data).map(|(a, b)| a - b));
            assert!(off <= 1e-13 * largest(whole.data.iter().copied()), "{off:e}");
        }
    });
}
