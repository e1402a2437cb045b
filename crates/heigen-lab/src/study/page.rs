//! The report about one network.

use super::{Imported, Picture, Study, Wanted};
use crate::LabError;
use crate::analysis::Found;
use crate::call::Call;
use crate::drawing::Figure;
use crate::explorable::{called, why_not_explored};
use crate::page_text::{capital, machine, math, percent, read_as, typeset, whole};
use heigen::analysis::{Definition, FIGURE_4_EPS, GTheta, LayerCurvature, Rule, Summary};
use heigen_report::{Cell, Figure as Shown, Folded, Report, Section, Table, TaskState, Timing, literal};
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::record::{AnalysisRecord, TopKSummary, loss_name};

/// Number of eigenvalues in the table.
const SHOWN: usize = 10;

pub(super) fn html(call: &Call, wanted: &Wanted, outcome: &Study) -> Result<String, LabError> {
    let mut sections = vec![minimum(outcome)];
    let by_layer = match &outcome.spectrum {
        Found::Whole(record) => {
            sections.extend([spectrum(record), generalization(&record.summary)]);
            &record.estimates.by_layer
        }
        Found::Top(record) => {
            sections.push(top(record));
            &record.estimates.by_layer
        }
        Found::Estimates(record) => &record.estimates.by_layer,
    };
    sections.extend(by_layer.as_deref().map(layers));
    sections.extend(outcome.boundary.as_ref().map(boundary));
    if !outcome.pictures.is_empty() {
        sections.push(pictures(call, wanted, outcome));
    }
    let name = &outcome.imported.experiment.experiment.name;
    let report = Report {
        title: literal(&name.to_string()),
        subtitle: "Curvature of the loss and the decision boundary, by heigen".to_owned(),
        intro: vec![
            "What does the curvature of this classifier's loss say about its decision boundary? The measures are those of \
             arXiv:2306.07104: the eigenvalues of the Hessian of the mean loss, how the gradients of samples align with its \
             eigenvectors, the generalization measure $G_\\theta$, and the boundary itself."
                .to_owned(),
        ],
        facts: facts(call, wanted, outcome),
        sections,
        timings: timings(outcome),
        footer: "Drawn and written by heigen, from its results alone; the page needs no network.".to_owned(),
        ..Report::default()
    };
    Ok(heigen_report::html(&report)?)
}

