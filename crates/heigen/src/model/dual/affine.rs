//! Products with weights and their derivatives along K directions.

use super::{Dual, DualTensor};
use crate::linalg::{Scalar, add_product, add_to_columns, product};
use crate::model::image_maps::{Patches, PatchesTransposed, apply_to_all};
use crate::model::plain::{add_rows, images, in_patch_order, row_major, row_major_mut, tiles};
use crate::model::{Algebra, Linear};
use faer::prelude::ReborrowMut;
use faer::{MatMut, MatRef, Par};
use std::ops::Range;

fn columns_of<T: Scalar>(data: &[T], rows: usize) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(data, rows, data.len() / rows)
}

fn columns_of_mut<T: Scalar>(data: &mut [T], rows: usize) -> MatMut<'_, T> {
    let columns = data.len() / rows;
    MatMut::from_column_major_slice_mut(data, rows, columns)
}

/// The rows of direction `k` in a matrix [rows * K, columns] that has those of all directions on each other.
fn of_direction<T: Scalar>(stacked: &[T], rows: usize, all: usize, k: usize) -> MatRef<'_, T> {
    columns_of(stacked, rows * all).subrows(k * rows, rows)
}

fn of_direction_mut<T: Scalar>(stacked: &mut [T], rows: usize, all: usize, k: usize) -> MatMut<'_, T> {
    columns_of_mut(stacked, rows * all).subrows_mut(k * rows, rows)
}

impl<T: Scalar> Dual<'_, T> {
    /// Whether the dW of the directions are copied, so that they are multiplied together: if each of them is small, or lies in
    /// another order. Large ones are multiplied one by one where they lie.
    fn stacks(&self, layer: &Linear) -> bool {
        !layer.in_patch_order() || (self.k > 1 && layer.is_light())
    }

    /// The dW of the K directions, stacked as [K * out, in] row by row, in the order of patches.
    fn stacked(&mut self, layer: &Linear) -> Vec<T> {
        let length = layer.weight.len();
        let mut stacked = self.pool.take(self.k * length);
        for (k, to) in stacked.chunks_exact_mut(length).enumerate() {
            let rows = self.direction(k, &layer.weight).chunks_exact(layer.inputs());
            rows.zip(to.chunks_exact_mut(layer.inputs())).for_each(|(row, to)| layer.row_to_patch_order(row, to));
        }
        stacked
    }

    /// The dW^T of the K directions, stacked as [K * in, out] column by column, in the order of patches.
    fn stacked_transposed(&mut self, layer: &Linear) -> Vec<T> {
        let inputs = layer.inputs();
        let mut stacked = self.pool.take(self.k * layer.weight.len());
        for (r, column) in stacked.chunks_exact_mut(self.k * inputs).enumerate() {
            for (k, to) in column.chunks_exact_mut(inputs).enumerate() {
                let row = &self.direction(k, &layer.weight)[r * inputs..(r + 1) * inputs];
                layer.row_to_patch_order(row, to);
            }
        }
        stacked
    }

    /// W in the order of patches; `None` if theta has this order already.
    fn permuted(&mut self, layer: &Linear) -> Option<Vec<T>> {
        in_patch_order(layer, &self.theta[layer.weight.clone()], self.pool)
    }

    fn give(&mut self, buffers: impl IntoIterator<Item = Option<Vec<T>>>) {
        buffers.into_iter().flatten().for_each(|b| self.pool.give(b));
    }
}

