//! Sums of products of two tensors over any indices: products of matrices, of stacks of matrices, einsum.

use crate::linalg::{Scalar, add_product};
use faer::{MatMut, MatRef, Par};

/// One index of a sum of products: how many values it takes, and how far apart neighbouring values lie in every operand
/// (0 where the operand does not depend on it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) size: usize,
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) c: usize,
}

/// The bilinear map c = sum a b over all indices that c does not have, for the tensors of one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contraction {
    pub(crate) extents: Vec<Extent>,
    /// The numbers of numbers of a, b and c.
    pub(crate) lengths: [usize; 3],
}

impl Contraction {
    /// The derivative with respect to a from the one with respect to c: the sum of c b.
    pub(crate) fn for_a(&self) -> Self {
        let [a, b, c] = self.lengths;
        let extents = self.extents.iter().map(|e| Extent { a: e.c, c: e.a, ..*e }).collect();
        Self { extents, lengths: [c, b, a] }
    }

    /// The derivative with respect to b from the one with respect to c: the sum of c a.
    pub(crate) fn for_b(&self) -> Self {
        let [a, b, c] = self.lengths;
        let extents = self.extents.iter().map(|e| Extent { size: e.size, a: e.c, b: e.a, c: e.b }).collect();
        Self { extents, lengths: [c, a, b] }
    }

    /// Number of multiplications for one sample.
    pub(crate) fn multiplications(&self) -> usize {
        self.extents.iter().map(|e| e.size).product()
    }

    /// Adds the sums of products to `c`, for `samples` samples: an operand that has one column is the same for all of them,
    /// and the sums of all samples are added up where `c` has one. Every sample has `inner` further products, of an operand
    /// that has as many columns for each sample (`[a, b, c]` say which).
    pub(crate) fn add<T: Scalar>(&self, x: [&[T]; 2], c: &mut [T], samples: usize, inner: usize, varies: [bool; 3]) {
        let [a, b] = x;
        let lengths = self.lengths;
        let has = [a.len(), b.len(), c.len()];
        let own = |i: usize| if varies[i] { inner * lengths[i] } else { lengths[i] };
        let of_samples = |i: usize| if has[i] > own(i) { own(i) } else { 0 };
        let of_inner = |i: usize| if varies[i] { lengths[i] } else { 0 };
        let mut extents = Vec::with_capacity(self.extents.len() + 2);
        extents.push(Extent { size: samples, a: of_samples(0), b: of_samples(1), c: of_samples(2) });
        extents.push(Extent { size: inner, a: of_inner(0), b: of_inner(1), c: of_inner(2) });
        extents.extend(&self.extents);
        add_products(merged(extents), a, b, c);
    }
}

/// The indices, with pairs of them put together where they lie like one.
fn merged(mut extents: Vec<Extent>) -> Vec<Extent> {
    extents.retain(|e| e.size != 1);
    let mut i = 0;
    while i < extents.len() {
        let inner = extents[i];
        let is_outer = |o: &Extent| {
            let like = |outer: usize, own: usize| outer == own * inner.size;
            like(o.a, inner.a) && like(o.b, inner.b) && like(o.c, inner.c)
        };
        match (0..extents.len()).find(|&j| j != i && is_outer(&extents[j])) {
            Some(j) => {
                extents[i].size *= extents[j].size;
                extents.remove(j);
                i = 0;
            }
            None => i += 1,
        }
    }
    extents
}

/// c += the sum of a b over the values of all indices.
fn add_products<T: Scalar>(mut extents: Vec<Extent>, a: &[T], b: &[T], c: &mut [T]) {
    if extents.iter().any(|e| e.size == 0) {
        return;
    }
    let mut largest = |holds: &dyn Fn(&Extent) -> bool| {
        let found = extents.iter().enumerate().filter(|(_, e)| holds(e)).max_by_key(|(_, e)| e.size)?.0;
        Some(extents.remove(found))
    };
    let rows = largest(&|e| e.a > 0 && e.b == 0 && e.c > 0);
    let columns = largest(&|e| e.a == 0 && e.b > 0 && e.c > 0);
    let inner = largest(&|e| e.a > 0 && e.b > 0 && e.c == 0);
    match (rows, columns, inner) {
        (Some(m), Some(n), Some(k)) => {
            let mut product = Product::new(m, n, k);
            each(&extents, [0; 3], &mut |at| product.add(a, b, c, at));
        }
        (m, n, k) => {
            extents.extend([m, n, k].into_iter().flatten());
            in_loops(extents, a, b, c);
        }
    }
}

/// Calls `f` with the places in a, b and c for all values of the indices.
fn each(extents: &[Extent], at: [usize; 3], f: &mut impl FnMut([usize; 3])) {
    match extents {
        [] => f(at),
        [outer, rest @ ..] => {
            for i in 0..outer.size {
                each(rest, [at[0] + i * outer.a, at[1] + i * outer.b, at[2] + i * outer.c], f);
            }
        }
    }
}

