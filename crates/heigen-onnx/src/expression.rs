//! Functions of one number, as arithmetic on constants writes them: how a GELU is recognised in any order of its factors.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

/// Largest relative difference between a constant in a file and the number that it stands for: some exporters keep seven
/// digits only.
const CLOSE: f64 = 1e-6;

/// The coefficients of the polynomial c0 + c1 x + c2 x^2 + c3 x^3.
type Polynomial = [f64; 4];

/// The function by which a GELU computes or approximates the normal distribution function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    Erf,
    Tanh,
}

/// The function times(x) f(of(x)) of a number x.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Gate {
    f: Inner,
    of: Polynomial,
    times: Polynomial,
}

/// The function plain(x) + times(x) f(of(x)) of a number x; without a gate, plain(x) alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Expression {
    plain: Polynomial,
    gate: Option<Gate>,
}

fn sum(a: Polynomial, b: Polynomial) -> Polynomial {
    std::array::from_fn(|i| a[i] + b[i])
}

/// The product of two polynomials; `None` if its degree is more than three.
fn product(a: Polynomial, b: Polynomial) -> Option<Polynomial> {
    let mut all = [0.0; 7];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            all[i + j] += x * y;
        }
    }
    all[4..].iter().all(|&c| c == 0.0).then(|| std::array::from_fn(|i| all[i]))
}

fn close(a: Polynomial, b: Polynomial) -> bool {
    a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= CLOSE * b.abs())
}

impl Expression {
    /// The function x.
    pub(crate) const IDENTITY: Self = Self::scaled(1.0, 0.0);

    /// The function scale x + shift.
    pub(crate) const fn scaled(scale: f64, shift: f64) -> Self {
        Self { plain: [shift, scale, 0.0, 0.0], gate: None }
    }

    /// A constant function.
    pub(crate) const fn constant(value: f64) -> Self {
        Self::scaled(0.0, value)
    }

    /// Scale and shift, if the function is scale x + shift.
    pub(crate) fn as_scaling(&self) -> Option<(f64, f64)> {
        (self.gate.is_none() && self.plain[2] == 0.0 && self.plain[3] == 0.0).then(|| (self.plain[1], self.plain[0]))
    }

    /// The function multiplied by -1.
    pub(crate) fn negative(&self) -> Self {
        let minus = |p: Polynomial| p.map(|c| -c);
        Self { plain: minus(self.plain), gate: self.gate.map(|g| Gate { times: minus(g.times), ..g }) }
    }

    pub(crate) fn plus(&self, other: &Self) -> Option<Self> {
        let gate = match (self.gate, other.gate) {
            (Some(a), Some(b)) if a.f == b.f && a.of == b.of => Some(Gate { times: sum(a.times, b.times), ..a }),
            (Some(_), Some(_)) => return None,
            (a, b) => a.or(b),
        };
        Some(Self { plain: sum(self.plain, other.plain), gate })
    }

    pub(crate) fn times(&self, other: &Self) -> Option<Self> {
        let plain = product(self.plain, other.plain)?;
        let gate = match (self.gate, other.gate) {
            (None, None) => None,
            (Some(g), None) => Some(Gate { times: product(g.times, other.plain)?, ..g }),
            (None, Some(g)) => Some(Gate { times: product(g.times, self.plain)?, ..g }),
            (Some(_), Some(_)) => return None,
        };
        Some(Self { plain, gate })
    }

    /// The function `f` of this one, if this one is a polynomial.
    pub(crate) fn inside(&self, f: Inner) -> Option<Self> {
        let gate = Gate { f, of: self.plain, times: [1.0, 0.0, 0.0, 0.0] };
        self.gate.is_none().then_some(Self { plain: [0.0; 4], gate: Some(gate) })
    }

    /// The kind of GELU that the function is, if it is one: x/2 (1 + erf(x / sqrt 2)), or
    /// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
    pub(crate) fn as_gelu(&self) -> Option<Inner> {
        let gate = self.gate?;
        let half = [0.0, 0.5, 0.0, 0.0];
        let root = FRAC_2_PI.sqrt();
        let of = match gate.f {
            Inner::Erf => [0.0, FRAC_1_SQRT_2, 0.0, 0.0],
            Inner::Tanh => [0.0, root, 0.0, root * 0.044715],
        };
        (close(self.plain, half) && close(gate.times, half) && close(gate.of, of)).then_some(gate.f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gelu_is_recognised_in_any_order_of_its_factors() {
        let x = Expression::IDENTITY;
        let one = Expression::constant(1.0);
        let half = Expression::constant(0.5);
        let erf = x
            .times(&Expression::constant(1.0 / f64::from(std::f32::consts::SQRT_2)))
            .unwrap()
            .inside(Inner::Erf)
            .unwrap();
        let gate = erf.plus(&one).unwrap();
        for product in [[&x, &gate, &half], [&half, &gate, &x], [&half, &x, &gate]] {
            let gelu = product[0].times(product[1]).unwrap().times(product[2]).unwrap();
            assert_eq!(gelu.as_gelu(), Some(Inner::Erf));
        }
        assert_eq!(x.times(&gate).unwrap().as_gelu(), None);
        assert_eq!(gate.times(&gate), None);
        assert_eq!(x.as_gelu(), None);
    }

    #[test]
    fn a_gelu_by_tanh_has_a_cubic_inside() {
        let x = Expression::IDENTITY;
        let cube = x.times(&x).unwrap().times(&x).unwrap();
        assert_eq!(cube.times(&x), None);
        let inside = cube.times(&Expression::constant(0.044715)).unwrap().plus(&x).unwrap();
        let inside = inside.times(&Expression::constant(0.7978845608)).unwrap();
        let gate = inside.inside(Inner::Tanh).unwrap().plus(&Expression::constant(1.0)).unwrap();
        let gelu = gate.times(&x).unwrap().times(&Expression::constant(0.5)).unwrap();
        assert_eq!(gelu.as_gelu(), Some(Inner::Tanh));
    }

    #[test]
    fn differences_and_scalings() {
        let x = Expression::IDENTITY;
        let f = Expression::constant(3.0).plus(&x.negative()).unwrap();
        assert_eq!(f.as_scaling(), Some((-1.0, 3.0)));
        assert_eq!(f.inside(Inner::Erf).unwrap().as_scaling(), None);
        assert_eq!(x.times(&x).unwrap().as_scaling(), None);
    }
}
