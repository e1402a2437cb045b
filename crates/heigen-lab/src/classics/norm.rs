//! The density of a convolutional network's Hessian, with batch normalisation and without.

use super::samples::{all_in_training, largest, network, pooled_digits, problem};
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::analysis::share_in;
use heigen::config::{BatchSize, LossKind, OptimizerSpec};
use heigen::curvature::{DensityOptions, Hessian, spectral_density};
use heigen::data::Dataset;
use heigen::linalg::Matrix;
use heigen::train::Training;
use heigen_figures::significant;
use heigen_spectra::Watch;
use heigen_store::classic_record::{ClassicClaim, CurveRecord, Finding, PanelRecord};

/// The number of classes, and so of the leading eigenvectors that count as the outlying subspace.
const K: usize = 10;
const SAMPLES: usize = 300;
const BATCH: usize = 50;
const RATE: f64 = 0.05;
/// Epochs at which the network is looked at.
const LOOKS: [usize; 5] = [0, 2, 5, 10, 20];
/// The quadrature of the density at the last look.
const DENSITY: DensityOptions = DensityOptions { probes: 6, steps: 60, seed: 0 };
const POINTS: usize = 400;
/// The standard deviation of the density's kernel, as a part of the range of the eigenvalues.
const BANDWIDTH: f64 = 0.003;
/// Densities below this one are drawn as it: nothing is between eigenvalues that stand apart.
const FAINT: f64 = 1e-6;
/// How far apart the largest and the K-th eigenvalue have to be for outliers that stand apart.
const ISOLATED: f64 = 5.0;

/// One network along its training.
struct Seen {
    name: &'static str,
    n_params: usize,
    /// Epochs and `lambda_1`.
    sharpness: Vec<[f64; 2]>,
    /// Epochs and `lambda_1` / `lambda_K`.
    ratios: Vec<[f64; 2]>,
    /// Epochs and the share of the gradient in the span of the K leading eigenvectors.
    shares: Vec<[f64; 2]>,
    loss: f64,
    /// The density at the end: eigenvalues as parts of the K-th largest one, and densities of these.
    density: Vec<[f64; 2]>,
}

impl Seen {
    /// The looks after the beginning.
    fn trained(points: &[[f64; 2]]) -> impl Iterator<Item = f64> {
        points.iter().skip(1).map(|point| point[1])
    }

    fn mean(points: &[[f64; 2]]) -> f64 {
        Self::trained(points).sum::<f64>() / (LOOKS.len() - 1) as f64
    }
}

