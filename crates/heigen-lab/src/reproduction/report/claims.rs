//! The claims of the paper one by one, each with the measurements for and against it.

use super::evidence::{Evidence, Number, Written, outliers, paired, seeds};
use super::gathered::{Measured, Measures, of};
use super::rules::{self, Correlation, Side, Tally, shown};
use crate::page_text::{
    cell, cell_with_deviation, count, count_cell, count_with_deviation, math, percent, whole, with_deviation,
};
use heigen_report::{Cell, Claim, Table};
use std::cmp::Ordering;

const NORMAL: &str = "gauss/normal_training";
const ADVERSARIAL: &str = "gauss/adversarial_init_training";
const LARGE_NORM: &str = "gauss/large_norm_training";
const CHECKERBOARD: [&str; 2] =
    ["gauss_checkerboard_linear/normal_training_close", "gauss_checkerboard_linear/noisy_init_training_close"];
const MNIST: [&str; 2] = ["mnist2D/normal_training_c017", "mnist2D/adversarial_init_training_c017"];

/// A function that writes a number.
type WrittenAlone = fn(f64) -> String;

/// Minima of one network on one data set, which can be compared with each other.
const ALIKE: [&[&str]; 3] = [&[NORMAL, ADVERSARIAL, LARGE_NORM], &CHECKERBOARD, &MNIST];

pub(super) fn claims(all: &[Measures]) -> Vec<Claim> {
    vec![encoding(all), complexity(all), generalization(all), norm(all), margin(all), images(all)]
}

/// All pairs of measured minima that can be compared with each other.
fn alike(all: &[Measures]) -> Vec<(&Measures, &Measures)> {
    let measured = |names: &&[&str]| names.iter().filter_map(|name| of(all, name)).collect::<Vec<_>>();
    let pairs = |group: Vec<&'_ Measures>| -> Vec<(usize, usize)> {
        (0..group.len()).flat_map(|i| (i + 1..group.len()).map(move |j| (i, j))).collect()
    };
    let of_group = |names: &&[&str]| {
        let group = measured(names);
        pairs(group.clone()).into_iter().map(|(i, j)| (group[i], group[j])).collect::<Vec<_>>()
    };
    ALIKE.iter().flat_map(of_group).collect()
}

fn named(m: &Measures) -> Cell {
    Cell::text(format!("`{}`", m.name))
}

/// A table with a row for each of the minima for which `row` finds anything.
fn table(
    caption: &str,
    head: &[&str],
    note: &str,
    all: &[Measures],
    row: impl Fn(&Measures) -> Option<Vec<Cell>>,
) -> Option<Table> {
    let line = |m: &Measures| Some(std::iter::once(named(m)).chain(row(m)?).collect());
    let rows: Vec<Vec<Cell>> = all.iter().filter_map(line).collect();
    let head = std::iter::once("experiment").chain(head.iter().copied()).map(Into::into).collect();
    let note = (!note.is_empty()).then(|| note.to_owned());
    (!rows.is_empty()).then(|| Table { caption: caption.to_owned(), head, rows, note })
}

fn encoding(all: &[Measures]) -> Claim {
    let own: Number = |o| Some(o.boundary.as_ref()?.encoding.accuracy);
    let random: Number = |o| Some(o.boundary.as_ref()?.encoding_random);
    let directions: Number = |o| Some(o.boundary.as_ref()?.encoding.n_directions as f64);
    let mut evidence = Evidence::default();
    for m in all {
        let (Some((accuracy, _)), Some((chance, _))) = (m.over_seeds(own), m.over_seeds(random)) else { continue };
        let k = count(m.over_seeds(directions).map_or(0.0, |k| k.0));
        let text = format!(
            "`{}`: {k} eigenvectors tell {} of the classes, {k} random directions {}",
            m.name,
            percent(accuracy),
            percent(chance)
        );
        evidence.add(rules::better_than_random(accuracy, chance), text, &[m]);
    }
    let table = table(
        "Classes told by signs of alignments",
        &["directions", "eigenvectors", "random", "largest class"],
        "Fraction of inputs (a grid on planes, the training samples else) whose predicted class is the most frequent one \
         among the inputs with the same signs. Largest class: the fraction that is right where the same class is always said.",
        all,
        |m| {
            m.over_seeds(own)?;
            Some(vec![
                count_cell(m.over_seeds(directions)),
                cell_with_deviation(m.over_seeds(own)),
                cell_with_deviation(m.over_seeds(random)),
                cell_with_deviation(m.over_seeds(|o| Some(o.boundary.as_ref()?.encoding.majority))),
            ])
        },
    );
    let rule = format!(
        "The predicted classes are told by the signs of the alignments with the outlying eigenvectors. A minimum speaks for \
         the claim where these tell at least {:.0}\u{a0}% of the classes that as many random directions leave wrong, and against it \
         where they do not.",
        100.0 * rules::BETTER
    );
    evidence.claim(
        "The top eigenvectors of the Hessian encode the decision boundary.",
        "arXiv:2306.07104, Figs. 1, 2 and 6",
        &rule,
        table,
    )
}

