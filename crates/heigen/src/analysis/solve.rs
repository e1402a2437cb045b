//! Small systems of equations.

/// Solves the symmetric positive definite system A x = b in place, A [n, n] column after column, by Cholesky's method;
/// `None` if A is not positive definite to rounding.
pub(super) fn solve_positive(mut a: Vec<f64>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    let scale = (0..n).map(|i| a[i + i * n].abs()).fold(0.0, f64::max);
    for j in 0..n {
        let pivot = a[j + j * n] - (0..j).map(|k| a[j + k * n] * a[j + k * n]).sum::<f64>();
        if pivot <= 4.0 * n as f64 * f64::EPSILON * scale || !pivot.is_finite() {
            return None;
        }
        let root = pivot.sqrt();
        a[j + j * n] = root;
        for i in j + 1..n {
            let sum: f64 = (0..j).map(|k| a[i + k * n] * a[j + k * n]).sum();
            a[i + j * n] = (a[i + j * n] - sum) / root;
        }
    }
    for i in 0..n {
        b[i] = (b[i] - (0..i).map(|k| a[i + k * n] * b[k]).sum::<f64>()) / a[i + i * n];
    }
    for i in (0..n).rev() {
        b[i] = (b[i] - (i + 1..n).map(|k| a[k + i * n] * b[k]).sum::<f64>()) / a[i + i * n];
    }
    Some(b)
}

/// Scalar product.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Euclidean distance.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_with_known_solutions() {
        let a = vec![4.0, 1.0, 0.5, 1.0, 3.0, -0.25, 0.5, -0.25, 1.0];
        let x = [1.0, -2.0, 0.5];
        let b = (0..3).map(|i| (0..3).map(|j| a[i + 3 * j] * x[j]).sum()).collect();
        let got = solve_positive(a, b).unwrap();
        assert!(got.iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-14), "{got:?}");
        assert_eq!(solve_positive(vec![1.0, 1.0, 1.0, 1.0], vec![1.0, 1.0]), None);
        assert_eq!(distance(&[0.0, 3.0], &[4.0, 0.0]), 5.0);
    }
}
