//! Sums over the columns of a matrix, and what is added to each of them: the passes over activations that biases need.

use super::{Scalar, short_zip, vectorized};

/// The sum of the columns of a matrix with as many rows as `sum`.
pub fn sum_columns<T: Scalar>(data: &[T], sum: &mut [T]) {
    sum.fill(T::ZERO);
    add_columns(data, sum.len(), 0, sum);
}

/// Adds to `sum` the sum of the rows from `first` on of all columns of `data`, a matrix with `stride` rows. Every entry adds up
/// column after column.
pub fn add_columns<T: Scalar>(data: &[T], stride: usize, first: usize, sum: &mut [T]) {
    vectorized(
        #[inline(always)]
        || {
            let (sums, rest) = sum.as_chunks_mut::<8>();
            let mut row = first;
            for sum in sums {
                add_block(data, stride, &mut row, sum);
            }
            let (sums, rest) = rest.as_chunks_mut::<4>();
            for sum in sums {
                add_block(data, stride, &mut row, sum);
            }
            let (sums, rest) = rest.as_chunks_mut::<2>();
            for sum in sums {
                add_block(data, stride, &mut row, sum);
            }
            for sum in rest.as_chunks_mut::<1>().0 {
                add_block(data, stride, &mut row, sum);
            }
        },
    );
}

/// Adds the `B` numbers from `row` on of all columns, whose sums stay in registers, and goes on to the next row.
#[inline(always)]
fn add_block<const B: usize, T: Scalar>(data: &[T], stride: usize, row: &mut usize, sum: &mut [T; B]) {
    let mut own = *sum;
    for column in data.chunks_exact(stride.max(1)) {
        let Some(column) = column[*row..].first_chunk::<B>() else { continue };
        for i in 0..B {
            own[i] += column[i];
        }
    }
    *sum = own;
    *row += B;
}

/// Adds `column` to every column of a matrix with as many rows.
pub fn add_to_columns<T: Scalar>(data: &mut [T], column: &[T]) {
    if column.is_empty() {
        return;
    }
    vectorized(
        #[inline(always)]
        || {
            for y in data.chunks_exact_mut(column.len()) {
                short_zip(
                    y,
                    column,
                    #[inline(always)]
                    |y, x| y + x,
                );
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_summed_where_they_lie() {
        for rows in [1, 2, 3, 6, 8, 15, 30] {
            let stride = rows + 2;
            let data: Vec<f64> = (0..5 * stride).map(|i| (i * i % 17) as f64).collect();
            let mut sum = vec![1.0; rows];
            add_columns(&data, stride, 2, &mut sum);
            for (i, sum) in sum.iter().enumerate() {
                let expected: f64 = 1.0 + (0..5).map(|n| data[n * stride + 2 + i]).sum::<f64>();
                assert_eq!(*sum, expected, "row {i} of {rows}");
            }
        }
    }

    #[test]
    fn a_column_is_added_to_each() {
        for rows in [1, 3, 6, 13] {
            let mut data: Vec<f32> = (0..4 * rows).map(|i| i as f32).collect();
            let column: Vec<f32> = (0..rows).map(|i| 100.0 * i as f32).collect();
            add_to_columns(&mut data, &column);
            assert!((0..4 * rows).all(|i| data[i] == i as f32 + 100.0 * (i % rows) as f32));
        }
    }
}
