//! The figures of the report, with the published numbers beside ours.

use super::super::ReproduceRequest;
use super::super::graph::{Graph, Task};
use super::gathered::{Measured, Measures, of};
use super::published::{PUBLISHED, Published, Settings};
use crate::Lab;
use crate::drawing::Figure;
use crate::explorable::{called, why_not_explored};
use crate::page_text::{capital, cell_with_deviation, count_cell, count_with_deviation, read_as, typeset};
use heigen_report::{Cell, Figure as Picture, Section, Table};

/// A section for each figure that was drawn.
pub(super) fn sections(
    lab: &Lab,
    request: &ReproduceRequest,
    graph: &Graph,
    all: &[Measures],
    well: &[bool],
) -> Vec<Section> {
    let figures = graph.tasks.iter().zip(well).filter_map(|(task, &well)| match task {
        Task::Figure(figure) if well => Some(*figure),
        _ => None,
    });
    figures.filter_map(|figure| section(lab, request, graph, figure, all)).collect()
}

fn section(
    lab: &Lab,
    request: &ReproduceRequest,
    graph: &Graph,
    figure: &'static Figure,
    all: &[Measures],
) -> Option<Section> {
    let svg = heigen_store::files::read_to_string(&request.folder.join(format!("{}.svg", figure.file()))).ok()?;
    let shown: Vec<&Measures> = figure.experiments.iter().filter_map(|name| of(all, name)).collect();
    let title = title(figure);
    let experiments = figure.experiments.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    let picture = Picture {
        id: format!("picture-{}", figure.name),
        title: title.clone(),
        svg,
        alt: format!("{title}: {}", figure.what),
        caption: format!("{}. Experiments: {experiments}.{}", typeset(&capital(what(figure))), read_as(figure.name)),
        command: request.command.map(|command| command(figure)),
        live: live(lab, request, graph, figure),
    };
    Some(Section {
        id: format!("figure-{}", figure.name),
        title,
        text: vec![],
        figures: vec![picture],
        films: vec![],
        tables: numbered(figure).then(|| eigenvalues(&shown)).flatten().into_iter().collect(),
        folded: vec![],
    })
}

/// The commands that open live pages at the minima of a figure, for those that a live page can show.
fn live(lab: &Lab, request: &ReproduceRequest, graph: &Graph, figure: &Figure) -> Vec<String> {
    let Some(command) = request.live else { return vec![] };
    let of = |name: &&str| {
        let run = graph.runs.iter().flatten().find(|run| run.place == 0 && run.name() == *name)?;
        let experiment = &run.loaded.experiment;
        let prepared = lab.prepared(experiment, &()).ok()?;
        if why_not_explored(experiment, &prepared.samples.data, &prepared.network).is_some() {
            return None;
        }
        let weights = request.store.of(&experiment.name).ok()?.weights();
        Some(command(&called(&run.loaded), Some(&weights)))
    };
    figure.experiments.iter().filter_map(of).collect()
}

/// Whether it is a figure of the paper.
fn numbered(figure: &Figure) -> bool {
    figure.name.chars().all(|c| c.is_ascii_digit())
}

fn title(figure: &Figure) -> String {
    if numbered(figure) { format!("Figure {}", figure.name) } else { format!("Further figure: {}", figure.name) }
}

/// The description of a figure, without reference to others and beginning with a word that may have a capital.
fn what(figure: &Figure) -> &'static str {
    match figure.name {
        "3" => "decision boundary, alignment with v_1..v_7 and eigenvalue density at three minima of one network",
        "6" => "the training images by t-SNE: by class, by alignment with v_1..v_5, and the eigenvalue densities",
        _ => figure.what,
    }
}

/// Number of eigenvalues that are compared.
const COMPARED: usize = 5;

/// A table of the published eigenvalues and ours.
fn eigenvalues(shown: &[&Measures]) -> Option<Table> {
    let mut rows = Vec::new();
    for m in shown {
        m.own()?.summary()?;
        let published = PUBLISHED.iter().find(|p| p.experiment == m.name);
        if let Some(p) = published {
            rows.push(published_row(p));
        }
        rows.extend(published.iter().flat_map(|p| p.settings.iter().map(|again| settings_row(p, again))));
        let seeds = m.all.iter().filter(|o| o.summary().is_some()).count();
        let which = if seeds > 1 { format!("ours, {seeds} seeds") } else { "ours, one seed".to_owned() };
        let mut row = vec![Cell::text(format!("`{}`", m.name)), Cell::text(which)];
        row.extend((1..=COMPARED).map(|i| cell_with_deviation(m.over_seeds(|o| o.lambda(i)))));
        row.push(count_cell(m.over_seeds(Measured::outliers)).strong());
        let half = m.over_seeds(|o| Some(o.summary()?.outliers.count_at_half_gap as f64));
        let double = m.over_seeds(|o| Some(o.summary()?.outliers.count_at_double_gap as f64));
        let text = format!("{}; {}", count_with_deviation(half), count_with_deviation(double));
        row.push(Cell::number(text).muted());
        row.push(cell_with_deviation(m.over_seeds(|o| Some(o.summary()?.trace))));
        rows.push(row);
    }
    let mut head = vec![String::new(), String::new()];
    head.extend((1..=COMPARED).map(|i| format!(r"$\lambda_{i}$")));
    head.extend(["outliers", "other gaps", "trace"].map(ToOwned::to_owned));
    let several = shown.iter().any(|m| m.all.len() > 1);
    let note = [
        "Published numbers have the digits that the paper prints. Its trainings had no fixed seed: each is one draw, so that \
         orders of magnitude and patterns can be compared, and digits cannot.",
        if several { " Over several seeds: mean ± standard deviation." } else { "" },
        if shown.iter().any(|m| PUBLISHED.iter().any(|p| p.experiment == m.name && !p.settings.is_empty())) {
            super::published::SETTINGS
        } else {
            ""
        },
        " Outliers are the eigenvalues above the lowest gap of 5 % of the largest one; other gaps: their numbers at half of that \
         gap and at twice that gap.",
    ]
    .concat();
    let caption = "Largest eigenvalues of the Hessian and the number of outliers, published and ours".to_owned();
    (!rows.is_empty()).then_some(Table { caption, head, rows, note: Some(note) })
}

/// A row of what the reference's own settings give in PyTorch.
fn settings_row(p: &Published, again: &Settings) -> Vec<Cell> {
    let Settings { seed, lambda_1, loss } = again;
    let which = format!("the reference's settings, run in PyTorch, seed {seed} (loss {loss})");
    let mut row = vec![Cell::text(format!("`{}`", p.experiment)), Cell::text(which)];
    row.push(Cell::number(*lambda_1).muted());
    row.extend((1..COMPARED + 3).map(|_| Cell::number("–").muted()));
    row
}

fn published_row(p: &Published) -> Vec<Cell> {
    let mut row = vec![Cell::text(format!("`{}`", p.experiment)), Cell::text("published")];
    let value = |i: usize| p.eigenvalues.get(i).copied().unwrap_or("–");
    row.extend((0..COMPARED).map(|i| Cell::number(value(i)).muted()));
    row.push(Cell::number(p.outliers.unwrap_or("–")).muted());
    row.push(Cell::number("–").muted());
    row.push(Cell::number(p.trace.unwrap_or("–")).muted());
    row
}
