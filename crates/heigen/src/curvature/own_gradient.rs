//! Derivatives along every sample's own gradient, which is never formed: in a fully connected layer it is delta x^T.

use crate::linalg::{Matrix, Scalar, add_product, product};
use crate::model::{
    Algebra, ColumnMap, Contraction, Dual, DualTensor, Function, ImageMap, Join, Layer, Linear, Plain, Pool, Regions,
    Sink, Window,
};
use faer::{MatRef, Par};
use std::ops::Range;

/// Whether all parameters belong to fully connected layers, so that a sample's gradient is delta x^T in each of them.
pub(super) fn has_rank_one_gradients(layers: &[Layer]) -> bool {
    Layer::all(layers, |layer| match layer {
        Layer::Linear(l) => l.window.is_none(),
        Layer::BatchNorm(_) | Layer::Graph(_) => false,
        _ => true,
    })
}

/// The factors of one layer's gradients, recorded in the plain passes.
#[derive(Debug)]
struct Factors<T> {
    /// The start of W in theta, by which the layer is recognised.
    layer: usize,
    /// The layer's outputs W x + b, [out, M].
    y: Matrix<T>,
    /// The layer's inputs x, [in, M]; the layer's gradient is delta x^T.
    x: Matrix<T>,
    /// The deltas at the layer's outputs, [out, M].
    delta: Matrix<T>,
    /// V x + b_v, with V and b_v the layer's part of the common direction, [out, M].
    vx: Matrix<T>,
    /// The products W^T delta, [in, M].
    back: Matrix<T>,
}

/// The gradients g_m of M samples, given by their factors.
#[derive(Debug)]
pub(super) struct Record<T> {
    factors: Vec<Factors<T>>,
    /// The squared norms |g_m|^2.
    pub(super) squared_norms: Vec<T>,
    /// The products <g_m, v>.
    pub(super) slopes: Vec<T>,
}

impl<T: Scalar> Record<T> {
    fn of(&self, layer: &Linear) -> Option<&Factors<T>> {
        self.factors.iter().find(|f| f.layer == layer.weight.start)
    }

    fn of_mut(&mut self, layer: &Linear) -> Option<&mut Factors<T>> {
        self.factors.iter_mut().find(|f| f.layer == layer.weight.start)
    }

    pub(super) fn give_back(self, pool: &mut Pool<T>) {
        for f in self.factors {
            [f.y, f.x, f.delta, f.vx, f.back].into_iter().for_each(|m| pool.give(m.data));
        }
    }
}

/// The layer's matrix, taken from theta or from a direction, [out, in].
fn matrix_of<'a, T>(layer: &Linear, vector: &'a [T]) -> MatRef<'a, T> {
    MatRef::from_row_major_slice(&vector[layer.weight.clone()], layer.outputs, layer.inputs())
}

fn squared_norm<T: Scalar>(v: &[T]) -> T {
    v.iter().map(|&v| v * v).sum()
}

