//! Eigenpairs of an operator from those of one nearby.

use crate::gram_schmidt::{combined, orthonormal, project_out, small_eigen};
use crate::linalg::{Matrix, symmetrize};
use crate::operator::finite_product;
use crate::ordinary::{Ordinary, brought_near};
use crate::{Columns, Failure, Law, Space, SymmetricOperator, TopK, TopKError, TopKOptions, Watch, Which, stage};
use std::fmt::Debug;

/// Random directions that join those given.
const COMPANIONS: usize = 1;
/// A guard pair is close enough if its residual is at most this share of its distance from the wanted eigenvalues.
const GUARD: f64 = 0.5;
/// Directions of which less than this many epsilons lies outside of the subspace are rounding.
const ROUNDING: f64 = 100.0;
/// If less than this share of a random direction lies outside, the subspace is the whole space.
const COMPLETE: f64 = 1e-8;

/// The k extreme eigenpairs of A, beginning from `start` [P, b], the eigenvectors of an operator nearby: of the same network a
/// few steps earlier. They need not be orthonormal.
///
/// Ritz pairs of the span of `start` and a random direction, which grows by the residuals of those pairs that are not good enough
/// yet (Davidson's method without a preconditioner): what is good already takes one product, and no more. Besides the wanted
/// pairs, the next one at each end is looked after, for an eigenvalue that comes in from there. This is no proof: an eigenvector to
/// which nothing of that points, or a second copy of an eigenvalue whose first is among the given ones, may be missed. Where weights
/// have moved far, [`top_k`](crate::top_k()) is the function of choice, and among many looks some should be its.
///
/// # Shapes
/// As [`top_k`](crate::top_k()). `residuals` are those of the returned pairs themselves.
///
/// # Cost
/// b + 1 products, and one for every residual that the subspace grows by; 4 P m (b + k) operations for each time it grows, memory
/// for 2 m vectors, m its dimension.
///
/// # Errors
/// As [`top_k_from`](crate::top_k_from()).
///
/// # References
/// Davidson, J. Comput. Phys. 17 (1975), 87, doi:10.1016/0021-9991(75)90065-0; Stathopoulos and Saad, SIAM J. Sci. Comput. 19
/// (1998), 227, doi:10.1137/S1064827596304162.
///
/// ```
/// use heigen_spectra::{DenseOperator, TopKOptions, Which, linalg::Matrix, refine, top_k};
/// let matrix = |t: f64| Matrix::from_fn(50, 50, |i, j| {
///     let distance = i.abs_diff(j);
///     if distance == 0 { (i as f64).powi(2) } else if distance == 1 { t } else { 0.0 }
/// });
/// let options = TopKOptions { tolerance: 1e-6, ..TopKOptions::default() };
/// let before = top_k(&DenseOperator(matrix(1.0)), 3, Which::Largest, &options)?;
/// let operator = DenseOperator(matrix(1.01));
/// let now = refine(&before.eigenvectors, &operator, 3, Which::Largest, &options, &mut ())?;
/// assert!((now.eigenvalues[0] - 2401.0).abs() < 0.1 && now.products < before.products);
/// # Ok::<(), heigen_spectra::TopKError<Matrix<f64>>>(())
/// ```
pub fn refine<S: Space<Block: Debug>>(
    start: &S::Block,
    operator: &(impl SymmetricOperator<S> + ?Sized),
    k: usize,
    which: Which,
    options: &TopKOptions,
    watch: &mut dyn Watch,
) -> Result<TopK<S::Block>, TopKError<S::Block>> {
    let k = k.min(operator.n_params());
    let operator = &Ordinary::new(operator, None);
    let ends = if which == Which::BothEnds { 2 } else { 1 };
    let wanted = |values: &[f64], more: usize| which.wanted(values, k + ends * more).concat();
    let found = refined(start, operator, k, ends, &wanted, options, watch);
    found.map(|top| top.back(operator)).map_err(|error| error.back(operator))
}

/// [`refine`] for the `largest` eigenpairs, largest first, and after them the `smallest` ones, smallest first, from one subspace.
///
/// # Errors
/// As [`refine`].
pub fn refine_ends<S: Space<Block: Debug>>(
    start: &S::Block,
    operator: &(impl SymmetricOperator<S> + ?Sized),
    largest: usize,
    smallest: usize,
    options: &TopKOptions,
    watch: &mut dyn Watch,
) -> Result<TopK<S::Block>, TopKError<S::Block>> {
    let p = operator.n_params();
    let largest = largest.min(p);
    let smallest = smallest.min(p - largest);
    let operator = &Ordinary::new(operator, None);
    let ends = usize::from(largest > 0) + usize::from(smallest > 0);
    let wanted = |values: &[f64], more: usize| {
        let n = values.len();
        let of = |wanted: usize| if wanted == 0 { 0 } else { (wanted + more).min(n) };
        let high = (n - of(largest)..n).rev();
        // Where both ends meet, what the upper one has is not taken twice.
        let low = (0..of(smallest)).filter(|&i| i < n - of(largest));
        high.chain(low).collect()
    };
    let found = refined(start, operator, largest + smallest, ends, &wanted, options, watch);
    found.map(|top| top.back(operator)).map_err(|error| error.back(operator))
}

