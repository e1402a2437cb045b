//! Samples and networks of the classic experiments.

use crate::LabError;
use heigen::config::{DatasetSpec, LossKind};
use heigen::curvature::{Hessian, Problem, Start, TopK, TopKOptions, Which, refine, top_k_from};
use heigen::data::{Dataset, Split, generate};
use heigen::linalg::Matrix;
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::Parts;
use heigen::vocabulary::{ModelSpec, Sequential};
use heigen_spectra::Threads;
use heigen_store::image_folder::digits;

/// The first `n` of the digits that are built in, 14 x 14 pixels: means of 2 x 2 pixels, from which each pixel's mean over the
/// samples is taken, divided by the standard deviation of all.
pub(super) fn pooled_digits(n: usize) -> Result<Dataset, LabError> {
    const SIDE: usize = 28;
    const POOLED: usize = SIDE / 2;
    let images = digits()?.images;
    let n = n.min(images.labels.len());
    let mut pixels = vec![0.0f64; n * POOLED * POOLED];
    for (image, pooled) in images.pixels.chunks_exact(SIDE * SIDE).zip(pixels.chunks_exact_mut(POOLED * POOLED)) {
        for (place, pooled) in pooled.iter_mut().enumerate() {
            let (row, column) = (2 * (place / POOLED), 2 * (place % POOLED));
            let at = |r: usize, c: usize| f64::from(image[(row + r) * SIDE + column + c]);
            *pooled = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / (4.0 * 255.0);
        }
    }
    for place in 0..POOLED * POOLED {
        let mean = pixels.iter().skip(place).step_by(POOLED * POOLED).sum::<f64>() / n as f64;
        pixels.iter_mut().skip(place).step_by(POOLED * POOLED).for_each(|x| *x -= mean);
    }
    let deviation = (pixels.iter().map(|x| x * x).sum::<f64>() / pixels.len() as f64).sqrt();
    Ok(Dataset {
        features: pixels.iter().map(|x| (x / deviation) as f32).collect(),
        shape: vec![1, POOLED, POOLED],
        labels: images.labels[..n].iter().map(|&y| usize::from(y)).collect(),
        others: None,
        n_classes: 10,
        source: format!("the first {n} of the built-in digits, 14 x 14"),
    })
}

/// Three Gaussian blobs in the plane, 300 samples: the paper's `gauss_mixtures`.
pub(super) fn blobs() -> Result<Dataset, LabError> {
    generate(&DatasetSpec::GaussMixtures { random: false, seed: 28, four_classes: false }).map_err(LabError::solver)
}

/// The samples as a training part.
pub(super) fn all_in_training(data: &Dataset) -> Parts {
    Parts::new(data, &Split { train: (0..data.n_samples()).collect(), test: vec![], validation: vec![] })
}

/// The network of a list of layers for samples like those of `data`, with PyTorch's fresh weights of a seed.
pub(super) fn network(layers: &str, data: &Dataset, seed: u64) -> Result<(Network, Vec<f32>), LabError> {
    let layers = Sequential::parse(&format!(r#"{{"layers": [{layers}]}}"#), "the layers of a classic experiment")?;
    let spec = ModelSpec::Sequential(layers);
    let network = Network::build_for(&spec, &data.shape, data.n_classes)?;
    let theta = fresh(&spec, &network, &mut TorchGenerator::new(seed));
    Ok((network, theta))
}

/// The layers of a perceptron on flattened samples, with the given hidden widths.
pub(super) fn perceptron(hidden: &[usize], activation: &str, outputs: usize, flatten: bool) -> String {
    let linear = |width: usize| format!(r#"{{"type": "linear", "out_features": {width}}}"#);
    let mut layers: Vec<String> = Vec::new();
    if flatten {
        layers.push(r#"{"type": "flatten"}"#.to_owned());
    }
    for &width in hidden {
        layers.extend([linear(width), format!(r#"{{"type": "{activation}"}}"#)]);
    }
    layers.push(linear(outputs));
    layers.join(", ")
}

/// The largest `k` eigenpairs of the Hessian, to a ten-thousandth of |H|; from those of a moment nearby where there are any.
pub(super) fn largest(
    problem: &Problem<'_, f64>,
    k: usize,
    before: Option<&Matrix<f64>>,
) -> Result<TopK<Matrix<f64>>, LabError> {
    let options = TopKOptions { tolerance: 1e-4, ..TopKOptions::default() };
    let found = match before {
        Some(start) => refine(start, &Hessian(problem), k, Which::Largest, &options, &mut ()),
        None => top_k_from(Start::Random, &Hessian(problem), k, Which::Largest, &options, &mut ()),
    };
    found.map_err(LabError::solver)
}

/// The problem of the network at `theta` over all samples.
pub(super) fn problem<'n>(
    threads: &Threads,
    network: &'n Network,
    theta: &[f32],
    data: &Dataset,
    loss: LossKind,
) -> Result<Problem<'n, f64>, LabError> {
    Ok(Problem::new(network, theta, data, loss)?.on(threads.clone()))
}