/// Forwards the operations of [`Algebra`] that have nothing to do with parameters to `self.$inner`.
macro_rules! delegate {
    ($inner:ident) => {
        fn elementwise(&mut self, f: Function, order: u8, x: &Self::Tensor) -> Self::Tensor {
            self.$inner.elementwise(f, order, x)
        }
        fn multiply(&mut self, a: Self::Tensor, b: &Self::Tensor) -> Self::Tensor {
            self.$inner.multiply(a, b)
        }
        fn add(&mut self, a: Self::Tensor, b: &Self::Tensor) -> Self::Tensor {
            self.$inner.add(a, b)
        }
        fn negate(&mut self, a: Self::Tensor) -> Self::Tensor {
            self.$inner.negate(a)
        }
        fn copy(&mut self, x: &Self::Tensor) -> Self::Tensor {
            self.$inner.copy(x)
        }
        fn mean(&mut self, x: &Self::Tensor) -> Self::Tensor {
            self.$inner.mean(x)
        }
        fn parameter(&mut self, range: &Range<usize>) -> Self::Tensor {
            self.$inner.parameter(range)
        }
        fn constant(&mut self, values: &[f64]) -> Self::Tensor {
            self.$inner.constant(values)
        }
        fn parameter_gradient(&mut self, range: &Range<usize>, delta: &Self::Tensor) {
            self.$inner.parameter_gradient(range, delta);
        }
        fn per_sample<const M: usize>(
            &mut self,
            x: [&Self::Tensor; M],
            map: &impl ColumnMap<Self::Real, M>,
        ) -> Self::Tensor {
            self.$inner.per_sample(x, map)
        }
        fn per_image(&mut self, map: &impl ImageMap<Self::Real>, x: &Self::Tensor) -> Self::Tensor {
            self.$inner.per_image(map, x)
        }
        fn max_pool(&mut self, window: &Window, x: &Self::Tensor) -> Self::Tensor {
            self.$inner.max_pool(window, x)
        }
        fn max_pool_transposed(&mut self, window: &Window, delta: &Self::Tensor, x: &Self::Tensor) -> Self::Tensor {
            self.$inner.max_pool_transposed(window, delta, x)
        }
        fn regroup(&mut self, x: Self::Tensor, rows: usize) -> Self::Tensor {
            self.$inner.regroup(x, rows)
        }
        fn contract(&mut self, map: &Contraction, a: &Self::Tensor, b: &Self::Tensor, fold: bool) -> Self::Tensor {
            self.$inner.contract(map, a, b, fold)
        }
        fn join(&mut self, join: &Join, x: &[&Self::Tensor]) -> Self::Tensor {
            self.$inner.join(join, x)
        }
        fn total(&mut self, x: &Self::Tensor, own: usize) -> Self::Tensor {
            self.$inner.total(x, own)
        }
        fn masked(&mut self, a: Self::Tensor, mask: &Self::Tensor) -> Self::Tensor {
            self.$inner.masked(a, mask)
        }
        fn order(&mut self, a: Self::Tensor, b: &Self::Tensor) -> Self::Tensor {
            self.$inner.order(a, b)
        }
        fn choose(&mut self, regions: &Regions, x: &Self::Tensor, by: &Self::Tensor) -> Self::Tensor {
            self.$inner.choose(regions, x, by)
        }
        fn choose_transposed(&mut self, regions: &Regions, x: &Self::Tensor, by: &Self::Tensor) -> Self::Tensor {
            self.$inner.choose_transposed(regions, x, by)
        }
        fn look_up(&mut self, table: &Self::Tensor, ids: &Self::Tensor, row: usize) -> Self::Tensor {
            self.$inner.look_up(table, ids, row)
        }
        fn look_up_transposed(
            &mut self,
            delta: &Self::Tensor,
            ids: &Self::Tensor,
            shape: [usize; 2],
            fold: bool,
        ) -> Self::Tensor {
            self.$inner.look_up_transposed(delta, ids, shape, fold)
        }
        fn recycle(&mut self, tensor: Self::Tensor) {
            self.$inner.recycle(tensor);
        }
    };
}

/// The plain carrier, which also records the factors of the gradients, their norms and their products with v.
#[derive(Debug)]
pub(super) struct Recorder<'a, T> {
    plain: Plain<'a, T>,
    vector: &'a [T],
    record: Record<T>,
}

impl<'a, T: Scalar> Recorder<'a, T> {
    pub(super) fn new(theta: &'a [T], vector: &'a [T], samples: usize, pool: &'a mut Pool<T>) -> Self {
        let zeros = || vec![T::ZERO; samples];
        let record = Record { factors: vec![], squared_norms: zeros(), slopes: zeros() };
        Self { plain: Plain::new(theta, Sink::None, pool, Par::Seq), vector, record }
    }

    pub(super) fn input(&mut self, x: &Matrix<T>) -> Matrix<T> {
        self.plain.input(x)
    }

    pub(super) fn finish(self) -> Record<T> {
        self.record
    }
}

impl<T: Scalar> Algebra for Recorder<'_, T> {
    type Real = T;
    type Tensor = Matrix<T>;

    fn affine(&mut self, layer: &Linear, x: &Matrix<T>) -> Matrix<T> {
        let y = self.plain.affine(layer, x);
        let none = || Matrix::zeros(0, 0);
        let kept = self.plain.copy(&y);
        let layer = layer.weight.start;
        self.record.factors.push(Factors { layer, y: kept, x: none(), delta: none(), vx: none(), back: none() });
        y
    }

    fn affine_transposed(&mut self, layer: &Linear, delta: &Matrix<T>) -> Matrix<T> {
        let out = self.plain.affine_transposed(layer, delta);
        if let Some(factors) = self.record.of_mut(layer) {
            factors.back = self.plain.copy(&out);
        }
        out
    }

    /// <delta x^T, V> = delta^T V x, and |delta x^T|^2 = |delta|^2 |x|^2.
    fn affine_gradient(&mut self, layer: &Linear, delta: &Matrix<T>, x: &Matrix<T>) {
        let mut vx = self.plain.copy(delta);
        product(vx.as_mut(), matrix_of(layer, self.vector), x.as_ref(), Par::Seq);
        if let Some(bias) = &layer.bias {
            let bias = &self.vector[bias.clone()];
            vx.data.chunks_exact_mut(bias.len()).for_each(|y| y.iter_mut().zip(bias).for_each(|(y, &b)| *y += b));
        }
        let bias = if layer.bias.is_some() { T::ONE } else { T::ZERO };
        for (m, (delta, vx)) in delta.iter_columns().zip(vx.iter_columns()).enumerate() {
            self.record.squared_norms[m] += squared_norm(delta) * (squared_norm(x.column(m)) + bias);
            self.record.slopes[m] += delta.iter().zip(vx).map(|(&d, &v)| d * v).sum::<T>();
        }
        let (x, delta) = (self.plain.copy(x), self.plain.copy(delta));
        if let Some(factors) = self.record.of_mut(layer) {
            (factors.x, factors.delta, factors.vx) = (x, delta, vx);
        }
    }

    delegate!(plain);
}

