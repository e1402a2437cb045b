//! Tests of the solvers in two homes of vectors: no solver may use more than the trait.

use crate::operators::{Reflected, low_rank};
use crate::pieces::Pieces;
use heigen_spectra::{
    DensityOptions, Host, IndexRanges, Law, Method, Restricted, Scaled, Shifted, Space, Spectrum, Start, Summed,
    SymmetricOperator, TopKOptions, Which, dense, diagonal, exact_diagonal, hutchinson, spectral_density, spectrum,
    top_k_from, trace,
};

const P: usize = 210;

fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a:e} and {b:e} differ by {:e}", a - b);
}

fn all_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(&a, &b)| close(a, b, tolerance));
}

fn both(eigenvalues: &[f64]) -> (Reflected<Host<f64>>, Reflected<Pieces>) {
    let host = Host::new(eigenvalues.len());
    (Reflected::new(host, eigenvalues.to_vec()), Reflected::new(Pieces::new(eigenvalues.len()), eigenvalues.to_vec()))
}

fn host_rows<S: Space>(space: &S, block: &S::Block) -> Vec<f64> {
    space.to_host(space.all(block), 0..space.len()).unwrap().data
}

#[test]
fn random_entries_are_the_same() {
    let (host, pieces) = (Host::<f64>::new(P), Pieces::new(P));
    for law in [Law::Gaussian, Law::Rademacher, Law::Uniform] {
        let (a, b) = (host.random(3, 5..9, law).unwrap(), pieces.random(3, 5..9, law).unwrap());
        assert_eq!(host_rows(&host, &a), host_rows(&pieces, &b));
    }
}

/// The eigenvectors of nonzero eigenvalues.
fn nonzero<S: Space>(space: &S, found: &Spectrum<S::Block>) -> Vec<f64> {
    let is_nonzero = |c: &usize| found.is_nonzero(found.eigenvalues[found.places[*c]]);
    let columns: Vec<usize> = (0..found.places.len()).filter(is_nonzero).collect();
    host_rows(space, &space.select(&found.eigenvectors, &columns).unwrap())
}

fn compare_spectra<A: Space, B: Space>(
    (a_space, a): (&A, &Spectrum<A::Block>),
    (b_space, b): (&B, &Spectrum<B::Block>),
) {
    all_close(&a.eigenvalues, &b.eigenvalues, 1e-13);
    assert_eq!((a.method, a.rank()), (b.method, b.rank()));
    // Every nonzero eigenvalue is simple, and signs are fixed. The null space's basis is arbitrary, and so is its size.
    all_close(&nonzero(a_space, a), &nonzero(b_space, b), 1e-8);
    let (c, d) = (a.certificate, b.certificate);
    assert!(c.residual_max < 1e-13 && d.residual_max < 1e-13 && d.orthogonality < 1e-12, "{c:?} {d:?}");
    assert!(c.outside_bound < 1e-12 && d.outside_bound < 1e-12, "{c:?} {d:?}");
    close(c.trace_probes, d.trace_probes, 1e-11);
}

#[test]
fn whole_spectra_agree() {
    let known = low_rank(P, 24);
    let (host, pieces) = both(&known);
    let mut ascending = known;
    ascending.sort_by(f64::total_cmp);
    for method in [Method::Exact, Method::Dense] {
        let a = spectrum(&host, method, 1e9, &mut ()).unwrap();
        let b = spectrum(&pieces, method, 1e9, &mut ()).unwrap();
        if method == Method::Exact {
            compare_spectra((&host.space, &a), (&pieces.space, &b));
        }
        all_close(&a.eigenvalues, &ascending, 1e-13);
        all_close(&b.eigenvalues, &ascending, 1e-13);
        assert!(b.certificate.residual_max < 1e-13);
    }
    // The rank is too large for the range finder, so the dense way is taken.
    let (host, pieces) = both(&(0..P).map(|i| i as f64 - 80.0).collect::<Vec<_>>());
    let (a, b) = (spectrum(&host, Method::Auto, 1e9, &mut ()), spectrum(&pieces, Method::Auto, 1e9, &mut ()));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!((a.method, b.method), (Method::Dense, Method::Dense));
    all_close(&a.eigenvalues, &b.eigenvalues, 1e-11);
}

