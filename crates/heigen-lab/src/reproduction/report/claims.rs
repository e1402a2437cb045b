//! The claims of the paper one by one, each with the measurements for and against it.

use super::gathered::{Measured, Measures, of};
use super::statistics::{mean, spearman};
use crate::page_text::{cell, cell_with_deviation, count, math, percent, with_deviation};
use heigen_report::{Cell, Claim, Table, Verdict};

const NORMAL: &str = "gauss/normal_training";
const ADVERSARIAL: &str = "gauss/adversarial_init_training";
const LARGE_NORM: &str = "gauss/large_norm_training";
const CHECKERBOARD: [&str; 2] =
    ["gauss_checkerboard_linear/normal_training_close", "gauss_checkerboard_linear/noisy_init_training_close"];
const MNIST: [&str; 2] = ["mnist2D/normal_training_c017", "mnist2D/adversarial_init_training_c017"];

/// A function that takes one number from a run's measures, if it was measured.
type Number = fn(&Measured) -> Option<f64>;

pub(super) fn claims(all: &[Measures]) -> Vec<Claim> {
    vec![encoding(all), complexity(all), generalization(all), norm(all), margin(all), images(all)]
}

/// A claim with its findings: sorts those that support it from those that contradict it, and judges.
fn judged(statement: &str, source: &str, findings: &[(bool, String)], table: Option<Table>) -> Claim {
    let of = |wanted: bool| findings.iter().filter(|(h, _)| *h == wanted).map(|(_, text)| text.clone()).collect();
    let (evidence_for, evidence_against): (Vec<String>, Vec<String>) = (of(true), of(false));
    let verdict = match (evidence_for.len(), evidence_against.len()) {
        (0, 0) => Verdict::NotMeasured,
        (_, 0) => Verdict::Supported,
        (0, _) => Verdict::Contradicted,
        _ => Verdict::Mixed,
    };
    Claim { statement: statement.to_owned(), source: source.to_owned(), verdict, evidence_for, evidence_against, table }
}

/// Directions count as better than random ones if they classify this fraction of what the random ones leave wrong.
const BETTER: f64 = 0.1;

fn encoding(all: &[Measures]) -> Claim {
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    for m in all {
        if m.all.iter().all(|o| o.boundary.is_none()) {
            continue;
        }
        let of_seeds = |f: Number| m.over_seeds(f);
        let own = of_seeds(|o| Some(o.boundary.as_ref()?.encoding.accuracy));
        let random = of_seeds(|o| Some(o.boundary.as_ref()?.encoding_random));
        if let (Some((own, _)), Some((random, _))) = (own, random) {
            let k =
                math(m.over_seeds(|o| Some(o.boundary.as_ref()?.encoding.n_directions as f64)).map_or(0.0, |k| k.0), 2);
            let text = format!(
                "`{}`: the signs of the alignments with the {k} outlying eigenvectors tell {} of the predicted classes, \
                 {k} random directions {}",
                m.name,
                percent(own),
                percent(random)
            );
            findings.push((own - random >= BETTER * (1.0 - random), text));
        }
        rows.push(vec![
            Cell::text(format!("`{}`", m.name)),
            cell_with_deviation(m.over_seeds(|o| Some(o.boundary.as_ref()?.encoding.n_directions as f64))),
            cell_with_deviation(own),
            cell_with_deviation(random),
            cell_with_deviation(m.over_seeds(|o| Some(o.boundary.as_ref()?.encoding.majority))),
        ]);
    }
    let head = ["experiment", "directions", "eigenvectors", "random", "largest class"].map(Into::into).to_vec();
    let note = "Fraction of inputs (a grid on planes, the training samples else) whose predicted class is the most \
                frequent one among the inputs with the same signs.";
    let table = Table { caption: "Classes told by signs of alignments".into(), head, rows, note: Some(note.into()) };
    judged(
        "The top eigenvectors of the Hessian encode the decision boundary.",
        "arXiv:2306.07104, Figs. 1, 2 and 6",
        &findings,
        Some(table),
    )
}

/// A rank correlation is given from this many runs on.
const FEWEST: usize = 6;

