//! Eigenpairs searched for with a coarser operator, and refined and proven with the operator itself.
//!
//! Nearly all products of a search only serve to find out where the eigenvectors are, which a coarser type of numbers tells as
//! well. What it finds are directions, nothing else is taken over: with the products of these directions in the finer type
//! the Ritz pairs are computed anew (Rayleigh-Ritz), and so are their residuals, which therefore are those of the operator
//! itself. Where rounding of the coarser type has left larger residuals than allowed, the residuals themselves are the directions
//! that are added (a block Krylov step from the Ritz vectors).

use super::basis::Ritz;
use super::top_k::{AIM, Course, Run, search};
use super::{KrylovBasis, TopK, TopKError, TopKOptions, Which};
use crate::gram_schmidt::{combined, orthonormal, project_out, small_eigen};
use crate::linalg::symmetrize;
use crate::operator::finite_product;
use crate::ordinary::Ordinary;
use crate::space::Columns;
use crate::{Failure, Space, SymmetricOperator, Watch, stage};
use std::fmt::Debug;

/// What became of a coarser search.
pub(super) enum Draft<B> {
    /// The pairs, refined as far as the products allowed.
    Refined(Box<TopK<B>>),
    /// There is no coarser operator that is worth it, or it was not good enough.
    None {
        /// Products with the operator itself that it took to see that.
        products: usize,
        /// Products with the coarser operator.
        drafts: usize,
    },
}

/// A draft pays where the whole space is larger than the wanted part of it by this factor.
const WORTH: usize = 8;
/// Below this tolerance rounding of the coarser type would leave all of the pairs to be refined several times, which takes as many
/// products as a search.
const FINEST: f64 = 1e-8;
/// Wanted eigenvalues below this many units of the coarser rounding, as a fraction of |A|, are not seen by the coarser operator.
const UNSEEN: f64 = 200.0;
/// Eigenvalues of the coarser operator differ from those of the operator itself by no more than this fraction of |A|, or it is another
/// one: its rounding may be that large, or the function has no digits in its type of numbers.
const ALIKE: f64 = 1e-3;
/// The residuals that are added as directions: those above this share of the tolerance.
const SMALL: f64 = 0.5;

/// What the coarser search found.
struct Found<B> {
    /// The wanted eigenvalues, in the order of return.
    values: Vec<f64>,
    /// The eigenvectors of these, and of the largest magnitude of all.
    vectors: B,
    products: usize,
    restarts: usize,
}

/// The pairs by a coarser search, where the operator has a coarser form and the search is worth it.
pub(super) fn by_draft<S: Space<Block: Debug>, O: SymmetricOperator<S> + ?Sized>(
    space: &S,
    operator: &Ordinary<'_, O>,
    k: usize,
    which: Which,
    options: &TopKOptions,
    watch: &mut dyn Watch,
) -> Result<Draft<S::Block>, TopKError<S::Block>> {
    let limit = options.products(k);
    // The refinement takes a product with each pair, and one with the pair of the largest eigenvalue.
    let own = 2 * k + 1;
    if k == 0 || options.tolerance < FINEST || WORTH * k > space.len() || 2 * own > limit {
        return Ok(Draft::None { products: 0, drafts: 0 });
    }
    let Some(coarse) = operator.given().coarse()? else { return Ok(Draft::None { products: 0, drafts: 0 }) };
    let mut drafts = 0;
    let found = match draft(&coarse, k, which, options, limit - own, &mut drafts, watch) {
        Ok(found) => found,
        Err(Failure::Stopped(stopped)) => return Err(stopped.into()),
        // What a coarser type of numbers cannot hold, as numbers that overflow in it, the operator itself may.
        Err(_) => None,
    };
    let Some(found) = found else { return Ok(Draft::None { products: 0, drafts }) };
    let (top, alike) = refined(space, operator, k, which, options, &found, watch)?;
    // Refinement that has not come to its end is as good as no draft, unless products are used up.
    if alike && (top.converged || top.products + drafts + options.block() > limit) {
        return Ok(Draft::Refined(Box::new(top)));
    }
    Ok(Draft::None { products: top.products, drafts })
}

