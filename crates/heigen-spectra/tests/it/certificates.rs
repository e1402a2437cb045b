//! Tests of the certificate itself: every fault that it must find is made, and must be refused under its name.

use crate::operators::{Reflected, Times, low_rank};
use crate::pieces::Pieces;
use heigen_spectra::linalg::Matrix;
use heigen_spectra::{
    Certificate, Failure, Host, Method, Space, SymmetricOperator, Watch, certify, certify_together, spectrum,
};

const P: usize = 160;

struct Pairs {
    values: Vec<f64>,
    vectors: Matrix<f64>,
}

/// The nonzero eigenpairs of an operator, ascending.
fn pairs(operator: &Reflected<Host<f64>>) -> Pairs {
    let mut found = spectrum(operator, Method::Exact, 1e9, &mut ()).unwrap();
    found.drop_null_space();
    Pairs { values: found.places.iter().map(|&i| found.eigenvalues[i]).collect(), vectors: found.eigenvectors }
}

fn refused(operator: &dyn SymmetricOperator, pairs: &Pairs) -> String {
    let certificate = certify(operator, &pairs.values, &pairs.vectors, &mut ()).unwrap();
    certificate.check(&pairs.values).unwrap_err().what.to_owned()
}

fn operator() -> Reflected<Host<f64>> {
    Reflected::new(Host::new(P), low_rank(P, 20))
}

#[test]
fn true_pairs_are_certified() {
    let operator = operator();
    let pairs = pairs(&operator);
    assert_eq!(pairs.values.len(), 20);
    certify(&operator, &pairs.values, &pairs.vectors, &mut ()).unwrap().check(&pairs.values).unwrap();
}

#[test]
fn a_perturbed_eigenvalue() {
    let operator = operator();
    for i in [0, 7, 19] {
        let mut pairs = pairs(&operator);
        pairs.values[i] += 3e-9;
        assert_eq!(refused(&operator, &pairs), "the largest residual");
    }
}

#[test]
fn a_perturbed_eigenvector() {
    let operator = operator();
    let mut pairs = pairs(&operator);
    let other = pairs.vectors.column(3).to_vec();
    pairs.vectors.column_mut(19).iter_mut().zip(other).for_each(|(v, w)| *v += 1e-8 * w);
    assert_eq!(refused(&operator, &pairs), "the largest residual");
}

#[test]
fn many_small_residuals() {
    let operator = operator();
    let mut pairs = pairs(&operator);
    pairs.values.iter_mut().for_each(|l| *l += 0.9e-9);
    assert_eq!(refused(&operator, &pairs), "the root of the summed squares of the residuals");
}

#[test]
fn vectors_that_are_not_orthogonal() {
    // Any combination of eigenvectors of one eigenvalue is an eigenvector, so residuals cannot show the fault.
    let operator = Reflected::new(Host::new(P), (0..P).map(|i| f64::from(u8::from(i < 2))).collect());
    let mut pairs = pairs(&operator);
    let other = pairs.vectors.column(0).to_vec();
    pairs.vectors.column_mut(1).iter_mut().zip(other).for_each(|(v, w)| *v += 1e-8 * w);
    assert_eq!(refused(&operator, &pairs), "the loss of orthogonality");
}

#[test]
fn a_missing_pair() {
    let operator = operator();
    for missing in [0, 5, 19] {
        let whole = pairs(&operator);
        let kept: Vec<usize> = (0..20).filter(|&i| i != missing).collect();
        let pairs = Pairs {
            values: kept.iter().map(|&i| whole.values[i]).collect(),
            vectors: whole.vectors.select_columns(&kept),
        };
        assert_eq!(refused(&operator, &pairs), "the bound on what lies outside the eigenpairs");
    }
}

/// An operator with a wrong exact trace, or with NaN in products of so many columns.
struct Faulty {
    operator: Reflected<Host<f64>>,
    trace: Option<f64>,
    nan_in_blocks_of: Option<usize>,
}

impl SymmetricOperator for Faulty {
    fn space(&self) -> Host<f64> {
        self.operator.space()
    }

    fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        self.operator.apply(directions, out)?;
        if self.nan_in_blocks_of == Some(directions.columns) {
            out.data[3] = f64::NAN;
        }
        Ok(())
    }

    fn exact_trace(&self) -> Option<f64> {
        self.trace
    }
}