fn complexity(all: &[Measures]) -> Claim {
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    let plane = |o: &Measured| o.boundary.as_ref().is_some_and(|b| b.complexity.is_some());
    let gauss: Vec<&Measures> = [NORMAL, ADVERSARIAL, LARGE_NORM].iter().filter_map(|n| of(all, n)).collect();
    let of_all = |measures: &[&Measures], what: Number| -> Vec<(f64, f64)> {
        let pairs = measures.iter().flat_map(|m| &m.all).filter(|o| plane(o));
        pairs.filter_map(|o| Some((o.outliers()?, what(o)?))).collect()
    };
    let pieces = |o: &Measured| Some(o.boundary.as_ref()?.complexity?.n_linear as f64);
    let turning = |o: &Measured| Some(o.boundary.as_ref()?.complexity?.turning);
    let planes: Vec<&Measures> = all.iter().collect();
    let measures: [(&str, Number); 3] = [
        ("changes of class between samples of one class", Measured::switches),
        ("linear pieces of the boundary", pieces),
        ("total curvature of the boundary", turning),
    ];
    for (group, name) in [
        (&gauss, "the three gauss minima"),
        (&planes, "all minima on the plane, of data sets with two to four classes"),
    ] {
        for (what, f) in measures {
            let pairs = of_all(group, f);
            // Three minima alone tell nothing of a correlation, and a second group with the same runs tells nothing
            // new.
            let again = std::ptr::eq(group, &raw const planes) && gauss.len() == planes.len();
            if let Some(rho) = spearman(&pairs).filter(|_| pairs.len() >= FEWEST && !again) {
                let rho_text = math(rho, 2);
                let text = format!(
                    "rank correlation of the number of outliers with the {what} over {name}: {rho_text} ({} runs)",
                    pairs.len()
                );
                findings.push((rho > 0.3, text));
            }
        }
    }
    for m in all {
        let complexity = |f: Number| cell_with_deviation(m.over_seeds(f));
        rows.push(vec![
            Cell::text(format!("`{}`", m.name)),
            complexity(Measured::outliers),
            complexity(Measured::switches),
            complexity(pieces),
            complexity(turning),
            complexity(|o| Some(o.boundary.as_ref()?.complexity?.length)),
        ]);
    }
    let head = ["experiment", "outliers", "switches", "linear pieces", "curvature", "length"].map(Into::into).to_vec();
    let note = "Switches: changes of the predicted class along a segment between two training samples of the same class, \
                on average. Pieces, total curvature (radians) and length of the boundary on planes only.";
    let caption = "Outliers and the complexity of the boundary".into();
    judged(
        "The number of outliers in the spectrum grows with the complexity of the decision boundary.",
        "arXiv:2306.07104, Fig. 3",
        &findings,
        Some(Table { caption, head, rows, note: Some(note.into()) }),
    )
}

/// The numbers of `a` and `b` at the seeds where both were measured.
fn paired(a: &Measures, b: &Measures, number: Number) -> Vec<(f64, f64)> {
    let other = |seed: u64| b.all.iter().find(|m| m.seed == seed).and_then(number);
    a.all.iter().filter_map(|m| Some((number(m)?, other(m.seed)?))).collect()
}

/// Compares `number` of `a` with that of `b`, seed by seed: the claim is that it is smaller for `a`.
fn below(all: &[Measures], [a, b]: [&str; 2], what: &str, number: Number) -> Option<(bool, String)> {
    let (left, right) = (of(all, a)?, of(all, b)?);
    let pairs = paired(left, right, number);
    let holds = pairs.iter().filter(|(x, y)| x < y).count();
    let text = format!(
        "{what}: {} for `{a}` against {} for `{b}`; smaller for the former at {holds} of {} seeds",
        with_deviation(mean(&pairs.iter().map(|p| p.0).collect::<Vec<_>>())),
        with_deviation(mean(&pairs.iter().map(|p| p.1).collect::<Vec<_>>())),
        pairs.len()
    );
    (!pairs.is_empty()).then_some((2 * holds > pairs.len(), text))
}

fn generalization(all: &[Measures]) -> Claim {
    let mut findings = Vec::new();
    findings.extend(below(all, [NORMAL, ADVERSARIAL], r"$G_\theta$", Measured::g_theta));
    findings.extend(below(
        all,
        [CHECKERBOARD[1], CHECKERBOARD[0]],
        r"$G_\theta$ of the wide margin",
        Measured::g_theta,
    ));
    findings.extend(below(all, MNIST, r"$G_\theta$", Measured::g_theta));
    let number = |f: Number, m: &Measures| cell_with_deviation(m.over_seeds(f));
    let row = |m: &Measures| {
        vec![
            Cell::text(format!("`{}`", m.name)),
            number(Measured::g_theta, m),
            number(Measured::validation, m),
            number(|o| Some(o.summary()?.trace), m),
            number(|o| o.lambda(1), m),
        ]
    };
    let head = ["experiment", r"$G_\theta$", "validation accuracy", "trace", r"$\lambda_1$"].map(Into::into).to_vec();
    let note = r"$G_\theta$: fraction of all eigenvectors, clusters as subspaces, whose largest alignment reaches the threshold of Figure 4, 0.0473.";
    let table = Table {
        caption: "Generalization measure".into(),
        head,
        rows: all.iter().map(row).collect(),
        note: Some(note.into()),
    };
    judged(
        r"$G_\theta$ is smaller at minima that generalize better: for normal training than for an adversarial start, for a wide margin than for a narrow one.",
        "arXiv:2306.07104, Figs. 4 and 5",
        &findings,
        Some(table),
    )
}

