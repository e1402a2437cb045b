//! Numbers with two directional derivatives and their mixed second one, exact to rounding.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The number a + b e1 + c e2 + d e1 e2 with e1^2 = e2^2 = 0: f(x + u e1 + v e2) has the parts f, f'u, f'v, u'f''v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HyperDual {
    pub value: f64,
    pub e1: f64,
    pub e2: f64,
    pub e12: f64,
}

impl HyperDual {
    pub fn constant(value: f64) -> Self {
        Self { value, e1: 0.0, e2: 0.0, e12: 0.0 }
    }

    /// The number f(self), from the values f, f' and f'' at the value of `self`.
    fn chain(self, f: f64, slope: f64, curvature: f64) -> Self {
        Self {
            value: f,
            e1: slope * self.e1,
            e2: slope * self.e2,
            e12: slope * self.e12 + curvature * self.e1 * self.e2,
        }
    }

    pub fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e, e)
    }

    pub fn ln(self) -> Self {
        let x = self.value;
        self.chain(x.ln(), 1.0 / x, -1.0 / (x * x))
    }

    /// The function max(0, x), with derivative 0 at 0.
    pub fn positive_part(self) -> Self {
        if self.value > 0.0 { self } else { Self::constant(0.0) }
    }
}

impl Add for HyperDual {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self { value: self.value + o.value, e1: self.e1 + o.e1, e2: self.e2 + o.e2, e12: self.e12 + o.e12 }
    }
}

impl Neg for HyperDual {
    type Output = Self;
    fn neg(self) -> Self {
        self.chain(-self.value, -1.0, 0.0)
    }
}

impl Sub for HyperDual {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        self + -o
    }
}

impl Mul for HyperDual {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Self {
            value: self.value * o.value,
            e1: self.value * o.e1 + self.e1 * o.value,
            e2: self.value * o.e2 + self.e2 * o.value,
            e12: self.value * o.e12 + self.e12 * o.value + self.e1 * o.e2 + self.e2 * o.e1,
        }
    }
}

impl Div for HyperDual {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let inverse = 1.0 / o.value;
        self * o.chain(inverse, -inverse * inverse, 2.0 * inverse * inverse * inverse)
    }
}

impl std::iter::Sum for HyperDual {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::constant(0.0), Add::add)
    }
}

/// All first derivatives of `f` at `x`, two at a time.
pub fn gradient(f: impl Fn(&[HyperDual]) -> HyperDual, x: &[f64]) -> Vec<f64> {
    let mut point: Vec<HyperDual> = x.iter().copied().map(HyperDual::constant).collect();
    let mut gradient = Vec::with_capacity(x.len());
    for i in (0..x.len()).step_by(2) {
        let next = (i + 1 < x.len()).then_some(i + 1);
        point[i].e1 = 1.0;
        next.into_iter().for_each(|j| point[j].e2 = 1.0);
        let result = f(&point);
        gradient.push(result.e1);
        gradient.extend(next.map(|_| result.e2));
        point[i].e1 = 0.0;
        next.into_iter().for_each(|j| point[j].e2 = 0.0);
    }
    gradient
}

/// All second derivatives of `f` at `x`, [P, P].
pub fn hessian(f: impl Fn(&[HyperDual]) -> HyperDual, x: &[f64]) -> Vec<f64> {
    let p = x.len();
    let mut point: Vec<HyperDual> = x.iter().copied().map(HyperDual::constant).collect();
    let mut hessian = vec![0.0; p * p];
    for i in 0..p {
        point[i].e1 = 1.0;
        for j in 0..=i {
            point[j].e2 = 1.0;
            let second = f(&point).e12;
            hessian[i + j * p] = second;
            hessian[j + i * p] = second;
            point[j].e2 = 0.0;
        }
        point[i].e1 = 0.0;
    }
    hessian
}
