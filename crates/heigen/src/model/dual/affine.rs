//! Products with weights and their derivatives along K directions.

use super::{Dual, DualTensor};
use crate::linalg::{Scalar, add_product, product};
use crate::model::image_maps::{Patches, PatchesTransposed, apply_to_all};
use crate::model::plain::{add_rows, images, in_patch_order, row_major, row_major_mut, tiles};
use crate::model::{Algebra, Linear};
use faer::{MatMut, MatRef};
use std::ops::Range;

fn columns_of<T: Scalar>(data: &[T], rows: usize) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(data, rows, data.len() / rows)
}

fn columns_of_mut<T: Scalar>(data: &mut [T], rows: usize) -> MatMut<'_, T> {
    let columns = data.len() / rows;
    MatMut::from_column_major_slice_mut(data, rows, columns)
}

impl<T: Scalar> Dual<'_, T> {
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
    let stacked = (weights_vary && k > 0).then(|| dual.stacked(layer));
    let theta = dual.theta;
    let values = copy.as_deref().unwrap_or(&theta[layer.weight.clone()]);
    let w = row_major(values, rows);

    let multiply = |x: &[T], dx: Option<&[T]>, value: &mut [T], tangents: Option<&mut [T]>| {
        let x = columns_of(x, layer.inputs());
        product(columns_of_mut(value, rows), w, x, par);
        let Some(tangents) = tangents else { return };
        match &stacked {
            Some(dw) => product(columns_of_mut(tangents, rows * k), row_major(dw, rows * k), x, par),
            None if dx.is_none() => tangents.fill(T::ZERO),
            None => {}
        }
        if let Some(dx) = dx {
            let (tangents, dx) = (columns_of_mut(tangents, rows), columns_of(dx, layer.inputs()));
            if stacked.is_some() { add_product(tangents, w, dx, par) } else { product(tangents, w, dx, par) }
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
        let own = rows * k;
        if let (Some(tangents), Some(db)) = (&mut tangents, &bias.tangents)
            && bias_varies
            && own > 0
        {
            tangents.chunks_exact_mut(own).for_each(|dy| dy.iter_mut().zip(db).for_each(|(dy, &db)| *dy += db));
        }
        value.data.chunks_exact_mut(rows).for_each(|y| y.iter_mut().zip(&bias.value.data).for_each(|(y, &b)| *y += b));
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
    let stacked = (weights_vary && k > 0).then(|| dual.stacked_transposed(layer));
    let theta = dual.theta;
    let values = copy.as_deref().unwrap_or(&theta[layer.weight.clone()]);
    let w = row_major(values, rows).transpose();

    let multiply = |delta: &[T], d_delta: Option<&[T]>, value: &mut [T], tangents: Option<&mut [T]>| {
        let delta = columns_of(delta, rows);
        product(columns_of_mut(value, inputs), w, delta, par);
        let Some(tangents) = tangents else { return };
        match &stacked {
            Some(dw) => product(columns_of_mut(tangents, inputs * k), columns_of(dw, inputs * k), delta, par),
            None if d_delta.is_none() => tangents.fill(T::ZERO),
            None => {}
        }
        if let Some(d) = d_delta {
            let (tangents, d) = (columns_of_mut(tangents, inputs), columns_of(d, rows));
            if stacked.is_some() { add_product(tangents, w, d, par) } else { product(tangents, w, d, par) }
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
    let (rows, inputs, k, par) = (layer.outputs, layer.inputs(), dual.k, dual.par);
    let places = layer.columns_per_sample().1;
    let samples = delta.value.columns / places;
    // d(delta) x^T: [K * out, in] row by row. delta dx^T: [out, K * in] row by row.
    let mut by_delta = delta.tangents.as_ref().map(|_| dual.zeros(rows * inputs));
    let mut by_x = x.tangents.as_ref().map(|_| dual.zeros(rows * inputs));
    let mut multiply = |tile: &Range<usize>, x: &[T], dx: Option<&[T]>| {
        if let (Some(sum), Some(d)) = (&mut by_delta, &delta.tangents) {
            let d = columns_of(images(d, rows * k * places, tile), rows * k);
            add_product(row_major_mut(sum, rows * k), d, columns_of(x, inputs).transpose(), par);
        }
        if let (Some(sum), Some(dx)) = (&mut by_x, dx) {
            let delta = columns_of(images(&delta.value.data, rows * places, tile), rows);
            add_product(row_major_mut(sum, rows), delta, columns_of(dx, inputs * k).transpose(), par);
        }
    };
    match layer.patched() {
        None => multiply(&(0..samples), &x.value.data, x.tangents.as_deref()),
        Some(window) => {
            let (map, length, features) = (Patches(window), inputs * places, window.input.features());
            for tile in tiles(layer, samples, if x.tangents.is_some() { 1 + k } else { 1 }) {
                let mut patches = dual.pool.take(length * tile.len());
                apply_to_all(&map, images(&x.value.data, features, &tile), &mut patches, 1);
                let d_patches = x.tangents.as_ref().map(|dx| {
                    let mut d_patches = dual.pool.take(length * k * tile.len());
                    apply_to_all(&map, images(dx, features * k, &tile), &mut d_patches, k);
                    d_patches
                });
                multiply(&tile, &patches, d_patches.as_deref());
                [Some(patches), d_patches].into_iter().flatten().for_each(|b| dual.pool.give(b));
            }
        }
    }
    let p = dual.theta.len();
    if let Some(out) = dual.out.as_deref_mut() {
        for (i, out) in out.chunks_exact_mut(p).enumerate() {
            let out = &mut out[layer.weight.clone()];
            if let Some(sum) = &by_delta {
                add_rows(layer, &sum[i * rows * inputs..(i + 1) * rows * inputs], out);
            }
            if let Some(sum) = &by_x {
                for (r, out) in out.chunks_exact_mut(inputs).enumerate() {
                    layer.add_row_from_patch_order(&sum[(r * k + i) * inputs..][..inputs], out);
                }
            }
        }
    }
    dual.give([by_delta, by_x]);
}
