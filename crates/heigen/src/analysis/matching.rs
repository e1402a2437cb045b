//! Eigenvectors of one moment matched with those of the next.

use super::assignment::assignment;
use crate::linalg::{EigenError, Matrix, complement, self_adjoint_eigen};
use serde::{Deserialize, Serialize};

/// How an eigenvector of the later moment goes on from the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// It is the same vector, turned: <u, v>^2 > 1/2. No other vector of the two moments can claim it.
    Vector,
    /// One of the two belongs to a cluster of eigenvalues in which vectors are arbitrary; the cluster goes on, this vector in it
    /// has no predecessor of its own.
    Cluster,
    /// It lies among the earlier vectors, but none of them has more than half of it: eigenvalues have come close to each other and
    /// their vectors mix. More frequent looks would tell.
    Mixed,
    /// More than half of it was not among the earlier vectors: it has come in.
    Born,
}

/// The eigenvectors of one moment matched with those of the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// How each later vector goes on, `[k']`.
    pub links: Vec<Link>,
    /// The place of each later vector's predecessor among the earlier ones, `[k']`; none for a vector that was born.
    pub from: Vec<Option<usize>>,
    /// <u, v>^2 of each later vector and its predecessor, `[k']`; 0 for a vector that was born.
    pub overlaps: Vec<f64>,
    /// The places of the earlier vectors that have no successor.
    pub died: Vec<usize>,
    /// Pairs of places of later vectors whose eigenvalues have changed their order since the earlier moment.
    pub crossings: Vec<[usize; 2]>,
    /// The orthogonal matrix W [k', k'] by which the later vectors V become V W: each with the sign of its predecessor, and within
    /// each cluster the basis that is nearest to the predecessors.
    pub turn: Matrix<f64>,
}

/// The places of eigenvalues in clusters: neighbours by value that are at most `tolerance` apart share one.
fn clusters(eigenvalues: &[f64], tolerance: f64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
    let mut out: Vec<Vec<usize>> = Vec::new();
    for i in order {
        match out.last_mut() {
            Some(cluster) if cluster.last().is_some_and(|&j| eigenvalues[j] - eigenvalues[i] <= tolerance) => {
                cluster.push(i);
            }
            _ => out.push(vec![i]),
        }
    }
    out.iter_mut().for_each(|cluster| cluster.sort_unstable());
    out
}

/// The cluster that each place belongs to.
fn cluster_of(clusters: &[Vec<usize>], k: usize) -> Vec<usize> {
    let mut out = vec![0; k];
    for (c, members) in clusters.iter().enumerate() {
        members.iter().for_each(|&i| out[i] = c);
    }
    out
}

/// By what share of the overlaps of single vectors those of clusters are told apart where they are equal.
const TIE: f64 = 1e-6;
/// A cluster's vectors are turned only towards predecessors whose part in the cluster is longer than the root of this.
const FLAT: f64 = 1e-12;

/// Matches eigenvectors u_i of eigenvalues `before` `[k]` with v_j of `after` `[k']`, given `inner` = U^T V [k, k'], so that the
/// sum of the overlaps O_ij = <u_i, v_j>^2 is largest.
///
/// Eigenvalues of one moment that are no farther apart than its number in `tolerances` (that of the earlier moment first) form a
/// cluster, in which only the subspace means something. Clusters are matched by the mean squared cosine of the principal angles
/// between them, and the vectors of a later cluster are turned to those of its predecessors ([`Matching::turn`]). A matched pair
/// with O_ij > 1/2 is certain: no other assignment can have it apart. Which of two eigenvalues that came close is which is
/// told by the vectors; the order of the eigenvalues tells the other story, and `crossings` says where the two differ.
///
/// # Errors
/// [`EigenError`] if the small eigenproblem of a cluster fails.
///
/// # References
/// Bjorck and Golub, Math. Comp. 27 (1973), 579, doi:10.2307/2005662 (principal angles).
///
/// ```
/// use heigen::analysis::{Link, match_eigenvectors};
/// use heigen::linalg::Matrix;
/// // Two vectors have changed places, and one of them its sign.
/// let inner = Matrix { data: vec![0.0, 1.0, -1.0, 0.0], rows: 2, columns: 2 };
/// let matched = match_eigenvectors(&inner, &[3.0, 2.0], &[3.0, 2.0], [1e-9; 2])?;
/// assert_eq!(matched.from, [Some(1), Some(0)]);
/// assert_eq!((matched.links, matched.crossings), (vec![Link::Vector; 2], vec![[0, 1]]));
/// assert_eq!(matched.turn.data, [1.0, 0.0, 0.0, -1.0]);
/// # Ok::<(), heigen::linalg::EigenError>(())
/// ```
pub fn match_eigenvectors(
    inner: &Matrix<f64>,
    before: &[f64],
    after: &[f64],
    tolerances: [f64; 2],
) -> Result<Matching, EigenError> {
    let (k, n) = (inner.rows, inner.columns);
    let [earlier, later] = [clusters(before, tolerances[0]), clusters(after, tolerances[1])];
    let [of_before, of_after] = [cluster_of(&earlier, k), cluster_of(&later, n)];
    let square = |m: &Matrix<f64>, i: usize, j: usize| m.column(j)[i] * m.column(j)[i];
    // The mean squared cosine between the clusters of two vectors.
    let share = |i: usize, j: usize| {
        let (a, b) = (&earlier[of_before[i]], &later[of_after[j]]);
        let sum: f64 = b.iter().map(|&j| a.iter().map(|&i| square(inner, i, j)).sum::<f64>()).sum();
        sum / a.len().min(b.len()) as f64
    };
    let gain = Matrix::from_fn(k, n, |i, j| share(i, j) + TIE * square(inner, i, j));
    let mut from: Vec<Option<usize>> = vec![None; n];
    for (i, column) in assignment(&gain).into_iter().enumerate() {
        if let Some(j) = column {
            from[j] = Some(i);
        }
    }
    let mut turn: Matrix<f64> = Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i == j)));
    for cluster in later.iter().filter(|cluster| cluster.len() > 1) {
        turn_cluster(inner, cluster, &mut from, &mut turn, |i, j| share(i, j) > 0.5)?;
    }
    let mut turned = times(inner, &turn);
    for (j, before) in from.iter().enumerate() {
        if before.is_some_and(|i| turned.column(j)[i] < 0.0) {
            for m in [&mut turned, &mut turn] {
                m.column_mut(j).iter_mut().for_each(|x| *x = if *x == 0.0 { 0.0 } else { -*x });
            }
        }
    }
    let mut links = vec![Link::Born; n];
    let mut overlaps = vec![0.0; n];
    for j in 0..n {
        let Some(i) = from[j] else { continue };
        let overlap = square(&turned, i, j);
        let within: f64 = turned.column(j).iter().map(|x| x * x).sum();
        let onward: f64 = (0..n).map(|j| square(&turned, i, j)).sum();
        let in_cluster = earlier[of_before[i]].len() > 1 || later[of_after[j]].len() > 1;
        links[j] = if overlap > 0.5 {
            Link::Vector
        } else if in_cluster && share(i, j) > 0.5 {
            Link::Cluster
        } else if within > 0.5 && onward > 0.5 {
            Link::Mixed
        } else {
            Link::Born
        };
        if links[j] == Link::Born {
            from[j] = None;
        } else {
            overlaps[j] = overlap;
        }
    }
    let died = (0..k).filter(|&i| !from.contains(&Some(i))).collect();
    let mut crossings = Vec::new();
    for a in 0..n {
        for b in a + 1..n {
            let (Some(i), Some(j)) = (from[a], from[b]) else { continue };
            let (was, is) = (before[i] - before[j], after[a] - after[b]);
            if was.abs() > tolerances[0] && is.abs() > tolerances[1] && (was > 0.0) != (is > 0.0) {
                crossings.push([a, b]);
            }
        }
    }
    Ok(Matching { links, from, overlaps, died, crossings, turn })
}

