//! When to look at the Ritz values: an eigenproblem of the basis's size, which grows with its cube.

/// The sizes that the costs of a look and of a product's place in the basis follow from.
pub(super) struct Sizes {
    /// P.
    pub(super) p: usize,
    /// Columns of the basis.
    pub(super) m: usize,
    /// Columns of the next product.
    pub(super) width: usize,
}

/// A look costs 9 m^3 operations, and a column's place in a basis of m columns 4 P m. Looks take this share of the
/// operations at most, unless convergence is near.
const SHARE: f64 = 0.25;
/// Near convergence looks may be more frequent by this factor: a column too many costs a product, too.
const NEAR: f64 = 8.0;
/// Looks are no farther apart than this fraction of the basis.
const GROWTH: f64 = 0.12;
/// The share of the way to the expected convergence that is gone before the next look. Residuals fall the faster the
/// smaller they are, so that the line through the last two logarithms is an upper bound.
const PART: f64 = 0.5;

/// The looks taken so far, in terms of products.
#[derive(Default)]
pub(super) struct Looks {
    next: usize,
    /// Products at the last look, and the logarithm of the worst wanted residual in units of its aim.
    last: Option<(usize, f64)>,
    /// The wanted Ritz values at the last look.
    values: Vec<f64>,
}

impl Looks {
    /// Whether a look is due after so many products.
    pub(super) fn is_due(&self, products: usize) -> bool {
        products >= self.next
    }

    /// Whether the wanted Ritz values are where they were at the last look, up to `change`.
    ///
    /// All wanted pairs may have small residuals although one that belongs between them has not appeared yet: it moves all
    /// values behind it when it does. That is rare if it has not happened between two looks.
    pub(super) fn settled(&mut self, values: Vec<f64>, change: f64) -> bool {
        let before = std::mem::replace(&mut self.values, values);
        let moved = |(a, b): (&f64, &f64)| (a - b).abs() > change;
        before.len() == self.values.len() && !before.iter().zip(&self.values).any(moved)
    }

    /// Chooses the next look after one that found the residual `worst`.
    pub(super) fn note(&mut self, products: usize, worst: f64, sizes: &Sizes) {
        let (m, width) = (sizes.m as f64, sizes.width as f64);
        let share = 9.0 * m * m / (4.0 * SHARE * sizes.p.max(1) as f64);
        let far = share.min(GROWTH * m).max(width);
        let near = (share / NEAR).max(width).min(far);
        let level = worst.ln();
        let ahead = match self.last {
            Some((before, above)) if above.is_finite() && level < above => {
                PART * level.max(0.0) * (products - before) as f64 / (above - level)
            }
            _ => far,
        };
        self.next = products + ahead.clamp(near, far) as usize;
        self.last = Some((products, level));
    }
}
