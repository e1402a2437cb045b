//! Descriptions of models, analyses and boundaries for people.

use heigen::analysis::{Definition, FIGURE_4_EPS, GTheta, LayerCurvature, Rule, Switches};
use heigen::curvature::NOTABLE_ERROR;
use heigen_lab::number;
use heigen_store::along_record::{AlongRecord, Moment};
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::record::{AnalysisRecord, Estimates, EstimatesSummary, ModelRecord, Operator, Subject, TopKSummary};
use std::fmt::Write;

/// Number of eigenvalues that are shown.
const SHOWN: usize = 5;

/// The summary of a whole spectrum.
pub(crate) fn whole(record: &AnalysisRecord) -> String {
    let s = &record.summary;
    let largest = s.eigenvalues_top.iter().take(SHOWN).map(|&l| number(l)).collect::<Vec<_>>();
    let mut lines = heading(record, s.n_params, s.n_samples);
    lines.push(minimum(s.loss, s.accuracy, s.grad_norm));
    lines.push(format!("  lambda_1..{}  {}", largest.len(), largest.join("  ")));
    lines.push(format!("  lambda_min   {}", number(s.lambda_min)));
    lines.push(format!("  trace        {}", number(s.trace)));
    lines.push(format!("  rank         {} of {}", s.rank, s.n_params));
    lines.push(format!("  outliers     {}, by gaps of {:.0} % of lambda_1", s.outliers.count, 100.0 * s.outliers.gap));
    lines.extend(estimates(&record.estimates));
    lines.extend(g_theta(&s.g_theta));
    let c = &s.certificate;
    lines.push(format!("  method       {} in {}", s.method.name(), s.dtype));
    let trace = match c.trace_exact {
        Some(trace) => format!("trace by per-example norms {trace:.6e}"),
        None => format!("trace by probes {:.6e} +- {:.0e}", c.trace_probes, c.trace_standard_error),
    };
    lines.push(format!(
        "  certificate  residual {:.1e} (Frobenius {:.1e}), orthogonality {:.1e}, outside {:.1e} (confidence 1 - {:.0e}), \
         {trace} (sum of eigenvalues {:.6e})",
        c.residual_max,
        c.residual_frobenius,
        c.orthogonality,
        s.outside_bound,
        c.failure_probability,
        c.trace_eigenvalues
    ));
    lines.extend(precision(c.matrix_error, c.vanishes, s.lambda_max.abs().max(s.lambda_min.abs())));
    lines.join("\n")
}

/// The summary of some eigenpairs.
pub(crate) fn top(record: &AnalysisRecord<TopKSummary>) -> String {
    let s = &record.summary;
    let mut lines = heading(record, s.n_params, s.n_samples);
    lines.push(minimum(s.loss, s.accuracy, s.grad_norm));
    for (row, values) in s.eigenvalues.chunks(SHOWN).enumerate() {
        let values: Vec<String> = values.iter().map(|&l| number(l)).collect();
        let title = if row == 0 { s.which.name() } else { "" };
        lines.push(format!("  {title:<12} {}", values.join("  ")));
    }
    lines.extend(estimates(&record.estimates));
    lines.push(format!(
        "  method       lanczos in {}, {} products, {} restarts",
        s.dtype.name(),
        s.products,
        s.restarts
    ));
    lines.push(format!(
        "  certificate  residual {:.1e} of {} allowed, orthogonality {:.1e}",
        s.residual_max,
        number(s.tolerance * s.scale),
        s.orthogonality
    ));
    lines.extend(precision(s.matrix_error, s.vanishes, s.scale));
    lines.join("\n")
}

/// Estimates of a matrix whose eigenpairs nobody asked for.
pub(crate) fn estimated(record: &AnalysisRecord<EstimatesSummary>) -> String {
    let s = &record.summary;
    let mut lines = heading(record, s.n_params, s.n_samples);
    lines.push(minimum(s.loss, s.accuracy, s.grad_norm));
    lines.extend(estimates(&record.estimates));
    lines.push(format!("  method       products alone, in {}", s.dtype));
    lines.join("\n")
}

