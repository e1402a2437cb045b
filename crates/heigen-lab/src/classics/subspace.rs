//! Gradient descent in a tiny subspace.

use super::samples::{all_in_training, largest, network, perceptron, pooled_digits, problem};
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::analysis::{share_in, subspace_overlap};
use heigen::config::{BatchSize, LossKind, OptimizerSpec};
use heigen::linalg::Matrix;
use heigen::train::Training;
use heigen_figures::significant;
use heigen_spectra::Watch;
use heigen_store::classic_record::{ClassicClaim, CurveRecord, PanelRecord};

/// Number of classes, and so of vectors of the subspace.
const K: usize = 10;
/// Steps at which the gradient is looked at.
const LOOKS: [usize; 11] = [0, 20, 60, 100, 200, 300, 400, 500, 600, 800, 1_000];
/// The step after which the subspace has formed.
const FORMED: usize = 100;
const SAMPLES: usize = 1_000;
const BATCH: usize = 50;

/// The shares and overlaps along a training.
#[derive(Default)]
struct Seen {
    /// Steps and the share of the full gradient in the top subspace.
    shares: Vec<[f64; 2]>,
    /// Steps and the overlap of the subspace with the one of the look before.
    overlaps: Vec<[f64; 2]>,
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let data = pooled_digits(SAMPLES)?;
    let parts = all_in_training(&data);
    let (network, theta) = network(&perceptron(&[32, 32], "relu", 10, true), &data, 0)?;
    let sgd = OptimizerSpec::Sgd { lr: 0.1, momentum: 0.0, weight_decay: 0.0 };
    let mut watch = call.job(name);
    let mut course = |batch: BatchSize, steps_an_epoch: usize, done: usize| -> Result<Seen, LabError> {
        let loss = LossKind::CrossEntropy;
        let mut training =
            Training::new(&network, &parts, theta.clone(), loss, sgd, None, batch, 0)?.on(call.threads.clone());
        let mut seen = Seen::default();
        let mut before: Option<Matrix<f64>> = None;
        for (i, step) in LOOKS.into_iter().enumerate() {
            while training.epochs_done() * steps_an_epoch < step {
                training.run_epoch()?;
            }
            let problem = problem(call.threads, &network, training.theta(), &data, loss)?;
            let top = largest(&problem, K, before.as_ref())?.eigenvectors;
            seen.shares.push([step as f64, share_in(&top, &problem.gradient())]);
            if let Some(before) = &before {
                seen.overlaps.push([step as f64, subspace_overlap(before, &top)]);
            }
            before = Some(top);
            watch.tell("training", (done + i + 1) as u64, Some(2 * LOOKS.len() as u64), "looks")?;
        }
        Ok(seen)
    };
    let noisy = course(BatchSize::Samples(BATCH), SAMPLES / BATCH, 0)?;
    let full = course(BatchSize::Full, 1, LOOKS.len())?;
    let p = network.n_params();
    let setup = format!(
        "A perceptron 196-32-32-10 with ReLU (P = {p}) on {SAMPLES} built-in digits of 14 x 14 pixels, cross-entropy, learning \
         rate 0.1, batches of {BATCH} and all samples at once. The gradient is that of all samples; the subspace is that of \
         the {K} leading eigenvectors of the Hessian, one for each class; by chance the share would be {}.",
        significant(K as f64 / p as f64, 2)
    );
    Ok(Measured { setup, claims: claims(&noisy, &full), panels: panels(&noisy, &full) })
}

fn claims(noisy: &Seen, full: &Seen) -> Vec<ClassicClaim> {
    let number = |x: f64| significant(x, 3);
    let largest = |points: &[[f64; 2]]| points.iter().skip(1).fold([0.0, 0.0], |m, p| if p[1] > m[1] { *p } else { m });
    let formed = |points: &[[f64; 2]]| points.iter().filter(|p| p[0] > FORMED as f64).map(|p| p[1]).fold(1.0, f64::min);
    let [step, most] = largest(&noisy.shares);
    let [_, of_full] = largest(&full.shares);
    let overlap = |name: &str, seen: &Seen| {
        let least = formed(&seen.overlaps);
        finding(
            least > 0.5,
            format!("{name}: after step {FORMED} the overlap from look to look is {} or more", number(least)),
        )
    };
    let source = "Gur-Ari, Roberts, Dyer, arXiv:1812.04754";
    vec![
        ClassicClaim {
            statement: "After a short time the gradient lies mostly in the span of as many leading eigenvectors as there are \
                        classes."
                .into(),
            source: source.into(),
            rule: "For: the share of the squared norm exceeds a half at some step.".into(),
            findings: vec![
                finding(most > 0.5, format!("Batches of {BATCH}: the share reaches {} at step {step}", number(most))),
                finding(of_full > 0.5, format!("All samples at once: it stays below {}", number(of_full))),
            ],
        },
        ClassicClaim {
            statement: "Once it has formed, the subspace changes slowly.".into(),
            source: source.into(),
            rule: "For: from look to look, 100 to 200 steps apart, more than half of the subspace stays, Tr(P P') / k > 1/2; looks \
                   after step 100."
                .into(),
            findings: vec![overlap("Batches of 50", noisy), overlap("All samples at once", full)],
        },
        ClassicClaim {
            statement: "The gradient's alignment with the subspace comes from the noise of mini-batches.".into(),
            source: "Song, Ahn, Yun, arXiv:2405.16002".into(),
            rule: "For: without batches the largest share is less than a tenth of that with batches.".into(),
            findings: vec![finding(
                of_full < 0.1 * most,
                format!("{} with batches, {} with all samples at once", number(most), number(of_full)),
            )],
        },
    ]
}

fn panels(noisy: &Seen, full: &Seen) -> Vec<PanelRecord> {
    let curve = |name: &str, points: &[[f64; 2]]| CurveRecord {
        name: name.to_owned(),
        points: points.to_vec(),
        markers: false,
    };
    let panel = |title: &str, y: &str, points: fn(&Seen) -> &[[f64; 2]]| PanelRecord {
        title: title.to_owned(),
        axes: ["step".to_owned(), y.to_owned()],
        curves: vec![curve("batches of 50", points(noisy)), curve("all at once", points(full))],
        ..PanelRecord::default()
    };
    vec![
        panel("gradient in the top subspace", r"$|P g|^2 / |g|^2$", |seen| &seen.shares),
        panel("subspace from look to look", "overlap of the subspaces", |seen| &seen.overlaps),
    ]
}
