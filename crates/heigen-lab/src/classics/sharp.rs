//! Sharp minima of the same function, and what survives them.

use super::samples::{all_in_training, blobs, largest, network, perceptron, problem};
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::analysis::{Plane, Preconditioned, analyze, boundary_complexity, decision_boundary};
use heigen::config::{BatchSize, LossKind, OptimizerSpec};
use heigen::curvature::{ExampleLabels, Hessian, Method, Problem, Start, TopKOptions, Which, spectrum, top_k_from};
use heigen::model::reparameterize;
use heigen::train::Training;
use heigen_figures::significant;
use heigen_spectra::Watch;
use heigen_store::classic_record::{ClassicClaim, CurveRecord, PanelRecord};

/// The factors a of the first layer; the second one is divided by them.
const FACTORS: [f64; 6] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
const EPOCHS: usize = 300;
/// Nodes of the grid along each axis on which the boundary is traced.
const NODES: usize = 200;
/// Bytes that a spectrum may take: far more than those of some hundred parameters.
const MEMORY: f64 = 1e9;

/// The numbers of one minimum.
struct Minimum {
    factor: f64,
    loss: f64,
    largest: f64,
    g_theta: f64,
    /// The largest eigenvalue of |theta| H |theta|.
    adaptive: f64,
    /// Pieces of the boundary and its length.
    boundary: (usize, f64),
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let data = blobs()?;
    let parts = all_in_training(&data);
    let (network, theta) = network(&perceptron(&[20, 20], "relu", 3, false), &data, 0)?;
    let (sgd, batch) = (OptimizerSpec::Sgd { lr: 0.05, momentum: 0.0, weight_decay: 0.0 }, BatchSize::Samples(50));
    let loss = LossKind::CrossEntropy;
    let mut training = Training::new(&network, &parts, theta, loss, sgd, None, batch, 0)?.on(call.threads.clone());
    while training.epochs_done() < EPOCHS {
        training.run_epoch()?;
    }
    let mut watch = call.job(name);
    let mut minima = Vec::new();
    for (i, factor) in FACTORS.into_iter().enumerate() {
        let theta = reparameterize(&network, training.theta(), [factor, 1.0 / factor, 1.0])?;
        minima.push(minimum(&problem(call.threads, &network, &theta, &data, loss)?, factor)?);
        watch.tell("minima", i as u64 + 1, Some(FACTORS.len() as u64), "minima")?;
    }
    let setup = format!(
        "A perceptron 2-20-20-3 with ReLU (P = {}) on 300 samples of three Gaussian blobs, cross-entropy, trained for {EPOCHS} \
         epochs; then its first layer times a and its second divided by a, which is the same function (a ReLU of a z is a \
         times that of z). The whole spectrum of the Hessian at each.",
        network.n_params()
    );
    Ok(Measured { setup, claims: claims(&minima), panels: panels(&minima) })
}

fn minimum(problem: &Problem<'_, f64>, factor: f64) -> Result<Minimum, LabError> {
    let largest = largest(problem, 1, None)?.eigenvalues.first().copied().unwrap_or(0.0);
    let whole = spectrum(&Hessian(problem), Method::Auto, MEMORY, &mut ()).map_err(LabError::solver)?;
    let gradients = problem.example_gradients(&ExampleLabels::Predicted);
    let analysis = analyze(problem, gradients, whole, false)?;
    let inverse_squares: Vec<f64> = problem.theta().iter().map(|w| 1.0 / w.powi(2).max(1e-24)).collect();
    let scaled = Preconditioned::new(Hessian(problem), &inverse_squares);
    let options = TopKOptions { tolerance: 1e-6, ..TopKOptions::default() };
    let adaptive =
        top_k_from(Start::Random, &scaled, 1, Which::Largest, &options, &mut ()).map_err(LabError::solver)?;
    let plane = Plane::square(-4.0, 4.0);
    let outputs = problem.classifier().outputs(problem.theta(), &plane.nodes(NODES, NODES));
    let cell = 8.0 * 2f64.sqrt() / (NODES - 1) as f64;
    let boundary = boundary_complexity(&decision_boundary(&plane, &outputs, NODES, NODES), cell);
    Ok(Minimum {
        factor,
        loss: problem.loss(),
        largest,
        g_theta: analysis.summary.g_theta_of_figure_4().unwrap_or(0.0),
        adaptive: adaptive.eigenvalues.first().copied().unwrap_or(0.0),
        boundary: (boundary.n_pieces, boundary.length),
    })
}

