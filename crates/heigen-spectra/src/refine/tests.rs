use super::*;
use crate::{DenseOperator, Host, Start, top_k, top_k_from};

/// A symmetric matrix with some large eigenvalues and a bulk, turned a little by `t`.
fn matrix(n: usize, t: f64) -> Matrix<f64> {
    let noise = |i: usize, j: usize| {
        (((i * 31 + j * 17) % 97) as f64 / 97.0 - 0.5) + (((j * 31 + i * 17) % 97) as f64 / 97.0 - 0.5)
    };
    Matrix::from_fn(n, n, |i, j| {
        let level = if i == j {
            10.0 * 0.7f64.powi(i32::try_from(i).unwrap()) - if i + 1 == n { 4.0 } else { 0.0 }
        } else {
            0.0
        };
        level + t * noise(i, j)
    })
}

fn options(tolerance: f64) -> TopKOptions {
    TopKOptions { tolerance, ..TopKOptions::default() }
}

fn eigenvalues(a: &Matrix<f64>) -> Vec<f64> {
    crate::linalg::self_adjoint_eigen(a).unwrap().eigenvalues
}

/// The wanted eigenvalues of those known.
fn wanted(ascending: &[f64], which: Which, k: usize) -> Vec<f64> {
    which.wanted(ascending, k).concat().into_iter().map(|i| ascending[i]).collect()
}

#[test]
fn it_agrees_with_the_whole_spectrum_and_takes_fewer_products_than_lanczos() {
    let n = 200;
    for which in [Which::Largest, Which::Smallest, Which::BothEnds, Which::LargestMagnitude] {
        for k in [1, 3, 6] {
            let before = top_k(&DenseOperator(matrix(n, 0.010)), k, which, &options(1e-8)).unwrap();
            let a = matrix(n, 0.0101);
            let known = wanted(&eigenvalues(&a), which, k);
            let operator = DenseOperator(a);
            let cold = top_k(&operator, k, which, &options(1e-6)).unwrap();
            let found = refine(&before.eigenvectors, &operator, k, which, &options(1e-6), &mut ()).unwrap();
            for (got, wanted) in found.eigenvalues.iter().zip(&known) {
                assert!((got - wanted).abs() <= 1e-9 * found.scale, "{which:?} {k}: {found:?} {known:?}");
            }
            assert!(found.converged && found.residuals.iter().all(|&r| r <= found.tolerance * found.scale));
            let product = operator.product(&found.eigenvectors).unwrap();
            for i in 0..k {
                let rest = |j: usize| product.column(i)[j] - found.eigenvalues[i] * found.eigenvectors.column(i)[j];
                let norm = (0..n).map(|j| rest(j).powi(2)).sum::<f64>().sqrt();
                assert!(
                    (norm - found.residuals[i]).abs() < 1e-12 * found.scale,
                    "the residuals are those of the pairs"
                );
            }
            let gram = found.eigenvectors.gram();
            let off = |i: usize, j: usize| (gram.column(j)[i] - f64::from(u8::from(i == j))).abs();
            assert!((0..k).all(|i| (0..k).all(|j| off(i, j) < 1e-12)));
            assert!(found.products < cold.products, "{which:?} {k}: {} and {}", found.products, cold.products);
        }
    }
}

#[test]
fn both_ends_come_from_one_subspace() {
    let n = 200;
    let pairs = |t: f64| crate::linalg::self_adjoint_eigen(&matrix(n, t)).unwrap();
    for (largest, smallest) in [(4, 1), (1, 2), (0, 3), (3, 0), (0, 0)] {
        let before = pairs(0.010);
        let high = (0..largest).map(|i| n - 1 - i);
        let start = before.eigenvectors.select_columns(&high.chain(0..smallest).collect::<Vec<_>>());
        let (now, operator) = (pairs(0.0101), DenseOperator(matrix(n, 0.0101)));
        let found = refine_ends(&start, &operator, largest, smallest, &options(1e-6), &mut ()).unwrap();
        let known = (0..largest).map(|i| n - 1 - i).chain(0..smallest).map(|i| now.eigenvalues[i]);
        assert_eq!(found.eigenvalues.len(), largest + smallest);
        assert!(found.eigenvalues.iter().zip(known).all(|(a, b)| (a - b).abs() <= 1e-9 * found.scale), "{found:?}");
    }
    // All eigenvalues, from both ends.
    let small = DenseOperator(matrix(6, 0.1));
    let found = refine_ends(&Matrix::zeros(6, 0), &small, 4, 9, &options(1e-9), &mut ()).unwrap();
    let mut sorted = found.eigenvalues.clone();
    sorted.sort_by(f64::total_cmp);
    assert!(sorted.iter().zip(eigenvalues(&small.0)).all(|(a, b)| (a - b).abs() < 1e-8), "{found:?}");
    assert_eq!(sorted.len(), 6);
}

