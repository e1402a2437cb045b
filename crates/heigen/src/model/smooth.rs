//! Functions of one number beyond the paper's activations, each with its first two derivatives.

use super::error_function::erf;
use super::exponential::{by_order, sigmoid, silu};

/// A function of one number that graphs apply entry by entry. Definitions, and derivatives at kinks, are PyTorch's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Smooth {
    /// scale z + shift.
    Affine {
        /// The slope.
        scale: f64,
        /// The value at 0.
        shift: f64,
    },
    /// z where z > 0, slope z elsewhere.
    LeakyRelu(f64),
    /// scale (z where z > 0, alpha (exp(z / width) - 1) elsewhere).
    Elu {
        /// The factor of the exponential.
        alpha: f64,
        /// The factor of everything.
        scale: f64,
        /// The divisor of z.
        width: f64,
    },
    /// z sigmoid(z).
    Silu,
    /// z tanh(log(1 + exp(z))).
    Mish,
    /// z relu6(z + 3) / 6.
    Hardswish,
    /// scale z + shift, kept within 0 and 1.
    Hardsigmoid {
        /// The slope.
        scale: f64,
        /// The value at 0.
        shift: f64,
    },
    /// z kept within bounds.
    Clip(f64, f64),
    /// log(1 + exp(beta z)) / beta, and z where beta z is above the threshold.
    Softplus {
        /// The sharpness.
        beta: f64,
        /// The largest beta z for which the logarithm is taken.
        threshold: f64,
    },
    /// z / (1 + |z|).
    Softsign,
    /// -log(1 + exp(-z)).
    LogSigmoid,
    /// z moved towards 0 by this much, and 0 nearer to it.
    Softshrink(f64),
    /// z where |z| is above this, 0 elsewhere.
    Hardshrink(f64),
    /// z above the threshold, a value elsewhere.
    Threshold {
        /// The threshold.
        threshold: f64,
        /// The value.
        value: f64,
    },
    /// exp(z).
    Exp,
    /// exp(z) - 1.
    Expm1,
    /// log(z).
    Log,
    /// log(1 + z).
    Log1p,
    /// sqrt(z).
    Sqrt,
    /// 1 / z.
    Reciprocal,
    /// The error function.
    Erf,
    /// sin(z).
    Sin,
    /// cos(z).
    Cos,
    /// |z|.
    Abs,
    /// z to this power.
    Power(f64),
    /// -1, 0 or 1.
    Sign,
    /// The largest whole number that is not above z.
    Floor,
    /// The smallest whole number that is not below z.
    Ceil,
    /// The nearest whole number, halves to the even one.
    Round,
    /// 1 where z > 0, 0 elsewhere.
    Positive,
    /// 1 where z >= 0, 0 elsewhere.
    NotNegative,
    /// 1 where z = 0, 0 elsewhere.
    Zero,
    /// 1 where z is not 0, 0 elsewhere.
    NotZero,
}

impl Smooth {
    /// Whether the derivative of this order is zero (almost) everywhere.
    pub fn vanishes(self, order: u8) -> bool {
        match self {
            Self::Affine { .. }
            | Self::LeakyRelu(_)
            | Self::Clip(..)
            | Self::Hardsigmoid { .. }
            | Self::Softshrink(_)
            | Self::Hardshrink(_)
            | Self::Threshold { .. }
            | Self::Abs => order >= 2,
            Self::Sign
            | Self::Floor
            | Self::Ceil
            | Self::Round
            | Self::Positive
            | Self::NotNegative
            | Self::Zero
            | Self::NotZero => order >= 1,
            Self::Power(p) => (p == 0.0 && order >= 1) || (p == 1.0 && order >= 2),
            _ => false,
        }
    }

