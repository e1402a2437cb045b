//! The operations of graphs on values with their tangents.

use super::{Dual, DualTensor};
use crate::linalg::{Matrix, Scalar, sum_columns};
use crate::model::plain::{column_of, mask, place};
use crate::model::{Contraction, Join, Regions};

/// The tangents of sample `n`, one direction after another, of a tensor that may be the same for all samples.
fn tangents_of<T>(dx: &[T], own: usize, columns: usize, n: usize) -> &[T] {
    &dx[if columns == 1 { 0 } else { n } * own..][..own]
}

/// A tensor with `rows` numbers in each column. Tangents lie column by column, so that they are sorted anew.
pub(super) fn regroup<T: Scalar>(carrier: &mut Dual<'_, T>, mut x: DualTensor<T>, rows: usize) -> DualTensor<T> {
    let (before, k) = (x.value.rows, carrier.k);
    x.value.columns = x.value.data.len() / rows.max(1);
    x.value.rows = rows;
    if before == rows || k == 1 {
        return x;
    }
    if let Some(dx) = x.tangents.take() {
        let mut dy = carrier.pool.take(dx.len());
        // One of the two numbers of rows is a multiple of the other: a large column has `parts` small ones.
        let (small, large) = (before.min(rows), before.max(rows));
        let parts = large / small.max(1);
        for (dx, dy) in dx.chunks_exact(large * k).zip(dy.chunks_exact_mut(large * k)) {
            for part in 0..parts {
                for i in 0..k {
                    let (apart, together) = ((part * k + i) * small, (i * parts + part) * small);
                    let (from, to) = if before < rows { (apart, together) } else { (together, apart) };
                    dy[to..to + small].copy_from_slice(&dx[from..from + small]);
                }
            }
        }
        carrier.pool.give(dx);
        x.tangents = Some(dy);
    }
    x
}

/// d(a b) = da b + a db.
pub(super) fn contract<T: Scalar>(
    carrier: &mut Dual<'_, T>,
    map: &Contraction,
    a: &DualTensor<T>,
    b: &DualTensor<T>,
    fold: bool,
) -> DualTensor<T> {
    let samples = a.value.columns.max(b.value.columns);
    let columns = if fold { 1 } else { samples };
    let mut value = carrier.pool.take_matrix(map.lengths[2], columns);
    value.data.fill(T::ZERO);
    map.add([&a.value.data, &b.value.data], &mut value.data, samples, 1, [true; 3]);
    let tangents = (a.tangents.is_some() || b.tangents.is_some()).then(|| {
        let mut dc = carrier.zeros(value.data.len());
        if let Some(da) = &a.tangents {
            map.add([da, &b.value.data], &mut dc, samples, carrier.k, [true, false, true]);
        }
        if let Some(db) = &b.tangents {
            map.add([&a.value.data, db], &mut dc, samples, carrier.k, [false, true, true]);
        }
        dc
    });
    DualTensor { value, tangents }
}

pub(super) fn join<T: Scalar>(carrier: &mut Dual<'_, T>, join: &Join, x: &[&DualTensor<T>]) -> DualTensor<T> {
    let (k, columns) = (carrier.k, x.iter().map(|x| x.value.columns).max().unwrap_or(1));
    let mut value = carrier.pool.take_matrix(join.size, columns);
    value.data.fill(T::ZERO);
    let mut tangents = x.iter().any(|x| x.tangents.is_some()).then(|| carrier.zeros(join.size * columns));
    for n in 0..columns {
        for (i, x) in x.iter().enumerate() {
            join.add(i, column_of(&x.value, n), value.column_mut(n));
            if let (Some(dx), Some(dy)) = (&x.tangents, &mut tangents) {
                let dx = tangents_of(dx, x.value.rows * k, x.value.columns, n);
                join.add(i, dx, &mut dy[n * join.size * k..(n + 1) * join.size * k]);
            }
        }
    }
    DualTensor { value, tangents }
}

/// The sum of all columns.
pub(super) fn total<T: Scalar>(carrier: &mut Dual<'_, T>, x: &DualTensor<T>) -> DualTensor<T> {
    let mut sum = |data: &[T], length: usize| {
        let mut sum = carrier.pool.take(length);
        sum_columns(data, &mut sum);
        sum
    };
    let rows = x.value.rows;
    let value = Matrix { data: sum(&x.value.data, rows), rows, columns: 1 };
    let tangents = x.tangents.as_ref().map(|dx| sum(dx, dx.len() / x.value.columns));
    DualTensor { value, tangents }
}