fn complexity(all: &[Measures]) -> Claim {
    let pieces: Number = |o| Some(o.boundary.as_ref()?.complexity?.n_linear as f64);
    let turning: Number = |o| Some(o.boundary.as_ref()?.complexity?.turning);
    let length: Number = |o| Some(o.boundary.as_ref()?.complexity?.length);
    let measures: [(&str, Number, Number, WrittenAlone); 3] = [
        ("switches", Measured::switches, Measured::error_of_switches, |v| math(v, 3)),
        ("linear pieces", pieces, |_| Some(0.0), count),
        ("curvature", turning, |_| Some(0.0), |v| math(v, 3)),
    ];
    let mut evidence = Evidence::default();
    let numbers = |m: &Measures, f: Number| Some((m.over_seeds(Measured::outliers)?.0, m.over_seeds(f)?.0));
    let by_gap = |m: &Measures, f: Number| {
        let count = |gap: usize| Some(m.over_seeds(|o| Some(o.outliers_by_gap()?[gap]))?.0);
        Some(([count(0)?, count(1)?, count(2)?], m.over_seeds(f)?.0))
    };
    for (first, second) in alike(all) {
        for side in [Side::For, Side::Against, Side::Open] {
            let compared = measures.iter().filter_map(|(what, f, error, written)| {
                let (a, b) = by_gap(first, *f).zip(by_gap(second, *f))?;
                let error = first.over_seeds(*error)?.0.hypot(second.over_seeds(*error)?.0);
                let text = || format!("{what} {} and {}", written(a.1), written(b.1));
                (rules::grows_at_every_gap(a, b, error) == side).then(text)
            });
            let compared: Vec<String> = compared.collect();
            if !compared.is_empty() {
                let outliers = outliers(first, second, side);
                let text = format!("`{}` and `{}`: {outliers}; {}", first.name, second.name, compared.join("; "));
                evidence.add(side, text, &[first, second]);
            }
        }
    }
    let minima: Vec<&Measures> = all.iter().filter(|m| m.over_seeds(pieces).is_some()).collect();
    for (what, measure, ..) in measures {
        let pairs: Vec<(f64, f64)> = minima.iter().filter_map(|m| numbers(m, measure)).collect();
        if let Some(found) = Correlation::of(&pairs) {
            let text = format!("outliers and {what}, all minima on the plane: {}", correlation(found));
            evidence.add(found.side(), text, &minima);
        }
    }
    let table = table(
        "Outliers and the complexity of the boundary",
        &["outliers", "switches", "linear pieces", "curvature", "length"],
        "Switches: changes of the predicted class along a segment between two training samples of the same class, on \
         average. Pieces, total curvature (radians) and length of the boundary on planes only.",
        all,
        |m| {
            m.over_seeds(Measured::outliers)?;
            Some(vec![
                count_cell(m.over_seeds(Measured::outliers)),
                cell_with_deviation(m.over_seeds(Measured::switches)),
                count_cell(m.over_seeds(pieces)),
                cell_with_deviation(m.over_seeds(turning)),
                cell_with_deviation(m.over_seeds(length)),
            ])
        },
    );
    evidence.claim(
        "The number of outliers in the spectrum grows with the complexity of the decision boundary.",
        "arXiv:2306.07104, Fig. 3",
        "Complexity is measured in three ways: by switches of the class, linear pieces and curvature of the boundary. Two minima \
         of one network on one data set speak for the claim where the more complex boundary goes with more outliers, and \
         against it where it goes with as many or fewer; where the measure is equal, or switches differ by less than two standard \
         errors over the segments, they do not tell. Over all minima on the plane the rank correlation is tested as said \
         above.",
        table,
    )
}