/// The dual carrier with one direction, v + s_m g_m for sample m.
#[derive(Debug)]
pub(super) struct AlongOwnGradient<'a, T> {
    dual: Dual<'a, T>,
    theta: &'a [T],
    vector: &'a [T],
    record: &'a Record<T>,
    scales: Vec<T>,
}

impl<'a, T: Scalar> AlongOwnGradient<'a, T> {
    /// The carrier at `theta` `[P]`. `record` is of the same samples and was made with the same v; `scales` are the
    /// s_m, `[M]`.
    pub(super) fn new(
        theta: &'a [T],
        vector: &'a [T],
        record: &'a Record<T>,
        scales: Vec<T>,
        pool: &'a mut Pool<T>,
    ) -> Self {
        Self { dual: Dual::new(theta, vector, None, pool, Par::Seq), theta, vector, record, scales }
    }

    pub(super) fn input(&mut self, x: &Matrix<T>) -> DualTensor<T> {
        self.dual.input(x)
    }
}

impl<T: Scalar> Algebra for AlongOwnGradient<'_, T> {
    type Real = T;
    type Tensor = DualTensor<T>;

    /// d(W x + b) = V x + b_v + W dx + s (delta x^T) x + s delta; all terms but W dx follow from the record.
    fn affine(&mut self, layer: &Linear, x: &DualTensor<T>) -> DualTensor<T> {
        let Some(factors) = self.record.of(layer) else { return self.dual.affine(layer, x) };
        let value = self.dual.input(&factors.y).value;
        let mut tangents = self.dual.input(&factors.vx).value;
        if let Some(dx) = &x.tangents {
            let dx = MatRef::from_column_major_slice(dx, layer.inputs(), value.columns);
            add_product(tangents.as_mut(), matrix_of(layer, self.theta), dx, Par::Seq);
        }
        let bias = if layer.bias.is_some() { T::ONE } else { T::ZERO };
        for (m, dy) in tangents.data.chunks_exact_mut(layer.outputs).enumerate() {
            let scale = self.scales[m] * (squared_norm(factors.x.column(m)) + bias);
            dy.iter_mut().zip(factors.delta.column(m)).for_each(|(dy, &d)| *dy += scale * d);
        }
        DualTensor { value, tangents: Some(tangents.data) }
    }

    /// d(W^T delta) = V^T delta + W^T d(delta) + s (delta x^T)^T delta.
    fn affine_transposed(&mut self, layer: &Linear, delta: &DualTensor<T>) -> DualTensor<T> {
        let Some(factors) = self.record.of(layer) else { return self.dual.affine_transposed(layer, delta) };
        let value = self.dual.input(&factors.back).value;
        let mut tangents = self.dual.input(&factors.x).value;
        for (m, d) in tangents.data.chunks_exact_mut(layer.inputs()).enumerate() {
            let scale = self.scales[m] * squared_norm(factors.delta.column(m));
            d.iter_mut().for_each(|d| *d *= scale);
        }
        let delta_value = factors.delta.as_ref();
        add_product(tangents.as_mut(), matrix_of(layer, self.vector).transpose(), delta_value, Par::Seq);
        if let Some(d) = &delta.tangents {
            let d = MatRef::from_column_major_slice(d, layer.outputs, value.columns);
            add_product(tangents.as_mut(), matrix_of(layer, self.theta).transpose(), d, Par::Seq);
        }
        DualTensor { value, tangents: Some(tangents.data) }
    }

    fn affine_gradient(&mut self, layer: &Linear, delta: &DualTensor<T>, x: &DualTensor<T>) {
        self.dual.affine_gradient(layer, delta, x);
    }

    delegate!(dual);
}
