//! Progressive sharpening and the edge of stability.

use super::samples::{all_in_training, largest, network, perceptron, pooled_digits, problem};
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::analysis::{LookOptions, preconditioned_sharpness};
use heigen::config::{BatchSize, LossKind, OptimizerSpec};
use heigen::data::Dataset;
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen::train::{Training, UpdateRule};
use heigen_figures::significant;
use heigen_spectra::{Threads, Watch};
use heigen_store::classic_record::{ClassicClaim, CurveRecord, PanelRecord};
use rayon::prelude::*;

/// Steps of full-batch training, and steps between two looks.
const STEPS: usize = 1_500;
const EVERY: usize = 25;
/// The losses of the papers are half the squared norm; `mse` divides the squared norm by the 10 outputs. Learning rates are given
/// for the papers' loss.
const FACTOR: f64 = 5.0;
/// Adam's eps and second momentum, as `torch.optim` has them.
const EPS: f64 = 1e-8;
const BETA2: f64 = 0.999;

/// A training under way.
struct Run<'a> {
    name: String,
    spec: OptimizerSpec,
    training: Training<'a>,
    network: &'a Network,
    data: &'a Dataset,
    /// The curvature at which the rule becomes unstable.
    threshold: f64,
    vectors: Option<Matrix<f64>>,
    /// Steps and sharpness as a fraction of the threshold.
    looks: Vec<[f64; 2]>,
    /// Steps and training loss.
    losses: Vec<[f64; 2]>,
}

impl Run<'_> {
    /// Goes on to the next look.
    fn advance(&mut self, threads: &Threads) -> Result<(), LabError> {
        if !self.looks.is_empty() {
            for _ in 0..EVERY {
                let step = self.training.epochs_done() as f64;
                let loss = self.training.run_epoch()?;
                self.losses.push([step, FACTOR * loss]);
            }
        }
        let problem = problem(threads, self.network, self.training.theta(), self.data, LossKind::Mse)?;
        let found = match self.spec {
            OptimizerSpec::Adam { .. } => {
                let state = self.training.checkpoint(&[]);
                let correction = 1.0 - BETA2.powf(f64::from(state.updates.max(1)));
                let zeros = vec![0.0; self.network.n_params()];
                let second = state.buffers.get(1).unwrap_or(&zeros);
                let root = |v: &f32| (f64::from(*v) / correction).sqrt() + EPS;
                let diagonal: Vec<f64> = second.iter().map(root).collect();
                let options = LookOptions { tolerance: 1e-4, ..LookOptions::default() };
                // Before the first step there is no scale yet.
                if state.updates == 0 {
                    self.looks.push([0.0, 0.0]);
                    return Ok(());
                }
                preconditioned_sharpness(&problem, &diagonal, self.vectors.as_ref(), &options, &mut ())
                    .map_err(LabError::solver)?
            }
            _ => largest(&problem, 1, self.vectors.as_ref())?,
        };
        let sharpness = found.eigenvalues.first().copied().unwrap_or(0.0);
        self.looks.push([self.training.epochs_done() as f64, sharpness / self.threshold]);
        self.vectors = Some(found.eigenvectors);
        Ok(())
    }

    /// The first step at which the sharpness is at the threshold or above it.
    fn crossing(&self) -> Option<f64> {
        self.looks.iter().skip(1).find(|look| look[1] >= 1.0).map(|look| look[0])
    }

    /// The median, the smallest and the largest of the last quarter of the looks.
    fn last_quarter(&self) -> [f64; 3] {
        let mut last: Vec<f64> = self.looks[3 * self.looks.len() / 4..].iter().map(|look| look[1]).collect();
        last.sort_by(f64::total_cmp);
        [last[last.len() / 2], last[0], last[last.len() - 1]]
    }

    /// How many steps after the crossing raised the loss, of how many; and the losses at the crossing and at the end.
    fn rises(&self, crossing: f64) -> (usize, usize, f64, f64) {
        let after: Vec<f64> = self.losses.iter().filter(|l| l[0] >= crossing).map(|l| l[1]).collect();
        let rises = after.windows(2).filter(|pair| pair[1] > pair[0]).count();
        let ends = |l: Option<&f64>| l.copied().unwrap_or(f64::NAN);
        (rises, after.len().saturating_sub(1), ends(after.first()), ends(after.last()))
    }
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let data = pooled_digits(1_000)?;
    let parts = all_in_training(&data);
    let (network, theta) = network(&perceptron(&[32, 32], "tanh", 10, true), &data, 0)?;
    let sgd = |lr: f64, momentum: f64| OptimizerSpec::Sgd { lr: FACTOR * lr, momentum, weight_decay: 0.0 };
    let ahead = OptimizerSpec::Nesterov { lr: FACTOR * 0.2, momentum: 0.9, weight_decay: 0.0 };
    let asked = [
        (r"$\eta = 0.25$".to_owned(), sgd(0.25, 0.0)),
        (r"$\eta = 0.3$".to_owned(), sgd(0.3, 0.0)),
        (r"$\eta = 0.35$".to_owned(), sgd(0.35, 0.0)),
        (r"$\eta = 0.6, \beta = 0.9$".to_owned(), sgd(0.6, 0.9)),
        (r"Nesterov, $\eta = 0.2, \beta = 0.9$".to_owned(), ahead),
        (r"Adam, $\eta = 0.003$".to_owned(), OptimizerSpec::Adam { lr: 0.003 }),
    ];
    let run = |(name, spec): (String, OptimizerSpec)| -> Result<Run<'_>, LabError> {
        let (theta, loss, full) = (theta.clone(), LossKind::Mse, BatchSize::Full);
        let training = Training::new(&network, &parts, theta, loss, spec, None, full, 0)?.on(call.threads.clone());
        let threshold = UpdateRule::of(&spec).threshold(spec.lr());
        let (network, data) = (&network, &data);
        let (looks, losses) = (vec![], vec![]);
        Ok(Run { name, spec, training, network, data, threshold, vectors: None, looks, losses })
    };
    let mut runs = asked.into_iter().map(run).collect::<Result<Vec<_>, _>>()?;
    let mut watch = call.job(name);
    for look in 0..=STEPS / EVERY {
        let threads = call.threads;
        call.run(|| runs.par_iter_mut().try_for_each(|run| run.advance(threads)))?;
        watch.tell("training", (look * EVERY) as u64, Some(STEPS as u64), "steps")?;
    }
    let setup = format!(
        "A perceptron 196-32-32-10 with tanh (P = {}) on 1,000 built-in digits of 14 x 14 pixels, half the squared distance to \
         one-hot targets, trained on all samples at once for {STEPS} steps; the largest eigenvalue of the Hessian every {EVERY} \
         steps. Learning rates, sharpness and losses are those of this loss.",
        network.n_params()
    );
    let (plain, scaled) = runs.split_at(3);
    Ok(Measured { setup, claims: claims(plain, scaled), panels: panels(plain, scaled) })
}

