//! Products with weights for plain values.

use super::{Plain, Sink, squared_norm, target};
use crate::linalg::{Matrix, Scalar, add_product, add_to_columns, product};
use crate::model::image_maps::{Patches, PatchesTransposed, apply_to_all};
use crate::model::{Linear, Pool};
use faer::{MatMut, MatRef};
use std::ops::Range;

/// Number of values in a tile of patches: so few that they stay in the cache between being written and being
/// multiplied.
const TILE: usize = 1 << 15;

/// The tiles that the `samples` samples of a convolution are cut into, with `copies` numbers for each of their patches:
/// tiles of patches stay in the cache, unless the weights do not, for which larger ones pay.
pub(in crate::model) fn tiles(layer: &Linear, samples: usize, copies: usize) -> impl Iterator<Item = Range<usize>> {
    let patches = layer.inputs() * layer.columns_per_sample().1 * copies;
    let tile = (TILE / patches.max(1)).max(layer.paying_samples());
    (0..samples).step_by(tile).map(move |start| start..(start + tile).min(samples))
}

/// The matrix W [out, in] whose rows are stored one after another in `values`.
pub(in crate::model) fn row_major<T: Scalar>(values: &[T], rows: usize) -> MatRef<'_, T> {
    MatRef::from_row_major_slice(values, rows, values.len() / rows)
}

/// A row-major matrix with `rows` rows, as faer's view for writing.
pub(in crate::model) fn row_major_mut<T: Scalar>(values: &mut [T], rows: usize) -> MatMut<'_, T> {
    let columns = values.len() / rows;
    MatMut::from_row_major_slice_mut(values, rows, columns)
}

/// W [out, in] in the order of patches, as a copy; `None` where `values` have this order already.
pub(in crate::model) fn in_patch_order<T: Scalar>(layer: &Linear, values: &[T], pool: &mut Pool<T>) -> Option<Vec<T>> {
    if layer.in_patch_order() {
        return None;
    }
    let mut copy = pool.take(values.len());
    let inputs = layer.inputs();
    for (row, out) in values.chunks_exact(inputs).zip(copy.chunks_exact_mut(inputs)) {
        layer.row_to_patch_order(row, out);
    }
    Some(copy)
}

pub(super) fn affine<T: Scalar>(carrier: &mut Plain<'_, T>, layer: &Linear, x: &Matrix<T>) -> Matrix<T> {
    let (pool, theta, par) = (&mut *carrier.pool, carrier.theta, carrier.par);
    let rows = layer.outputs;
    let (pixels, places) = layer.columns_per_sample();
    let samples = x.columns / pixels;
    let mut y = pool.take_matrix(rows, places * samples);
    let values = &theta[layer.weight.clone()];
    let copy = in_patch_order(layer, values, pool);
    let w = row_major(copy.as_deref().unwrap_or(values), rows);
    match layer.patched() {
        None => product(y.as_mut(), w, x.as_ref(), par),
        Some(window) => {
            let (map, length) = (Patches(window), layer.inputs() * places);
            for tile in tiles(layer, samples, 1) {
                let mut patches = pool.take(length * tile.len());
                apply_to_all(&map, images(&x.data, window.input.features(), &tile), &mut patches, 1);
                let patches_ref = MatRef::from_column_major_slice(&patches, layer.inputs(), places * tile.len());
                let y = &mut y.data[rows * places * tile.start..rows * places * tile.end];
                product(MatMut::from_column_major_slice_mut(y, rows, places * tile.len()), w, patches_ref, par);
                pool.give(patches);
            }
        }
    }
    if let Some(bias) = &layer.bias {
        add_to_columns(&mut y.data, &theta[bias.clone()]);
    }
    if let Some(copy) = copy {
        pool.give(copy);
    }
    y
}

pub(super) fn affine_transposed<T: Scalar>(carrier: &mut Plain<'_, T>, layer: &Linear, delta: &Matrix<T>) -> Matrix<T> {
    let (pool, theta, par) = (&mut *carrier.pool, carrier.theta, carrier.par);
    let rows = layer.outputs;
    let (pixels, places) = layer.columns_per_sample();
    let samples = delta.columns / places;
    let values = &theta[layer.weight.clone()];
    let copy = in_patch_order(layer, values, pool);
    let w = row_major(copy.as_deref().unwrap_or(values), rows).transpose();
    let Some(window) = layer.patched() else {
        let mut out = pool.take_matrix(layer.inputs(), delta.columns);
        product(out.as_mut(), w, delta.as_ref(), par);
        return out;
    };
    let mut out = pool.take_matrix(window.input.channels, pixels * samples);
    let (map, length) = (PatchesTransposed(window), layer.inputs() * places);
    for tile in tiles(layer, samples, 1) {
        let mut patches = pool.take(length * tile.len());
        let delta = images(&delta.data, rows * places, &tile);
        let delta = MatRef::from_column_major_slice(delta, rows, places * tile.len());
        product(MatMut::from_column_major_slice_mut(&mut patches, layer.inputs(), places * tile.len()), w, delta, par);
        let length = window.input.features();
        apply_to_all(&map, &patches, &mut out.data[length * tile.start..length * tile.end], 1);
        pool.give(patches);
    }
    if let Some(copy) = copy {
        pool.give(copy);
    }
    out
}

