//! The image networks of the golden files.

use super::Golden;
use heigen::config::{LossKind, ModelSpec};
use heigen::curvature::Problem;
use heigen::data::Dataset;
use heigen::linalg::Matrix;
use heigen::model::Network;
use std::io::Read;
use std::path::PathBuf;

/// An IDX file of the embedded digits, without its header of `header` bytes.
fn idx(file: &str, header: usize) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../datasets").join(file);
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes.split_off(header)
}

/// Digits 0, 1 and 7, `per_class` of each, class by class.
pub fn digits(per_class: usize) -> Dataset {
    let (pixels, labels) = (idx("mnist10k-images-idx3-ubyte.gz", 16), idx("mnist10k-labels-idx1-ubyte.gz", 8));
    let (mut features, mut classes) = (vec![], vec![]);
    for (class, digit) in [0, 1, 7].into_iter().enumerate() {
        let of_class = labels.iter().enumerate().filter(|&(_, &l)| l == digit).take(per_class);
        for (n, _) in of_class {
            features.extend(pixels[n * 784..(n + 1) * 784].iter().map(|&p| f32::from(p)));
            classes.push(class);
        }
    }
    Dataset { features, shape: vec![1, 28, 28], labels: classes, others: None, n_classes: 3, source: "digits".into() }
}

/// The 450 training digits of `mnist017_cnn`.
pub fn training_digits() -> Dataset {
    let data = digits(300);
    let split = heigen::data::split(data.n_samples(), 0.5, 0.2);
    data.subset(&split.train)
}

/// The numbers amplitude * sin(0.7 i + k), as in the script that made the golden files.
fn wave(length: usize, k: f64, amplitude: f64) -> impl Iterator<Item = f64> {
    (0..length).map(move |i| amplitude * (0.7 * i as f64 + k).sin())
}

pub const RESNET18: ModelSpec = ModelSpec::ResNet18 { pretrained: false, for_cifar: true };

/// A network with weights from the sine formula, on eight images from that formula.
pub fn wave_problem(network: &Network, amplitude: f64) -> Problem<'_, f64> {
    let mut theta = Vec::new();
    for (k, entry) in network.layout().entries().iter().enumerate() {
        let is_gamma = entry.name.ends_with("weight") && entry.shape.len() == 1;
        let offset = if is_gamma { 1.0 } else { 0.0 };
        theta.extend(wave(entry.range.len(), k as f64, amplitude).map(|w| w + offset));
    }
    let images: Vec<f64> = wave(8 * 3072, 0.0, 1.0).zip(wave(8 * 3072, 1.0, 0.5)).map(|(a, b)| a + b * b).collect();
    let inputs = Matrix { data: images, rows: 3072, columns: 8 };
    Problem::at(network, theta, inputs, (0..8).collect::<Vec<_>>(), LossKind::CrossEntropy).unwrap()
}

pub fn cnn_problem<'a>(network: &'a Network, data: &Dataset) -> Problem<'a, f64> {
    let theta = super::networks::weights(network, "mnist017_cnn");
    Problem::new(network, &theta, data, LossKind::CrossEntropy).unwrap()
}

/// The direction cos(0.37 i), `[P]`, as one column.
pub fn cosine_direction(p: usize) -> Matrix<f64> {
    Matrix::from_fn(p, 1, |i, _| (0.37 * i as f64).cos())
}

/// Compares logits, loss, gradient and Hessian-vector product with the golden file, to relative 1e-9.
pub fn assert_matches(problem: &Problem<'_, f64>, golden: &Golden) {
    use heigen::curvature::{Hessian, SymmetricOperator};
    let close = |got: &[f64], wanted: &[f64], what: &str| {
        let scale = wanted.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
            assert!((g - w).abs() <= 1e-9 * scale, "{what} {i}: {g} instead of {w}");
        }
    };
    close(&problem.outputs().data, &golden.get("logits").values, "logit");
    close(&[problem.loss()], &golden.get("loss").values, "loss");
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let gradient = problem.gradient();
    close(&[norm(&gradient)], &golden.get("grad_norm").values, "gradient norm");
    close(&gradient[..64], &golden.get("grad_head").values, "gradient");
    let v = cosine_direction(problem.n_params());
    let mut hv = Matrix::zeros(v.rows, 1);
    Hessian(problem).apply(&v, &mut hv).unwrap();
    close(&hv.data[..64], &golden.get("hvp_cos_head").values, "H v");
    close(&[norm(&hv.data)], &golden.get("hvp_cos_norm").values, "|H v|");
    let vhv: f64 = v.data.iter().zip(&hv.data).map(|(v, h)| v * h).sum();
    close(&[vhv], &golden.get("vhv_cos").values, "v H v");
}
