//! A classifier of one input with two boundaries.

use crate::Noise;
use heigen_figures::{InputLine, LossSurface};

pub(crate) fn made_up() -> InputLine {
    const N_X: usize = 100;
    const N_PARAMS: usize = 42;
    let mut noise = Noise(7);
    let x: Vec<f64> = (0..N_X).map(|i| 0.35 + 1.15 * i as f64 / (N_X - 1) as f64).collect();
    let margin = |x: f64| 9.0 * (x - 0.7) * (1.2 - x) * (1.0 + x);
    let region = |x: f64| usize::from(margin(x) > 0.0);
    let row: Vec<(f64, f64, f64)> = (0..N_PARAMS)
        .map(|p| {
            let place = p as f64 / N_PARAMS as f64;
            ((6.0 * place - 3.0).tanh(), 4.0 * place, 0.05 * noise.normal())
        })
        .collect();
    let gradients = row.iter().flat_map(|&(level, turn, jitter)| {
        x.iter().map(move |&x| {
            let sign = if region(x) == 0 { 1.0 } else { -1.0 };
            (0.35 * sign * level * (0.6 + 0.4 * (5.0 * x + turn).sin()) + jitter).clamp(-1.0, 1.0)
        })
    });
    let vector = |f: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
        let raw: Vec<f64> = row.iter().map(|&(level, turn, jitter)| f(level, turn) + jitter).collect();
        let norm = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
        raw.iter().map(|v| v / norm).collect()
    };
    let nodes = 33;
    let step = |i: usize| -1.0 + 2.0 * i as f64 / (nodes - 1) as f64;
    let loss =
        |a: f64, b: f64| 0.02 + 1.6 * a * a + 0.25 * b * b + 0.25 * a * b + 0.3 * (a * a * a + 0.4 * b).tanh().powi(2);
    let mut eigenvalues: Vec<f64> = (0..N_PARAMS).map(|i| 1.3 * 0.42f64.powf(i as f64)).collect();
    for (i, value) in eigenvalues.iter_mut().enumerate().skip(20) {
        *value = -1e-4 * (i as f64 - 20.0).powi(2) / 60.0;
    }
    InputLine {
        x_range: [0.35, 1.5],
        logits: vec![x.iter().map(|&x| -margin(x)).collect(), x.iter().map(|&x| margin(x) + 0.2 * x).collect()],
        boundaries: vec![0.7, 1.2],
        regions: vec![0, 1, 0],
        gradients: gradients.collect(),
        eigenvectors: vec![vector(&|level, _| level), vector(&|_, turn| turn.sin())],
        alignments: vec![
            x.iter().map(|&x| if region(x) == 0 { 0.9 - 0.2 * x } else { -0.85 + 0.1 * x }).collect(),
            x.iter().map(|&x| 0.5 * (9.0 * x).sin()).collect(),
        ],
        points: (0..40).map(|i| 0.4 + 1.05 * f64::from(i) / 39.0 + 0.01 * noise.next()).collect(),
        classes: (0..40).map(|i| region(0.4 + 1.05 * f64::from(i) / 39.0)).collect(),
        class_names: vec!["class 0".to_owned(), "class 1".to_owned()],
        eigenvalues,
        outliers: 2,
        surface: LossSurface {
            a_range: [-1.0, 1.0],
            b_range: [-1.0, 1.0],
            grid: [nodes, nodes],
            losses: (0..nodes * nodes).map(|i| loss(step(i % nodes), step(i / nodes))).collect(),
            minimum: Some([0.0, 0.0, loss(0.0, 0.0)]),
            logarithmic: false,
        },
        x,
    }
}
