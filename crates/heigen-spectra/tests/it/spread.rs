//! Vectors whose rows are spread over pieces: any number of pieces has the bytes of the host's home.

use crate::operators::{Reflected, low_rank};
use heigen_spectra::linalg::{Matrix, ROW_TILE, Scalar};
use heigen_spectra::{
    Columns, Communicator, Counted, DensityOptions, Failure, Host, InAnyOrder, IndexRanges, Law, Leaves, Method,
    Restricted, Space, Spread, Start, SymmetricOperator, ThreadPiece, TopKOptions, Which, diagonal, precision,
    spectral_density, spectrum, top_k_from, trace,
};
use std::ops::Range;
use std::sync::Arc;

/// Seven tiles and a part of an eighth, so that seven pieces have rows and shares differ.
const P: usize = 7 * ROW_TILE + 123;

/// What each piece of so many says.
fn by_pieces<R: Send>(pieces: usize, tell: impl Fn(Arc<dyn Communicator>) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let tell = &tell;
        let all: Vec<_> =
            ThreadPiece::all(pieces).into_iter().map(|piece| scope.spawn(move || tell(Arc::new(piece)))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Results by name, as bytes.
type Told = Vec<(&'static str, Vec<u64>)>;

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

fn whole<S: Space>(space: &S, block: &S::Block) -> Vec<u64> {
    bits(&space.to_host(space.all(block), 0..space.len()).unwrap().data)
}

/// Fails where `tell` says other things of a home that is spread over some number of pieces than of the host's.
fn same<T: Scalar>(
    len: usize,
    pieces: &[usize],
    of_host: impl Fn(&Host<T>) -> Told,
    of_spread: impl Fn(&Spread<T>) -> Told + Sync,
) {
    let wanted = of_host(&Host::new(len));
    for &n in pieces {
        for (rank, told) in by_pieces(n, |all| of_spread(&Spread::new(len, all))).iter().enumerate() {
            assert_eq!(told.len(), wanted.len());
            for ((name, wanted), (_, told)) in wanted.iter().zip(told) {
                assert!(told == wanted, "{name}, piece {rank} of {n}, P = {len}, {}", T::NAME);
            }
        }
    }
}

const SOME: [Range<usize>; 3] = [5..4000, 4090..13_001, 28_000..P - 3];

/// The results of all operations of a home.
fn operations<S: Space>(space: &S) -> Told {
    let mut told: Told = vec![];
    for (name, law) in [("gaussian", Law::Gaussian), ("signs", Law::Rademacher), ("uniform", Law::Uniform)] {
        told.push((name, whole(space, &space.random(9, 2..5, law).unwrap())));
    }
    let a = space.random(1, 0..13, Law::Gaussian).unwrap();
    let b = space.random(2, 0..4, Law::Uniform).unwrap();
    let part = |block, range| Columns { block, range };
    let gram = |a, b| bits(&space.gram(a, b).unwrap().data);
    told.push(("gram of few", gram(space.all(&b), space.all(&b))));
    told.push(("gram of many", gram(space.all(&a), space.all(&a))));
    told.push(("product with few", gram(space.all(&a), part(&b, 1..4))));
    told.push(("product with many", gram(space.all(&b), part(&a, 2..13))));
    let groups = [part(&a, 0..5), part(&a, 5..6), part(&b, 0..2)];
    let others = [part(&b, 0..2), part(&b, 2..3), part(&b, 0..2)];
    let each = space.gram_each(&groups, &others).unwrap();
    each.iter().for_each(|gram| told.push(("gram of each", bits(&gram.data))));
    told.push(("dots", bits(&space.dots(part(&a, 3..7), space.all(&b)).unwrap())));
    told.push(("norms", bits(&space.norms(space.all(&a)).unwrap())));
    let mut short = space.copy(space.all(&b)).unwrap();
    space.scale_columns(&mut short, &[1e-30, 1e-38, 1.0, 0.0]).unwrap();
    space.scale_columns(&mut short, &[if space.epsilon() < 1e-12 { 1e-170 } else { 1.0 }; 4]).unwrap();
    told.push(("norms of short columns", bits(&space.norms(space.all(&short)).unwrap())));
    for (name, columns) in [("combination of few", 3), ("combination of many", 11)] {
        let s = Matrix::from_fn(9, columns, |i, j| ((i * 5 + j * 3) as f64).sin());
        let mut y = space.random(3, 0..columns as u64, Law::Gaussian).unwrap();
        space.combine(-0.7, part(&a, 2..11), &s, 0.3, &mut y).unwrap();
        told.push((name, whole(space, &y)));
        space.combine(2.0, part(&a, 0..9), &s, 0.0, &mut y).unwrap();
        told.push((name, whole(space, &y)));
    }
    let mut y = space.copy(part(&b, 0..4)).unwrap();
    let s = [Matrix::from_fn(5, 2, |i, j| (i + 2 * j) as f64), Matrix::from_fn(13, 2, |i, j| (i * j) as f64 - 3.0)];
    space.combine_each(-0.1, &[part(&a, 1..6), space.all(&a)], &s, &mut y).unwrap();
    space.add_scaled(&[1.0, -2.0, 0.5, 3.0], part(&a, 0..4), &mut y).unwrap();
    space.multiply_add(part(&a, 4..8), space.all(&b), &mut y).unwrap();
    space.append(&mut y, part(&a, 12..13)).unwrap();
    told.push(("by rows", whole(space, &y)));
    told.push(("selected", whole(space, &space.select(&y, &[4, 0]).unwrap())));
    told.push(("largest", bits(&space.largest_entries(space.all(&y)).unwrap())));
    told.push(("some rows", bits(&space.to_host(part(&y, 1..3), 4000..20_000).unwrap().data)));
    let chosen = space.gather_rows(&y, &SOME).unwrap();
    let home = space.of_rows(&SOME).unwrap();
    told.push(("chosen rows", whole(&home, &chosen)));
    told.push(("their Gram matrix", bits(&home.gram(home.all(&chosen), home.all(&chosen)).unwrap().data)));
    told.push(("and back", whole(space, &space.scatter_rows(&chosen, &SOME).unwrap())));
    told.push(("finite", vec![u64::from(space.is_finite(space.all(&y)).unwrap())]));
    let mut q = space.copy(space.all(&a)).unwrap();
    space.orthonormalize(&mut q, 0.0).unwrap();
    told.push(("orthonormal columns", whole(space, &q)));
    // Four columns, of which the last two are combinations of the others.
    let mut dependent = space.copy(part(&a, 0..4)).unwrap();
    let s = Matrix::from_fn(2, 4, |i, j| f64::from(u8::from(i == j)) + if j > 1 { (i + j) as f64 } else { 0.0 });
    space.combine(1.0, part(&a, 0..2), &s, 0.0, &mut dependent).unwrap();
    space.orthonormalize(&mut dependent, 1e-3).unwrap();
    told.push(("a basis of dependent columns", whole(space, &dependent)));
    told.push(("their number", vec![space.columns(&dependent) as u64]));
    // An entry of the last rows, which the last piece alone has.
    let mut bad = space.to_host(part(&y, 0..1), 0..space.len()).unwrap();
    bad.data[P - 1] = f64::NAN;
    let bad = space.to_home(bad).unwrap();
    told.push(("not finite", vec![u64::from(space.is_finite(space.all(&bad)).unwrap())]));
    told
}

#[test]
fn operations_have_the_bytes_of_the_host() {
    let of_host = |space: &Host<f64>| operations(space);
    same(P, &[1, 2, 3, 4, 7, 11], of_host, operations);
    same(P, &[1, 2, 3, 4, 7], |space: &Host<f32>| operations(space), operations);
    let told = operations(&Host::<f64>::new(P));
    let of = |wanted: &str| told.iter().find(|(name, _)| *name == wanted).unwrap().1[0];
    assert_eq!([of("finite"), of("not finite"), of("their number")], [1, 0, 2]);
}

/// The results of the solvers that take products alone.
fn solved<S: Space<Block: std::fmt::Debug>>(space: &S) -> Told {
    let operator = Reflected::new(space.clone(), low_rank(P, 60));
    let mut told: Told = vec![];
    for which in [Which::Largest, Which::BothEnds] {
        let tolerance = if space.epsilon() < 1e-12 { 1e-9 } else { 1e-4 };
        let options = TopKOptions { tolerance, max_subspace: Some(24), ..TopKOptions::default() };
        let top = top_k_from(Start::Random, &operator, 5, which, &options, &mut ()).unwrap();
        told.push(("eigenvalues", bits(&top.eigenvalues)));
        told.push(("residuals", bits(&top.residuals)));
        told.push(("eigenvectors", whole(space, &top.eigenvectors)));
        let again = Start::Directions(&top.eigenvectors);
        let again = top_k_from(again, &operator, 5, which, &options, &mut ()).unwrap();
        told.push(("from directions", bits(&again.eigenvalues)));
    }
    let options = DensityOptions { probes: 3, steps: 12, seed: 4 };
    for probe in spectral_density(&operator, &options, &mut ()).unwrap().probes {
        told.push(("nodes", bits(&probe.nodes)));
        told.push(("weights", bits(&probe.weights)));
    }
    let found = trace(&operator, 15, 3, &mut ()).unwrap();
    told.push(("trace", bits(&[found.value, found.standard_error])));
    let found = diagonal(&operator, 3, 3, &mut ()).unwrap();
    told.push(("diagonal", bits(&found.iter().map(|entry| entry.value).collect::<Vec<_>>())));
    told.push(("precision", vec![u64::from(precision(&operator, 2).unwrap().vanishes)]));
    let block = IndexRanges::new(P, SOME.to_vec()).unwrap();
    let block = Restricted::new(&operator, block).unwrap();
    let top = top_k_from(Start::Random, &block, 2, Which::Largest, &TopKOptions::default(), &mut ()).unwrap();
    told.push(("eigenvalues of a block", bits(&top.eigenvalues)));
    told.push(("eigenvectors of a block", whole(&block.space(), &top.eigenvectors)));
    told
}

#[test]
fn solvers_have_the_bytes_of_the_host() {
    same(P, &[1, 2, 3, 4, 7], |space: &Host<f64>| solved(space), solved);
    same(P, &[2, 7], |space: &Host<f32>| solved(space), solved);
}

/// The spectrum of a matrix with known eigenvalues, by its range.
fn whole_spectrum<S: Space>(space: &S) -> Told {
    let known = low_rank(P, 200);
    let operator = Reflected::new(space.clone(), known.clone());
    let found = spectrum(&operator, Method::Exact, 1e9, &mut ()).unwrap();
    let mut ascending = known;
    ascending.sort_by(f64::total_cmp);
    found.eigenvalues.iter().zip(&ascending).for_each(|(got, wanted)| assert!((got - wanted).abs() < 1e-12));
    let certificate = found.certificate;
    assert!(certificate.residual_max < 1e-12 && certificate.orthogonality < 1e-12, "{certificate:?}");
    vec![
        ("eigenvalues", bits(&found.eigenvalues)),
        ("eigenvectors", whole(space, &found.eigenvectors)),
        ("certificate", bits(&[certificate.residual_max, certificate.orthogonality, certificate.outside_bound])),
    ]
}

#[test]
fn a_whole_spectrum_has_the_bytes_of_the_host() {
    same(P, &[1, 2, 3, 7, 11], |space: &Host<f64>| whole_spectrum(space), whole_spectrum);
}

/// The columns of a block that each piece of so many has whole.
fn column_share(piece: usize, pieces: usize, k: usize) -> Range<usize> {
    piece * k / pieces..(piece + 1) * k / pieces
}

#[test]
fn columns_come_whole_to_pieces_and_go_back_to_their_rows() {
    let host = Host::<f64>::new(P).random(5, 0..5, Law::Gaussian).unwrap();
    for pieces in [1, 2, 3, 9] {
        by_pieces(pieces, |all| {
            let counted = Arc::new(Counted::new(all));
            let space = Spread::<f64>::new(P, counted.clone());
            let block = space.random(5, 0..5, Law::Gaussian).unwrap();
            let share = |piece| column_share(piece, pieces, 5);
            let own = share(counted.rank());
            let columns = space.to_columns(&block, share).unwrap();
            assert!(columns == host.columns(own.clone()), "{pieces} pieces");
            assert_eq!(counted.bytes() as usize, 8 * space.rows().len() * (5 - own.len()));
            assert!(space.to_rows(&columns, share, 5).unwrap() == block, "{pieces} pieces");
            let sent = counted.bytes() as usize - 8 * space.rows().len() * (5 - own.len());
            assert_eq!(sent, 8 * own.len() * (P - space.rows().len()));
        });
    }
    let alone = Spread::<f64>::new(P, Arc::new(ThreadPiece::all(1).remove(0)));
    let few = alone.to_rows(&host.columns(0..2), |_| 0..3, 3).unwrap_err();
    assert!(few.to_string().contains("is not where the others are"), "{few}");
}

/// A number for each leaf and row, whose sum depends on the order.
fn of_leaf(leaf: usize, row: usize) -> f32 {
    ((leaf * 31 + row) as f32 * 0.7).sin() * [1.0, 10.0, 1e2, 1e3][leaf % 4]
}

fn of_node(node: &Range<usize>, columns: usize) -> Vec<f32> {
    if node.len() == 1 {
        return (0..columns * P).map(|row| of_leaf(node.start, row)).collect();
    }
    let [mut sum, other] = Leaves::branches(node).map(|branch| of_node(&branch, columns));
    sum.iter_mut().zip(other).for_each(|(a, b)| *a += b);
    sum
}

#[test]
fn owners_of_rows_get_the_sums_of_the_fixed_tree_and_messages_are_what_is_documented() {
    let (leaves, columns) = (Leaves::of(600), 2);
    assert_eq!(leaves.count(), 8);
    let wanted = of_node(&leaves.root(), columns);
    let in_order = (1..leaves.count()).fold(of_node(&(0..1), columns), |mut sum, leaf| {
        sum.iter_mut().zip(of_node(&(leaf..leaf + 1), columns)).for_each(|(a, b)| *a += b);
        sum
    });
    assert_ne!(wanted, in_order, "the order must matter for this test to see it");
    for pieces in [1, 2, 3, 4, 7, 9] {
        by_pieces(pieces, |all| {
            let counted = Arc::new(Counted::new(all));
            let space = Spread::<f32>::new(P, counted.clone());
            let nodes = leaves.nodes(&leaves.share(counted.rank(), pieces));
            let parts = nodes.iter().map(|node| of_node(node, columns)).collect();
            let mut out = space.zeros(columns).unwrap();
            space.sum_to_owners(&leaves, parts, &mut out).unwrap();
            let others = P - space.rows().len();
            assert_eq!(counted.bytes() as usize, 4 * columns * nodes.len() * others);
            let gathered = space.gathered(&space.all(&out)).unwrap();
            assert!(gathered.data == wanted, "{pieces} pieces");
            let sent = counted.bytes() as usize - 4 * columns * nodes.len() * others;
            assert_eq!(sent, 4 * columns * space.rows().len() * (pieces - 1));
        });
    }
}

#[test]
fn sums_are_left_to_any_order_where_that_is_asked_for() {
    let leaves = Leaves::of(600);
    let wanted = of_node(&leaves.root(), 1);
    for sums in by_pieces(3, |all| {
        let counted = Arc::new(Counted::new(InAnyOrder(all)));
        let space = Spread::<f32>::new(P, counted.clone());
        let nodes = leaves.nodes(&leaves.share(counted.rank(), 3));
        let mut out = space.zeros(1).unwrap();
        space.sum_to_owners(&leaves, nodes.iter().map(|node| of_node(node, 1)).collect(), &mut out).unwrap();
        // One part, however many nodes there are.
        assert_eq!(counted.bytes() as usize, 4 * (P - space.rows().len()));
        let norms = space.norms(space.all(&out)).unwrap();
        (space.gathered(&space.all(&out)).unwrap().data, norms)
    }) {
        assert!(sums.0 != wanted, "no order was changed");
        sums.0.iter().zip(&wanted).for_each(|(got, wanted)| assert!((got - wanted).abs() < 1e-2));
        let host = Host::<f32>::new(P);
        let norm = host.norms(host.all(&Matrix { data: wanted.clone(), rows: P, columns: 1 })).unwrap()[0];
        assert!((sums.1[0] - norm).abs() < 1e-5 * norm);
    }
}

#[test]
fn the_first_piece_sees_rows_that_it_does_not_hold() {
    let host = Host::<f64>::new(P).random(5, 0..2, Law::Gaussian).unwrap();
    let seen = by_pieces(4, |all| {
        let space = Spread::<f64>::new(P, all);
        let own = space.random(5, 0..2, Law::Gaussian).unwrap();
        space.to_first(&Columns { block: &own, range: 1..2 }, 10_000..25_000).unwrap()
    });
    assert_eq!(seen[0].as_ref().unwrap().data, host.column(1)[10_000..25_000]);
    assert!(seen[1..].iter().all(Option::is_none));
}

#[test]
fn a_piece_that_ends_fails_the_operations_of_the_others() {
    let mut pieces = ThreadPiece::all(2);
    drop(pieces.pop());
    let space = Spread::<f64>::new(P, Arc::new(pieces.remove(0)));
    let block = space.random(0, 0..2, Law::Gaussian).unwrap();
    let failures: [Failure; 3] = [
        space.gram(space.all(&block), space.all(&block)).unwrap_err(),
        space.gathered(&space.all(&block)).unwrap_err(),
        space.is_finite(space.all(&block)).unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.to_string(), "piece 1 of the computation has ended, so that the others cannot go on");
    }
    let other = ThreadPiece::all(1).remove(0);
    let space = Spread::<f64>::new(P, Arc::new(other));
    let mut out = space.zeros(1).unwrap();
    let few = space.sum_to_owners(&Leaves::of(600), vec![vec![0.0; P - 1]], &mut out).unwrap_err();
    assert!(few.to_string().contains("is not where the others are"), "{few}");
}
