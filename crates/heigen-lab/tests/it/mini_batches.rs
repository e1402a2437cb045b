//! The largest eigenvalues of mini-batches are those of Hessians that are made of central differences of a gradient by hand.

use crate::common::{Folder, lab, small};
use heigen::data::Dataset;
use heigen_lab::{BatchOptions, Drawing, FigureNumbers, FigureRequest, How, Making, PLOTS, Parts, TrainRequest};

/// Features, two layers of hidden units with ReLU, classes.
const WIDTHS: [usize; 4] = [2, 8, 8, 3];

/// The gradient of the mean cross-entropy of some samples plus mu / 2 |theta|^2, unit by unit.
fn gradient(theta: &[f64], data: &Dataset, batch: &[usize], mu: f64) -> Vec<f64> {
    let mut total: Vec<f64> = theta.iter().map(|w| mu * w).collect();
    let mut starts = vec![0];
    for pair in WIDTHS.windows(2) {
        starts.push(starts[starts.len() - 1] + pair[1] * (pair[0] + 1));
    }
    for &sample in batch {
        let mut units: Vec<Vec<f64>> =
            vec![data.features[2 * sample..2 * sample + 2].iter().map(|&x| f64::from(x)).collect()];
        for (layer, pair) in WIDTHS.windows(2).enumerate() {
            let (w, b) = (starts[layer], starts[layer] + pair[1] * pair[0]);
            let before = &units[layer];
            let sums = (0..pair[1]).map(|o| {
                let row = &theta[w + o * pair[0]..w + (o + 1) * pair[0]];
                theta[b + o] + row.iter().zip(before).map(|(w, x)| w * x).sum::<f64>()
            });
            let hidden = layer + 2 < WIDTHS.len();
            units.push(sums.map(|z| if hidden { z.max(0.0) } else { z }).collect());
        }
        let logits = &units[3];
        let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|z| (z - highest).exp()).sum();
        let mut delta: Vec<f64> = logits.iter().map(|z| (z - highest).exp() / sum).collect();
        delta[data.labels[sample]] -= 1.0;
        for layer in (0..3).rev() {
            let (inputs, outputs) = (WIDTHS[layer], WIDTHS[layer + 1]);
            let (w, b) = (starts[layer], starts[layer] + outputs * inputs);
            let mut back = vec![0.0; inputs];
            for (o, d) in delta.iter().enumerate() {
                total[b + o] += d / batch.len() as f64;
                for (i, (x, back)) in units[layer].iter().zip(&mut back).enumerate() {
                    total[w + o * inputs + i] += d * x / batch.len() as f64;
                    *back += d * theta[w + o * inputs + i];
                }
            }
            let on = |i: usize| layer == 0 || units[layer][i] > 0.0;
            delta = (0..inputs).map(|i| if on(i) { back[i] } else { 0.0 }).collect();
        }
    }
    total
}

/// The largest eigenvalue of the matrix with these columns: H + |H| I is squared until only its first eigenvector is left.
fn largest(columns: &[Vec<f64>]) -> f64 {
    let n = columns.len();
    let size = columns.iter().flatten().map(|h| h * h).sum::<f64>().sqrt();
    let h = |i: usize, j: usize| f64::midpoint(columns[i][j], columns[j][i]);
    let mut power: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| h(i, j) / size + f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..12 {
        let entry = |i: usize, j: usize| (0..n).map(|k| power[i][k] * power[k][j]).sum::<f64>();
        let squared: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect();
        let most = squared.iter().flatten().fold(0.0f64, |m, x| m.max(x.abs()));
        power = squared.into_iter().map(|row| row.into_iter().map(|x| x / most).collect()).collect();
    }
    // Any column with something of the eigenvector in it.
    let v = power.iter().max_by(|a, b| norm(a).total_cmp(&norm(b))).unwrap();
    let hv: Vec<f64> = (0..n).map(|i| (0..n).map(|j| h(i, j) * v[j]).sum()).collect();
    v.iter().zip(&hv).map(|(v, h)| v * h).sum::<f64>() / norm(v).powi(2)
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn eigenvalues_of_mini_batches_are_those_of_central_differences_of_the_gradient() {
    let (folder, lab) = (Folder::new(), lab());
    let (store, making, mu) = (folder.store("results"), Making::default(), 0.125);
    let experiment = folder.experiment("plain", &small(60));
    let request = TrainRequest { store: store.clone(), experiment: experiment.clone(), making: making.clone() };
    let theta: Vec<f64> = lab.train(&request, &()).unwrap().theta.into_iter().map(f64::from).collect();
    let figure = PLOTS.iter().find(|figure| figure.name == "minibatches").unwrap();
    let batches = BatchOptions { size: Some(30), count: Some(7), seed: 5 };
    let request = FigureRequest {
        store: store.clone(),
        figure,
        experiments: vec![experiment.clone()],
        how: How::default(),
        parts: Parts::default(),
        drawing: Drawing { batches, weight_decay: mu, ..Drawing::paper(figure) },
        asked: None,
        folder: store.dir().join("figures"),
        making,
    };
    let Some(FigureNumbers::Batches(found)) = lab.figure_numbers(&request, None, &()).unwrap() else {
        panic!("these are no numbers of mini-batches")
    };
    // What is drawn is what is told, and a picture that is up to date computes nothing.
    assert_eq!(lab.draw(&request, &()).unwrap().numbers, Some(FigureNumbers::Batches(found.clone())));
    assert_eq!(lab.draw(&request, &()).unwrap().numbers, None);

    let prepared = lab.prepared(&experiment.experiment, &()).unwrap();
    let data = prepared.training();
    let by_differences = |batch: &[usize]| {
        let columns: Vec<Vec<f64>> = (0..theta.len())
            .map(|p| {
                const STEP: f64 = 1e-6;
                let moved = |by: f64| {
                    let mut theta = theta.clone();
                    theta[p] += by;
                    gradient(&theta, data, batch, mu)
                };
                moved(STEP).iter().zip(moved(-STEP)).map(|(a, b)| (a - b) / (2.0 * STEP)).collect()
            })
            .collect();
        largest(&columns)
    };
    assert_eq!(
        (found.batches.len(), found.lambda_1.len()),
        (7, 7),
        "one pass has five batches, so there are two passes"
    );
    let close = |got: f64, wanted: f64| assert!((got - wanted).abs() < 1e-6 * wanted, "{got} {wanted}");
    for (batch, &lambda_1) in found.batches.iter().zip(&found.lambda_1) {
        assert_eq!(batch.len(), 30);
        close(lambda_1, by_differences(batch));
    }
    close(found.all_samples, by_differences(&(0..data.n_samples()).collect::<Vec<_>>()));
    // Batches differ: no number stands for another one's.
    let (low, high) = found.lambda_1.iter().fold((f64::MAX, 0.0f64), |(l, h), &x| (l.min(x), h.max(x)));
    assert!(high > 1.05 * low, "{:?}", found.lambda_1);
}