#[test]
fn extreme_eigenpairs_agree() {
    let (host, pieces) = both(&(0..P).map(|i| 1.0 / (i as f64 + 1.0) - 0.2).collect::<Vec<_>>());
    for which in [Which::Largest, Which::Smallest, Which::BothEnds, Which::LargestMagnitude] {
        let options = TopKOptions { tolerance: 1e-11, ..TopKOptions::default() };
        let a = top_k_from(Start::Random, &host, 6, which, &options, &mut ()).unwrap();
        let b = top_k_from(Start::Random, &pieces, 6, which, &options, &mut ()).unwrap();
        all_close(&a.eigenvalues, &b.eigenvalues, 1e-12);
        assert_eq!(a.products, b.products);
        for j in 0..6 {
            let (v, w) = (host_rows(&host.space, &a.eigenvectors), host_rows(&pieces.space, &b.eigenvectors));
            let cosine: f64 = v[j * P..(j + 1) * P].iter().zip(&w[j * P..]).map(|(v, w)| v * w).sum();
            close(cosine.abs(), 1.0, 1e-9);
        }
        // Starting from the pairs that were found takes only a few products more.
        let start = Start::Directions(&b.eigenvectors);
        let again = top_k_from(start, &pieces, 6, which, &options, &mut ()).unwrap();
        all_close(&again.eigenvalues, &b.eigenvalues, 1e-12);
        assert!(again.products < b.products);
    }
}

#[test]
fn densities_traces_and_diagonals_agree() {
    let (host, pieces) = both(&low_rank(P, 150));
    let options = DensityOptions { probes: 4, steps: 30, seed: 2 };
    let a = spectral_density(&host, &options, &mut ()).unwrap();
    let b = spectral_density(&pieces, &options, &mut ()).unwrap();
    for (a, b) in a.probes.iter().zip(&b.probes) {
        for power in 0..12 {
            close(a.integral(|x| x.powi(power)), b.integral(|x| x.powi(power)), 1e-12);
        }
    }
    let (a, b) = (trace(&host, 60, 1, &mut ()).unwrap(), trace(&pieces, 60, 1, &mut ()).unwrap());
    close(a.value, b.value, 1e-11);
    close(a.standard_error, b.standard_error, 1e-11);
    let (a, b) = (hutchinson(&host, 70, 1, &mut ()).unwrap(), hutchinson(&pieces, 70, 1, &mut ()).unwrap());
    close(a.value, b.value, 1e-11);
    let (a, b) = (diagonal(&host, 70, 1, &mut ()).unwrap(), diagonal(&pieces, 70, 1, &mut ()).unwrap());
    a.iter().zip(&b).for_each(|(a, b)| close(a.value, b.value, 1e-12));
    all_close(&exact_diagonal(&host, &mut ()).unwrap(), &exact_diagonal(&pieces, &mut ()).unwrap(), 1e-14);
}

#[test]
fn operators_made_from_operators_agree_with_their_matrices() {
    fn check<S: Space>(operator: &Reflected<S>) {
        let a = operator.matrix();
        let at = |i: usize, j: usize| a.data[i + j * P];
        let eye = |i: usize, j: usize| f64::from(u8::from(i == j));
        let ranges = IndexRanges::new(P, vec![3..40, 90..100, 150..P]).unwrap();
        let rows: Vec<usize> = ranges.ranges().iter().cloned().flatten().collect();
        let restricted = dense(&Restricted::new(operator, ranges).unwrap(), &mut ()).unwrap();
        for (j, &column) in rows.iter().enumerate() {
            rows.iter().enumerate().for_each(|(i, &row)| close(restricted.column(j)[i], at(row, column), 1e-14));
        }
        let shifted = dense(&Shifted { operator, shift: 0.25 }, &mut ()).unwrap();
        let scaled = dense(&Scaled { operator, factor: -3.0 }, &mut ()).unwrap();
        let boxed: Box<dyn SymmetricOperator<S> + '_> = Box::new(operator);
        let sum = Summed { first: boxed, second: Scaled { operator, factor: 2.0 } };
        let summed = dense(&sum, &mut ()).unwrap();
        for j in 0..P {
            for i in 0..P {
                let k = i + j * P;
                close(shifted.data[k], at(i, j) + 0.25 * eye(i, j), 1e-14);
                close(scaled.data[k], -3.0 * at(i, j), 1e-14);
                close(summed.data[k], 3.0 * at(i, j), 1e-14);
            }
        }
    }
    let (host, pieces) = both(&low_rank(P, 60));
    check(&host);
    check(&pieces);
    // Checks the closed form of the operator's eigenvectors: A v = lambda v.
    let v = host.eigenvector(4);
    let a = host.matrix();
    let av: Vec<f64> = (0..P).map(|i| (0..P).map(|j| a.data[i + j * P] * v[j]).sum()).collect();
    all_close(&av, &v.iter().map(|v| host.eigenvalues[4] * v).collect::<Vec<_>>(), 1e-14);
}
