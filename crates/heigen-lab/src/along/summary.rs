//! The followed trainings that stand in a store, as a section of the paper's report.

use super::{page, pictures};
use crate::Store;
use crate::page_text::{math, percent};
use heigen_report::{Cell, Figure, Section, Table};
use heigen_store::along_record::{AlongRecord, Moment};
use heigen_store::files;
use std::path::{Path, PathBuf};

/// The section about every training that this version of the program has followed in a store, with the pictures that stand in the
/// folder `drawn` and links to the pages in the folder `report`; `None` where there is no such training.
pub(crate) fn summary(store: &Store, drawn: &Path, report: &Path) -> Option<Section> {
    let records: Vec<AlongRecord> = standing(store);
    if records.is_empty() {
        return None;
    }
    let mut figures: Vec<Figure> = Vec::new();
    for record in &records {
        for kind in ["spectra", "subspaces", "strip"] {
            let id = format!("along-{}", figures.len());
            let named = name(record);
            let figure = pictures::standing(record, drawn, kind).and_then(|svg| page::figure(id, &named, kind, svg));
            figures.extend(figure.map(|figure| Figure { title: format!("{}, `{named}`", figure.title), ..figure }));
        }
    }
    let linked = |record: &AlongRecord| {
        let page = page::file_name(record);
        files::is_file(&report.join(&page)).then(|| format!("page:{page}"))
    };
    let pages: Vec<String> = records.iter().filter_map(linked).collect();
    let mut text = vec![
        "The Hessian at many moments of a training: its leading eigenvalues, with eigenvectors that are matched from one moment to \
         the next by their overlaps $\\langle u_i, v_j \\rangle^2$."
            .to_owned(),
    ];
    if !pages.is_empty() {
        text.push(format!("All moments, and the boundary as a film: {}.", pages.join(", ")));
    }
    Some(Section {
        id: "along".to_owned(),
        title: "Along training".to_owned(),
        text,
        figures,
        tables: vec![numbers(&records), meanings()],
        ..Section::default()
    })
}

/// The records of the followed trainings in a store, by name.
fn standing(store: &Store) -> Vec<AlongRecord> {
    let grads = store.dir().join("grads");
    let on_disk = || -> Vec<PathBuf> {
        let folders = files::list(&grads).unwrap_or_default();
        folders.iter().flat_map(|folder| files::list(folder).unwrap_or_default()).collect()
    };
    let is_record = |path: &PathBuf| {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        path.starts_with(&grads) && name.ends_with("along.json")
    };
    let paths = store.files().unwrap_or_else(on_disk).into_iter().filter(is_record);
    let current = |path: PathBuf| AlongRecord::load(&path).ok().filter(|record| record.code_version == heigen::VERSION);
    paths.filter_map(current).filter(|record| !record.moments.is_empty()).collect()
}

/// The name of the experiment, and which weights were followed if its training was not.
fn name(record: &AlongRecord) -> String {
    match &*record.weights {
        "training" => record.name.to_string(),
        other => format!("{} ({other})", record.name),
    }
}

/// A row of numbers for each training.
fn numbers(records: &[AlongRecord]) -> Table {
    let most = |record: &AlongRecord, of: fn(&Moment) -> Option<f64>| {
        record.moments.iter().filter_map(of).fold(None, |most: Option<f64>, x| Some(most.map_or(x, |most| most.max(x))))
    };
    let mean = |record: &AlongRecord, of: fn(&Moment) -> Option<f64>| {
        let values: Vec<f64> = record.moments.iter().filter_map(of).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let number = |value: Option<f64>| Cell::number(value.map_or_else(|| "–".to_owned(), |value| math(value, 3)));
    let share = |value: Option<f64>| Cell::number(value.map_or_else(|| "–".to_owned(), percent));
    let row = |record: &AlongRecord| -> Option<Vec<Cell>> {
        let last = record.moments.last()?;
        let unit = if record.weights == "files" { "file" } else { &record.counted_in };
        Some(vec![
            Cell::text(format!("`{}`", name(record))),
            Cell::text(format!("{}, to {unit} {}", record.moments.len(), last.epoch)),
            number(Some(last.train.loss)),
            number(last.eigenvalues.first().copied()),
            number(most(record, |moment| moment.eigenvalues.first().copied())),
            number(most(record, |moment| moment.sharpness)),
            Cell::number(last.outliers.to_string()),
            share(mean(record, |moment| Some(moment.gradient_in_top))),
            number(mean(record, |moment| moment.subspace_overlap)),
            number(last.margin),
        ])
    };
    let head = [
        "training",
        "moments",
        "$L$ at the end",
        r"$\lambda_1$ at the end",
        r"largest $\lambda_1$",
        "largest fraction of the threshold",
        "outliers at the end",
        "gradient in the top",
        "overlap",
        "margin at the end",
    ];
    Table {
        caption: "Followed trainings".to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: records.iter().filter_map(row).collect(),
        note: Some("Gradient in the top and overlap are means over the moments.".to_owned()),
    }
}

/// The equation and the source of each number.
fn meanings() -> Table {
    let row = |[name, equation, source]: [&str; 3]| [name, equation, source].map(Cell::text).to_vec();
    let rows = [
        [
            r"$\lambda_i$",
            r"$H v_i = \lambda_i v_i$ with the Hessian $H = \nabla^2 L(\theta)$ of the mean training loss $L$",
            "arXiv:2306.07104",
        ],
        [
            "fraction of the threshold",
            r"$\lambda_1 \eta / 2$ for gradient descent with the learning rate $\eta$; with momentum $\beta$ as PyTorch's SGD has it $\lambda_1 \eta / (2 + 2 \beta)$, with Nesterov's $\lambda_1 \eta (1 + 2 \beta) / (2 + 2 \beta)$; for Adam the largest eigenvalue of $D^{-1/2} H D^{-1/2}$ times $\eta (1 - \beta_1) / (2 + 2 \beta_1)$, with $D$ what Adam divides its steps by. Weight decay counts as curvature",
            "arXiv:2103.00065, arXiv:2207.14484",
        ],
        [
            "outliers",
            r"number of eigenvalues above the lowest gap $\lambda_i - \lambda_{i+1} \geq 0.05 \lambda_1$",
            "arXiv:2306.07104",
        ],
        [
            "gradient in the top",
            r"$\|V^\top g\|^2 / \|g\|^2$ with the gradient $g$ and the $k$ leading eigenvectors as the columns of $V$",
            "arXiv:1812.04754",
        ],
        [
            "overlap",
            r"$\|U^\top V\|^2 / k$ (Frobenius norm) for the $k$ leading eigenvectors of two moments in a row",
            "arXiv:1812.04754",
        ],
        ["margin", "the least distance of a training sample from the decision boundary, on planes", "arXiv:2306.07104"],
    ];
    Table {
        caption: "What the numbers are".to_owned(),
        head: ["number", "equation", "source"].map(str::to_owned).to_vec(),
        rows: rows.map(row).to_vec(),
        note: None,
    }
}