/// A convolutional network of two blocks, each with a pool.
fn layers(normalised: bool) -> String {
    let norm = if normalised { r#"{"type": "batchnorm"}, "# } else { "" };
    let block = |channels: usize| {
        format!(
            r#"{{"type": "conv2d", "out_channels": {channels}, "kernel_size": 3, "padding": 1}}, {norm}{{"type": "relu"}}, {{"type": "maxpool", "kernel_size": 2}}"#
        )
    };
    format!(r#"{}, {}, {{"type": "flatten"}}, {{"type": "linear", "out_features": 10}}"#, block(8), block(16))
}

fn along(
    call: &Call,
    data: &Dataset,
    normalised: bool,
    watch: &mut dyn FnMut(usize) -> Result<(), LabError>,
) -> Result<Seen, LabError> {
    let parts = all_in_training(data);
    let (network, theta) = network(&layers(normalised), data, 0)?;
    let sgd = OptimizerSpec::Sgd { lr: RATE, momentum: 0.9, weight_decay: 0.0 };
    let (loss, batch) = (LossKind::CrossEntropy, BatchSize::Samples(BATCH));
    let mut training = Training::new(&network, &parts, theta, loss, sgd, None, batch, 0)?.on(call.threads.clone());
    let name = if normalised { "with batch normalisation" } else { "without" };
    let (mut sharpness, mut ratios, mut shares) = (vec![], vec![], vec![]);
    let mut before: Option<Matrix<f64>> = None;
    for (i, epoch) in LOOKS.into_iter().enumerate() {
        while training.epochs_done() < epoch {
            training.run_epoch()?;
        }
        let problem = problem(call.threads, &network, training.theta(), data, loss)?;
        let top = largest(&problem, K, before.as_ref())?;
        let lambda = |i: usize| top.eigenvalues.get(i).copied().unwrap_or(f64::NAN);
        let at = epoch as f64;
        sharpness.push([at, lambda(0)]);
        ratios.push([at, lambda(0) / lambda(K - 1)]);
        shares.push([at, share_in(&top.eigenvectors, &problem.gradient())]);
        before = Some(top.eigenvectors);
        watch(i + 1)?;
    }
    let problem = problem(call.threads, &network, training.theta(), data, loss)?;
    let density = spectral_density(&Hessian(&problem), &DENSITY, &mut ()).map_err(LabError::solver)?;
    let curve = density.curve(POINTS, BANDWIDTH).map_err(LabError::solver)?;
    let unit = sharpness[LOOKS.len() - 1][1] / ratios[LOOKS.len() - 1][1];
    let points = curve.grid.iter().zip(&curve.density).map(|(x, d)| [x / unit, d.value * unit]);
    watch(LOOKS.len() + 1)?;
    Ok(Seen {
        name,
        n_params: network.n_params(),
        sharpness,
        ratios,
        shares,
        loss: problem.loss(),
        density: points.map(|[x, density]| [x, density.max(FAINT)]).collect(),
    })
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let data = pooled_digits(SAMPLES)?;
    let mut watch = call.job(name);
    let total = 2 * (LOOKS.len() as u64 + 1);
    let mut seen = Vec::new();
    for (i, normalised) in [false, true].into_iter().enumerate() {
        let before = i as u64 * (LOOKS.len() as u64 + 1);
        let mut tell = |done: usize| Ok(watch.tell("training", before + done as u64, Some(total), "looks")?);
        seen.push(along(call, &data, normalised, &mut tell)?);
    }
    let (plain, normalised) = (&seen[0], &seen[1]);
    let setup = format!(
        "A convolutional network on {SAMPLES} built-in digits of 14 x 14 pixels: two blocks of convolution, batch normalisation or \
         none, ReLU and pool with 8 and 16 channels, then one fully connected layer (P = {} without, {} with batch normalisation); \
         cross-entropy, SGD with momentum 0.9 at learning rate {RATE} in batches of {BATCH}. Hessian and gradient are those of all \
         samples, whose statistics the normalisation takes. The density is that of {} random vectors with {} Lanczos steps \
         each, after {} epochs; its eigenvalues are shown as multiples of lambda_{K}. The losses there are {} and {}.",
        plain.n_params,
        normalised.n_params,
        DENSITY.probes,
        DENSITY.steps,
        LOOKS[LOOKS.len() - 1],
        significant(plain.loss, 3),
        significant(normalised.loss, 3),
    );
    Ok(Measured { setup, claims: claims(plain, normalised), panels: panels(&seen) })
}

fn claims(plain: &Seen, normalised: &Seen) -> Vec<ClassicClaim> {
    let number = |x: f64| significant(x, 3);
    let source = "Ghorbani, Krishnan, Xiao, arXiv:1901.10159";
    let ratios = plain.ratios.iter().skip(1).map(|&[epoch, ratio]| {
        finding(ratio > ISOLATED, format!("after {epoch} epochs lambda_1 is {} times lambda_{K}", number(ratio)))
    });
    // Each speaks for its claim where the number is smaller with batch normalisation at the same epoch.
    let smaller = |of: fn(&Seen) -> &[[f64; 2]], text: fn(f64, &str, &str) -> String| -> Vec<Finding> {
        let looks = of(plain).iter().zip(of(normalised)).skip(1);
        looks
            .map(|(&[epoch, without], &[_, with])| {
                finding(with < without, text(epoch, &number(without), &number(with)))
            })
            .collect()
    };
    let suppressed = smaller(
        |seen| &seen.ratios,
        |epoch, without, with| format!("after {epoch} epochs lambda_1 / lambda_{K} is {with} instead of {without}"),
    );
    let mut shares = smaller(
        |seen| &seen.shares,
        |epoch, without, with| {
            format!("after {epoch} epochs the share is {without} without and {with} with batch normalisation")
        },
    );
    shares.push(finding(
        Seen::mean(&plain.shares) > 0.5,
        format!("without batch normalisation it is {} on average over these looks", number(Seen::mean(&plain.shares))),
    ));
    let flatter = smaller(
        |seen| &seen.sharpness,
        |epoch, without, with| format!("after {epoch} epochs lambda_1 is {with} with it and {without} without"),
    );
    vec![
        ClassicClaim {
            statement: "Without batch normalisation large isolated eigenvalues appear early in training.".into(),
            source: source.into(),
            rule: format!("For: lambda_1 is more than {ISOLATED} times lambda_{K}, {K} the number of classes."),
            findings: ratios.collect(),
        },
        ClassicClaim {
            statement: "Batch normalisation suppresses these outliers.".into(),
            source: source.into(),
            rule: format!("For: lambda_1 / lambda_{K} is smaller with batch normalisation at the same epoch."),
            findings: suppressed,
        },
        ClassicClaim {
            statement: "Without it the gradient lies mostly in the subspace of the outliers, with it less so.".into(),
            source: source.into(),
            rule: format!(
                "For: the share of the gradient in the span of the {K} leading eigenvectors is smaller with batch normalisation, and \
                 more than a half without it on average."
            ),
            findings: shares,
        },
        ClassicClaim {
            statement: "With batch normalisation the largest eigenvalue is smaller.".into(),
            source: source.into(),
            rule: "For: it is smaller at the same epoch.".into(),
            findings: flatter,
        },
    ]
}

fn panels(seen: &[Seen]) -> Vec<PanelRecord> {
    let panel = |title: &str, axes: [&str; 2], logarithmic: [bool; 2], of: fn(&Seen) -> &[[f64; 2]]| PanelRecord {
        title: title.to_owned(),
        axes: axes.map(str::to_owned),
        logarithmic,
        curves: seen
            .iter()
            .map(|seen| CurveRecord { name: seen.name.to_owned(), points: of(seen).to_vec(), markers: false })
            .collect(),
        ..PanelRecord::default()
    };
    vec![
        panel("density at the end", [r"$\lambda / \lambda_{10}$", "density"], [false, true], |seen| &seen.density),
        panel("largest eigenvalue", ["epoch", r"$\lambda_1$"], [false, true], |seen| &seen.sharpness),
        panel("isolation of the largest", ["epoch", r"$\lambda_1 / \lambda_{10}$"], [false, false], |seen| {
            &seen.ratios
        }),
        panel("gradient in the top subspace", ["epoch", r"$|P g|^2 / |g|^2$"], [false, false], |seen| &seen.shares),
    ]
}