/// An eigenvalue that rises from below the ones that were looked at comes in, and takes the place of the last one.
#[test]
fn an_eigenvalue_that_comes_in_is_seen() {
    let diagonal = |rising: f64| {
        let at = move |i: usize| if i == 7 { rising } else { 5.0 / (1.0 + i as f64) };
        DenseOperator(Matrix::from_fn(
            100,
            100,
            move |i, j| if i == j { at(i) } else { 0.0 } + 1e-3 * ((i + j) as f64).sin(),
        ))
    };
    let before = top_k(&diagonal(0.6), 3, Which::Largest, &options(1e-8)).unwrap();
    for rising in [1.2, 1.7, 3.0, 6.0] {
        let operator = diagonal(rising);
        let found = refine(&before.eigenvectors, &operator, 3, Which::Largest, &options(1e-7), &mut ()).unwrap();
        let known = wanted(&eigenvalues(&operator.0), Which::Largest, 3);
        assert!(found.eigenvalues.iter().zip(&known).all(|(a, b)| (a - b).abs() < 1e-8), "{rising}: {found:?}");
    }
}

#[test]
fn whatever_it_begins_from_it_ends() {
    let a = DenseOperator(matrix(30, 0.05));
    let known = eigenvalues(&a.0);
    let zeros = Matrix::zeros(30, 4);
    let twice = Matrix::from_fn(30, 6, |i, j| f64::from(u8::from(i == j % 2)));
    let none = Matrix::zeros(30, 0);
    for start in [&zeros, &twice, &none] {
        for k in [0, 2, 29, 30, 40] {
            let found = refine(start, &a, k, Which::Largest, &options(1e-9), &mut ()).unwrap();
            let known = wanted(&known, Which::Largest, k.min(30));
            assert_eq!(found.eigenvalues.len(), known.len());
            assert!(found.eigenvalues.iter().zip(&known).all(|(a, b)| (a - b).abs() < 1e-8), "{k} {found:?}");
        }
    }
    // A matrix of zeros, and one with a single eigenvalue.
    for (level, k) in [(0.0, 3), (2.0, 3)] {
        let a = DenseOperator(Matrix::from_fn(20, 20, |i, j| if i == j { level } else { 0.0 }));
        let found = refine(&Matrix::zeros(20, 1), &a, k, Which::Largest, &options(1e-9), &mut ()).unwrap();
        assert!(found.eigenvalues.iter().all(|l| (l - level).abs() < 1e-12), "{found:?}");
    }
    let nan = Matrix::from_fn(30, 1, |_, _| f64::NAN);
    assert!(matches!(
        refine(&nan, &a, 2, Which::Largest, &options(1e-9), &mut ()),
        Err(TopKError::Failed(Failure::NotFinite))
    ));
}

#[test]
fn few_products_and_a_small_subspace_are_kept_to() {
    let a = DenseOperator(matrix(200, 0.05));
    let start = Matrix::from_fn(200, 3, |i, j| ((i * (j + 1)) as f64).sin());
    let few = TopKOptions { max_products: Some(12), ..options(1e-9) };
    let Err(TopKError::NotConverged(reached)) = refine(&start, &a, 3, Which::Largest, &few, &mut ()) else {
        panic!("twelve products are too few")
    };
    assert!(reached.products <= 12 && reached.eigenvalues.len() == 3);
    let small = TopKOptions { max_subspace: Some(14), ..options(1e-8) };
    let found = refine(&start, &a, 3, Which::Largest, &small, &mut ()).unwrap();
    let known = wanted(&eigenvalues(&a.0), Which::Largest, 3);
    assert!(found.restarts > 0 && found.eigenvalues.iter().zip(&known).all(|(a, b)| (a - b).abs() < 1e-8));
    let space = Host::<f64>::new(200);
    assert_eq!(space.len(), 200);
    // Directions that Lanczos takes are taken here.
    assert!(top_k_from(Start::Directions(&start), &a, 3, Which::Largest, &options(1e-8), &mut ()).is_ok());
}
