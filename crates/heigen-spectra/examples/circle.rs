//! The whole spectrum of an operator of one's own: `cargo run -p heigen-spectra --example circle`.

use heigen_spectra::{Failure, Host, Method, SpectrumError, SymmetricOperator, linalg::Matrix, spectrum};

/// The second difference on 200 points of a circle: eigenvalues 4 sin^2(pi i / 200), all but two of them double.
struct Circle;

impl SymmetricOperator for Circle {
    fn space(&self) -> Host<f64> {
        Host::new(200)
    }

    fn apply(&self, v: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        let at = |i: usize, j: usize| v.column(j)[i % 200];
        *out = Matrix::from_fn(200, v.columns, |i, j| 2.0 * at(i, j) - at(i + 1, j) - at(i + 199, j));
        Ok(())
    }
}

fn main() -> Result<(), SpectrumError> {
    let found = spectrum(&Circle, Method::Auto, 1e9, &mut ())?;
    println!("lambda_1 = {}, residuals below {:e}", found.lambda_max(), found.certificate.residual_max);
    Ok(())
}
