use super::*;
use crate::linalg::orthonormalize;
use crate::rng::NumpyRandomState;

/// The order of the synthetic matrices.
const P: usize = 12;

/// A random orthogonal matrix.
fn orthogonal(p: usize, stream: &mut NumpyRandomState) -> Matrix<f64> {
    let mut q = Matrix { data: (0..p * p).map(|_| stream.randn()).collect(), rows: p, columns: p };
    orthonormalize(&mut q).unwrap();
    q
}

/// The rotation of the plane of axes `a` and `b` by `angle`, applied to the columns of `q`.
fn rotated(q: &Matrix<f64>, a: usize, b: usize, angle: f64) -> Matrix<f64> {
    let mut out = q.clone();
    for i in 0..q.rows {
        let (x, y) = (q.column(a)[i], q.column(b)[i]);
        out.column_mut(a)[i] = angle.cos() * x + angle.sin() * y;
        out.column_mut(b)[i] = angle.cos() * y - angle.sin() * x;
    }
    out
}

/// The `k` largest eigenvalues with their vectors and known names: vector `name` of the basis has the eigenvalue `of(name)`.
struct Top {
    names: Vec<usize>,
    values: Vec<f64>,
    vectors: Matrix<f64>,
}

fn top(q: &Matrix<f64>, of: impl Fn(usize) -> f64, k: usize, stream: &mut NumpyRandomState) -> Top {
    let mut names: Vec<usize> = (0..q.columns).collect();
    names.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
    names.truncate(k);
    let mut vectors = q.select_columns(&names);
    // Solvers return either sign.
    for j in 0..k {
        if stream.randn() < 0.0 {
            vectors.column_mut(j).iter_mut().for_each(|x| *x = -*x);
        }
    }
    Top { values: names.iter().map(|&name| of(name)).collect(), names, vectors }
}

/// The best of all ways to give each earlier vector another later one, tried one by one.
fn brute(overlaps: &Matrix<f64>, row: usize, used: &mut [bool]) -> (f64, Vec<usize>) {
    if row == overlaps.rows {
        return (0.0, vec![]);
    }
    let mut best = (f64::NEG_INFINITY, vec![]);
    for j in 0..overlaps.columns {
        if !used[j] {
            used[j] = true;
            let (sum, mut rest) = brute(overlaps, row + 1, used);
            used[j] = false;
            let sum = sum + overlaps.column(j)[row];
            if sum > best.0 {
                rest.insert(0, j);
                best = (sum, rest);
            }
        }
    }
    best
}

/// Eigenvalues that run through each other on straight lines while all vectors turn: every vector keeps its name, and so do the
/// ones of the best of all permutations.
#[test]
fn vectors_keep_their_names_through_crossings() {
    let mut stream = NumpyRandomState::new(3);
    let mut q = orthogonal(P, &mut stream);
    let lines: Vec<[f64; 2]> = (0..P).map(|_| [4.0 * stream.randn(), 2.0 * stream.randn()]).collect();
    let at = |t: f64| move |name: usize| lines[name][0] + t * lines[name][1];
    let k = 6;
    let mut now = top(&q, at.clone()(0.0), k, &mut stream);
    let mut identities = Identities::first(k);
    // What each number given by the tracker is called in truth.
    let mut truth: Vec<usize> = now.names.clone();
    let (mut crossed, mut born) = (0, 0);
    for step in 1..=200 {
        for pair in 0..P {
            q = rotated(&q, pair, (pair + 1 + step % (P - 1)) % P, 0.05 * stream.randn());
        }
        let mut next = top(&q, at.clone()(0.02 * step as f64), k, &mut stream);
        let inner = now.vectors.transposed_product(&next.vectors);
        let matched = match_eigenvectors(&inner, &now.values, &next.values, [1e-9; 2]).unwrap();
        let squares = Matrix::from_fn(k, k, |i, j| inner.column(j)[i].powi(2));
        let (_, wanted) = brute(&squares, 0, &mut vec![false; k]);
        for (j, from) in matched.from.iter().enumerate() {
            let before = now.names.iter().position(|name| *name == next.names[j]);
            assert_eq!(*from, before, "step {step}: {matched:?}");
            assert!(from.is_none_or(|i| wanted[i] == j), "step {step}");
            assert_eq!(from.is_none(), matched.links[j] == Link::Born);
        }
        for &[a, b] in &matched.crossings {
            let place = |j: usize| now.names.iter().position(|name| *name == next.names[j]).unwrap();
            assert!((now.values[place(a)] > now.values[place(b)]) != (next.values[a] > next.values[b]));
        }
        identities.follow(&matched);
        for (j, &number) in identities.current().iter().enumerate() {
            if number == truth.len() {
                truth.push(next.names[j]);
            }
            assert_eq!(truth[number], next.names[j]);
        }
        crossed += matched.crossings.len();
        born += matched.links.iter().filter(|&&link| link == Link::Born).count();
        assert_eq!(matched.died.len(), matched.links.iter().filter(|&&link| link == Link::Born).count());
        // The turned vectors have their predecessors' signs.
        next.vectors = times(&next.vectors, &matched.turn);
        let inner = now.vectors.transposed_product(&next.vectors);
        assert!((0..k).all(|j| matched.from[j].is_none_or(|i| inner.column(j)[i] > 0.0)));
        now = next;
    }
    assert!(crossed >= 5 && born >= 2, "{crossed} crossings, {born} births: the test shows too little");
}