/// Sums of products that are no products of matrices, with the innermost loop over neighbouring numbers if possible.
fn in_loops<T: Scalar>(mut extents: Vec<Extent>, a: &[T], b: &[T], c: &mut [T]) {
    let ease = |e: &Extent| (usize::from(e.a <= 1 && e.b <= 1 && e.c <= 1), usize::from(e.c == 1), e.size);
    let Some(inner) = (0..extents.len()).max_by_key(|&i| ease(&extents[i])) else {
        c[0] += a[0] * b[0];
        return;
    };
    let e = extents.remove(inner);
    let reach = |stride: usize| (e.size - 1) * stride + 1;
    each(&extents, [0; 3], &mut |[i, j, l]| {
        let (a, b, c) = (&a[i..i + reach(e.a)], &b[j..j + reach(e.b)], &mut c[l..l + reach(e.c)]);
        match (e.a, e.b, e.c) {
            (1, 1, 1) => c.iter_mut().zip(a).zip(b).for_each(|((c, &a), &b)| *c += a * b),
            (1, 0, 1) => c.iter_mut().zip(a).for_each(|(c, &a)| *c += a * b[0]),
            (0, 1, 1) => c.iter_mut().zip(b).for_each(|(c, &b)| *c += a[0] * b),
            (1, 1, 0) => c[0] += a.iter().zip(b).map(|(&a, &b)| a * b).sum::<T>(),
            _ => (0..e.size).for_each(|i| c[i * e.c] += a[i * e.a] * b[i * e.b]),
        }
    });
}

/// A product of matrices, c [m, n] += a [m, k] b [k, n], whose operands lie anyhow.
struct Product<T> {
    m: Extent,
    n: Extent,
    k: Extent,
    packed: [Vec<T>; 3],
}

impl<T: Scalar> Product<T> {
    fn new(m: Extent, n: Extent, k: Extent) -> Self {
        Self { m, n, k, packed: [vec![], vec![], vec![]] }
    }

    /// Adds the product of the matrices that start at the places `at`.
    fn add(&mut self, a: &[T], b: &[T], c: &mut [T], at: [usize; 3]) {
        let Self { m, n, k, packed: [of_a, of_b, of_c] } = self;
        let a = matrix(&a[at[0]..], [m.size, k.size], [m.a, k.a], of_a);
        let b = matrix(&b[at[1]..], [k.size, n.size], [k.b, n.b], of_b);
        let c = &mut c[at[2]..];
        let (rows, columns) = (m.size, n.size);
        let end = |outer: usize, stride: usize, own: usize| (outer - 1) * stride + own;
        if m.c == 1 && n.c >= rows {
            let c = &mut c[..end(columns, n.c, rows)];
            add_product(MatMut::from_column_major_slice_with_stride_mut(c, rows, columns, n.c), a, b, Par::Seq);
        } else if n.c == 1 && m.c >= columns {
            let c = &mut c[..end(rows, m.c, columns)];
            // faer 0.24's own constructor of row-major matrices with a stride exchanges the two strides.
            let transposed = MatMut::from_column_major_slice_with_stride_mut(c, columns, rows, m.c);
            add_product(transposed.transpose_mut(), a, b, Par::Seq);
        } else {
            of_c.clear();
            of_c.resize(rows * columns, T::ZERO);
            add_product(MatMut::from_column_major_slice_mut(of_c, rows, columns), a, b, Par::Seq);
            for (j, column) in of_c.chunks_exact(rows).enumerate() {
                column.iter().enumerate().for_each(|(i, &own)| c[i * m.c + j * n.c] += own);
            }
        }
    }
}