#[test]
fn a_trace_that_is_off() {
    let pairs = pairs(&operator());
    let trace: f64 = pairs.values.iter().sum();
    let own = "the distance of the trace by a route of its own from the sum of the eigenvalues";
    for (trace, wanted) in [(trace, None), (trace + 1e-6, Some(own)), (f64::NAN, Some(own))] {
        let faulty = Faulty { operator: operator(), trace: Some(trace), nan_in_blocks_of: None };
        let certificate = certify(&faulty, &pairs.values, &pairs.vectors, &mut ()).unwrap();
        assert_eq!(certificate.check(&pairs.values).err().map(|error| error.what), wanted);
        let refused = spectrum(&faulty, Method::Exact, 1e9, &mut ()).is_err();
        assert_eq!(refused, wanted.is_some());
    }
    // The error of the trace by probes is not zero here, so this certificate is made by hand.
    let operator = operator();
    let good = certify(&operator, &pairs.values, &pairs.vectors, &mut ()).unwrap();
    let off = Certificate { trace_probes: good.trace_probes + 1e-6, ..good };
    let what = off.check(&pairs.values).unwrap_err().what;
    assert_eq!(what, "the distance of the trace by probes from the sum of the eigenvalues");
}

type Fault<'a> = (&'a dyn Fn(&mut Pairs), &'a str);

/// Bounds by random combinations refuse the same faults under the same names, and are bounds.
#[test]
fn faults_are_found_by_random_combinations() {
    let operator = operator();
    let good = pairs(&operator);
    let together = |pairs: &Pairs| certify_together(&operator, &pairs.values, &pairs.vectors, &mut ()).unwrap();
    let each = |pairs: &Pairs| certify(&operator, &pairs.values, &pairs.vectors, &mut ()).unwrap();
    let found = together(&good);
    found.check(&good.values).unwrap();
    assert!(found.failure_probability > each(&good).failure_probability);
    let faults: [Fault; 3] = [
        (&|pairs| pairs.values[7] += 3e-9, "the largest residual"),
        (&|pairs| pairs.vectors.column_mut(3).iter_mut().for_each(|x| *x *= 1.0 + 1e-6), "the loss of orthogonality"),
        (&|pairs| pairs.vectors.column_mut(5)[9] += 1e-6, "the largest residual"),
    ];
    for (fault, name) in faults {
        let mut pairs = Pairs { values: good.values.clone(), vectors: good.vectors.clone() };
        fault(&mut pairs);
        let (bounds, numbers) = (together(&pairs), each(&pairs));
        assert!(bounds.residual_max >= numbers.residual_max && bounds.orthogonality >= numbers.orthogonality, "{name}");
        assert!(bounds.residual_frobenius >= numbers.residual_frobenius, "{name}");
        assert!(bounds.residual_frobenius <= 100.0 * numbers.residual_frobenius.max(1e-15), "{name}");
        let refused = bounds.check(&pairs.values).unwrap_err().what;
        assert!(refused == name || refused == "the largest residual", "{refused} instead of {name}");
    }
}

#[test]
fn products_that_are_not_numbers() {
    let pairs = pairs(&operator());
    // The products with the eigenvectors contain NaN, and the residual shows it.
    let faulty = Faulty { operator: operator(), trace: None, nan_in_blocks_of: Some(20) };
    assert_eq!(refused(&faulty, &pairs), "the largest residual");
    // The products with the probes contain NaN; further below, those from which the spectrum is computed do.
    let faulty = Faulty { operator: operator(), trace: None, nan_in_blocks_of: Some(10) };
    let error = certify(&faulty, &pairs.values, &pairs.vectors, &mut ()).unwrap_err();
    assert!(matches!(error, Failure::NotFinite), "{error}");
    for (method, columns) in [(Method::Exact, 128), (Method::Dense, P), (Method::Auto, P)] {
        let faulty = Faulty { operator: operator(), trace: None, nan_in_blocks_of: Some(columns) };
        let error = spectrum(&faulty, method, 1e9, &mut ()).unwrap_err();
        assert!(error.to_string().contains("infinite or NaN"), "{error}");
    }
}