/// d(W x + b) = W dx + dW x + db. What does not vary is left out, and where nothing does, there are no tangents.
pub(super) fn affine<T: Scalar>(dual: &mut Dual<'_, T>, layer: &Linear, x: &DualTensor<T>) -> DualTensor<T> {
    let (rows, k, par) = (layer.outputs, dual.k, dual.par);
    let (pixels, places) = layer.columns_per_sample();
    let samples = x.value.columns / pixels;
    let columns = places * samples;
    let weights_vary = dual.varies(&layer.weight);
    let bias_varies = layer.bias.as_ref().is_some_and(|bias| dual.varies(bias));
    let mut value = dual.pool.take_matrix(rows, columns);
    let mut tangents =
        (weights_vary || bias_varies || x.tangents.is_some()).then(|| dual.pool.take(rows * k * columns));
    let copy = dual.permuted(layer);
    let stacked = (weights_vary && k > 0 && dual.stacks(layer)).then(|| dual.stacked(layer));
    let (theta, all) = (dual.theta, dual.directions);
    let direction = |i: usize| row_major(&all[i * theta.len()..][layer.weight.clone()], rows);
    let values = copy.as_deref().unwrap_or(&theta[layer.weight.clone()]);
    let w = row_major(values, rows);

    let multiply = |x: &[T], dx: Option<&[T]>, value: &mut [T], tangents: Option<&mut [T]>| {
        let x = columns_of(x, layer.inputs());
        product(columns_of_mut(value, rows), w, x, par);
        let Some(tangents) = tangents else { return };
        match &stacked {
            Some(dw) => product(columns_of_mut(tangents, rows * k), row_major(dw, rows * k), x, par),
            None if weights_vary => {
                (0..k).for_each(|i| product(of_direction_mut(tangents, rows, k, i), direction(i), x, par));
            }
            None if dx.is_none() => tangents.fill(T::ZERO),
            None => {}
        }
        if let Some(dx) = dx {
            let (tangents, dx) = (columns_of_mut(tangents, rows), columns_of(dx, layer.inputs()));
            if weights_vary { add_product(tangents, w, dx, par) } else { product(tangents, w, dx, par) }
        }
    };
    match layer.patched() {
        None => multiply(&x.value.data, x.tangents.as_deref(), &mut value.data, tangents.as_deref_mut()),
        Some(window) => {
            let (map, length, features) = (Patches(window), layer.inputs() * places, window.input.features());
            for tile in tiles(layer, samples, if x.tangents.is_some() { 1 + k } else { 1 }) {
                let mut patches = dual.pool.take(length * tile.len());
                apply_to_all(&map, images(&x.value.data, features, &tile), &mut patches, 1);
                let d_patches = x.tangents.as_ref().map(|dx| {
                    let mut d_patches = dual.pool.take(length * k * tile.len());
                    apply_to_all(&map, images(dx, features * k, &tile), &mut d_patches, k);
                    d_patches
                });
                let out = rows * places * tile.start..rows * places * tile.end;
                let tangents = tangents.as_mut().map(|tangents| &mut tangents[out.start * k..out.end * k]);
                multiply(&patches, d_patches.as_deref(), &mut value.data[out], tangents);
                dual.give([Some(patches), d_patches]);
            }
        }
    }
    dual.give([copy, stacked]);
    if let Some(bias) = &layer.bias {
        let bias = dual.parameter(bias);
        if let (Some(tangents), Some(db)) = (&mut tangents, &bias.tangents)
            && bias_varies
        {
            add_to_columns(tangents, db);
        }
        add_to_columns(&mut value.data, &bias.value.data);
        dual.recycle(bias);
    }
    DualTensor { value, tangents }
}

