//! scikit-learn's two noisy curves in the plane: circles and half moons.
//!
//! Both put half of the points (rounded down) on the outer curve, class 0, and the rest on the inner one, class 1,
//! shuffle them, and then add noise to the coordinates in row-major order, all by one `RandomState`.

use std::f64::consts::{PI, TAU};

use super::Dataset;
use crate::rng::NumpyRandomState;

/// `sklearn.datasets.make_circles(n, noise=noise, factor=factor, random_state=seed)`: the unit circle and a circle of
/// radius `factor`, every one starting on the positive x axis, angles equally spaced.
pub(super) fn circle(n: usize, noise: f64, factor: f64, seed: u32) -> Dataset {
    let (n_outer, n_inner) = halves(n);
    let angles = |count: usize| {
        let step = TAU / count as f64;
        (0..count).map(move |i| i as f64 * step)
    };
    let outer = angles(n_outer).map(|a| [a.cos(), a.sin()]);
    let inner = angles(n_inner).map(|a| [a.cos() * factor, a.sin() * factor]);
    shuffle_and_blur("circle", &outer.chain(inner).collect::<Vec<_>>(), n_outer, noise, seed)
}

/// `sklearn.datasets.make_moons(n, noise=noise, random_state=seed)`: the upper half of the unit circle, and the lower
/// half of the unit circle around (1, 1/2); angles equally spaced on [0, pi], both ends included.
pub(super) fn half_moon(n: usize, noise: f64, seed: u32) -> Dataset {
    let (n_outer, n_inner) = halves(n);
    let angles = |count: usize| {
        let step = PI / (count.max(2) - 1) as f64;
        (0..count).map(move |i| if i > 0 && i == count - 1 { PI } else { i as f64 * step })
    };
    let outer = angles(n_outer).map(|a| [a.cos(), a.sin()]);
    let inner = angles(n_inner).map(|a| [1.0 - a.cos(), 1.0 - a.sin() - 0.5]);
    shuffle_and_blur("half_moon", &outer.chain(inner).collect::<Vec<_>>(), n_outer, noise, seed)
}

/// The number of points on the outer and on the inner curve.
fn halves(n: usize) -> (usize, usize) {
    (n / 2, n - n / 2)
}

fn shuffle_and_blur(name: &str, points: &[[f64; 2]], n_outer: usize, noise: f64, seed: u32) -> Dataset {
    let mut state = NumpyRandomState::new(seed);
    let order = state.permutation(points.len());
    let features = order.iter().flat_map(|&n| points[n]).map(|x| (x + state.normal(0.0, noise)) as f32).collect();
    let labels = order.iter().map(|&n| usize::from(n >= n_outer)).collect();
    Dataset { features, shape: vec![2], labels, others: None, n_classes: 2, source: format!("generated: {name}") }
}