/// Two equal eigenvalues come with any basis of their plane; the vectors of the plane are turned to those before, so that names
/// go through the moment at which the two are equal.
#[test]
fn names_go_through_a_degenerate_moment() {
    let mut stream = NumpyRandomState::new(5);
    let q = orthogonal(P, &mut stream);
    let of = |t: f64| {
        move |name: usize| {
            if name == 0 {
                3.0 + t
            } else if name == 1 {
                3.0 - t
            } else {
                1.0 / (name as f64 + 1.0)
            }
        }
    };
    let first = top(&q, of(1.0), 3, &mut stream);
    let mut equal = top(&rotated(&q, 0, 1, 0.9), of(0.0), 3, &mut stream);
    let inner = first.vectors.transposed_product(&equal.vectors);
    let matched = match_eigenvectors(&inner, &first.values, &equal.values, [1e-9; 2]).unwrap();
    assert_eq!(matched.links, [Link::Vector; 3]);
    assert!(matched.overlaps.iter().all(|o| (o - 1.0).abs() < 1e-12), "{matched:?}");
    assert!(matched.crossings.is_empty() && matched.died.is_empty());
    equal.vectors = times(&equal.vectors, &matched.turn);
    let gram = equal.vectors.gram();
    assert!((0..3).all(|i| (0..3).all(|j| (gram.column(j)[i] - f64::from(u8::from(i == j))).abs() < 1e-12)));
    let last = top(&q, of(-1.0), 3, &mut stream);
    let inner = equal.vectors.transposed_product(&last.vectors);
    let matched = match_eigenvectors(&inner, &equal.values, &last.values, [1e-9; 2]).unwrap();
    assert_eq!(matched.from, [Some(1), Some(0), Some(2)], "the two have gone through each other");
    assert!(matched.overlaps.iter().all(|o| (o - 1.0).abs() < 1e-12), "{matched:?}");
}

/// The basis of a cluster at the first moment is arbitrary: its members go on as a cluster.
#[test]
fn members_of_an_arbitrary_basis_go_on_as_a_cluster() {
    let mut stream = NumpyRandomState::new(6);
    let q = orthogonal(P, &mut stream);
    // Reflected at the plane across (1, 1, 1): overlaps of 1/9 and 4/9, none of them more than a half.
    let three = q.columns(0..3);
    let reflection = Matrix::from_fn(3, 3, |i, j| f64::from(u8::from(i == j)) - 2.0 / 3.0);
    let equal = times(&three, &reflection);
    let inner = equal.transposed_product(&three);
    let matched = match_eigenvectors(&inner, &[2.0; 3], &[2.5, 2.0, 1.5], [1e-9; 2]).unwrap();
    assert_eq!(matched.links, [Link::Cluster; 3]);
    // Without the cluster the same overlaps are vectors that mix.
    let matched = match_eigenvectors(&inner, &[2.1, 2.0, 1.9], &[2.5, 2.0, 1.5], [1e-9; 2]).unwrap();
    assert_eq!(matched.links, [Link::Mixed; 3]);
    // A cluster of three of which one is new: two predecessors are followed, the third is born.
    let plane = q.columns(0..2);
    let space = rotated(&rotated(&q, 0, 2, 0.6), 1, 2, -1.1).columns(0..3);
    let matched = match_eigenvectors(&plane.transposed_product(&space), &[2.0, 1.9], &[2.0; 3], [1e-9; 2]).unwrap();
    let born = matched.links.iter().filter(|&&link| link == Link::Born).count();
    assert_eq!((born, matched.died.len()), (1, 0), "{matched:?}");
    assert!(matched.overlaps.iter().filter(|&&o| (o - 1.0).abs() < 1e-12).count() == 2, "{matched:?}");
}

#[test]
fn no_vectors_match_nothing() {
    let matched = match_eigenvectors(&Matrix::zeros(0, 2), &[], &[1.0, 0.5], [0.0; 2]).unwrap();
    assert_eq!((matched.links, matched.from), (vec![Link::Born; 2], vec![None; 2]));
    let matched = match_eigenvectors(&Matrix::zeros(2, 0), &[1.0, 0.5], &[], [0.0; 2]).unwrap();
    assert_eq!(matched.died, [0, 1]);
}