/// d(W^T delta) = W^T d(delta) + dW^T delta, without the second term if linearized or if W does not vary.
pub(super) fn affine_transposed<T: Scalar>(
    dual: &mut Dual<'_, T>,
    layer: &Linear,
    delta: &DualTensor<T>,
) -> DualTensor<T> {
    let (rows, inputs, k, par) = (layer.outputs, layer.inputs(), dual.k, dual.par);
    let (pixels, places) = layer.columns_per_sample();
    let samples = delta.value.columns / places;
    let channels = layer.window.map_or(inputs, |w| w.input.channels);
    let mut value = dual.pool.take_matrix(channels, pixels * samples);
    let weights_vary = !dual.linearized && dual.varies(&layer.weight);
    let varies = delta.tangents.is_some() || weights_vary;
    let mut tangents = varies.then(|| dual.pool.take(channels * k * pixels * samples));
    let copy = dual.permuted(layer);
    let stacked = (weights_vary && k > 0 && dual.stacks(layer)).then(|| dual.stacked_transposed(layer));
    let (theta, all) = (dual.theta, dual.directions);
    let direction = |i: usize| row_major(&all[i * theta.len()..][layer.weight.clone()], rows).transpose();
    let values = copy.as_deref().unwrap_or(&theta[layer.weight.clone()]);
    let w = row_major(values, rows).transpose();

    let multiply = |delta: &[T], d_delta: Option<&[T]>, value: &mut [T], tangents: Option<&mut [T]>| {
        let delta = columns_of(delta, rows);
        product(columns_of_mut(value, inputs), w, delta, par);
        let Some(tangents) = tangents else { return };
        match &stacked {
            Some(dw) => product(columns_of_mut(tangents, inputs * k), columns_of(dw, inputs * k), delta, par),
            None if weights_vary => {
                (0..k).for_each(|i| product(of_direction_mut(tangents, inputs, k, i), direction(i), delta, par));
            }
            None if d_delta.is_none() => tangents.fill(T::ZERO),
            None => {}
        }
        if let Some(d) = d_delta {
            let (tangents, d) = (columns_of_mut(tangents, inputs), columns_of(d, rows));
            if weights_vary { add_product(tangents, w, d, par) } else { product(tangents, w, d, par) }
        }
    };
    match layer.patched() {
        None => {
            multiply(&delta.value.data, delta.tangents.as_deref(), &mut value.data, tangents.as_deref_mut());
        }
        Some(window) => {
            let (map, length, features) = (PatchesTransposed(window), inputs * places, window.input.features());
            for tile in tiles(layer, samples, if varies { 1 + k } else { 1 }) {
                let mut patches = dual.pool.take(length * tile.len());
                let mut d_patches = varies.then(|| dual.pool.take(length * k * tile.len()));
                let d_delta = delta.tangents.as_ref().map(|d| images(d, rows * k * places, &tile));
                let delta = images(&delta.value.data, rows * places, &tile);
                multiply(delta, d_delta, &mut patches, d_patches.as_deref_mut());
                let out = features * tile.start..features * tile.end;
                apply_to_all(&map, &patches, &mut value.data[out.clone()], 1);
                if let (Some(d_patches), Some(tangents)) = (&d_patches, &mut tangents) {
                    apply_to_all(&map, d_patches, &mut tangents[out.start * k..out.end * k], k);
                }
                dual.give([Some(patches), d_patches]);
            }
        }
    }
    dual.give([copy, stacked]);
    DualTensor { value, tangents }
}

/// d(delta x^T) = d(delta) x^T + delta dx^T, added to H V.
pub(super) fn affine_gradient<T: Scalar>(
    dual: &mut Dual<'_, T>,
    layer: &Linear,
    delta: &DualTensor<T>,
    x: &DualTensor<T>,
) {
    if dual.out.is_none() {
        return;
    }
    if let Some(bias) = &layer.bias {
        dual.parameter_gradient(bias, delta);
    }
    let copies = dual.stacks(layer);
    let places = layer.columns_per_sample().1;
    let samples = delta.value.columns / places;
    let Some(window) = layer.patched() else {
        let part = Part { delta, x: &x.value.data, dx: x.tangents.as_deref(), tile: 0..samples };
        if !copies {
            return add_gradients(dual, layer, &part);
        }
        let mut sums = Sums::new(dual, layer, delta, x);
        sums.add(layer, &part, dual.k, dual.par);
        return sums.add_to_products(dual, layer);
    };
    let (map, length, features) = (Patches(window), layer.inputs() * places, window.input.features());
    let k = dual.k;
    let mut sums = copies.then(|| Sums::new(dual, layer, delta, x));
    for tile in tiles(layer, samples, if x.tangents.is_some() { 1 + k } else { 1 }) {
        let mut patches = dual.pool.take(length * tile.len());
        apply_to_all(&map, images(&x.value.data, features, &tile), &mut patches, 1);
        let d_patches = x.tangents.as_ref().map(|dx| {
            let mut d_patches = dual.pool.take(length * k * tile.len());
            apply_to_all(&map, images(dx, features * k, &tile), &mut d_patches, k);
            d_patches
        });
        let part = Part { delta, x: &patches, dx: d_patches.as_deref(), tile };
        match &mut sums {
            Some(sums) => sums.add(layer, &part, k, dual.par),
            None => add_gradients(dual, layer, &part),
        }
        dual.give([Some(patches), d_patches]);
    }
    if let Some(sums) = sums {
        sums.add_to_products(dual, layer);
    }
}

