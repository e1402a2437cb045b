//! Compares t-SNE, principal components and trustworthiness with scikit-learn.

use crate::common::Golden;
use crate::common::images::training_digits;
use heigen::analysis::{EmbeddingError, PERPLEXITY, principal_components, t_sne, trustworthiness};
use heigen::linalg::Matrix;

fn digits() -> Matrix<f64> {
    Matrix::from_f32(&training_digits().features, 784)
}

#[test]
fn principal_components_are_scikit_learns() {
    let golden = Golden::open("../golden_extra/embedding");
    let wanted = golden.get("pca").values;
    let got = principal_components(&digits()).unwrap();
    for axis in 0..2 {
        let sign = (got[0][axis] * wanted[axis]).signum();
        for (got, wanted) in got.iter().zip(wanted.chunks_exact(2)) {
            assert!((sign * got[axis] - wanted[axis]).abs() < 1e-6, "{got:?} {wanted:?}");
        }
    }
    for k in [5, 12, 50] {
        let wanted = golden.get(&format!("pca_trustworthiness_{k}")).scalar();
        assert!((trustworthiness(&digits(), &got, k).unwrap() - wanted).abs() < 1e-12, "{k}");
    }
}

#[test]
fn t_sne_is_as_trustworthy_as_scikit_learns_and_more_than_principal_components() {
    let golden = Golden::open("../golden_extra/embedding");
    let digits = digits();
    let points = t_sne(&digits, PERPLEXITY, &mut ()).unwrap();
    for k in [5, 12, 50] {
        let got = trustworthiness(&digits, &points, k).unwrap();
        let scikit = golden.get(&format!("tsne_trustworthiness_{k}")).scalar();
        let pca = golden.get(&format!("pca_trustworthiness_{k}")).scalar();
        assert!(got > scikit - 0.01, "k = {k}: {got}, scikit-learn's {scikit}");
        assert!(1.0 - got < 0.6 * (1.0 - pca), "k = {k}: {got}, principal components {pca}");
    }
    let again =
        rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap().install(|| t_sne(&digits, PERPLEXITY, &mut ()));
    assert_eq!(points, again.unwrap());
}

#[test]
fn few_equal_and_broken_samples() {
    assert!(matches!(t_sne(&Matrix::zeros(3, 3), PERPLEXITY, &mut ()), Err(EmbeddingError::TooFew(3))));
    let mut broken = Matrix::zeros(3, 5);
    broken.data[4] = f64::NAN;
    assert!(matches!(t_sne(&broken, PERPLEXITY, &mut ()), Err(EmbeddingError::NotFinite)));
    // Equal samples, and the smallest number of samples, still give finite numbers.
    for samples in [Matrix::zeros(3, 20), Matrix::from_fn(2, 4, |i, j| (i + 3 * j) as f64)] {
        let points = t_sne(&samples, PERPLEXITY, &mut ()).unwrap();
        assert!(points.len() == samples.columns && points.iter().flatten().all(|x| x.is_finite()));
    }
    assert_eq!(trustworthiness(&Matrix::zeros(2, 10), &[[0.0; 2]; 10], 5), None);
}

#[test]
fn trustworthiness_by_hand() {
    // On a line at 0, 1, 3, 7, shown at 0, 5, 3, 7 with k = 1: the nearest shown of 0 is 3, the second nearest of 0; of 5
    // it is 3 (tie with 7 goes to the earlier), second of 1; of 3 it is 5 (at 1), nearest of 3; of 7 it is 5 (at 1),
    // the second of 7. Penalty 3, T = 1 - 2 * 3 / (4 * 1 * (8 - 3 - 1)).
    let samples = Matrix::from_fn(1, 4, |_, j| [0.0, 1.0, 3.0, 7.0][j]);
    let shown = [[0.0, 0.0], [5.0, 0.0], [3.0, 0.0], [7.0, 0.0]];
    assert_eq!(trustworthiness(&samples, &shown, 1), Some(1.0 - 6.0 / 16.0));
}