/// A matrix whose entry (i, j) is `data[i strides[0] + j strides[1]]`: as it lies, or packed into `memory`.
fn matrix<'a, T: Scalar>(
    data: &'a [T],
    [rows, columns]: [usize; 2],
    [down, right]: [usize; 2],
    memory: &'a mut Vec<T>,
) -> MatRef<'a, T> {
    if down == 1 && right >= rows {
        return MatRef::from_column_major_slice_with_stride(
            &data[..(columns - 1) * right + rows],
            rows,
            columns,
            right,
        );
    }
    if right == 1 && down >= columns {
        return MatRef::from_row_major_slice_with_stride(&data[..(rows - 1) * down + columns], rows, columns, down);
    }
    memory.clear();
    memory.reserve(rows * columns);
    for j in 0..columns {
        memory.extend((0..rows).map(|i| data[i * down + j * right]));
    }
    MatRef::from_column_major_slice(memory, rows, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, index by index.
    fn plainly(spec: &Contraction, a: &[f64], b: &[f64]) -> Vec<f64> {
        let mut c = vec![0.0; spec.lengths[2]];
        each(&spec.extents, [0; 3], &mut |[i, j, l]| c[l] += a[i] * b[j]);
        c
    }

    fn extent(size: usize, a: usize, b: usize, c: usize) -> Extent {
        Extent { size, a, b, c }
    }

    #[test]
    fn every_way_gives_the_sums_of_the_definition() {
        let of = |extents: &[Extent], lengths| Contraction { extents: extents.to_vec(), lengths };
        let specs = [
            // Matrix times matrix, row-major and with the second one transposed.
            of(&[extent(3, 4, 0, 5), extent(5, 0, 1, 1), extent(4, 1, 5, 0)], [12, 20, 15]),
            of(&[extent(3, 4, 0, 5), extent(5, 0, 4, 1), extent(4, 1, 1, 0)], [12, 20, 15]),
            // Heads between positions and entries, as attention has them.
            of(&[extent(2, 3, 3, 20), extent(4, 6, 0, 5), extent(5, 0, 6, 1), extent(3, 1, 1, 0)], [24, 30, 40]),
            // Neither operand has neighbouring numbers side by side.
            of(&[extent(3, 2, 0, 2), extent(2, 0, 6, 6), extent(2, 6, 2, 0)], [12, 12, 12]),
            // A depthwise convolution's channels, places and taps.
            of(&[extent(4, 1, 1, 1), extent(3, 8, 0, 4), extent(2, 4, 4, 0)], [24, 8, 12]),
            // A dot product, an outer product, and an operand that is summed.
            of(&[extent(6, 1, 1, 0)], [6, 6, 1]),
            of(&[extent(2, 1, 0, 3), extent(3, 0, 1, 1)], [2, 3, 6]),
            of(&[extent(2, 3, 0, 1), extent(3, 1, 0, 0)], [6, 1, 2]),
        ];
        for spec in specs {
            let numbers = |n: usize, f: f64| (0..n).map(|i| (f * i as f64 + 0.3).sin()).collect::<Vec<_>>();
            let (a, b) = (numbers(3 * spec.lengths[0], 1.3), numbers(3 * 2 * spec.lengths[1], 0.7));
            // Three samples with two directions each in b and c.
            let mut c = vec![0.0; 3 * 2 * spec.lengths[2]];
            spec.add([&a, &b], &mut c, 3, 2, [false, true, true]);
            let mut sum = vec![0.0; 2 * spec.lengths[2]];
            spec.add([&a, &b], &mut sum, 3, 2, [false, true, true]);
            let mut expected_sum = vec![0.0; sum.len()];
            for n in 0..3 {
                for k in 0..2 {
                    let column = n * 2 + k;
                    let (la, lb, lc) = (spec.lengths[0], spec.lengths[1], spec.lengths[2]);
                    let expected = plainly(&spec, &a[n * la..(n + 1) * la], &b[column * lb..(column + 1) * lb]);
                    for (i, e) in expected.iter().enumerate() {
                        assert!((c[column * lc + i] - e).abs() < 1e-13, "{spec:?}");
                        expected_sum[k * lc + i] += e;
                    }
                }
            }
            assert!(sum.iter().zip(&expected_sum).all(|(s, e)| (s - e).abs() < 1e-13), "{spec:?}");
        }
    }

    #[test]
    fn random_sums_of_products_are_those_of_the_definition() {
        let mut state = 1u64;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        for _ in 0..3000 {
            // Every index is in one, two or three of the operands, which lie row-major in a random order of their indices.
            let mut extents: Vec<Extent> = (0..=below(6))
                .map(|_| {
                    let kind = 1 + below(7);
                    let own = |bit: usize| usize::from(kind & bit != 0);
                    extent(1 + below(4), own(1), own(2), own(4))
                })
                .collect();
            let mut lengths = [1; 3];
            for (operand, length) in lengths.iter_mut().enumerate() {
                let mut order: Vec<usize> = (0..extents.len()).collect();
                (1..order.len()).rev().for_each(|i| order.swap(i, below(i + 1)));
                for i in order {
                    let e = &mut extents[i];
                    let stride = [&mut e.a, &mut e.b, &mut e.c].into_iter().nth(operand).unwrap();
                    if *stride == 1 {
                        *stride = *length;
                        *length *= e.size;
                    }
                }
            }
            let spec = Contraction { extents, lengths };
            let numbers = |n: usize, f: f64| (0..n).map(|i| (f * i as f64 + 0.3).sin()).collect::<Vec<_>>();
            let (a, b) = (numbers(lengths[0], 1.3), numbers(lengths[1], 0.7));
            let mut c = vec![0.0; lengths[2]];
            spec.add([&a, &b], &mut c, 1, 1, [true; 3]);
            let wanted = plainly(&spec, &a, &b);
            assert!(c.iter().zip(&wanted).all(|(c, w)| (c - w).abs() < 1e-12), "{spec:?}");
        }
    }
}