/// Some of the samples of a reverse pass.
struct Part<'a, T> {
    /// The derivative at the layer's outputs, of all samples.
    delta: &'a DualTensor<T>,
    /// The matrix that the weights are multiplied with, of the samples of `tile`.
    x: &'a [T],
    /// Its tangents.
    dx: Option<&'a [T]>,
    tile: Range<usize>,
}

impl<T: Scalar> Part<'_, T> {
    /// The delta of the samples, [outputs, columns].
    fn delta(&self, layer: &Linear) -> MatRef<'_, T> {
        let (rows, places) = (layer.outputs, layer.columns_per_sample().1);
        columns_of(images(&self.delta.value.data, rows * places, &self.tile), rows)
    }

    /// The tangents of the delta of the samples, [outputs * K, columns].
    fn d_delta(&self, layer: &Linear, k: usize) -> Option<&[T]> {
        let length = layer.outputs * k * layer.columns_per_sample().1;
        self.delta.tangents.as_ref().map(|d| images(d, length, &self.tile))
    }
}

/// Adds d(delta) x^T + delta dx^T to the products of all directions where they lie.
fn add_gradients<T: Scalar>(dual: &mut Dual<'_, T>, layer: &Linear, part: &Part<'_, T>) {
    let (rows, inputs, k, par, p) = (layer.outputs, layer.inputs(), dual.k, dual.par, dual.theta.len());
    let Some(out) = dual.out.as_deref_mut() else { return };
    for (i, out) in out.chunks_exact_mut(p).enumerate() {
        let mut out = row_major_mut(&mut out[layer.weight.clone()], rows);
        if let Some(d) = part.d_delta(layer, k) {
            let x = columns_of(part.x, inputs).transpose();
            add_product(out.rb_mut(), of_direction(d, rows, k, i), x, par);
        }
        if let Some(dx) = part.dx {
            add_product(out, part.delta(layer), of_direction(dx, inputs, k, i).transpose(), par);
        }
    }
}

/// The gradients of the K directions in the order of patches, in the form in which all are one product.
struct Sums<T> {
    /// The sum d(delta) x^T, [K * out, in] row by row.
    by_delta: Option<Vec<T>>,
    /// The sum delta dx^T, [out, K * in] row by row.
    by_x: Option<Vec<T>>,
}

impl<T: Scalar> Sums<T> {
    /// Zeros, for tangents that there are.
    fn new(dual: &mut Dual<'_, T>, layer: &Linear, delta: &DualTensor<T>, x: &DualTensor<T>) -> Self {
        let length = layer.outputs * layer.inputs();
        let by_delta = delta.tangents.as_ref().map(|_| dual.zeros(length));
        let by_x = x.tangents.as_ref().map(|_| dual.zeros(length));
        Self { by_delta, by_x }
    }

    fn add(&mut self, layer: &Linear, part: &Part<'_, T>, k: usize, par: Par) {
        let (rows, inputs) = (layer.outputs, layer.inputs());
        if let (Some(sum), Some(d)) = (&mut self.by_delta, part.d_delta(layer, k)) {
            let x = columns_of(part.x, inputs).transpose();
            add_product(row_major_mut(sum, rows * k), columns_of(d, rows * k), x, par);
        }
        if let (Some(sum), Some(dx)) = (&mut self.by_x, part.dx) {
            add_product(row_major_mut(sum, rows), part.delta(layer), columns_of(dx, inputs * k).transpose(), par);
        }
    }

    /// Adds the sums to the products of the directions, in theta's order.
    fn add_to_products(self, dual: &mut Dual<'_, T>, layer: &Linear) {
        let (rows, inputs, k, p) = (layer.outputs, layer.inputs(), dual.k, dual.theta.len());
        if let Some(out) = dual.out.as_deref_mut() {
            for (i, out) in out.chunks_exact_mut(p).enumerate() {
                let out = &mut out[layer.weight.clone()];
                if let Some(sum) = &self.by_delta {
                    add_rows(layer, &sum[i * rows * inputs..(i + 1) * rows * inputs], out);
                }
                if let Some(sum) = &self.by_x {
                    for (r, out) in out.chunks_exact_mut(inputs).enumerate() {
                        layer.add_row_from_patch_order(&sum[(r * k + i) * inputs..][..inputs], out);
                    }
                }
            }
        }
        dual.give([self.by_delta, self.by_x]);
    }
}