fn facts(call: &Call, wanted: &Wanted, outcome: &Study) -> Vec<(String, String)> {
    let own = &outcome.imported;
    let (samples, network) = (&own.prepared.samples, &own.prepared.network);
    let data = &samples.data;
    let shape = data.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
    let classes = samples.classes.as_deref().unwrap_or_default();
    let named = match classes {
        [] => String::new(),
        // The counts of more than 20 classes would hide the rest.
        _ if classes.len() > 20 => String::new(),
        _ => format!(": {}", classes.join(", ")),
    };
    let mut facts = vec![
        ("Network", literal(&wanted.network)),
        ("Parameters", format!("P = {}", whole(network.n_params()))),
        ("Samples", literal(&format!("{}, N = {} of shape {shape}", data.source, whole(data.n_samples())))),
        (if data.others.is_some() { "Outputs" } else { "Classes" }, literal(&format!("{}{named}", data.n_classes))),
        ("Loss", literal(loss_name(own.experiment.experiment.loss))),
        ("Program", format!("heigen {}", heigen::VERSION)),
        ("Machine", machine(call.lab)),
    ];
    if let Some(standardization) = &samples.standardization {
        facts.push((
            "Features",
            format!("{} of them shifted and scaled to mean 0 and deviation 1", standardization.mean.len()),
        ));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn minimum(outcome: &Study) -> Section {
    let (loss, accuracy, grad_norm) = match &outcome.spectrum {
        Found::Whole(r) => (r.summary.loss, r.summary.accuracy, r.summary.grad_norm),
        Found::Top(r) => (r.summary.loss, r.summary.accuracy, r.summary.grad_norm),
        Found::Estimates(r) => (r.summary.loss, r.summary.accuracy, r.summary.grad_norm),
    };
    let mut text: Vec<String> = outcome.warnings.iter().map(|w| format!("*Warning*: {}.", literal(w))).collect();
    if text.is_empty() {
        text.push("Nothing speaks against a minimum: the gradient is small beside the curvature.".to_owned());
    }
    text.extend(outcome.notes.iter().map(|note| format!("Note: {}.", literal(note.trim_end_matches('.')))));
    // Samples without classes have no accuracy.
    let accuracy = accuracy.map(|accuracy| ("accuracy", percent(accuracy)));
    let all = [Some(("loss", math(loss, 5))), accuracy, Some(("norm of the gradient", math(grad_norm, 3)))];
    let (head, row): (Vec<String>, Vec<Cell>) =
        all.into_iter().flatten().map(|(name, value)| (name.to_owned(), Cell::number(value))).unzip();
    let rows = vec![row];
    let table = Table { caption: "On the samples".into(), head, rows, note: None };
    section("minimum", "Is this a minimum?", text, vec![table])
}

fn section(id: &str, title: &str, text: Vec<String>, tables: Vec<Table>) -> Section {
    Section { id: id.into(), title: title.into(), text, tables, ..Section::default() }
}

fn eigenvalue_rows(values: &[f64]) -> Vec<Vec<Cell>> {
    let row = |(i, &l): (usize, &f64)| vec![Cell::text(format!("$\\lambda_{{{}}}$", i + 1)), Cell::number(math(l, 6))];
    values.iter().take(SHOWN).enumerate().map(row).collect()
}

fn spectrum(record: &AnalysisRecord) -> Section {
    let s = &record.summary;
    let o = &s.outliers;
    let values = Table {
        caption: "Largest eigenvalues of the Hessian".into(),
        head: vec![String::new(), "eigenvalue".into()],
        rows: eigenvalue_rows(&s.eigenvalues_top),
        note: None,
    };
    let line = |name: &str, value: String| vec![Cell::text(name), Cell::number(value)];
    let c = &s.certificate;
    let whole = Table {
        caption: "The whole spectrum".into(),
        head: vec![String::new(), "value".into()],
        rows: vec![
            line("outliers", whole(o.count)),
            line(
                "the same with half and with twice the gap",
                format!("{}, {}", whole(o.count_at_half_gap), whole(o.count_at_double_gap)),
            ),
            line("rank", format!("{} of {}", whole(s.rank), whole(s.n_params))),
            line("trace", math(s.trace, 5)),
            line("most negative eigenvalue", math(s.lambda_min, 3)),
            line("method", s.method.name().to_owned()),
        ],
        note: Some(format!("Outliers stand above the lowest gap of {:.0} % of the largest eigenvalue.", 100.0 * o.gap)),
    };
    let certificate = Table {
        caption: "Certificate".into(),
        head: vec![String::new(), "value".into()],
        rows: vec![
            line("largest residual $\\|H v_i - \\lambda_i v_i\\|$", math(c.residual_max, 2)),
            line("loss of orthogonality", math(c.orthogonality, 2)),
            line("bound on what lies outside the pairs", math(s.outside_bound, 2)),
            line("probability that the bound fails, at most", math(c.failure_probability, 2)),
            line("sum of the eigenvalues", math(c.trace_eigenvalues, 6)),
            line("trace by another route", math(c.trace_exact.unwrap_or(c.trace_probes), 6)),
            line(
                "error of the matrix itself, by rounding, about",
                c.matrix_error.map_or_else(|| "not known".to_owned(), |error| math(error, 2)),
            ),
        ],
        note: Some("All but the last are about the matrix as it was computed.".into()),
    };
    section("spectrum", "Spectrum", vec![], vec![values, whole, certificate])
}

fn top(record: &AnalysisRecord<TopKSummary>) -> Section {
    let s = &record.summary;
    let values = Table {
        caption: "Largest eigenvalues of the Hessian, by Lanczos".into(),
        head: vec![String::new(), "eigenvalue".into(), "residual".into()],
        rows: s
            .eigenvalues
            .iter()
            .zip(&s.residuals)
            .enumerate()
            .map(|(i, (&l, &r))| {
                let name = Cell::text(format!("$\\lambda_{{{}}}$", i + 1));
                vec![name, Cell::number(math(l, 6)), Cell::number(math(r, 2))]
            })
            .collect(),
        note: Some(format!(
            "{} products with the Hessian; loss of orthogonality {}.",
            whole(s.products),
            math(s.orthogonality, 2)
        )),
    };
    section("spectrum", "Spectrum", vec![], vec![values])
}

/// The table by layer.
fn layers(layers: &[LayerCurvature]) -> Section {
    let row = |layer: &LayerCurvature| {
        let error = layer.trace_standard_error;
        let error = if error > 0.0 { format!(" (standard error {})", math(error, 2)) } else { String::new() };
        vec![
            Cell::text(literal(&layer.name)),
            Cell::number(layer.n_params.to_string()),
            Cell::number(format!("{}{error}", math(layer.trace, 4))),
            Cell::number(layer.share.map_or_else(|| "none".to_owned(), percent)),
            Cell::number(math(layer.lambda_max, 4)),
            Cell::number(math(layer.lambda_min, 3)),
            Cell::number(math(layer.grad_norm, 3)),
        ]
    };
    let head = ["layer", "parameters", "trace", "share", "largest", "smallest", "norm of the gradient"];
    let table = Table {
        caption: "The diagonal block of every layer".into(),
        head: head.map(Into::into).to_vec(),
        rows: layers.iter().map(row).collect(),
        note: Some("All other parameters held fixed; the share is that of the whole trace.".into()),
    };
    section("layers", "Layer by layer", vec![], vec![table])
}

/// Whether a value of `G_theta` is the one that is recommended: the paper's definition, made independent of the basis that
/// an eigensolver happens to return, with the threshold of the paper's Figure 4.
fn recommended(g: &GTheta) -> bool {
    g.definition == Definition::Subspaces && g.rule == Rule::Max && g.eps.to_bits() == FIGURE_4_EPS.to_bits()
}

fn generalization(s: &Summary) -> Section {
    if s.g_theta.is_empty() {
        let text = "The matrix is zero as far as can be told: all that its products hold is rounding. It has no directions, so that \
                    there is no $G_\\theta$.";
        return section("generalization", "Generalization measure", vec![text.to_owned()], vec![]);
    }
    let row = |g: &GTheta| {
        let definition = match g.definition {
            Definition::Subspaces => "eigenspaces",
            Definition::Eigenvectors => "all eigenvectors, as computed",
            Definition::NonzeroEigenvectors => "eigenvectors of nonzero eigenvalues",
        };
        let rule = if g.rule == Rule::Max { "largest" } else { "mean" };
        let value = Cell::number(math(g.value, 4));
        vec![
            Cell::text(definition),
            Cell::text(rule),
            Cell::number(math(g.eps, 3)),
            Cell::text(literal(&g.eps_source)),
            if recommended(g) { value.strong() } else { value },
            Cell::number(whole(g.counted)),
            Cell::number(whole(g.counted_null)).muted(),
        ]
    };
    let table = |caption: &str, lines: Vec<&GTheta>, note: Option<&str>| Table {
        caption: caption.into(),
        head: ["vectors", "alignment", "threshold", "its source", "$G_\\theta$", "counted", "of the null space"]
            .map(Into::into)
            .to_vec(),
        rows: lines.into_iter().map(row).collect(),
        note: note.map(Into::into),
    };
    let (first, others): (Vec<&GTheta>, Vec<&GTheta>) = s.g_theta.iter().partition(|g| recommended(g));
    let text = first.first().map(|g| {
        format!(
            "$G_\\theta$ = {}: {} of {} directions. This is the value to quote: the paper's definition (arXiv:2306.07104, \
             section 5), counted over eigenspaces, so that it does not depend on the basis that an eigensolver happens to \
             return, and with the threshold of the paper's Figure 4, so that it can be compared with published values. It \
             compares minima of one network; between networks of different size the threshold means different things.",
            math(g.value, 4),
            whole(g.counted),
            whole(s.n_params)
        )
    });
    let note = "$G_\\theta$ is the fraction of the P eigenvectors with which the gradient of some sample (largest), or the \
                gradients of all on average (mean), align as much as the threshold or more.";
    let recommendation = table("The generalization measure, recommended definition", first, Some(note));
    let folded = Folded {
        summary: format!("{} other definitions of $G_\\theta$", others.len()),
        tables: vec![table("The generalization measure by other definitions and thresholds", others, None)],
    };
    let kept = |table: &Table| !table.rows.is_empty();
    Section {
        tables: vec![recommendation].into_iter().filter(kept).collect(),
        folded: vec![folded].into_iter().filter(|f| f.tables.iter().all(kept)).collect(),
        ..section("generalization", "Generalization measure", text.into_iter().collect(), vec![])
    }
}

fn boundary(record: &BoundaryRecord) -> Section {
    let line = |name: &str, value: String| vec![Cell::text(name), Cell::number(value)];
    let mut rows = Vec::new();
    if let Some(c) = &record.complexity {
        rows.push(line("pieces of the boundary", whole(c.n_pieces)));
        rows.push(line("length", math(c.length, 4)));
        rows.push(line("total curvature", math(c.turning, 4)));
    }
    let s = &record.switches;
    rows.push(line("changes of class between samples of different classes", math(s.different_class.mean, 3)));
    rows.push(line("changes of class between samples of one class", math(s.same_class.mean, 3)));
    let e = &record.encoding;
    rows.push(line(&format!("classes told by the signs of {} alignments", e.n_directions), percent(e.accuracy)));
    rows.push(line("by as many random directions", percent(record.encoding_random)));
    if let Some(m) = &record.margin {
        rows.push(line("margin estimated by $v_1$", math(m.margin, 4)));
        rows.push(line("$\\cos^2$ at its point $x_b$; far below 1 the estimate means little", math(m.cos2, 3)));
    }
    if let Some(n) = &record.nearest {
        rows.push(line("distance of the nearest sample to the boundary", math(n.distance, 4)));
    }
    let table =
        Table { caption: "The decision boundary".into(), head: vec![String::new(), "value".into()], rows, note: None };
    section("boundary", "Decision boundary", vec![], vec![table])
}

/// The description of a picture of one network.
fn caption(figure: &Figure) -> &'static str {
    match figure.name {
        "line" => "the outputs over the only feature, gradients, alignment with $v_1$ and $v_2$, and the spectrum",
        "planes" => "the decision boundary, and the alignment of every point's gradient with $v_1$ to $v_5$",
        "embedding" => "the samples by t-SNE: by class, and by the alignment of their gradients with $v_1$ to $v_5$",
        _ => figure.what,
    }
}

fn pictures(call: &Call, wanted: &Wanted, outcome: &Study) -> Section {
    let name = &outcome.imported.experiment.experiment.name;
    let own = &outcome.imported;
    let picture = |drawn: &Picture| {
        let svg = heigen_store::files::read_to_string(drawn.paths.first()?).ok()?;
        let figure = drawn.figure;
        Some(Shown {
            id: format!("picture-{}", figure.name),
            title: capital(figure.name),
            svg,
            alt: format!("{name}: {}", caption(figure)),
            caption: format!("{}.{}", typeset(&capital(caption(figure))), read_as(figure.name)),
            command: wanted
                .command
                .map(|command| command(figure, &own.paths.experiment(), &own.paths.weights(), call.store.dir())),
            live: vec![],
        })
    };
    let mut figures: Vec<Shown> = outcome.pictures.iter().filter_map(picture).collect();
    if let Some(first) = figures.first_mut() {
        first.live = live(wanted, outcome).into_iter().collect();
    }
    Section { id: "figures".into(), title: "Figures".into(), figures, ..Section::default() }
}

/// The command that opens a live page at the weights, where such a page can show the network.
fn live(wanted: &Wanted, outcome: &Study) -> Option<String> {
    let Imported { experiment: loaded, prepared, paths, .. } = &outcome.imported;
    let why_not = why_not_explored(&loaded.experiment, &prepared.samples.data, &prepared.network);
    let weights = wanted.asked.how.weights.clone().unwrap_or_else(|| paths.weights());
    wanted.live.filter(|_| why_not.is_none()).map(|command| command(&called(loaded), Some(&weights)))
}

fn timings(outcome: &Study) -> Vec<Timing> {
    let seconds = match &outcome.spectrum {
        Found::Whole(record) => record.seconds,
        Found::Top(record) => record.seconds,
        Found::Estimates(record) => record.seconds,
    };
    let one = |task: &str, seconds: f64| Timing {
        task: task.to_owned(),
        seconds: Some(seconds),
        reference_seconds: None,
        state: TaskState::Computed,
    };
    let mut all = vec![one("spectrum and alignments", seconds)];
    all.extend(outcome.boundary.as_ref().map(|b| one("decision boundary", b.seconds)));
    all
}
