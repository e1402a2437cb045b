//! Bulk and outliers against width and data.

use super::samples::{all_in_training, network, perceptron, problem};
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::analysis::Outliers;
use heigen::config::{BatchSize, LossKind, OptimizerSpec};
use heigen::curvature::{Hessian, Method, spectrum};
use heigen::data::Dataset;
use heigen::rng::NumpyRandomState;
use heigen::train::Training;
use heigen_figures::significant;
use heigen_spectra::Watch;
use heigen_store::classic_record::{ClassicClaim, CurveRecord, PanelRecord};

const WIDTHS: [usize; 4] = [8, 16, 32, 64];
/// Standard deviations of the blobs, whose centres are 3 apart.
const DEVIATIONS: [f64; 4] = [0.4, 0.6, 0.8, 1.0];
const OF_WIDTHS: f64 = 0.6;
const OF_DEVIATIONS: usize = 16;
const SAMPLES: usize = 150;
const EPOCHS: usize = 200;
/// An eigenvalue of this fraction of the largest one, or less, belongs to the bulk at zero.
const BULK: f64 = 1e-3;
const MEMORY: f64 = 2e9;

/// The spectrum of one network.
struct Seen {
    n_params: usize,
    /// All eigenvalues, ascending.
    eigenvalues: Vec<f64>,
}

impl Seen {
    fn largest(&self) -> f64 {
        self.eigenvalues.last().copied().unwrap_or(0.0)
    }

    /// The fraction of eigenvalues in the bulk at zero.
    fn bulk(&self) -> f64 {
        let inside = self.eigenvalues.iter().filter(|l| l.abs() <= BULK * self.largest()).count();
        inside as f64 / self.n_params as f64
    }

    /// The number of eigenvalues beyond the bulk.
    fn beyond(&self) -> usize {
        self.eigenvalues.iter().filter(|l| l.abs() > BULK * self.largest()).count()
    }
}

/// Three blobs with centres on a circle, 3 apart, in the plane.
fn blobs(deviation: f64) -> Dataset {
    let mut stream = NumpyRandomState::new(11);
    let radius = 3.0f64.sqrt();
    let mut features = Vec::new();
    for n in 0..SAMPLES {
        let angle = std::f64::consts::TAU * (n % 3) as f64 / 3.0;
        for centre in [radius * angle.cos(), radius * angle.sin()] {
            features.push((centre + deviation * stream.randn()) as f32);
        }
    }
    Dataset {
        features,
        shape: vec![2],
        labels: (0..SAMPLES).map(|n| n % 3).collect(),
        others: None,
        n_classes: 3,
        source: format!("three blobs of standard deviation {deviation}"),
    }
}

fn trained(call: &Call, width: usize, deviation: f64) -> Result<Seen, LabError> {
    let data = blobs(deviation);
    let parts = all_in_training(&data);
    let (network, theta) = network(&perceptron(&[width, width], "relu", 3, false), &data, 0)?;
    let (sgd, batch) = (OptimizerSpec::Sgd { lr: 0.05, momentum: 0.0, weight_decay: 0.0 }, BatchSize::Samples(50));
    let loss = LossKind::CrossEntropy;
    let mut training = Training::new(&network, &parts, theta, loss, sgd, None, batch, 0)?.on(call.threads.clone());
    while training.epochs_done() < EPOCHS {
        training.run_epoch()?;
    }
    let problem = problem(call.threads, &network, training.theta(), &data, loss)?;
    let found = spectrum(&Hessian(&problem), Method::Auto, MEMORY, &mut ()).map_err(LabError::solver)?;
    Ok(Seen { n_params: network.n_params(), eigenvalues: found.eigenvalues })
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let mut watch = call.job(name);
    let total = (WIDTHS.len() + DEVIATIONS.len()) as u64;
    let (mut by_width, mut by_deviation) = (Vec::new(), Vec::new());
    for (i, width) in WIDTHS.into_iter().enumerate() {
        by_width.push(trained(call, width, OF_WIDTHS)?);
        watch.tell("training", i as u64 + 1, Some(total), "networks")?;
    }
    for (i, deviation) in DEVIATIONS.into_iter().enumerate() {
        by_deviation.push(trained(call, OF_DEVIATIONS, deviation)?);
        watch.tell("training", (WIDTHS.len() + i + 1) as u64, Some(total), "networks")?;
    }
    let setup = format!(
        "Perceptrons 2-w-w-3 with ReLU on {SAMPLES} samples of three Gaussian blobs whose centres are 3 apart, cross-entropy, {EPOCHS} \
         epochs in batches of 50; the whole spectrum of the Hessian at the end. Widths w of 8 to 64 at standard deviation \
         {OF_WIDTHS}; standard deviations of 0.4 to 1 at w = {OF_DEVIATIONS}. The bulk is what has at most a thousandth of the \
         largest eigenvalue."
    );
    Ok(Measured { setup, claims: claims(&by_width, &by_deviation), panels: panels(&by_width, &by_deviation) })
}