fn correlation(found: Correlation) -> String {
    let Correlation { rho, chance, n } = found;
    format!("rank correlation {} over {n} minima; chance reaches ±{}", math(rho, 2), math(chance, 2))
}

/// The one of two minima that generalizes better, and the way in which that is known.
enum Better {
    First(&'static str),
    Second(&'static str),
    Unknown,
}

fn better(first: &Measures, second: &Measures) -> Better {
    const NAMED: [[&str; 2]; 3] = [[NORMAL, ADVERSARIAL], [CHECKERBOARD[1], CHECKERBOARD[0]], MNIST];
    const MEASURED: &str = "is more accurate on validation samples";
    const SAID: &str = "is the better one by the paper";
    let order = |accuracy: Number| {
        let of = |m: &Measures| m.over_seeds(accuracy).map(|(a, _)| shown(a));
        of(first).zip(of(second)).and_then(|(a, b)| a.partial_cmp(&b))
    };
    // Validation sets are small: where the test samples have the other order, one sample has decided.
    match (order(Measured::validation), order(Measured::test)) {
        (Some(Ordering::Greater), test) if test != Some(Ordering::Less) => return Better::First(MEASURED),
        (Some(Ordering::Less), test) if test != Some(Ordering::Greater) => return Better::Second(MEASURED),
        _ => {}
    }
    let is = |[a, b]: &[&str; 2], x: &Measures, y: &Measures| x.name == *a && y.name == *b;
    if NAMED.iter().any(|pair| is(pair, first, second)) {
        Better::First(SAID)
    } else if NAMED.iter().any(|pair| is(pair, second, first)) {
        Better::Second(SAID)
    } else {
        Better::Unknown
    }
}

fn generalization(all: &[Measures]) -> Claim {
    let mut evidence = Evidence::default();
    let thresholds: [(&str, Number); 3] = [
        (r"$G_\theta$", Measured::g_theta),
        ("above random", Measured::g_theta_above_random),
        (r"above $10^{-6}$", Measured::g_theta_above_zero),
    ];
    for (first, second) in alike(all) {
        let (good, bad, why) = match better(first, second) {
            Better::First(why) => (first, second, why),
            Better::Second(why) => (second, first, why),
            Better::Unknown => {
                let why =
                    "are not told apart by validation and test samples, and the paper names neither as the better one";
                evidence.add(Side::Open, format!("`{}` and `{}` {why}", first.name, second.name), &[first, second]);
                continue;
            }
        };
        for side in [Side::For, Side::Against] {
            let compared = thresholds.iter().filter_map(|(what, g_theta)| {
                let tally = Tally::of(&paired(good, bad, *g_theta), rules::smaller);
                let [a, b] = [good, bad].map(|m| with_deviation(m.over_seeds(*g_theta)));
                tally.sides().contains(&side).then(|| format!("{what} {a} and {b}{}", seeds(side, tally)))
            });
            let compared: Vec<String> = compared.collect();
            if !compared.is_empty() {
                let text = format!("`{}`, which {why}, and `{}`: {}", good.name, bad.name, compared.join("; "));
                evidence.add(side, text, &[good, bad]);
            }
        }
    }
    let table = table(
        "Generalization measure",
        &[
            r"$G_\theta$",
            "above random",
            r"above $10^{-6}$",
            "validation accuracy",
            "test accuracy",
            "trace",
            r"$\lambda_1$",
        ],
        r"$G_\theta$: fraction of all eigenvectors, clusters as subspaces, whose largest alignment reaches the threshold of Figure 4, 0.0473. *Above random* is the same with another threshold for each minimum: the largest alignment that random directions reach there, on average over draws. *Above $10^{-6}$* has $10^{-6}$ as its threshold.",
        all,
        |m| {
            m.over_seeds(Measured::g_theta)?;
            Some(vec![
                cell_with_deviation(m.over_seeds(Measured::g_theta)).strong(),
                cell_with_deviation(m.over_seeds(Measured::g_theta_above_random)),
                cell_with_deviation(m.over_seeds(Measured::g_theta_above_zero)),
                cell_with_deviation(m.over_seeds(Measured::validation)),
                cell_with_deviation(m.over_seeds(Measured::test)),
                cell_with_deviation(m.over_seeds(|o| Some(o.summary()?.trace))),
                cell_with_deviation(m.over_seeds(|o| o.lambda(1))),
            ])
        },
    );
    evidence.claim(
        r"$G_\theta$ is smaller at minima that generalize better: for normal training than for an adversarial start, for a wide margin than for a narrow one.",
        "arXiv:2306.07104, Figs. 4 and 5",
        "All pairs of minima of one network on one data set are compared. The better one is that of higher validation \
         accuracy, unless its test accuracy is lower; where that does not decide, the one that the paper names; else the pair \
         does not tell. The pair speaks for the claim where $G_\\theta$ is smaller for the better one, and against it where it \
         is not. The threshold of Figure 4 is the paper's; with the other two thresholds the same is asked again.",
        table,
    )
}

fn norm(all: &[Measures]) -> Claim {
    let mut evidence = Evidence::default();
    evidence.compare_outliers(all, [LARGE_NORM, ADVERSARIAL], rules::smaller);
    evidence.compare(all, [ADVERSARIAL, LARGE_NORM], r"$\lambda_1$", with_deviation, |o| o.lambda(1));
    let switches = "changes of class between samples of one class";
    evidence.compare(all, [LARGE_NORM, ADVERSARIAL], switches, with_deviation, Measured::switches);
    let pieces: Number = |o| Some(o.boundary.as_ref()?.complexity?.n_linear as f64);
    let turning: Number = |o| Some(o.boundary.as_ref()?.complexity?.turning);
    let measures: [(&str, Number, Written); 3] = [
        (switches, Measured::switches, with_deviation),
        ("linear pieces", pieces, count_with_deviation),
        ("curvature", turning, with_deviation),
    ];
    if let [Some(large), Some(normal), Some(adversarial)] = [LARGE_NORM, NORMAL, ADVERSARIAL].map(|name| of(all, name))
    {
        for (what, number, written) in measures {
            let [l, n, a] = [large, normal, adversarial].map(|m| m.over_seeds(number));
            let (Some(l0), Some(n0), Some(a0)) = (l, n, a) else { continue };
            let text = format!(
                "{what}: {} after a large norm, {} after normal training, {} after the adversarial start",
                written(l),
                written(n),
                written(a)
            );
            evidence.add(rules::is_nearer_to(l0.0, n0.0, a0.0), text, &[large, normal, adversarial]);
        }
    }
    let gauss: Vec<Measures> = ALIKE[0].iter().filter_map(|name| of(all, name)).cloned().collect();
    let head = ["outliers", r"$\lambda_1$", "switches", "linear pieces", "curvature"];
    let table = table("The three starts", &head, "", &gauss, |m| {
        m.over_seeds(Measured::outliers)?;
        Some(vec![
            count_cell(m.over_seeds(Measured::outliers)),
            cell_with_deviation(m.over_seeds(|o| o.lambda(1))),
            cell_with_deviation(m.over_seeds(Measured::switches)),
            count_cell(m.over_seeds(pieces)),
            cell_with_deviation(m.over_seeds(turning)),
        ])
    });
    evidence.claim(
        "A large norm of the weights alone does not make the boundary complex: the adversarial start does, with more outliers, though its largest eigenvalue is smaller.",
        "arXiv:2306.07104, Fig. 3",
        r"The large norm must have fewer outliers and fewer changes of class than the adversarial start, and a larger $\lambda_1$. And each measure of complexity must be nearer to that of normal training than to that of the adversarial start. What is otherwise speaks against the claim.",
        table,
    )
}

fn margin(all: &[Measures]) -> Claim {
    let estimate: Number = |o| Some(o.boundary.as_ref()?.margin.as_ref()?.margin);
    let cosine: Number = |o| Some(o.boundary.as_ref()?.margin.as_ref()?.cos2);
    let nearest: Number = |o| Some(o.boundary.as_ref()?.nearest.as_ref()?.distance);
    let mut evidence = Evidence::default();
    if let [Some(first), Some(second)] = CHECKERBOARD.map(|name| of(all, name)?.over_seeds(nearest)) {
        let [a, b] = CHECKERBOARD;
        let narrow_first = if first.0 <= second.0 { [a, b] } else { [b, a] };
        evidence.compare(all, narrow_first, "margin by $v_1$", with_deviation, estimate);
    }
    let both = |m: &Measures| Some((m.over_seeds(estimate)?.0, m.over_seeds(nearest)?.0));
    for m in all {
        let Some((estimated, distance)) = both(m) else { continue };
        let text = format!("`{}`: estimate {}, true distance {}", m.name, math(estimated, 3), math(distance, 3));
        evidence.add(rules::estimates(estimated, distance), text, &[m]);
    }
    let minima: Vec<&Measures> = all.iter().filter(|m| both(m).is_some()).collect();
    if let Some(found) = Correlation::of(&minima.iter().filter_map(|m| both(m)).collect::<Vec<_>>()) {
        evidence.add(found.side(), format!("estimate and true distance: {}", correlation(found)), &minima);
    }
    let table = table(
        "Margins",
        &["by $v_1$", "nearest sample", "ratio", r"$\cos^2$", "searches at rest"],
        "By $v_1$: the distance between a point $x_b$, sought so that the gradient of its loss is parallel to $v_1$, and the \
         nearer one of the two training samples that are most and least aligned with $v_1$. Nearest sample: the true smallest \
         distance of a training sample to the boundary, found without the Hessian; an estimate below it shows that $x_b$ does \
         not lie on the boundary. $\\cos^2$ of the angle between that gradient and $v_1$ is 1 where the search succeeded. \
         Searches at rest: how many of the searches for $x_b$, each from another start, came to an end before their last step.",
        all,
        |m| {
            let (estimated, distance) = both(m)?;
            Some(vec![
                cell_with_deviation(m.over_seeds(estimate)),
                cell_with_deviation(m.over_seeds(nearest)),
                cell(Some(estimated / distance).filter(|ratio| ratio.is_finite())),
                cell_with_deviation(m.over_seeds(cosine)),
                at_rest(m),
            ])
        },
    );
    let rule = format!(
        "An estimate speaks for the claim where it is within a factor of {} of the true distance, and against it where it \
         is not; of the two checkerboards the one whose nearest sample is farther from the boundary must have the larger estimate; \
         and the rank correlation of estimates and true distances is tested as said above.",
        rules::FACTOR
    );
    evidence.claim(
        "The leading eigenvector estimates the margin, and tells the wide from the narrow one.",
        "arXiv:2306.07104, Fig. 5",
        &rule,
        table,
    )
}

/// How many of the searches for the point of the boundary came to an end.
fn at_rest(m: &Measures) -> Cell {
    let starts = m.own().and_then(|o| Some(&o.boundary.as_ref()?.margin.as_ref()?.starts));
    Cell::number(starts.map_or_else(
        || "–".to_owned(),
        |starts| format!("{} of {}", starts.iter().filter(|start| start.converged).count(), starts.len()),
    ))
}

fn images(all: &[Measures]) -> Claim {
    let mut evidence = Evidence::default();
    evidence.compare(all, MNIST, r"$\lambda_1$", with_deviation, |o| o.lambda(1));
    if let Some((m, (outliers, _))) = of(all, MNIST[0]).and_then(|m| Some((m, m.over_seeds(Measured::outliers)?))) {
        let n_params = m.all.iter().find_map(|o| Some(o.summary()?.n_params)).map_or_else(String::new, whole);
        let text = format!("{} outliers of {n_params} eigenvalues after normal training", count(outliers));
        evidence.add(rules::are_few(outliers), text, &[m]);
    }
    evidence.compare_outliers(all, MNIST, rules::no_larger);
    let images: Vec<Measures> = MNIST.iter().filter_map(|name| of(all, name)).cloned().collect();
    let table = table("The two starts", &["outliers", r"$\lambda_1$", "parameters"], "", &images, |m| {
        Some(vec![
            count_cell(m.over_seeds(Measured::outliers)),
            cell_with_deviation(m.over_seeds(|o| o.lambda(1))),
            count_cell(m.over_seeds(|o| Some(o.summary()?.n_params as f64)).map(|(n, _)| (n, None))),
        ])
    });
    let rule = format!(
        r"Three findings: up to {} outliers after normal training count as few; $\lambda_1$ must be larger after the adversarial start, as the paper finds on images (5.09 and 15.0), while on the plane it finds a smaller one (0.154 and 0.003); and there must be at least as many outliers after it. What is otherwise speaks against the claim.",
        rules::FEW
    );
    evidence.claim(
        r"The same holds for real images: few outliers after normal training, a larger $\lambda_1$ and at least as many outliers after an adversarial start.",
        "arXiv:2306.07104, Fig. 6",
        &rule,
        table,
    )
}
