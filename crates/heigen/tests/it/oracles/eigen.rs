//! Tests of the self-adjoint eigenproblem on matrices whose eigenpairs are known.

use crate::common::cases::{Architecture, Small};
use crate::common::compare::{close, dot, largest, rounding};
use crate::common::textbook::Textbook;
use heigen::config::{Activation, LossKind};
use heigen::curvature::{Hessian, dense};
use heigen::linalg::{EigenError, Eigenpairs, Matrix, Scalar, self_adjoint_eigen};
use std::f64::consts::PI;

fn from_fn(n: usize, f: impl Fn(usize, usize) -> f64) -> Matrix<f64> {
    Matrix::from_fn(n, n, f)
}

/// Checks that A = V diag(lambda) V^T and V^T V = I, and that the eigenvalues are ascending.
fn certify<T: Scalar>(a: &Matrix<T>, pairs: &Eigenpairs<T>) {
    let n = a.rows;
    assert_eq!((pairs.eigenvalues.len(), pairs.eigenvectors.rows, pairs.eigenvectors.columns), (n, n, n));
    assert!(pairs.eigenvalues.is_sorted());
    for j in 0..n {
        let v = pairs.eigenvectors.column(j);
        let av: Vec<f64> = (0..n).map(|i| (0..n).map(|k| (a.data[i + k * n] * v[k]).to_f64()).sum()).collect();
        let lv: Vec<T> = v.iter().map(|&v| pairs.eigenvalues[j] * v).collect();
        close(&lv, &av, rounding::<T>(n, largest(&a.data)), &format!("A v_{j}"));
        for i in 0..n {
            let wanted = f64::from(u8::from(i == j));
            let got = dot(pairs.eigenvectors.column(i), v);
            close(&[got], &[wanted], rounding::<T>(n, 1.0), &format!("<v_{i}, v_{j}>"));
        }
    }
}

#[test]
fn the_laplacian_of_a_path_has_the_sines() {
    for n in [1, 2, 3, 10, 97, 200] {
        let laplacian = from_fn(n, |i, j| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        });
        let pairs = self_adjoint_eigen(&laplacian).unwrap();
        certify(&laplacian, &pairs);
        let angle = |k: usize| PI * (k + 1) as f64 / (n + 1) as f64;
        let wanted: Vec<f64> = (0..n).map(|k| 2.0 - 2.0 * angle(k).cos()).collect();
        close(&pairs.eigenvalues, &wanted, rounding::<f64>(n, 4.0), "eigenvalues");
        for k in 0..n {
            let scale = (2.0 / (n + 1) as f64).sqrt();
            let sine: Vec<f64> = (0..n).map(|i| scale * (angle(k) * (i + 1) as f64).sin()).collect();
            let cosine = dot(&sine, pairs.eigenvectors.column(k)).abs();
            close(&[cosine], &[1.0], rounding::<f64>(n, 1.0), "|cos| of an eigenvector");
        }
    }
}

/// A matrix with known eigenvectors, to which Q = I - 2 u u^T / |u|^2 maps the axes.
fn reflected(eigenvalues: &[f64]) -> (Matrix<f64>, Matrix<f64>) {
    let n = eigenvalues.len();
    let u: Vec<f64> = (0..n).map(|i| ((i * i + 1) as f64).sqrt()).collect();
    let square = dot(&u, &u);
    let q = from_fn(n, |i, j| f64::from(u8::from(i == j)) - 2.0 * u[i] * u[j] / square);
    let entry = |i: usize, j: usize| (0..n).map(|k| q.data[i + k * n] * eigenvalues[k] * q.data[j + k * n]).sum();
    (from_fn(n, entry), q)
}

#[test]
fn repeated_eigenvalues_have_their_projectors() {
    let eigenvalues = [-3.0, -3.0, 0.0, 0.0, 0.0, 0.0, 2.0, 5.0, 5.0, 5.0];
    let n = eigenvalues.len();
    let (a, q) = reflected(&eigenvalues);
    let pairs = self_adjoint_eigen(&a).unwrap();
    certify(&a, &pairs);
    close(&pairs.eigenvalues, &eigenvalues, rounding::<f64>(n, 5.0), "eigenvalues");
    for cluster in [0..2, 2..6, 6..7, 7..10] {
        let projector = |v: &Matrix<f64>| -> Vec<f64> {
            let entry = |i: usize, j: usize| cluster.clone().map(|k| v.column(k)[i] * v.column(k)[j]).sum::<f64>();
            (0..n * n).map(|ij| entry(ij % n, ij / n)).collect()
        };
        let tolerance = rounding::<f64>(n, 5.0);
        close(&projector(&pairs.eigenvectors), &projector(&q), tolerance, &format!("projector of {cluster:?}"));
    }
}

#[test]
fn float32_has_the_same_eigenpairs() {
    let (a, _) = reflected(&[-4.0, -1.0, 0.0, 0.5, 8.0]);
    let single = Matrix { data: a.data.iter().map(|&x| x as f32).collect(), rows: 5, columns: 5 };
    let pairs = self_adjoint_eigen(&single).unwrap();
    certify(&single, &pairs);
    close(&pairs.eigenvalues, &[-4.0, -1.0, 0.0, 0.5, 8.0], rounding::<f32>(5, 8.0), "eigenvalues");
}