/// The line about the error that rounding made in the matrix itself, where it matters beside eigenvalues up to `scale`.
fn precision(matrix_error: Option<f64>, vanishes: bool, scale: f64) -> Option<String> {
    if vanishes {
        let zero = "the matrix is zero: all that its products hold is rounding, so that there is no G_theta";
        return Some(format!("  precision    {zero}"));
    }
    let error = matrix_error.filter(|&error| error > NOTABLE_ERROR * scale)?;
    Some(format!(
        "  precision    rounding moves the matrix itself by about {error:.1e} ({} % of the largest |lambda|), which no \
         residual shows",
        number(100.0 * error / scale)
    ))
}

fn heading<S>(record: &AnalysisRecord<S>, p: usize, n: usize) -> Vec<String> {
    let mut lines = vec![record.name.to_string()];
    if let Some(matrix) = matrix(&record.of) {
        lines.push(format!("  matrix       {matrix}"));
    }
    lines.push(format!("  network      P = {p} parameters, N = {n} training samples"));
    lines
}

/// The matrix in words, unless it is the Hessian of the training loss.
fn matrix(of: &Subject) -> Option<String> {
    let name = match of.operator {
        Operator::Ggn => "generalized Gauss-Newton",
        Operator::Fisher => "empirical Fisher",
        Operator::Remainder => "Hessian minus Gauss-Newton",
        Operator::Hessian => "Hessian",
    };
    let mut parts = vec![format!("{name} of {}", of.loss)];
    if let Some(classes) = &of.classes {
        parts.push(format!("classes {}", classes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
    }
    if let Some(samples) = &of.samples {
        parts.push(format!("samples {samples}"));
    }
    if let Some(layers) = &of.layers {
        parts.push(format!("block of {}", layers.join(", ")));
    }
    if let Some([a, b, c]) = of.reparameterize {
        parts.push(format!("layers times {a}, {b}, {c}"));
    }
    if of.weight_decay != 0.0 {
        let only = of.decay_only.as_ref().map_or_else(String::new, |only| format!(" of {}", only.join(", ")));
        parts.push(format!("weight decay {}{only}", number(of.weight_decay)));
    }
    if of.label_smoothing != 0.0 {
        parts.push(format!("label smoothing {}", number(of.label_smoothing)));
    }
    if let Ok(options) = serde_json::to_string(&of.loss_args)
        && !of.loss_args.is_empty()
    {
        parts.push(format!("options of the loss {options}"));
    }
    (parts.len() > 1 || name != "Hessian").then(|| parts.join("; "))
}

fn minimum(loss: f64, accuracy: Option<f64>, grad_norm: f64) -> String {
    let accuracy = accuracy.map_or_else(String::new, |accuracy| format!(", accuracy {:.1} %", 100.0 * accuracy));
    format!("  minimum      loss {}{accuracy}, |gradient| {}", number(loss), number(grad_norm))
}

fn estimates(e: &Estimates) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(t) = e.trace {
        let (value, error) = (number(t.value), number(t.standard_error));
        lines.push(format!("  trace        {value} +- {error}, by Hutch++ from {} products", t.products));
    }
    if let Some(d) = e.density {
        let ([low, high], trace) = (d.range.map(number), number(d.trace));
        let error = number(d.trace_standard_error);
        lines.push(format!(
            "  density      {} probes of {} steps: eigenvalues from {low} to {high}, trace {trace} +- {error}",
            d.probes, d.steps
        ));
    }
    if let Some(products) = e.diagonal_products {
        lines.push(format!("  diagonal     from {products} products"));
    }
    lines.extend(e.by_layer.iter().flat_map(|layers| by_layer(layers)));
    lines
}

/// The lines of a table by layer.
fn by_layer(layers: &[LayerCurvature]) -> Vec<String> {
    let width = layers.iter().map(|layer| layer.name.chars().count()).max().unwrap_or(0).max(5);
    let head =
        ["parameters", "trace", "share", "lambda_max", "lambda_min", "|gradient|"].map(|head| format!("{head:>11}"));
    let mut lines = vec![format!("  by layer     {:width$}{}", "layer", head.concat())];
    for layer in layers {
        let share = layer.share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share));
        let numbers = [
            layer.n_params.to_string(),
            number(layer.trace),
            share,
            number(layer.lambda_max),
            number(layer.lambda_min),
            number(layer.grad_norm),
        ]
        .map(|cell| format!("{cell:>11}"));
        let error = layer.trace_standard_error;
        let error = if error > 0.0 { format!("  (trace +- {})", number(error)) } else { String::new() };
        lines.push(format!("               {:width$}{}{error}", layer.name, numbers.concat()));
    }
    lines
}

