//! The choice of the end of the spectrum that eigenvalues are taken from.

/// The end of the spectrum that eigenpairs are taken from, and the order in which they are returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The largest eigenvalues, largest first.
    Largest,
    /// The smallest (most negative) eigenvalues, smallest first.
    Smallest,
    /// The ceil(k / 2) largest eigenvalues, largest first, then the floor(k / 2) smallest, smallest first (ARPACK's
    /// `BE`).
    BothEnds,
    /// The eigenvalues of largest magnitude, largest magnitude first.
    LargestMagnitude,
}

impl Which {
    /// The indices of the `k` wanted eigenvalues among ascending `values`: one list for each end, in the order of
    /// return.
    pub(crate) fn wanted(self, values: &[f64], k: usize) -> Vec<Vec<usize>> {
        let n = values.len();
        let k = k.min(n);
        let top = |k: usize| (n - k..n).rev().collect::<Vec<_>>();
        let bottom = |k: usize| (0..k).collect::<Vec<_>>();
        match self {
            Self::Largest => vec![top(k)],
            Self::Smallest => vec![bottom(k)],
            Self::BothEnds => vec![top(k.div_ceil(2)), bottom(k / 2)],
            Self::LargestMagnitude => {
                let mut order = top(n);
                order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
                order.truncate(k);
                vec![order]
            }
        }
    }
}