/// Turns the vectors of a later `cluster` to the predecessors that were assigned to it: by the orthogonal factor of the polar
/// decomposition, which is the nearest basis. `belongs` says which assignments are more than what was left over.
fn turn_cluster(
    inner: &Matrix<f64>,
    cluster: &[usize],
    from: &mut [Option<usize>],
    turn: &mut Matrix<f64>,
    belongs: impl Fn(usize, usize) -> bool,
) -> Result<(), EigenError> {
    let mut rows: Vec<usize> = cluster.iter().filter_map(|&j| from[j].filter(|&i| belongs(i, j))).collect();
    rows.sort_unstable();
    let (r, m) = (rows.len(), cluster.len());
    if r == 0 {
        return Ok(());
    }
    // The predecessors' parts in the cluster, as columns [m, r].
    let parts = Matrix::from_fn(m, r, |a, b| inner.column(cluster[a])[rows[b]]);
    let gram = self_adjoint_eigen(&parts.gram())?;
    if gram.eigenvalues.iter().any(|&l| l <= FLAT) {
        return Ok(());
    }
    let (s, l) = (&gram.eigenvectors, &gram.eigenvalues);
    let root = Matrix::from_fn(r, r, |a, b| (0..r).map(|c| s.column(c)[a] * s.column(c)[b] / l[c].sqrt()).sum());
    let nearest = times(&parts, &root);
    let rest = if r < m { complement(&nearest)? } else { Matrix::zeros(m, 0) };
    for (place, &j) in cluster.iter().enumerate() {
        let column = if place < r { nearest.column(place) } else { rest.column(place - r) };
        turn.column_mut(j).fill(0.0);
        for (a, &at) in cluster.iter().enumerate() {
            turn.column_mut(j)[at] = column[a];
        }
        from[j] = rows.get(place).copied();
    }
    Ok(())
}

/// A B for small matrices.
fn times(a: &Matrix<f64>, b: &Matrix<f64>) -> Matrix<f64> {
    Matrix::from_fn(a.rows, b.columns, |i, j| (0..a.columns).map(|c| a.column(c)[i] * b.column(j)[c]).sum())
}

/// Numbers by which eigenvectors are known along the way: a vector keeps the number of its predecessor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    current: Vec<usize>,
    next: usize,
}

impl Identities {
    /// The numbers 0, 1, ... for the `k` vectors of the first moment.
    pub fn first(k: usize) -> Self {
        Self { current: (0..k).collect(), next: k }
    }

    /// Numbers that were given earlier, of which `next` is the first that is free.
    pub fn resumed(current: Vec<usize>, next: usize) -> Self {
        Self { current, next }
    }

    /// The numbers of the vectors of the last moment.
    pub fn current(&self) -> &[usize] {
        &self.current
    }

    /// How many numbers were given so far.
    pub fn given(&self) -> usize {
        self.next
    }

    /// Gives numbers to the vectors of the next moment.
    pub fn follow(&mut self, matching: &Matching) {
        let number = |from: &Option<usize>| from.and_then(|i| self.current.get(i).copied());
        let mut numbers: Vec<Option<usize>> = matching.from.iter().map(number).collect();
        for number in numbers.iter_mut().filter(|number| number.is_none()) {
            *number = Some(self.next);
            self.next += 1;
        }
        self.current = numbers.into_iter().flatten().collect();
    }
}

#[cfg(test)]
mod tests;
