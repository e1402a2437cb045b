//! The assignment problem: which row belongs to which column, so that the sum of the chosen entries is largest.

use crate::linalg::Matrix;

/// For each row of `gain` [m, n] the column that it is assigned to, so that the sum of the chosen entries is as large as it can
/// be and no column is chosen twice. Of m rows, min(m, n) get a column.
///
/// The entries are finite. Equal sums are told apart by the order of rows and columns only, so that the result is always the same.
///
/// # Cost
/// min(m, n)^2 max(m, n) operations.
///
/// # References
/// Jonker and Volgenant, Computing 38 (1987), 325, doi:10.1007/BF02278710: shortest augmenting paths.
pub(crate) fn assignment(gain: &Matrix<f64>) -> Vec<Option<usize>> {
    let (m, n) = (gain.rows, gain.columns);
    if m > n {
        let transposed = Matrix::from_fn(n, m, |i, j| gain.column(i)[j]);
        let mut rows = vec![None; m];
        for (column, row) in assignment(&transposed).into_iter().enumerate() {
            if let Some(row) = row {
                rows[row] = Some(column);
            }
        }
        return rows;
    }
    // Prices of rows and columns, with which no entry costs less than nothing and chosen ones cost nothing.
    let (mut of_row, mut of_column) = (vec![0.0f64; m], vec![0.0f64; n]);
    let mut row_of: Vec<Option<usize>> = vec![None; n];
    let mut column_of: Vec<Option<usize>> = vec![None; m];
    for start in 0..m {
        // The cheapest way from `start` to each column, by the column before it.
        let mut distance = vec![f64::INFINITY; n];
        let mut before: Vec<Option<usize>> = vec![None; n];
        let mut reached = vec![false; n];
        let (mut row, mut from, mut length) = (start, None, 0.0);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for j in 0..n {
                if reached[j] {
                    continue;
                }
                let reduced = length - gain.column(j)[row] - of_row[row] - of_column[j];
                if reduced < distance[j] {
                    distance[j] = reduced;
                    before[j] = from;
                }
                if nearest.is_none_or(|best| distance[j] < distance[best]) {
                    nearest = Some(j);
                }
            }
            let Some(next) = nearest else { break None };
            reached[next] = true;
            length = distance[next];
            match row_of[next] {
                Some(other) => (row, from) = (other, Some(next)),
                None => break Some(next),
            }
        };
        let Some(end) = end else { continue };
        for j in (0..n).filter(|&j| reached[j] && j != end) {
            of_column[j] -= length - distance[j];
            if let Some(other) = row_of[j] {
                of_row[other] += length - distance[j];
            }
        }
        of_row[start] += length;
        let mut column = end;
        loop {
            let owner = before[column].and_then(|previous| row_of[previous]).unwrap_or(start);
            row_of[column] = Some(owner);
            column_of[owner] = Some(column);
            match before[column] {
                Some(previous) => column = previous,
                None => break,
            }
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::NumpyRandomState;

    /// The largest sum over all ways to give different columns to the rows from `row` on.
    fn best(gain: &Matrix<f64>, row: usize, used: &mut [bool], left: usize) -> f64 {
        if row == gain.rows {
            return if left == 0 { 0.0 } else { f64::NEG_INFINITY };
        }
        // A row may stay without a column where there are fewer columns than rows.
        let mut most = best(gain, row + 1, used, left);
        for j in 0..gain.columns {
            if !used[j] && left > 0 {
                used[j] = true;
                most = most.max(gain.column(j)[row] + best(gain, row + 1, used, left - 1));
                used[j] = false;
            }
        }
        most
    }

    #[test]
    fn no_other_assignment_has_a_larger_sum() {
        let mut stream = NumpyRandomState::new(7);
        for trial in 0..300 {
            let (m, n) = (1 + trial % 5, 1 + (trial / 5) % 6);
            let data: Vec<f64> = (0..m * n).map(|_| stream.randn().powi(2).min(1.0)).collect();
            // Some of the tables have many equal entries.
            let data = if trial % 3 == 0 { data.into_iter().map(f64::round).collect() } else { data };
            let gain = Matrix { data, rows: m, columns: n };
            let found = assignment(&gain);
            let chosen: Vec<(usize, usize)> =
                found.iter().enumerate().filter_map(|(i, column)| Some((i, (*column)?))).collect();
            assert_eq!(chosen.len(), m.min(n));
            let mut used = vec![false; n];
            for &(_, j) in &chosen {
                assert!(!std::mem::replace(&mut used[j], true), "a column twice: {found:?}");
            }
            let sum: f64 = chosen.iter().map(|&(i, j)| gain.column(j)[i]).sum();
            let wanted = best(&gain, 0, &mut vec![false; n], m.min(n));
            assert!((sum - wanted).abs() < 1e-12, "{m} x {n}: {sum} instead of {wanted}");
        }
    }

    #[test]
    fn nothing_is_assigned_where_there_is_nothing() {
        assert_eq!(assignment(&Matrix::zeros(0, 3)), vec![]);
        assert_eq!(assignment(&Matrix::zeros(2, 0)), vec![None, None]);
    }
}
