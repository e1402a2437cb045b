//! Several networks and layers in one picture.

use crate::Noise;
use heigen_figures::{DensityCurve, FigureError, LayerShare, NamedSpectrum, Scene, density_curves, layers, spectra};

fn spectrum(name: &str, n: usize, largest: f64, decay: f64) -> NamedSpectrum {
    let mut noise = Noise(n as u64);
    let value = |i: usize| {
        let end = if i > 2 * n / 3 { -1e-5 } else { 1e-9 };
        largest * decay.powf(i as f64) + end * noise.next().abs()
    };
    NamedSpectrum { name: name.to_owned(), eigenvalues: (0..n).map(value).collect(), largest_of: None }
}

fn curve(name: &str, at: f64, errors: bool) -> DensityCurve {
    let eigenvalues: Vec<f64> = (0..400).map(|i| -0.2 + 0.005 * f64::from(i)).collect();
    let bump = |x: f64, middle: f64, width: f64| (-((x - middle) / width).powi(2)).exp() / width;
    let density: Vec<f64> = eigenvalues.iter().map(|&x| bump(x, 0.0, 0.02) + 0.01 * bump(x, at, 0.02)).collect();
    let errors = if errors { density.iter().map(|d| 0.3 * d).collect() } else { vec![] };
    DensityCurve { name: name.to_owned(), eigenvalues, density, errors }
}

pub(crate) fn scenes() -> Result<Vec<(&'static str, Scene)>, FigureError> {
    let names = ["sgd", "sam", "a_checkpoint_with_a_long_name/epoch_0010"];
    let three =
        [spectrum(names[0], 323, 5.1, 0.8), spectrum(names[1], 323, 0.9, 0.86), spectrum(names[2], 5_000, 18.0, 0.95)];
    let layer = |(i, name): (usize, &str)| LayerShare {
        name: name.to_owned(),
        share: [0.61, 0.02, 0.3, -0.015, 0.085][i % 5],
        ends: [-0.1 * 0.3f64.powf(i as f64), 4.0 * 0.4f64.powf(i as f64)],
    };
    let few =
        ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "module.encoder.layers.11.self_attention.output.dense"];
    Ok(vec![
        ("spectra", spectra("Checkpoints of one network", &three)?),
        ("spectra_one", spectra("moons", &three[..1])?),
        ("density", density_curves("moons", &[curve("moons", 1.2, true)])?),
        ("densities", density_curves("moons", &[curve("sgd", 1.2, true), curve("sam", 0.4, false)])?),
        ("layers", layers("moons", &few.into_iter().enumerate().map(layer).collect::<Vec<_>>())?),
    ])
}