/// Searches with the coarser operator. `None` where it does not see what is wanted.
fn draft<S: Space>(
    operator: &dyn SymmetricOperator<S>,
    k: usize,
    which: Which,
    options: &TopKOptions,
    limit: usize,
    products: &mut usize,
    watch: &mut dyn Watch,
) -> Result<Option<Found<S::Block>>, Failure> {
    let space = &operator.space();
    let operator = &Ordinary::new(operator, None);
    let tolerance = options.tolerance;
    let mut basis = KrylovBasis::random(space, options.block(), options.seed)?;
    basis.coarse = true;
    let run = Run { k, which, tolerance, before: 0, epsilon: space.epsilon(), coarse: true };
    let mut course = Course::new(AIM * tolerance);
    let searched = search(&run, space, operator, &mut basis, options, limit, &mut course, watch);
    *products = basis.products;
    let (ritz, _) = searched?;
    let mut wanted = which.wanted(&ritz.values, k).concat();
    let least = wanted.iter().fold(f64::INFINITY, |m, &i| m.min(ritz.values[i].abs()));
    if wanted.len() < k || least <= UNSEEN * space.epsilon() * basis.scale {
        return Ok(None);
    }
    let values = wanted.iter().map(|&i| operator.back(ritz.values[i])).collect();
    // The largest magnitude of all is what residuals are relative to.
    let largest = (0..ritz.values.len()).max_by(|&i, &j| ritz.values[i].abs().total_cmp(&ritz.values[j].abs()));
    wanted.extend(largest.filter(|i| !wanted.contains(i)));
    let vectors = basis.vectors(space, &ritz, &wanted)?;
    Ok(Some(Found { values, vectors, products: basis.products, restarts: course.restarts }))
}

/// The Ritz pairs of the operator in the span of the draft, which grows by residuals until all that are wanted are small enough; and
/// whether the coarser operator is one and the same up to its rounding, so that its largest eigenvalues are those that are wanted.
fn refined<S: Space, O: SymmetricOperator<S> + ?Sized>(
    space: &S,
    operator: &Ordinary<'_, O>,
    k: usize,
    which: Which,
    options: &TopKOptions,
    found: &Found<<S::Coarse as Space>::Block>,
    watch: &mut dyn Watch,
) -> Result<(TopK<S::Block>, bool), Failure> {
    let start = space.refined(&found.vectors)?;
    let mut u = orthonormal(space, start, None, 0.0)?.block;
    let mut products = space.columns(&u);
    let mut au = finite_product(operator, &u)?;
    // Where refinement takes half of the products of the search, a search with the operator itself is as cheap.
    let most = products + found.products / 2;
    let mut alike = None;
    loop {
        let ritz = ritz_of(space, &u, &au)?;
        let scale = ritz.values.iter().fold(0.0f64, |m, l| m.max(l.abs()));
        let wanted = which.wanted(&ritz.values, k).concat();
        let alike = *alike.get_or_insert_with(|| {
            let apart = |(&i, value): (&usize, &f64)| (ritz.values[i] - operator.there(*value)).abs() > ALIKE * scale;
            wanted.len() == k && !wanted.iter().zip(&found.values).any(apart)
        });
        let s = ritz.vectors.select_columns(&wanted);
        let eigenvectors = combined(space, space.all(&u), &s)?;
        let mut rest = combined(space, space.all(&au), &s)?;
        let negative: Vec<f64> = wanted.iter().map(|&i| -ritz.values[i]).collect();
        space.add_scaled(&negative, space.all(&eigenvectors), &mut rest)?;
        let residuals = space.norms(space.all(&rest))?;
        let limit = options.tolerance * scale;
        let small = residuals.iter().filter(|&&r| r <= limit).count();
        watch.tell(stage::LANCZOS, small as u64, Some(k as u64), "eigenpairs")?;
        let converged = small == k;
        let large = |&i: &usize| !converged && residuals[i] > SMALL * limit;
        let active: Vec<usize> = (0..residuals.len()).filter(large).collect();
        let mut more = space.select(&rest, &active)?;
        let lengths: Vec<f64> = active.iter().map(|&i| 1.0 / residuals[i]).collect();
        space.scale_columns(&mut more, &lengths)?;
        project_out(space, space.all(&u), &mut more)?;
        let more = orthonormal(space, more, Some(&u), DEPENDENT)?.block;
        let columns = space.columns(&more);
        if converged || !alike || columns == 0 || products + columns > most {
            let top = TopK {
                eigenvalues: wanted.iter().map(|&i| ritz.values[i]).collect(),
                eigenvectors,
                residuals,
                scale,
                tolerance: options.tolerance,
                products,
                drafts: found.products,
                restarts: found.restarts,
                converged,
            };
            return Ok((top, alike));
        }
        let product = finite_product(operator, &more)?;
        products += columns;
        space.append(&mut u, space.all(&more))?;
        space.append(&mut au, space.all(&product))?;
    }
}

/// Residuals of length 1 whose share outside of the others is less than this are the same direction.
const DEPENDENT: f64 = 1e-3;

/// The Ritz pairs of the span of U, from the products A U.
fn ritz_of<S: Space>(space: &S, u: &S::Block, au: &S::Block) -> Result<Ritz, Failure> {
    let mut t = space.gram(Columns { block: u, range: 0..space.columns(u) }, space.all(au))?;
    symmetrize(&mut t);
    let pairs = small_eigen(space, &t)?;
    Ok(Ritz { values: pairs.eigenvalues, vectors: pairs.eigenvectors, residuals: Vec::new() })
}