/// The search for `k` pairs at so many `ends`: `choose` gives the places of the wanted among ascending Ritz values, with so many
/// more at each end.
fn refined<S: Space<Block: Debug>>(
    start: &S::Block,
    operator: &impl SymmetricOperator<S>,
    k: usize,
    ends: usize,
    choose: &dyn Fn(&[f64], usize) -> Vec<usize>,
    options: &TopKOptions,
    watch: &mut dyn Watch,
) -> Result<TopK<S::Block>, TopKError<S::Block>> {
    let space = &operator.space();
    let p = space.len();
    if !space.is_finite(space.all(start))? {
        return Err(Failure::NotFinite.into());
    }
    let tolerance = options.tolerance.max(TopKOptions::attainable(space.epsilon(), p));
    let (block, limit) = (options.block(), options.products(k));
    let subspace = options.subspace(k, space, block);
    let mut known = Known::new(space, start, u64::from(options.seed))?;
    // Directions enough for k pairs.
    known.add_random(space, (COMPANIONS + k).saturating_sub(known.len(space)).max(COMPANIONS))?;
    known.multiply(space, operator)?;
    let mut restarts = 0;
    loop {
        let ritz = known.ritz(space)?;
        let scale = ritz.values.iter().fold(known.scale, |most, l| most.max(l.abs()));
        let wanted = choose(&ritz.values, 0);
        let guards: Vec<usize> = choose(&ritz.values, 1).into_iter().filter(|i| !wanted.contains(i)).collect();
        let looked: Vec<usize> = wanted.iter().chain(&guards).copied().collect();
        let (vectors, rest) = known.residuals(space, &ritz, &looked)?;
        let norms = space.norms(space.all(&rest))?;
        let aim = tolerance * scale;
        let mut open: Vec<usize> = (0..wanted.len()).filter(|&i| norms[i] > aim).collect();
        open.sort_by(|&a, &b| norms[b].total_cmp(&norms[a]));
        let converged = wanted.len() - open.len();
        open.truncate(block);
        let near = |guard: usize| {
            let distance = |&i: &usize| (ritz.values[i] - ritz.values[guard]).abs();
            wanted.iter().map(distance).fold(f64::INFINITY, f64::min)
        };
        let waiting = |&i: &usize| norms[i] > aim && norms[i] > GUARD * near(looked[i]);
        open.extend((wanted.len()..looked.len()).filter(waiting));
        watch.tell(stage::LANCZOS, converged as u64, Some(k as u64), "eigenpairs")?;
        let full = known.len(space) >= p;
        let exhausted = known.products + open.len() > limit;
        if open.is_empty() || full || exhausted {
            let residuals = norms[..wanted.len()].to_vec();
            let top = TopK {
                eigenvalues: wanted.iter().map(|&i| ritz.values[i]).collect(),
                eigenvectors: space.copy(Columns { block: &vectors, range: 0..wanted.len() })?,
                converged: residuals.iter().all(|&r| r <= aim),
                residuals,
                scale,
                tolerance,
                products: known.products,
                drafts: 0,
                restarts,
            };
            // Where the whole space is spanned, what is left is rounding.
            return if top.converged || full { Ok(top) } else { Err(TopKError::NotConverged(Box::new(top))) };
        }
        if known.len(space) + open.len() > subspace.max(k + ends + 2 * block) {
            let mut kept = choose(&ritz.values, 1 + subspace.saturating_sub(k + ends) / (3 * ends.max(1)));
            kept.sort_unstable();
            kept.dedup();
            known.compress(space, &ritz, &kept)?;
            restarts += 1;
        }
        let mut fresh = space.select(&rest, &open)?;
        space.scale_columns(&mut fresh, &open.iter().map(|&i| 1.0 / norms[i]).collect::<Vec<f64>>())?;
        if known.add(space, fresh, ROUNDING * space.epsilon())? == 0 {
            known.add_random(space, 1)?;
        }
        known.multiply(space, operator)?;
    }
}