pub(super) fn affine_gradient<T: Scalar>(carrier: &mut Plain<'_, T>, layer: &Linear, delta: &Matrix<T>, x: &Matrix<T>) {
    if let Some(bias) = &layer.bias {
        crate::model::Algebra::parameter_gradient(carrier, bias, delta);
    }
    let (pool, par, p) = (&mut *carrier.pool, carrier.par, carrier.theta.len());
    let (rows, inputs) = (layer.outputs, layer.inputs());
    let (_, places) = layer.columns_per_sample();
    let samples = delta.columns / places;
    let weight = layer.weight.clone();
    let ties = carrier.ties;
    let sink = &mut target(&mut carrier.sink, &mut carrier.formed);
    // Sums do not ask to which sample a column belongs.
    let window = if matches!(sink, Sink::Sum(_) | Sink::Add(_)) { layer.patched().copied() } else { layer.window };
    match (sink, window) {
        (Sink::None, _) => {}
        (Sink::Sum(gradient), None) if !ties => {
            product(row_major_mut(&mut gradient[weight], rows), delta.as_ref(), x.as_ref().transpose(), par);
        }
        (Sink::Sum(gradient) | Sink::Add(gradient), None) => {
            add_product(row_major_mut(&mut gradient[weight], rows), delta.as_ref(), x.as_ref().transpose(), par);
        }
        (Sink::PerSample(gradients), None) => {
            for ((g, delta), x) in gradients.chunks_exact_mut(p).zip(delta.iter_columns()).zip(x.iter_columns()) {
                for (row, &d) in g[weight.clone()].chunks_exact_mut(x.len()).zip(delta) {
                    if ties {
                        row.iter_mut().zip(x).for_each(|(g, &x)| *g += d * x);
                    } else {
                        row.iter_mut().zip(x).for_each(|(g, &x)| *g = d * x);
                    }
                }
            }
        }
        (Sink::SquaredNorms(norms), None) => {
            for ((norm, delta), x) in norms.iter_mut().zip(delta.iter_columns()).zip(x.iter_columns()) {
                *norm += squared_norm(delta) * squared_norm(x);
            }
        }
        (sink, Some(window)) => {
            let (map, length) = (Patches(&window), inputs * places);
            let summed = matches!(sink, Sink::Sum(_) | Sink::Add(_));
            let mut product_buffer = pool.take(rows * inputs);
            product_buffer.fill(T::ZERO);
            // A sum over samples takes many samples in a tile; gradients of single samples take one.
            let cut: Vec<_> =
                if summed { tiles(layer, samples, 1).collect() } else { (0..samples).map(|n| n..n + 1).collect() };
            for tile in cut {
                let mut patches = pool.take(length * tile.len());
                apply_to_all(&map, images(&x.data, window.input.features(), &tile), &mut patches, 1);
                let columns = places * tile.len();
                let patches_ref = MatRef::from_column_major_slice(&patches, inputs, columns).transpose();
                let delta = images(&delta.data, rows * places, &tile);
                let delta = MatRef::from_column_major_slice(delta, rows, columns);
                let out = row_major_mut(&mut product_buffer, rows);
                match sink {
                    Sink::None | Sink::Sum(_) | Sink::Add(_) => add_product(out, delta, patches_ref, par),
                    Sink::PerSample(gradients) => {
                        product(out, delta, patches_ref, par);
                        let g = &mut gradients[tile.start * p..][weight.clone()];
                        if !ties {
                            g.fill(T::ZERO);
                        }
                        add_rows(layer, &product_buffer, g);
                    }
                    Sink::SquaredNorms(norms) => {
                        product(out, delta, patches_ref, par);
                        norms[tile.start] += squared_norm(&product_buffer);
                    }
                }
                pool.give(patches);
            }
            match sink {
                Sink::Sum(gradient) if !ties => {
                    gradient[weight.clone()].fill(T::ZERO);
                    add_rows(layer, &product_buffer, &mut gradient[weight]);
                }
                Sink::Sum(gradient) | Sink::Add(gradient) => add_rows(layer, &product_buffer, &mut gradient[weight]),
                _ => {}
            }
            pool.give(product_buffer);
        }
    }
}

/// Adds a gradient in the order of patches to one in theta's order.
pub(in crate::model) fn add_rows<T: Scalar>(layer: &Linear, from: &[T], to: &mut [T]) {
    let inputs = layer.inputs();
    for (from, to) in from.chunks_exact(inputs).zip(to.chunks_exact_mut(inputs)) {
        layer.add_row_from_patch_order(from, to);
    }
}

/// The values of the samples of a tile, each of which has `length` values.
pub(in crate::model) fn images<'a, T>(data: &'a [T], length: usize, tile: &Range<usize>) -> &'a [T] {
    &data[length * tile.start..length * tile.end]
}