fn claims(by_width: &[Seen], by_deviation: &[Seen]) -> Vec<ClassicClaim> {
    let percent = |x: f64| format!("{:.1} %", 100.0 * x);
    let bulk = by_width.windows(2).zip(WIDTHS.windows(2)).map(|(pair, widths)| {
        let (before, after) = (pair[0].bulk(), pair[1].bulk());
        let text = format!("w = {} to {}: {} to {}", widths[0], widths[1], percent(before), percent(after));
        finding(after > before, text)
    });
    let (narrow, wide) = (&by_width[0], &by_width[by_width.len() - 1]);
    let growth = wide.n_params as f64 / narrow.n_params as f64;
    let beyond = wide.beyond() as f64 / narrow.beyond().max(1) as f64;
    let count = |seen: &Seen| Outliers::count(&seen.eigenvalues).count;
    let outliers = by_width.iter().zip(WIDTHS).map(|(seen, width)| {
        let outliers = count(seen);
        finding((2..=4).contains(&outliers), format!("w = {width}, P = {}: {outliers} outliers", seen.n_params))
    });
    let data = by_deviation.windows(2).zip(DEVIATIONS.windows(2)).map(|(pair, deviations)| {
        let (before, after) = (pair[0].largest(), pair[1].largest());
        let number = |x: f64| significant(x, 3);
        let text = format!("{} to {}: from {} to {}", deviations[0], deviations[1], number(before), number(after));
        finding(after > before, text)
    });
    let source = "Sagun, Evci, Guney, Dauphin, Bottou, arXiv:1706.04454";
    vec![
        ClassicClaim {
            statement: "With more parameters only the bulk at zero grows.".into(),
            source: source.into(),
            rule: "For: its fraction grows with the width; and the number of eigenvalues beyond it grows less than half as much as P."
                .into(),
            findings: bulk
                .chain([finding(
                    beyond < growth / 2.0,
                    format!(
                        "P grows {}-fold, the number beyond the bulk {}-fold, from {} to {}",
                        significant(growth, 3),
                        significant(beyond, 3),
                        narrow.beyond(),
                        wide.beyond()
                    ),
                )])
                .collect(),
        },
        ClassicClaim {
            statement: "The number of outliers depends on the classes and not on the width.".into(),
            source: source.into(),
            rule: "For: C - 1 to C + 1 outliers, by gaps of 5 % of the largest eigenvalue, C = 3.".into(),
            findings: outliers.collect(),
        },
        ClassicClaim {
            statement: "Data that are harder to separate raise the outliers.".into(),
            source: source.into(),
            rule: "For: the largest eigenvalue grows with the standard deviation of the blobs.".into(),
            findings: data.collect(),
        },
    ]
}

fn panels(by_width: &[Seen], by_deviation: &[Seen]) -> Vec<PanelRecord> {
    let curve = |name: String, seen: &Seen| CurveRecord {
        name,
        points: seen.eigenvalues.iter().rev().enumerate().map(|(i, &l)| [(i + 1) as f64, l]).take(200).collect(),
        markers: false,
    };
    let panel = |title: &str, curves: Vec<CurveRecord>| PanelRecord {
        title: title.to_owned(),
        axes: ["$i$".to_owned(), r"$\lambda_i$".to_owned()],
        logarithmic: [true, true],
        curves,
        ..PanelRecord::default()
    };
    let widths = by_width.iter().zip(WIDTHS).map(|(seen, width)| curve(format!("$w = {width}$"), seen));
    let data = by_deviation.iter().zip(DEVIATIONS).map(|(seen, d)| curve(format!(r"$\sigma = {d}$"), seen));
    vec![panel("by width", widths.collect()), panel("by separation", data.collect())]
}