/// A certificate is refused if any of its numbers is NaN.
#[test]
fn nan_anywhere_is_refused() {
    let operator = operator();
    let pairs = pairs(&operator);
    let good = certify(&operator, &pairs.values, &pairs.vectors, &mut ()).unwrap();
    let spoiled = [
        Certificate { residual_max: f64::NAN, ..good },
        Certificate { residual_frobenius: f64::NAN, ..good },
        Certificate { orthogonality: f64::NAN, ..good },
        Certificate { outside_bound: f64::NAN, ..good },
        Certificate { trace_probes: f64::NAN, ..good },
        Certificate { trace_eigenvalues: f64::NAN, ..good },
        Certificate { trace_exact: Some(f64::NAN), ..good },
        Certificate { limit: f64::NAN, ..good },
    ];
    for (i, certificate) in spoiled.iter().enumerate() {
        assert!(certificate.check(&pairs.values).is_err(), "{i}");
    }
    let mut values = pairs.values;
    values[2] = f64::NAN;
    assert!(good.check(&values).is_err());
}

/// If the written-out form of an operator differs from the operator, the distance of the two counts as a residual.
#[test]
fn a_written_out_form_that_is_off() {
    struct WrittenOut(Reflected<Host<f64>>, Reflected<Host<f64>>);
    impl SymmetricOperator for WrittenOut {
        fn space(&self) -> Host<f64> {
            self.0.space()
        }
        fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
            self.0.apply(directions, out)
        }
        fn written_out(&self, _: f64, _: &mut dyn Watch) -> Result<Option<Box<dyn SymmetricOperator + '_>>, Failure> {
            Ok(Some(Box::new(&self.1)))
        }
    }
    let form = |off: f64| {
        let mut values = low_rank(P, 20);
        values[4] += off;
        WrittenOut(operator(), Reflected::new(Host::new(P), values))
    };
    let space = operator().space;
    assert_eq!(space.len(), P);
    spectrum(&form(0.0), Method::Exact, 1e9, &mut ()).unwrap();
    let error = spectrum(&form(1e-8), Method::Exact, 1e9, &mut ()).unwrap_err().to_string();
    assert!(error.contains("residual"), "{error}");
}

/// Whatever the scale of the matrix, its spectrum is found and certified to the same relative accuracy.
fn of_any_scale<S: Space>(space: &S) {
    let exact: Vec<f64> = {
        let mut values = low_rank(P, 20);
        values.sort_by(f64::total_cmp);
        values
    };
    let largest = exact.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    for method in [Method::Exact, Method::Dense] {
        for scale in [1.0, 1e-7, 1e-12, 1e-200, 1e200, 1e-290] {
            let operator = Times(Reflected::new(space.clone(), low_rank(P, 20)), scale);
            let found = spectrum(&operator, method, 1e9, &mut ()).unwrap();
            let Certificate { residual_max, residual_frobenius, orthogonality, outside_bound, .. } = found.certificate;
            for bound in [residual_max, residual_frobenius, outside_bound] {
                let relative = bound / (scale * largest);
                assert!(relative > 1e-18 && relative < 1e-11, "{method:?} {scale:e}: {relative:e}");
            }
            assert!(orthogonality < 1e-12, "{method:?} {scale:e}: {orthogonality:e}");
            assert_eq!(found.rank(), 20, "{method:?} {scale:e}");
            for (got, wanted) in found.eigenvalues.iter().zip(&exact) {
                assert!((got / scale - wanted).abs() < 1e-12 * largest, "{method:?} {scale:e}: {got:e} {wanted:e}");
            }
        }
    }
}

#[test]
fn matrices_of_any_scale() {
    of_any_scale(&Host::<f64>::new(P));
}

/// The same where blocks are made orthonormal by their Gram matrices, whose entries are squares.
#[test]
fn matrices_of_any_scale_in_pieces() {
    of_any_scale(&Pieces::new(P));
}

/// A bound on the residuals that underflowed would certify everything.
#[test]
fn perturbed_pairs_of_tiny_and_of_huge_matrices() {
    for scale in [1e-200, 1e200] {
        let operator = Times(operator(), scale);
        let mut found = spectrum(&operator, Method::Exact, 1e9, &mut ()).unwrap();
        found.drop_null_space();
        let mut values: Vec<f64> = found.places.iter().map(|&i| found.eigenvalues[i]).collect();
        let check = |values: &[f64]| {
            let certificate = certify(&operator, values, &found.eigenvectors, &mut ()).unwrap();
            certificate.check(values)
        };
        check(&values).unwrap();
        values[7] += 1e-6 * values[19];
        assert_eq!(check(&values).unwrap_err().what, "the largest residual");
        // Nothing is no spectrum of it.
        let none = certify(&operator, &[], &Matrix::zeros(P, 0), &mut ()).unwrap();
        assert!(none.check(&[]).is_err(), "{none:?}");
    }
}