fn norm(all: &[Measures]) -> Claim {
    let mut findings = Vec::new();
    findings.extend(below(all, [LARGE_NORM, ADVERSARIAL], "outliers", Measured::outliers));
    findings.extend(below(all, [ADVERSARIAL, LARGE_NORM], r"$\lambda_1$", |o| o.lambda(1)));
    findings.extend(below(all, [LARGE_NORM, ADVERSARIAL], "changes of class between samples of one class", |o| {
        o.switches()
    }));
    judged(
        "A large norm of the weights alone does not make the boundary complex: the adversarial start does, with more outliers, though its largest eigenvalue is smaller.",
        "arXiv:2306.07104, Fig. 3",
        &findings,
        None,
    )
}

fn margin(all: &[Measures]) -> Claim {
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    let estimate = |o: &Measured| Some(o.boundary.as_ref()?.margin.as_ref()?.margin);
    let nearest = |o: &Measured| Some(o.boundary.as_ref()?.nearest.as_ref()?.distance);
    findings.extend(below(all, CHECKERBOARD, "margin by $v_1$", estimate));
    findings.extend(below(all, CHECKERBOARD, "true distance of the nearest training sample to the boundary", nearest));
    for m in all {
        if let Some(rho) = m.over_seeds(estimate).zip(m.over_seeds(nearest)) {
            let ratio = rho.0.0 / rho.1.0;
            rows.push(vec![
                Cell::text(format!("`{}`", m.name)),
                cell_with_deviation(Some(rho.0)),
                cell_with_deviation(Some(rho.1)),
                cell(Some(ratio)),
            ]);
        }
    }
    let runs = all.iter().flat_map(|m| &m.all);
    let pairs: Vec<(f64, f64)> = runs.filter_map(|o| Some((estimate(o)?, nearest(o)?))).collect();
    if let Some(rho) = spearman(&pairs) {
        let text =
            format!("rank correlation of estimate and true distance over {} runs: {}", pairs.len(), math(rho, 2));
        findings.push((rho > 0.3, text));
    }
    let head = ["experiment", "by $v_1$", "nearest sample", "ratio"].map(Into::into).to_vec();
    let note = "The estimate is a distance between the point $x_b$ and a training sample, so an upper bound on the distance \
                of that sample to the boundary where $x_b$ lies on it; the nearest sample is found without the Hessian.";
    let table = Table { caption: "Margins".into(), head, rows, note: Some(note.into()) };
    judged(
        "The leading eigenvector estimates the margin, and tells the wide from the narrow one.",
        "arXiv:2306.07104, Fig. 5",
        &findings,
        Some(table),
    )
}

/// Up to this many outliers count as few: the four that the paper publishes, and one more for the seed.
const FEW: f64 = 5.0;

fn images(all: &[Measures]) -> Claim {
    let mut findings = Vec::new();
    findings.extend(below(all, MNIST, r"$\lambda_1$", |o| o.lambda(1)));
    if let Some((outliers, _)) = of(all, MNIST[0]).and_then(|m| m.over_seeds(Measured::outliers)) {
        findings.push((
            outliers <= FEW,
            format!("{} outliers of 7,203 eigenvalues after normal training", count(outliers)),
        ));
    }
    let [normal, adversarial] = MNIST.map(|name| of(all, name));
    if let (Some(normal), Some(adversarial)) = (normal, adversarial) {
        let pairs = paired(normal, adversarial, Measured::outliers);
        let holds = pairs.iter().filter(|(few, more)| more >= few).count();
        let text = format!("at least as many outliers after the adversarial start at {holds} of {} seeds", pairs.len());
        if !pairs.is_empty() {
            findings.push((2 * holds > pairs.len(), text));
        }
    }
    judged(
        r"The same holds for real images: few outliers after normal training, a larger $\lambda_1$ and at least as many outliers after an adversarial start.",
        "arXiv:2306.07104, Fig. 6",
        &findings,
        None,
    )
}
