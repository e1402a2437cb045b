//! Operators with a known spectrum.

use heigen::curvature::{Failure, Host, Problem, SymmetricOperator};
use heigen::linalg::{Matrix, Scalar, product};
use heigen::model::Network;
use heigen::rng::NumpyRandomState;

use crate::common::Golden;
use crate::common::networks::{Case, dataset, weights};

/// H D H with a Householder reflection H. Its eigenvalues are D, and its eigenvectors are far from unit vectors.
pub struct Reflected<T> {
    pub eigenvalues: Vec<f64>,
    normal: Vec<T>,
}

impl<T: Scalar> Reflected<T> {
    pub fn new(eigenvalues: Vec<f64>) -> Self {
        let mut stream = NumpyRandomState::new(5);
        let normal: Vec<f64> = eigenvalues.iter().map(|_| stream.randn()).collect();
        let norm = normal.iter().map(|x| x * x).sum::<f64>().sqrt();
        Self { eigenvalues, normal: normal.iter().map(|x| T::from_f64(x / norm)).collect() }
    }

    fn reflect(&self, v: &mut [T]) {
        let twice = T::from_f64(2.0) * v.iter().zip(&self.normal).map(|(&a, &b)| a * b).sum::<T>();
        v.iter_mut().zip(&self.normal).for_each(|(v, &n)| *v -= twice * n);
    }
}

impl<T: Scalar> SymmetricOperator<Host<T>> for Reflected<T> {
    fn space(&self) -> Host<T> {
        Host::new(self.eigenvalues.len())
    }
    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        out.data.copy_from_slice(&directions.data);
        for column in out.data.chunks_exact_mut(self.eigenvalues.len()) {
            self.reflect(column);
            column.iter_mut().zip(&self.eigenvalues).for_each(|(v, &l)| *v *= T::from_f64(l));
            self.reflect(column);
        }
        Ok(())
    }
}

/// A dense matrix as an operator.
pub struct Dense(pub Matrix<f64>);

impl SymmetricOperator<Host<f64>> for Dense {
    fn space(&self) -> Host<f64> {
        Host::new(self.0.rows)
    }
    fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        product(out.as_mut(), self.0.as_ref(), directions.as_ref(), heigen::linalg::par());
        Ok(())
    }
}

/// The matrix S D S with eigenvalues D and the orthogonal sine transform S; it has large entries off the diagonal.
pub fn sines(eigenvalues: &[f64]) -> Dense {
    let n = eigenvalues.len();
    let step = std::f64::consts::PI / (n + 1) as f64;
    let s = Matrix::from_fn(n, n, |i, j| {
        (2.0 / (n + 1) as f64).sqrt() * (step * ((i + 1) * (j + 1) % (2 * n + 2)) as f64).sin()
    });
    let scaled = Matrix::from_fn(n, n, |i, j| eigenvalues[i] * s.data[i + j * n]);
    Dense(s.transposed_product(&scaled))
}

/// The second difference on n points, with eigenvalues 4 sin^2(pi i / (2 (n + 1))) that are badly separated at both
/// ends.
pub fn laplacian(n: usize) -> Dense {
    Dense(Matrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
        0 => 2.0,
        1 => -1.0,
        _ => 0.0,
    }))
}

/// Calls `f` with the problem of a golden network.
pub fn with_problem(case: &Case, f: impl FnOnce(&Golden, &Problem<f64>)) {
    let golden = Golden::open(case.name);
    let data = dataset(&golden);
    let network = Network::build(&case.spec, data.shape.iter().product(), data.n_classes).unwrap();
    let theta = weights(&network, case.name);
    f(&golden, &Problem::new(&network, &theta, &data, case.loss).unwrap());
}
