//! Sharpness-aware minimisation beside stochastic gradient descent.

use super::samples::{all_in_training, largest, network, perceptron, pooled_digits, problem};
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::config::{BatchSize, LossKind, OptimizerSpec};
use heigen::train::Training;
use heigen_figures::significant;
use heigen_spectra::Watch;
use heigen_store::classic_record::{ClassicClaim, CurveRecord, PanelRecord};

const SEEDS: u64 = 3;
const SAMPLES: usize = 1_000;
const EPOCHS: usize = 40;
/// Radii of the neighbourhood; 0 is plain gradient descent.
const RADII: [f64; 4] = [0.0, 0.05, 0.1, 0.2];

/// The end of a training.
#[derive(Clone, Copy)]
struct End {
    sharpness: f64,
    loss: f64,
    /// The fraction of other digits that are told right.
    accuracy: f64,
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let all = pooled_digits(2 * SAMPLES)?;
    let (seen, other) = ((0..SAMPLES).collect::<Vec<_>>(), (SAMPLES..all.n_samples()).collect::<Vec<_>>());
    let (data, test) = (all.subset(&seen), all.subset(&other));
    let parts = all_in_training(&data);
    let loss = LossKind::CrossEntropy;
    let mut watch = call.job(name);
    let mut ends: Vec<Vec<End>> = Vec::new();
    let mut n_params = 0;
    for (i, rho) in RADII.into_iter().enumerate() {
        let mut of_radius = Vec::new();
        for seed in 0..SEEDS {
            let (network, theta) = network(&perceptron(&[32, 32], "relu", 10, true), &data, seed)?;
            n_params = network.n_params();
            let (lr, momentum, weight_decay) = (0.1, 0.0, 0.0);
            let rule = match rho {
                0.0 => OptimizerSpec::Sgd { lr, momentum, weight_decay },
                rho => OptimizerSpec::Sam { lr, momentum, weight_decay, rho },
            };
            let batch = BatchSize::Samples(50);
            let mut training =
                Training::new(&network, &parts, theta, loss, rule, None, batch, seed)?.on(call.threads.clone());
            while training.epochs_done() < EPOCHS {
                training.run_epoch()?;
            }
            let at = problem(call.threads, &network, training.theta(), &data, loss)?;
            let on_others = problem(call.threads, &network, training.theta(), &test, loss)?;
            let sharpness = largest(&at, 1, None)?.eigenvalues.first().copied().unwrap_or(0.0);
            of_radius.push(End { sharpness, loss: at.loss(), accuracy: on_others.accuracy().unwrap_or(0.0) });
            let done = i as u64 * SEEDS + seed + 1;
            watch.tell("training", done, Some(RADII.len() as u64 * SEEDS), "trainings")?;
        }
        ends.push(of_radius);
    }
    let setup = format!(
        "A perceptron 196-32-32-10 with ReLU (P = {n_params}) on {SAMPLES} built-in digits of 14 x 14 pixels, cross-entropy, batches \
         of 50, learning rate 0.1, {EPOCHS} epochs, {SEEDS} seeds of weights and batches. Accuracies are of {SAMPLES} other digits."
    );
    Ok(Measured { setup, claims: claims(&ends), panels: panels(&ends) })
}

fn mean(ends: &[End], of: fn(&End) -> f64) -> f64 {
    ends.iter().map(of).sum::<f64>() / ends.len().max(1) as f64
}

fn claims(ends: &[Vec<End>]) -> Vec<ClassicClaim> {
    let number = |x: f64| significant(x, 3);
    let percent = |x: f64| format!("{:.1} %", 100.0 * x);
    let Some((sgd, sam)) = ends.split_first() else { return vec![] };
    let flatter = sam.iter().zip(&RADII[1..]).map(|(of_radius, rho)| {
        let lower = of_radius.iter().zip(sgd).filter(|(sam, sgd)| sam.sharpness < sgd.sharpness).count();
        let text = format!(
            "rho = {rho}: lower at {lower} of {} seeds, {} instead of {} on average, at losses {} and {}",
            sgd.len(),
            number(mean(of_radius, |e| e.sharpness)),
            number(mean(sgd, |e| e.sharpness)),
            number(mean(of_radius, |e| e.loss)),
            number(mean(sgd, |e| e.loss))
        );
        finding(lower == sgd.len(), text)
    });
    let better = sam.iter().zip(&RADII[1..]).map(|(of_radius, rho)| {
        let (with, without) = (mean(of_radius, |e| e.accuracy), mean(sgd, |e| e.accuracy));
        finding(with > without, format!("rho = {rho}: {} instead of {}", percent(with), percent(without)))
    });
    let source = "Foret, Kleiner, Mobahi, Neyshabur, arXiv:2010.01412";
    vec![
        ClassicClaim {
            statement: "Sharpness-aware minimisation ends at flatter minima than SGD.".into(),
            source: source.into(),
            rule: "For: the largest eigenvalue of the Hessian is lower at every seed.".into(),
            findings: flatter.collect(),
        },
        ClassicClaim {
            statement: "It tells unseen samples better.".into(),
            source: source.into(),
            rule: "For: the mean accuracy over the seeds is higher.".into(),
            findings: better.collect(),
        },
    ]
}

fn panels(ends: &[Vec<End>]) -> Vec<PanelRecord> {
    let panel = |title: &str, y: &str, of: fn(&End) -> f64| {
        let seeds = (0..SEEDS as usize).map(|seed| CurveRecord {
            name: format!("seed {seed}"),
            points: ends.iter().zip(RADII).map(|(of_radius, rho)| [rho, of(&of_radius[seed])]).collect(),
            markers: true,
        });
        let means = CurveRecord {
            name: "mean".to_owned(),
            points: ends.iter().zip(RADII).map(|(of_radius, rho)| [rho, mean(of_radius, of)]).collect(),
            markers: false,
        };
        PanelRecord {
            title: title.to_owned(),
            axes: [r"$\rho$ (0: SGD)".to_owned(), y.to_owned()],
            curves: seeds.chain([means]).collect(),
            ..PanelRecord::default()
        }
    };
    vec![
        panel("sharpness", r"$\lambda_1$", |e| e.sharpness),
        panel("accuracy on other digits", "accuracy", |e| e.accuracy),
    ]
}