#[test]
fn sizes_zero_one_and_two() {
    let none = self_adjoint_eigen(&Matrix::<f64>::zeros(0, 0)).unwrap();
    assert!(none.eigenvalues.is_empty() && none.eigenvectors.data.is_empty());
    let one = self_adjoint_eigen(&from_fn(1, |_, _| -7.0)).unwrap();
    assert_eq!(one.eigenvalues, [-7.0]);
    assert_eq!(one.eigenvectors.data[0].abs(), 1.0);
    // The matrix [[1, 2], [2, -2]] has the eigenvalues -3 along (1, -2) and 2 along (2, 1).
    let a = Matrix { data: vec![1.0, 2.0, 2.0, -2.0], rows: 2, columns: 2 };
    let two = self_adjoint_eigen(&a).unwrap();
    certify(&a, &two);
    close(&two.eigenvalues, &[-3.0, 2.0], rounding::<f64>(2, 3.0), "eigenvalues");
    let along = dot(two.eigenvectors.column(1), &[2.0, 1.0]).abs();
    close(&[along], &[5f64.sqrt()], rounding::<f64>(2, 3.0), "direction");
    let zero = self_adjoint_eigen(&Matrix::<f64>::zeros(3, 3)).unwrap();
    assert_eq!(zero.eigenvalues, [0.0; 3]);
    certify(&Matrix::zeros(3, 3), &zero);
}

#[test]
fn scales_far_from_one_are_kept() {
    let (a, _) = reflected(&[-1.0, 0.0, 2.0, 3.0]);
    for scale in [1e-150, 1e150] {
        let scaled = Matrix { data: a.data.iter().map(|x| x * scale).collect(), rows: 4, columns: 4 };
        let pairs = self_adjoint_eigen(&scaled).unwrap();
        let wanted = [-scale, 0.0, 2.0 * scale, 3.0 * scale];
        close(&pairs.eigenvalues, &wanted, rounding::<f64>(4, 3.0 * scale), "eigenvalues");
    }
}

/// Hessians on which faer 0.24.4 gives up at first (where its kernels round as on AVX2 machines).
#[test]
fn rank_deficient_hessians_that_once_did_not_converge() {
    fn check<T: Scalar>(widths: &[usize], loss: LossKind, n_samples: usize, seed: u64) {
        let textbook = Textbook { widths: widths.to_vec(), activation: Activation::Relu, log_softmax: false, loss };
        let case = Small::new(Architecture::FullyConnected, textbook, n_samples, seed);
        let h = case.with::<T, _>(|problem| dense(&Hessian(problem), &mut ()).unwrap());
        certify(&h, &self_adjoint_eigen(&h).unwrap());
    }
    check::<f32>(&[6, 2, 1, 5, 2], LossKind::Hinge, 7, 2023);
    check::<f32>(&[1, 4, 3, 5, 4], LossKind::Nll, 8, 8078);
    check::<f64>(&[3, 6, 5, 2], LossKind::Hinge, 8, 47472);
    check::<f64>(&[5, 5, 6, 5, 3], LossKind::Hinge, 3, 49115);
}

#[test]
fn what_is_not_square_is_refused() {
    let error = self_adjoint_eigen(&Matrix::<f64>::zeros(3, 2)).unwrap_err();
    assert_eq!(error, EigenError::NotSquare { rows: 3, columns: 2 });
    assert_eq!(error.to_string(), "the matrix has 3 rows and 2 columns; an eigenproblem needs a square one");
}

#[test]
fn what_is_not_finite_is_refused_wherever_it_stands() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for at in 0..9 {
            let mut a = Matrix::<f64>::zeros(3, 3);
            a.data[at] = bad;
            assert_eq!(self_adjoint_eigen(&a).unwrap_err(), EigenError::NotFinite, "{bad} at {at}");
        }
    }
    let text = EigenError::NotFinite.to_string();
    assert!(text.contains("infinite or NaN"), "{text}");
}

#[test]
fn what_is_not_symmetric_is_refused_in_either_triangle() {
    let n = 150;
    // Asymmetric entries far from the diagonal and near it, below and above.
    for (i, j) in [(149, 0), (0, 149), (7, 6), (6, 7)] {
        let mut a = from_fn(n, |i, j| f64::from(u8::from(i == j)));
        a.data[i + j * n] = 4.0;
        let error = self_adjoint_eigen(&a).unwrap_err();
        assert_eq!(error, EigenError::NotSymmetric { asymmetry: 4.0, scale: 4.0 }, "({i}, {j})");
        assert_eq!(error.to_string(), "the matrix is not symmetric: |A - A^T| reaches 4e0, its largest entry is 4e0");
    }
    // An asymmetry of the size of rounding is accepted.
    let mut a = from_fn(n, |i, j| (i * j) as f64);
    a.data[3] += 1e-15;
    assert!(self_adjoint_eigen(&a).is_ok());
}
