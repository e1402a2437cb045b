//! Compares H v with central differences of the gradient, away from kinks.

use crate::common::cases::{Numbers, Small, table};
use crate::common::compare::{close, largest, matrix, to_f64};
use heigen::config::Activation;
use heigen::curvature::{Hessian, Problem, SymmetricOperator};

/// The grid of the weights. They are float32, and on this grid theta and theta +- step are all exact.
const GRID: f64 = 1.0 / 65536.0;
/// The largest step, in grid points.
const STEP: f64 = 8.0;
/// The error of a central difference: third derivatives (of order 10 at these weights) times the step, squared.
const THIRD_ORDER: f64 = 100.0 * (STEP * GRID) * (STEP * GRID);

fn moved(case: &Small, step: &[f64], sign: f64) -> Small {
    let mut case = case.clone();
    for (w, s) in case.theta.iter_mut().zip(step) {
        *w = (f64::from(*w) + sign * s) as f32;
    }
    case
}

/// Whether the pre-activations and margins of both have the same signs.
fn same_piece(a: &Small, b: &Small) -> bool {
    let signs = |case: &Small| -> Vec<bool> {
        case.textbook.switches(&case.theta_f64(), &case.samples()).iter().map(|&s| s > 0.0).collect()
    };
    signs(a) == signs(b)
}

#[test]
fn products_are_the_differences_of_gradients() {
    let mut compared = [0, 0];
    for mut case in table() {
        case.theta.iter_mut().for_each(|w| *w = ((f64::from(*w) / GRID).round() * GRID) as f32);
        let p = case.theta.len();
        let step: Vec<f64> = Numbers(5).vector(p).iter().map(|x| (x * STEP).round() * GRID).collect();
        let (forward, backward) = (moved(&case, &step, 1.0), moved(&case, &step, -1.0));
        if !(same_piece(&forward, &backward) && same_piece(&forward, &case)) {
            continue;
        }
        compared[usize::from(case.textbook.activation == Activation::Sigmoid)] += 1;
        let network = case.network();
        let at = |case: &Small| -> Problem<f64> { case.problem(&network) };
        let (plus, minus) = (at(&forward).gradient(), at(&backward).gradient());
        let wanted: Vec<f64> = plus.iter().zip(&minus).map(|(a, b)| (a - b) / 2.0 / (STEP * GRID)).collect();
        let direction: Vec<f64> = step.iter().map(|s| s / (STEP * GRID)).collect();
        let got = Hessian(&at(&case)).product(&matrix(&direction, p)).unwrap();
        let scale = largest(&to_f64(&wanted)).max(1.0);
        close(&got.data, &wanted, THIRD_ORDER * scale * (p as f64).sqrt(), &case.name());
    }
    // Without 131 samples and 35 classes no step meets a kink.
    assert!(compared[0] >= 24 && compared[1] >= 24, "compared {compared:?} cases of ReLU and sigmoid");
}
