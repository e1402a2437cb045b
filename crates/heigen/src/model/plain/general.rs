//! The operations of graphs on values.

use super::{Plain, Sink};
use crate::linalg::{Matrix, Scalar, add_columns};
use crate::model::{Contraction, Join, Regions};

/// Whether gradients of single samples are wanted, so that what belongs to different samples is never added up.
fn keeps_apart<T>(carrier: &Plain<'_, T>) -> bool {
    matches!(carrier.sink, Sink::PerSample(_) | Sink::SquaredNorms(_))
}

/// The column of sample `n`, which is the only one where all samples have it in common.
pub(in crate::model) fn column_of<T: Scalar>(x: &Matrix<T>, n: usize) -> &[T] {
    x.column(if x.columns == 1 { 0 } else { n })
}

pub(super) fn contract<T: Scalar>(
    carrier: &mut Plain<'_, T>,
    map: &Contraction,
    a: &Matrix<T>,
    b: &Matrix<T>,
    fold: bool,
) -> Matrix<T> {
    let samples = a.columns.max(b.columns);
    let columns = if fold && !keeps_apart(carrier) { 1 } else { samples };
    let mut c = carrier.pool.take_matrix(map.lengths[2], columns);
    c.data.fill(T::ZERO);
    map.add([&a.data, &b.data], &mut c.data, samples, 1, [true; 3]);
    c
}

pub(super) fn join<T: Scalar>(carrier: &mut Plain<'_, T>, join: &Join, x: &[&Matrix<T>]) -> Matrix<T> {
    let columns = x.iter().map(|x| x.columns).max().unwrap_or(1);
    let mut y = carrier.pool.take_matrix(join.size, columns);
    y.data.fill(T::ZERO);
    for n in 0..columns {
        x.iter().enumerate().for_each(|(i, x)| join.add(i, column_of(x, n), y.column_mut(n)));
    }
    y
}

pub(super) fn total<T: Scalar>(carrier: &mut Plain<'_, T>, x: &Matrix<T>, own: usize) -> Matrix<T> {
    let columns = if keeps_apart(carrier) { x.columns / own } else { 1 };
    let mut total = carrier.pool.take_matrix(x.rows, columns);
    total.data.fill(T::ZERO);
    let parts = x.data.chunks_exact((x.data.len() / columns.max(1)).max(1));
    parts.zip(total.data.chunks_exact_mut(x.rows)).for_each(|(x, sum)| add_columns(x, sum.len(), 0, sum));
    total
}

/// a * m where m is not 0, for `own` columns of `a` that belong to each column of the mask.
pub(in crate::model) fn mask<T: Scalar>(a: &mut [T], mask: &Matrix<T>, own: usize, samples: usize) {
    let rows = mask.rows;
    for (n, a) in a.chunks_exact_mut((rows * own).max(1)).enumerate() {
        let mask = mask.column(if mask.columns == samples { n } else { 0 });
        for a in a.chunks_exact_mut(rows) {
            a.iter_mut().zip(mask).for_each(|(a, &m)| *a = if m == T::ZERO { T::ZERO } else { *a * m });
        }
    }
}

/// The sign of a - b in place of a; where `b` is shorter it is the same for several parts of `a`.
pub(in crate::model) fn compare<T: Scalar>(a: &mut [T], b: &[T]) {
    let sign = |a: T, b: T| {
        if a > b {
            T::ONE
        } else if a < b {
            -T::ONE
        } else if a == b {
            T::ZERO
        } else {
            T::from_f64(f64::NAN)
        }
    };
    a.chunks_exact_mut(b.len().max(1)).for_each(|a| a.iter_mut().zip(b).for_each(|(a, &b)| *a = sign(*a, b)));
}

pub(super) fn choose<T: Scalar>(
    carrier: &mut Plain<'_, T>,
    regions: &Regions,
    x: &Matrix<T>,
    by: &Matrix<T>,
) -> Matrix<T> {
    let mut y = carrier.pool.take_matrix(regions.lengths().1, x.columns);
    for n in 0..x.columns {
        let x = x.column(n);
        let chosen = regions.choose(column_of(by, n));
        y.column_mut(n).iter_mut().zip(chosen).for_each(|(y, place)| *y = x[place]);
    }
    y
}

pub(super) fn choose_transposed<T: Scalar>(
    carrier: &mut Plain<'_, T>,
    regions: &Regions,
    delta: &Matrix<T>,
    by: &Matrix<T>,
) -> Matrix<T> {
    let mut y = carrier.pool.take_matrix(regions.lengths().0, delta.columns);
    y.data.fill(T::ZERO);
    for n in 0..delta.columns {
        let chosen = regions.choose(column_of(by, n));
        let y = y.column_mut(n);
        delta.column(n).iter().zip(chosen).for_each(|(&d, place)| y[place] += d);
    }
    y
}

/// The place of a row in a table of `rows` rows, if `id` is one.
pub(in crate::model) fn place<T: Scalar>(id: T, rows: usize) -> Option<usize> {
    let id = id.to_f64();
    (id >= 0.0 && id < rows as f64).then_some(id as usize)
}

pub(super) fn look_up<T: Scalar>(
    carrier: &mut Plain<'_, T>,
    table: &Matrix<T>,
    ids: &Matrix<T>,
    row: usize,
) -> Matrix<T> {
    let columns = table.columns.max(ids.columns);
    let mut y = carrier.pool.take_matrix(ids.rows * row, columns);
    for n in 0..columns {
        let table = column_of(table, n);
        for (y, &id) in y.column_mut(n).chunks_exact_mut(row).zip(column_of(ids, n)) {
            match place(id, table.len() / row) {
                Some(i) => y.copy_from_slice(&table[i * row..(i + 1) * row]),
                None => y.fill(T::from_f64(f64::NAN)),
            }
        }
    }
    y
}

pub(super) fn look_up_transposed<T: Scalar>(
    carrier: &mut Plain<'_, T>,
    delta: &Matrix<T>,
    ids: &Matrix<T>,
    [length, row]: [usize; 2],
    fold: bool,
) -> Matrix<T> {
    let columns = if fold && !keeps_apart(carrier) { 1 } else { delta.columns };
    let mut y = carrier.pool.take_matrix(length, columns);
    y.data.fill(T::ZERO);
    for n in 0..delta.columns {
        let y = y.column_mut(if columns == 1 { 0 } else { n });
        for (delta, &id) in delta.column(n).chunks_exact(row).zip(column_of(ids, n)) {
            if let Some(i) = place(id, length / row) {
                y[i * row..(i + 1) * row].iter_mut().zip(delta).for_each(|(y, &d)| *y += d);
            }
        }
    }
    y
}