/// The lines of a table of `G_theta`: one for each definition and threshold, with the values by both rules.
fn g_theta(all: &[GTheta]) -> Vec<String> {
    if all.is_empty() {
        return vec![];
    }
    let mut lines = vec!["  G_theta      max |A|  mean |A|  threshold   of".to_owned()];
    let mut done: Vec<(Definition, &str)> = Vec::new();
    for g in all {
        let row = (g.definition, g.eps_source.as_str());
        if done.contains(&row) {
            continue;
        }
        done.push(row);
        let mut line = "              ".to_owned();
        for rule in [Rule::Max, Rule::Mean] {
            let same = |o: &&GTheta| o.definition == row.0 && o.eps_source == row.1 && o.rule == rule;
            // Writing to a string cannot fail.
            let _ = match all.iter().find(same) {
                Some(found) => write!(line, " {:>7.4} ", found.value),
                None => write!(line, "         "),
            };
        }
        let basis = match g.definition {
            Definition::Subspaces => "subspaces, whatever the basis".to_owned(),
            Definition::NonzeroEigenvectors => "eigenvectors, those of nonzero eigenvalues only".into(),
            Definition::Eigenvectors => {
                format!("eigenvectors, {} counted from the null space's arbitrary basis", g.counted_null)
            }
        };
        let _ = write!(line, " {:<10.4e}  {basis}; {}", g.eps, g.eps_source);
        lines.push(line);
    }
    lines
}

/// The description of a boundary's measures.
pub(crate) fn boundary(record: &BoundaryRecord) -> String {
    let mut lines = vec![record.name.to_string()];
    if let Some(c) = &record.complexity {
        lines.push(format!(
            "  boundary     {} pieces, {} linear ones, length {}, total curvature {}",
            c.n_pieces,
            c.n_linear,
            number(c.length),
            number(c.turning)
        ));
    }
    let s = &record.switches;
    let side = |s: &Switches| format!("{} +- {}", number(s.mean), number(s.standard_error));
    lines.push(format!(
        "  switches     {} a segment between samples of different classes, {} of the same class",
        side(&s.different_class),
        side(&s.same_class)
    ));
    let e = &record.encoding;
    lines.push(format!(
        "  encoding     the signs of {} alignments tell {:.1} % of classes right; random directions {:.1} %, none {:.1} %",
        e.n_directions,
        100.0 * e.accuracy,
        100.0 * record.encoding_random,
        100.0 * e.majority
    ));
    if let Some(m) = &record.margin {
        lines.push(format!(
            "  margin       {} by v_1 (distances {} and {} to the most and the least aligned sample, cos^2 {})",
            number(m.margin),
            number(m.distance_most),
            number(m.distance_least),
            number(m.cos2)
        ));
    }
    lines.push(match &record.nearest {
        Some(n) => format!(
            "  nearest      {} from training sample {} to the boundary, the least of {}",
            number(n.distance),
            n.sample,
            record.nearest_among
        ),
        None if record.nearest_among == 0 => {
            "  margin       not measured of a network of this size; --margin takes minutes".to_owned()
        }
        None => "  nearest      no boundary found: one class is predicted everywhere".to_owned(),
    });
    lines.join("\n")
}