fn claims(plain: &[Run], scaled: &[Run]) -> Vec<ClassicClaim> {
    let number = |x: f64| significant(x, 3);
    let source = "Cohen et al., arXiv:2103.00065".to_owned();
    let rises = plain.iter().map(|run| {
        let (first, crossing) = (run.looks[0][1], run.crossing());
        let text = match crossing {
            Some(step) => format!("{}: from {} of 2 / eta to it at step {step}", run.name, number(first)),
            None => format!("{}: {} of 2 / eta at first, never at it", run.name, number(first)),
        };
        finding(crossing.is_some() && first < 1.0, text)
    });
    let at_edge = |run: &Run| {
        let [median, low, high] = run.last_quarter();
        let text = format!(
            "{}: {} of the threshold in the last quarter ({} to {})",
            run.name,
            number(median),
            number(low),
            number(high)
        );
        finding((0.9..=1.1).contains(&median), text)
    };
    let falls = plain.iter().filter_map(|run| {
        let (up, of, first, last) = run.rises(run.crossing()?);
        let text = format!(
            "{}: {up} of {of} steps after the crossing raise the loss, which falls from {} to {}",
            run.name,
            number(first),
            number(last)
        );
        Some(finding(up > 0 && last < first, text))
    });
    vec![
        ClassicClaim {
            statement: "As long as the sharpness is below $2 / \\eta$, full-batch gradient descent raises it.".into(),
            source: source.clone(),
            rule: "For: the sharpness starts below the threshold and reaches it.".into(),
            findings: rises.collect(),
        },
        ClassicClaim {
            statement: "Then the sharpness stays at $2 / \\eta$ or just above it.".into(),
            source: source.clone(),
            rule: "For: the median of the last quarter is within 10 % of the threshold.".into(),
            findings: plain.iter().map(at_edge).collect(),
        },
        ClassicClaim {
            statement: "There the loss rises and falls from step to step, and falls over longer times.".into(),
            source: source.clone(),
            rule: "For: some steps after the crossing raise the loss, and it is lower at the end than there.".into(),
            findings: falls.collect(),
        },
        ClassicClaim {
            statement: "With momentum the threshold is $(2 + 2 \\beta) / \\eta$.".into(),
            source: source.clone(),
            rule: "For: the median of the last quarter is within 10 % of the threshold.".into(),
            findings: vec![at_edge(&scaled[0])],
        },
        ClassicClaim {
            statement: "With Nesterov's momentum it is $(2 + 2 \\beta) / (\\eta (1 + 2 \\beta))$.".into(),
            source,
            rule: "For: the median of the last quarter is within 10 % of the threshold.".into(),
            findings: vec![at_edge(&scaled[1])],
        },
        ClassicClaim {
            statement: "Adam brings the largest eigenvalue of the preconditioned Hessian to $38 / \\eta$.".into(),
            source: "Cohen et al., arXiv:2207.14484".into(),
            rule: "For: the median of the last quarter is within 10 % of the threshold.".into(),
            findings: vec![at_edge(&scaled[2])],
        },
    ]
}

fn panels(plain: &[Run], scaled: &[Run]) -> Vec<PanelRecord> {
    let curve = |name: &str, points: &[[f64; 2]]| CurveRecord {
        name: name.to_owned(),
        points: points.to_vec(),
        markers: false,
    };
    let axes = |y: &str| ["step".to_owned(), y.to_owned()];
    let edge = vec![("threshold".to_owned(), 1.0)];
    let sharpness = |title: &str, runs: &[Run]| PanelRecord {
        title: title.to_owned(),
        axes: axes("sharpness / threshold"),
        curves: runs.iter().map(|run| curve(&run.name, &run.looks)).collect(),
        levels: edge.clone(),
        ..PanelRecord::default()
    };
    let losses = |title: &str, runs: &[Run]| PanelRecord {
        title: title.to_owned(),
        axes: axes("training loss"),
        logarithmic: [false, true],
        // Every fifth step shows what there is to see.
        curves: runs
            .iter()
            .map(|run| curve(&run.name, &run.losses.iter().step_by(5).copied().collect::<Vec<_>>()))
            .collect(),
        ..PanelRecord::default()
    };
    vec![
        sharpness("gradient descent", plain),
        losses("gradient descent", plain),
        sharpness("momentum and Adam", scaled),
        losses("momentum and Adam", scaled),
    ]
}