    /// The `order`-th derivative at z, order 0 to 2.
    #[inline(always)]
    pub fn derivative(self, order: u8, z: f64) -> f64 {
        match self {
            Self::Affine { scale, shift } => [scale * z + shift, scale, 0.0][usize::from(order)],
            Self::LeakyRelu(slope) => of_line(order, z, if z > 0.0 { 1.0 } else { slope }),
            Self::Elu { alpha, scale, width } => elu(order, z, [alpha, scale, width]),
            Self::Silu => by_order!(order, silu, z),
            Self::Mish => mish(order, z),
            Self::Softplus { beta, threshold } => softplus(order, z, beta, threshold),
            Self::Softsign => softsign(order, z),
            Self::LogSigmoid => match order {
                0 => z.min(0.0) - (-z.abs()).exp().ln_1p(),
                1 => sigmoid::<0>(-z),
                _ => -sigmoid::<1>(-z),
            },
            Self::Exp => z.exp(),
            Self::Expm1 => {
                if order == 0 {
                    z.exp_m1()
                } else {
                    z.exp()
                }
            }
            Self::Log => logarithm(order, z, z.ln()),
            Self::Log1p => logarithm(order, 1.0 + z, z.ln_1p()),
            Self::Sqrt => match order {
                0 => z.sqrt(),
                1 => 0.5 / z.sqrt(),
                _ => -0.25 / (z * z.sqrt()),
            },
            Self::Reciprocal => match order {
                0 => 1.0 / z,
                1 => -1.0 / (z * z),
                _ => 2.0 / (z * z * z),
            },
            Self::Erf => by_order!(order, erf, z),
            Self::Sin => [z.sin(), z.cos(), -z.sin()][usize::from(order)],
            Self::Cos => [z.cos(), -z.sin(), -z.cos()][usize::from(order)],
            Self::Power(p) => power(order, z, p),
            _ => self.of_pieces(order, z),
        }
    }

    /// The functions that are made of lines, parabolas and steps.
    fn of_pieces(self, order: u8, z: f64) -> f64 {
        match self {
            Self::Hardswish => match order {
                _ if z < -3.0 => 0.0,
                _ if z > 3.0 => of_line(order, z, 1.0),
                0 => z * (z + 3.0) / 6.0,
                1 if z == 3.0 => 1.0,
                1 if z == -3.0 => 0.0,
                1 => z / 3.0 + 0.5,
                _ => 1.0 / 3.0,
            },
            Self::Hardsigmoid { scale, shift } => {
                let y = scale * z + shift;
                match order {
                    0 => keep_within(y, 0.0, 1.0),
                    1 if y > 0.0 && y < 1.0 => scale,
                    _ => 0.0,
                }
            }
            Self::Clip(low, high) => match order {
                0 => keep_within(z, low, high),
                1 if z >= low && z <= high => 1.0,
                _ => 0.0,
            },
            Self::Softshrink(width) => match order {
                0 if z > width => z - width,
                0 if z < -width => z + width,
                1 if z.abs() > width => 1.0,
                _ => no_number_or_zero(z),
            },
            Self::Hardshrink(width) if z.abs() > width => of_line(order, z, 1.0),
            Self::Hardshrink(_) => no_number_or_zero(z),
            Self::Threshold { threshold, value } => match order {
                0 if z <= threshold => value,
                0 => z,
                1 if z > threshold => 1.0,
                _ => 0.0,
            },
            Self::Abs => match order {
                0 => z.abs(),
                1 => sign(z),
                _ => 0.0,
            },
            _ if order > 0 => 0.0,
            Self::Sign => sign(z),
            Self::Floor => z.floor(),
            Self::Ceil => z.ceil(),
            Self::Round => z.round_ties_even(),
            Self::Positive => f64::from(z > 0.0),
            Self::NotNegative => f64::from(z >= 0.0),
            Self::Zero => f64::from(z == 0.0),
            Self::NotZero => f64::from(z != 0.0),
            smooth => smooth.derivative(order, z),
        }
    }
}

fn elu(order: u8, z: f64, [alpha, scale, width]: [f64; 3]) -> f64 {
    if z > 0.0 {
        return of_line(order, z, scale);
    }
    let factor = scale * alpha;
    match order {
        0 => factor * (z / width).exp_m1(),
        1 => factor / width * (z / width).exp(),
        _ => factor / (width * width) * (z / width).exp(),
    }
}

/// log(1 + exp(beta z)) / beta, and z where beta z is above the threshold; or a derivative.
#[inline(always)]
pub(super) fn softplus(order: u8, z: f64, beta: f64, threshold: f64) -> f64 {
    let y = beta * z;
    if y > threshold {
        return of_line(order, z, 1.0);
    }
    match order {
        0 => (y.max(0.0) + (-y.abs()).exp().ln_1p()) / beta,
        1 => sigmoid::<0>(y),
        _ => beta * sigmoid::<1>(y),
    }
}

fn softsign(order: u8, z: f64) -> f64 {
    let w = 1.0 + z.abs();
    match order {
        0 => z / w,
        1 => 1.0 / (w * w),
        _ if z == 0.0 => 0.0,
        _ => -2.0 * z.signum() / (w * w * w),
    }
}

/// A line through 0.
fn of_line(order: u8, z: f64, slope: f64) -> f64 {
    match order {
        0 => slope * z,
        1 => slope,
        _ => 0.0,
    }
}

