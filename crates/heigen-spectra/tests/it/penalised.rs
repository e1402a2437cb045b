//! Spectra of operators of low rank with a multiple of the identity on some coordinates, and the error of a matrix itself.

use crate::operators::{Reflected, low_rank};
use crate::pieces::Pieces;
use heigen_spectra::linalg::{Matrix, self_adjoint_eigen};
use heigen_spectra::{
    Failure, Host, IndexRanges, Method, Restricted, Scaled, Shifted, Space, Split, SymmetricOperator, precision,
    spectrum,
};
use std::ops::Range;

const P: usize = 150;

/// B + mu D.
struct Penalised<S: Space> {
    low: Reflected<S>,
    shift: f64,
    coordinates: Vec<Range<usize>>,
}

impl<S: Space> Penalised<S> {
    fn matrix(&self) -> Matrix<f64> {
        let mut a = self.low.matrix();
        for i in self.coordinates.iter().cloned().flatten() {
            a.column_mut(i)[i] += self.shift;
        }
        a
    }
}

impl<S: Space> SymmetricOperator<S> for Penalised<S> {
    fn space(&self) -> S {
        self.low.space()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        self.low.apply(directions, out)?;
        let space = self.space();
        let own = space.gather_rows(directions, &self.coordinates)?;
        let own = space.scatter_rows(&own, &self.coordinates)?;
        space.add_scaled(&vec![self.shift; space.columns(directions)], space.all(&own), out)
    }

    fn split(&self) -> Result<Option<Split<'_, S>>, Failure> {
        Ok(Some(Split { rest: Box::new(&self.low), shift: self.shift, coordinates: self.coordinates.clone() }))
    }
}

fn check<S: Space>(space: &S, what: &str) {
    #[allow(clippy::single_range_in_vec_init, reason = "one range of coordinates is meant")]
    let cases: [(f64, &[Range<usize>]); 5] =
        [(0.3, &[0..P][..]), (-0.3, &[0..P]), (0.3, &[10..60, 90..110]), (-2.0, &[0..7]), (1e-3, &[1..P])];
    for (shift, coordinates) in cases {
        for rank in [0, 1, 20] {
            let low = Reflected::new(space.clone(), low_rank(P, rank));
            let operator = Penalised { low, shift, coordinates: coordinates.to_vec() };
            let wanted = self_adjoint_eigen(&operator.matrix()).unwrap().eigenvalues;
            let found = spectrum(&operator, Method::Exact, 1e9, &mut ()).unwrap();
            for (got, wanted) in found.eigenvalues.iter().zip(&wanted) {
                assert!((got - wanted).abs() < 1e-11, "{what} {shift} {coordinates:?} {rank}: {got} {wanted}");
            }
            assert_eq!(space.columns(&found.eigenvectors), found.places.len());
            // A multiple, and a block that the decaying coordinates cut.
            let half = Scaled { operator: &operator, factor: 0.5 };
            let found = spectrum(&half, Method::Exact, 1e9, &mut ()).unwrap();
            assert!(found.eigenvalues.iter().zip(&wanted).all(|(got, wanted)| (got - 0.5 * wanted).abs() < 1e-11));
            let ranges = IndexRanges::new(P, vec![5..50, 100..130]).unwrap();
            let places: Vec<usize> = ranges.ranges().iter().cloned().flatten().collect();
            let a = operator.matrix();
            let block = Matrix::from_fn(places.len(), places.len(), |i, j| a.column(places[j])[places[i]]);
            let wanted = self_adjoint_eigen(&block).unwrap().eigenvalues;
            let found = spectrum(&Restricted::new(&operator, ranges).unwrap(), Method::Exact, 1e9, &mut ()).unwrap();
            for (got, wanted) in found.eigenvalues.iter().zip(&wanted) {
                assert!((got - wanted).abs() < 1e-11, "{what} {shift} {coordinates:?} {rank}, block: {got} {wanted}");
            }
        }
    }
}

#[test]
fn spectra_by_the_range_with_a_penalty_are_those_of_the_matrix() {
    check(&Host::<f64>::new(P), "host");
    check(&Pieces::new(P), "pieces");
}

#[test]
fn a_shift_no_longer_fills_the_range() {
    let low = Reflected::new(Host::<f64>::new(P), low_rank(P, 20));
    let found = spectrum(&Shifted { operator: &low, shift: 0.25 }, Method::Exact, 1e9, &mut ()).unwrap();
    assert_eq!((found.rank(), found.places.len()), (P, 20));
    assert_eq!(found.on_complement.map(|rest| rest.count), Some(P - 20));
    assert_eq!(found.eigenvalues.iter().filter(|&&l| l == 0.25).count(), P - 20);
}

/// An operator whose other arithmetic is off by a factor.
struct Rounded {
    operator: Reflected<Host<f64>>,
    factor: f64,
    rounding: f64,
}

impl SymmetricOperator for Rounded {
    fn space(&self) -> Host<f64> {
        self.operator.space()
    }

    fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        self.operator.apply(directions, out)
    }

    fn rounding(&self) -> f64 {
        self.rounding
    }

    fn recomputed(&self, directions: &Matrix<f64>, trial: u32) -> Result<Option<Matrix<f64>>, Failure> {
        let mut out = self.operator.product(directions)?;
        let sign = if trial.is_multiple_of(2) { 1.0 } else { -1.0 };
        out.data.iter_mut().for_each(|x| *x *= 1.0 + sign * self.factor);
        Ok(Some(out))
    }
}

#[test]
fn a_certificate_allowed_anything_and_did_not_tell_the_error_of_the_matrix() {
    let of = |factor: f64, rounding: f64| Rounded {
        operator: Reflected::new(Host::new(P), low_rank(P, 20)),
        factor,
        rounding,
    };
    let norm = low_rank(P, 20).iter().map(|l| l * l).sum::<f64>().sqrt();
    let found = spectrum(&of(1e-3, 1e9), Method::Exact, 1e9, &mut ()).unwrap();
    let error = found.certificate.matrix_error.unwrap();
    assert!((error / (1e-3 * norm)).ln().abs() < 1.0, "{error} {norm}");
    assert!(!found.certificate.vanishes && found.rank() == 20);
    // However large the estimate of rounding, eigenvalues that are off by more than the matrix's own error are refused.
    let mut off = found.eigenvalues.clone();
    off.retain(|&l| l != 0.0);
    let good = spectrum(&of(1e-12, 1e9), Method::Exact, 1e9, &mut ()).unwrap().certificate;
    assert!(good.check(&off).is_ok());
    assert!(heigen_spectra::Certificate { residual_max: 1e-6, ..good }.check(&off).is_err());
    // A matrix that changes as a whole when its arithmetic rounds otherwise is zero, if rounding can be that large.
    assert!(precision(&of(1.0, 1e9), 4).unwrap().vanishes);
    assert!(!precision(&of(1.0, 1e-9), 4).unwrap().vanishes);
    assert!(spectrum(&of(1.0, 1e9), Method::Dense, 1e9, &mut ()).unwrap().eigenvalues.iter().all(|&l| l == 0.0));
}