/// The description of a trained model, in one line.
pub(crate) fn model(record: &ModelRecord) -> String {
    let mut line = format!("{}  {} epochs", record.name, record.epochs_trained);
    if let Some(last) = record.epochs.last() {
        for (name, part) in [("train", Some(last.train)), ("validation", last.validation), ("test", last.test)] {
            if let Some(part) = part {
                // Writing to a string cannot fail.
                let _ = write!(line, "  {name} loss {}", number(part.loss));
                if let Some(accuracy) = part.accuracy {
                    let _ = write!(line, " accuracy {:.1} %", 100.0 * accuracy);
                }
            }
        }
    }
    line
}

/// Number of moments that are shown.
const MOMENTS: usize = 12;

/// The description of the spectra along a training: some of the moments as a table, and what happened between them.
pub(crate) fn along(record: &AlongRecord) -> String {
    let n = record.moments.len();
    let mut lines = vec![
        record.name.to_string(),
        format!("  network      P = {} parameters, N = {} training samples", record.n_params, record.n_samples),
    ];
    let unit = record.counted_in.as_str();
    let head = [unit, "loss", "accuracy", "lambda_1", "lambda_min", "sharpness", "outliers", "g in top", "overlap"];
    lines.push(format!("  {}", head.map(|name| format!("{name:>11}")).concat()));
    let step = n.div_ceil(MOMENTS).max(1);
    let shown = (0..n).filter(|place| place % step == 0 || place + 1 == n);
    lines.extend(shown.map(|place| row(&record.moments[place], record.k)));
    let sum = |of: fn(&Moment) -> usize| record.moments.iter().map(of).sum::<usize>();
    let born = record.moments.last().map_or(0, |m| m.identities_given.saturating_sub(record.k + record.lowest));
    lines.push(format!(
        "  eigenvectors {born} came in, {} left, {} crossings in {n} moments",
        sum(|m| m.died.len()),
        sum(|m| m.crossings.len())
    ));
    lines.push(format!("  products     {} a look", sum(|m| m.products) / n.max(1)));
    let g_theta = |m: &Moment| {
        let meant = |g: &&GTheta| {
            g.definition == Definition::Subspaces && g.rule == Rule::Max && g.eps.to_bits() == FIGURE_4_EPS.to_bits()
        };
        let value = m.whole.as_ref()?.g_theta.iter().find(meant)?.value;
        Some(format!("{} at {}", number(value), m.epoch))
    };
    let values: Vec<String> = record.moments.iter().filter_map(g_theta).collect();
    if !values.is_empty() {
        lines.push(format!("  G_theta      {} (subspaces, as in the paper's Figure 4)", values.join(", ")));
    }
    lines.join("\n")
}

/// A row of the table of moments.
fn row(moment: &Moment, k: usize) -> String {
    let dash = || "-".to_owned();
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let value = |place: usize| moment.eigenvalues.get(place).map_or_else(dash, |&l| number(l));
    let outliers = format!("{}{}", moment.outliers, if moment.outliers_certain { "" } else { "+" });
    let cells = [
        moment.epoch.to_string(),
        number(moment.train.loss),
        moment.train.accuracy.map_or_else(dash, percent),
        value(0),
        value(k),
        moment.sharpness.map_or_else(dash, |s| format!("{s:.4}")),
        outliers,
        percent(moment.gradient_in_top),
        moment.subspace_overlap.map_or_else(dash, |overlap| format!("{overlap:.4}")),
    ];
    format!("  {}", cells.map(|cell| format!("{cell:>11}")).concat())
}