/// Unlike `clamp`, lets NaN through and takes bounds in any order: the upper one wins, as in PyTorch.
fn keep_within(z: f64, low: f64, high: f64) -> f64 {
    let z = if z < low { low } else { z };
    if z > high { high } else { z }
}

fn no_number_or_zero(z: f64) -> f64 {
    if z.is_nan() { z } else { 0.0 }
}

fn sign(z: f64) -> f64 {
    if z == 0.0 { 0.0 } else { z.signum() }
}

fn logarithm(order: u8, argument: f64, value: f64) -> f64 {
    match order {
        0 => value,
        1 => 1.0 / argument,
        _ => -1.0 / (argument * argument),
    }
}

fn power(order: u8, z: f64, p: f64) -> f64 {
    let of = |p: f64| if p == p.trunc() && p.abs() < 64.0 { z.powi(p as i32) } else { z.powf(p) };
    match order {
        0 => of(p),
        1 if p == 0.0 => 0.0,
        1 => p * of(p - 1.0),
        _ if p == 0.0 || p == 1.0 => 0.0,
        _ => p * (p - 1.0) * of(p - 2.0),
    }
}

/// With t = tanh(softplus(z)) and s = sigmoid(z): t' = (1 - t^2) s.
#[inline(always)]
fn mish(order: u8, z: f64) -> f64 {
    let softplus = z.max(0.0) + (-z.abs()).exp().ln_1p();
    let t = softplus.tanh();
    let (s, ds) = (sigmoid::<0>(z), sigmoid::<1>(z));
    let e = (-2.0 * softplus).exp();
    let slope = 4.0 * e / ((1.0 + e) * (1.0 + e));
    let dt = slope * s;
    match order {
        0 => z * t,
        1 => t + z * dt,
        _ => 2.0 * dt + z * (slope * ds - 2.0 * t * dt * s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_match_central_differences() {
        let functions = [
            Smooth::Affine { scale: 2.0, shift: 0.5 },
            Smooth::LeakyRelu(0.1),
            Smooth::Elu { alpha: 0.7, scale: 1.1, width: 0.9 },
            Smooth::Silu,
            Smooth::Mish,
            Smooth::Hardswish,
            Smooth::Hardsigmoid { scale: 0.2, shift: 0.5 },
            Smooth::Clip(-1.0, 1.5),
            Smooth::Softplus { beta: 1.5, threshold: 20.0 },
            Smooth::Softsign,
            Smooth::LogSigmoid,
            Smooth::Softshrink(0.5),
            Smooth::Hardshrink(0.5),
            Smooth::Threshold { threshold: 0.2, value: 3.0 },
            Smooth::Exp,
            Smooth::Expm1,
            Smooth::Log,
            Smooth::Log1p,
            Smooth::Sqrt,
            Smooth::Reciprocal,
            Smooth::Erf,
            Smooth::Sin,
            Smooth::Cos,
            Smooth::Abs,
            Smooth::Power(3.0),
            Smooth::Power(1.5),
            Smooth::Power(-2.0),
            Smooth::Sign,
            Smooth::Floor,
        ];
        for f in functions {
            for order in 1..=2 {
                for z in [-4.3f64, -2.1, -0.3, 0.4, 1.7, 5.2] {
                    let h = 1e-5;
                    let difference = (f.derivative(order - 1, z + h) - f.derivative(order - 1, z - h)) / (2.0 * h);
                    if difference.is_nan() {
                        continue;
                    }
                    let own = f.derivative(order, z);
                    assert!(
                        (own - difference).abs() < 1e-7 * (1.0 + own.abs()),
                        "{f:?} {order} {z}: {own} {difference}"
                    );
                    assert!(!f.vanishes(order) || own == 0.0, "{f:?} {order} {z}");
                }
            }
        }
    }

    #[test]
    fn values_are_those_of_pytorch_in_float64() {
        let near = |f: Smooth, z: f64, expected: f64| {
            let own = f.derivative(0, z);
            assert!((own - expected).abs() < 1e-15, "{f:?}({z}) = {own}");
        };
        near(Smooth::Mish, 1.0, 0.8650983882673103);
        near(Smooth::Silu, -1.0, -0.2689414213699951);
        near(Smooth::Hardswish, 1.0, 0.6666666666666666);
        near(Smooth::Erf, 0.5, 0.5204998778130465);
        near(Smooth::LogSigmoid, -2.0, -2.1269280110429727);
        assert!(Smooth::Clip(0.0, 1.0).derivative(0, f64::NAN).is_nan());
        assert_eq!(Smooth::Round.derivative(0, 2.5), 2.0);
    }
}