fn claims(minima: &[Minimum]) -> Vec<ClassicClaim> {
    let number = |x: f64| significant(x, 3);
    let Some((first, others)) = minima.split_first() else { return vec![] };
    let close = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance * a.abs().max(b.abs());
    let each = |f: &dyn Fn(&Minimum) -> (bool, String)| {
        others
            .iter()
            .map(|m| {
                let (holds, text) = f(m);
                finding(holds, format!("a = {}: {text}", m.factor))
            })
            .collect::<Vec<_>>()
    };
    let last = &minima[minima.len() - 1];
    vec![
        ClassicClaim {
            statement: "The same function has minima as sharp as one likes.".into(),
            source: "Dinh, Pascanu, Bengio, Bengio, arXiv:1703.04933, theorem 4".into(),
            rule:
                "For: the largest eigenvalue at the largest a is more than ten times that at a = 1, at the same loss."
                    .into(),
            findings: vec![finding(
                last.largest > 10.0 * first.largest && close(first.loss, last.loss, 1e-4),
                format!(
                    "from {} to {} at a = {}, losses {} and {}",
                    number(first.largest),
                    number(last.largest),
                    last.factor,
                    number(first.loss),
                    number(last.loss)
                ),
            )],
        },
        ClassicClaim {
            statement: "The decision boundary does not change.".into(),
            source: "the same function".into(),
            rule: "For: as many pieces, and a length within a thousandth.".into(),
            findings: each(&|m| {
                let (pieces, length) = m.boundary;
                let same = pieces == first.boundary.0 && close(length, first.boundary.1, 1e-3);
                (same, format!("{pieces} pieces of length {}", number(length)))
            }),
        },
        ClassicClaim {
            statement: "G_theta, a count of directions, survives what changes eigenvalues.".into(),
            source: "Sabanayagam et al., arXiv:2306.07104, section 4".into(),
            rule:
                "For: it is within a tenth of that at a = 1 (by subspaces, at the threshold of the paper's Figure 4)."
                    .into(),
            findings: each(&|m| {
                let text = format!("{} after {}", number(m.g_theta), number(first.g_theta));
                (close(m.g_theta, first.g_theta, 0.1), text)
            }),
        },
        ClassicClaim {
            statement: "Adaptive sharpness, the largest eigenvalue of |theta| H |theta|, is invariant.".into(),
            source: "Kwon, Kim, Park, Choi, arXiv:2102.11600; Andriushchenko et al., arXiv:2302.07011".into(),
            rule: "For: it is within a hundredth of that at a = 1.".into(),
            findings: each(&|m| {
                let text = format!("{} after {}", number(m.adaptive), number(first.adaptive));
                (close(m.adaptive, first.adaptive, 0.01), text)
            }),
        },
    ]
}

fn panels(minima: &[Minimum]) -> Vec<PanelRecord> {
    let curve = |name: &str, of: fn(&Minimum) -> f64| CurveRecord {
        name: name.to_owned(),
        points: minima.iter().map(|m| [m.factor, of(m)]).collect(),
        markers: false,
    };
    let panel = |title: &str, y: &str, curves: Vec<CurveRecord>| PanelRecord {
        title: title.to_owned(),
        axes: ["$a$".to_owned(), y.to_owned()],
        logarithmic: [true, true],
        curves,
        ..PanelRecord::default()
    };
    vec![
        panel(
            "sharpness",
            r"$\lambda$",
            vec![curve(r"$\lambda_1$ of $H$", |m| m.largest), curve(r"of $|\theta| H |\theta|$", |m| m.adaptive)],
        ),
        panel(
            "measures of the boundary",
            "measure",
            vec![curve(r"$\mathcal{G}_\theta$", |m| m.g_theta), curve("length of the boundary", |m| m.boundary.1)],
        ),
    ]
}