/// An orthonormal basis, and the products with its columns.
struct Known<B> {
    basis: B,
    /// A Q for the columns Q that were multiplied so far.
    images: B,
    /// Columns the operator was applied to.
    products: usize,
    seed: u64,
    /// Random directions that were drawn.
    drawn: u64,
    /// The length of the longest product with a vector of the basis: a lower bound on |A|.
    scale: f64,
}

/// Ritz pairs of the basis, ascending.
struct Ritz {
    values: Vec<f64>,
    vectors: Matrix<f64>,
}

impl<B> Known<B> {
    fn new<S: Space<Block = B>>(space: &S, start: &B, seed: u64) -> Result<Self, Failure> {
        let given = match brought_near(space, start)? {
            Some((near, _)) => near,
            None => space.copy(space.all(start))?,
        };
        let largest = space.norms(space.all(&given))?.into_iter().fold(0.0f64, f64::max);
        let basis = orthonormal(space, given, None, ROUNDING * space.epsilon() * largest)?.block;
        Ok(Self { basis, images: space.zeros(0)?, products: 0, seed, drawn: 0, scale: 0.0 })
    }

    fn len<S: Space<Block = B>>(&self, space: &S) -> usize {
        space.columns(&self.basis)
    }

    /// Appends what lies outside of the basis of some directions of length 1, and says how many columns that is. Directions of
    /// which less than `least` lies outside are left out.
    fn add<S: Space<Block = B>>(&mut self, space: &S, mut fresh: B, least: f64) -> Result<usize, Failure> {
        project_out(space, space.all(&self.basis), &mut fresh)?;
        project_out(space, space.all(&self.basis), &mut fresh)?;
        let fresh = orthonormal(space, fresh, Some(&self.basis), least)?.block;
        space.append(&mut self.basis, space.all(&fresh))?;
        Ok(space.columns(&fresh))
    }

    /// Appends random directions, as many as there is room for.
    fn add_random<S: Space<Block = B>>(&mut self, space: &S, number: usize) -> Result<(), Failure> {
        let number = number.min(space.len().saturating_sub(self.len(space)));
        let mut drawn = space.random(self.seed, self.drawn..self.drawn + number as u64, Law::Gaussian)?;
        self.drawn += number as u64;
        let norms = space.norms(space.all(&drawn))?;
        space.scale_columns(&mut drawn, &norms.iter().map(|n| 1.0 / n).collect::<Vec<f64>>())?;
        self.add(space, drawn, COMPLETE).map(|_| ())
    }

    /// Multiplies the columns that were not multiplied yet.
    fn multiply<S: Space<Block = B>>(
        &mut self,
        space: &S,
        operator: &(impl SymmetricOperator<S> + ?Sized),
    ) -> Result<(), Failure> {
        let (done, all) = (space.columns(&self.images), self.len(space));
        let fresh = space.copy(Columns { block: &self.basis, range: done..all })?;
        let images = finite_product(operator, &fresh)?;
        let lengths = space.norms(space.all(&images))?;
        self.scale = lengths.into_iter().fold(self.scale, f64::max);
        space.append(&mut self.images, space.all(&images))?;
        self.products += all - done;
        Ok(())
    }

    fn ritz<S: Space<Block = B>>(&self, space: &S) -> Result<Ritz, Failure> {
        let mut projection = space.gram(space.all(&self.basis), space.all(&self.images))?;
        symmetrize(&mut projection);
        let pairs = small_eigen(space, &projection)?;
        Ok(Ritz { values: pairs.eigenvalues, vectors: pairs.eigenvectors })
    }

    /// The Ritz vectors y_i of some places, and A y_i - theta_i y_i.
    fn residuals<S: Space<Block = B>>(&self, space: &S, ritz: &Ritz, places: &[usize]) -> Result<(B, B), Failure> {
        let chosen = ritz.vectors.select_columns(places);
        let vectors = combined(space, space.all(&self.basis), &chosen)?;
        let mut rest = combined(space, space.all(&self.images), &chosen)?;
        let factors: Vec<f64> = places.iter().map(|&i| -ritz.values[i]).collect();
        space.add_scaled(&factors, space.all(&vectors), &mut rest)?;
        Ok((vectors, rest))
    }

    /// Keeps the span of some Ritz vectors.
    fn compress<S: Space<Block = B>>(&mut self, space: &S, ritz: &Ritz, places: &[usize]) -> Result<(), Failure> {
        let chosen = ritz.vectors.select_columns(places);
        self.basis = combined(space, space.all(&self.basis), &chosen)?;
        self.images = combined(space, space.all(&self.images), &chosen)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