pub(super) fn masked<T: Scalar>(carrier: &Dual<'_, T>, mut a: DualTensor<T>, by: &DualTensor<T>) -> DualTensor<T> {
    let samples = a.value.columns;
    mask(&mut a.value.data, &by.value, 1, samples);
    if let Some(da) = &mut a.tangents {
        mask(da, &by.value, carrier.k, samples);
    }
    a
}

/// Chooses by the values; the derivative of the choice is zero almost everywhere.
pub(super) fn choose<T: Scalar>(
    carrier: &mut Dual<'_, T>,
    regions: &Regions,
    x: &DualTensor<T>,
    by: &DualTensor<T>,
    transposed: bool,
) -> DualTensor<T> {
    let (of_x, of_y) = if transposed { (regions.lengths().1, regions.lengths().0) } else { regions.lengths() };
    let (k, columns) = (carrier.k, x.value.columns);
    let mut value = carrier.pool.take_matrix(of_y, columns);
    value.data.fill(T::ZERO);
    let mut tangents = x.tangents.as_ref().map(|_| carrier.zeros(of_y * columns));
    for n in 0..columns {
        let chosen = regions.choose(column_of(&by.value, n));
        let apply = |x: &[T], y: &mut [T]| {
            for (i, &place) in chosen.iter().enumerate() {
                let (from, to) = if transposed { (i, place) } else { (place, i) };
                y[to] += x[from];
            }
        };
        apply(x.value.column(n), value.column_mut(n));
        if let (Some(dx), Some(dy)) = (&x.tangents, &mut tangents) {
            let dx = dx[n * of_x * k..(n + 1) * of_x * k].chunks_exact(of_x);
            dx.zip(dy[n * of_y * k..(n + 1) * of_y * k].chunks_exact_mut(of_y)).for_each(|(dx, dy)| apply(dx, dy));
        }
    }
    DualTensor { value, tangents }
}

pub(super) fn look_up<T: Scalar>(
    carrier: &mut Dual<'_, T>,
    table: &DualTensor<T>,
    ids: &DualTensor<T>,
    row: usize,
) -> DualTensor<T> {
    let (k, columns, length) = (carrier.k, table.value.columns.max(ids.value.columns), table.value.rows);
    let rows = ids.value.rows * row;
    let mut value = carrier.pool.take_matrix(rows, columns);
    let mut tangents = table.tangents.as_ref().map(|_| carrier.pool.take(rows * columns * k));
    for n in 0..columns {
        let ids = column_of(&ids.value, n);
        let apply = |table: &[T], y: &mut [T]| {
            for (y, &id) in y.chunks_exact_mut(row).zip(ids) {
                match place(id, length / row) {
                    Some(i) => y.copy_from_slice(&table[i * row..(i + 1) * row]),
                    None => y.fill(T::from_f64(f64::NAN)),
                }
            }
        };
        apply(column_of(&table.value, n), value.column_mut(n));
        if let (Some(dtable), Some(dy)) = (&table.tangents, &mut tangents) {
            let dtable = tangents_of(dtable, length * k, table.value.columns, n);
            let dy = dy[n * rows * k..(n + 1) * rows * k].chunks_exact_mut(rows);
            dtable.chunks_exact(length).zip(dy).for_each(|(dtable, dy)| apply(dtable, dy));
        }
    }
    DualTensor { value, tangents }
}

pub(super) fn look_up_transposed<T: Scalar>(
    carrier: &mut Dual<'_, T>,
    delta: &DualTensor<T>,
    ids: &DualTensor<T>,
    [length, row]: [usize; 2],
    fold: bool,
) -> DualTensor<T> {
    let (k, samples, rows) = (carrier.k, delta.value.columns, delta.value.rows);
    let columns = if fold { 1 } else { samples };
    let mut value = carrier.pool.take_matrix(length, columns);
    value.data.fill(T::ZERO);
    let mut tangents = delta.tangents.as_ref().map(|_| carrier.zeros(length * columns));
    for n in 0..samples {
        let ids = column_of(&ids.value, n);
        let own = if fold { 0 } else { n };
        let apply = |delta: &[T], y: &mut [T]| {
            for (delta, &id) in delta.chunks_exact(row).zip(ids) {
                if let Some(i) = place(id, length / row) {
                    y[i * row..(i + 1) * row].iter_mut().zip(delta).for_each(|(y, &d)| *y += d);
                }
            }
        };
        apply(delta.value.column(n), value.column_mut(own));
        if let (Some(dx), Some(dy)) = (&delta.tangents, &mut tangents) {
            let dx = dx[n * rows * k..(n + 1) * rows * k].chunks_exact(rows);
            let dy = dy[own * length * k..(own + 1) * length * k].chunks_exact_mut(length);
            dx.zip(dy).for_each(|(dx, dy)| apply(dx, dy));
        }
    }
    DualTensor { value, tangents }
}
