//! The page about a training: its pictures, the film as a row of buttons, and the moments as a table.

use super::pictures::{self, FollowPicture};
use super::recipe::Follow;
use super::schedule::spread;
use crate::LabError;
use crate::explorable::called;
use crate::page_text::{machine, math, percent, whole};
use crate::watch::NoteKind;
use heigen::analysis::Link;
use heigen_figures::{figure2, svg};
use heigen_report::{Cell, Figure, Film, Frame, Report, Section, Table, literal};
use heigen_store::along_record::{AlongRecord, Moment};
use heigen_store::{atomic, files};
use std::path::{Path, PathBuf};

/// Moments in the table.
const ROWS: usize = 30;
/// Moments in the film; each takes some sixty kilobytes of the page.
const FRAMES: usize = 16;

/// The name of the page's file.
pub(super) fn file_name(record: &AlongRecord) -> String {
    format!("{}_along{}.html", record.name.to_string().replace('/', "-"), pictures::from(record))
}

/// Writes the page into a folder and returns its path.
pub(super) fn write(
    follow: &Follow,
    record: &AlongRecord,
    drawn: &[FollowPicture],
    folder: &Path,
) -> Result<PathBuf, LabError> {
    let name = record.name.to_string();
    let path = folder.join(file_name(record));
    let mut sections = vec![pictures_of(&name, drawn, live(follow))];
    if drawn.iter().any(|picture| picture.kind == "film") {
        sections.push(film(follow, record)?);
    }
    sections.push(table(record));
    let last = record.moments.last();
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let sum = |of: fn(&Moment) -> usize| record.moments.iter().map(of).sum::<usize>();
    let born = |m: &Moment| m.links.iter().filter(|&&link| link == Link::Born).count();
    let report = Report {
        title: format!("{} along its training", literal(&name)),
        subtitle: "Spectra of the Hessian, by heigen".to_owned(),
        intro: vec![
            "At every moment: the largest and the lowest eigenvalues of the Hessian of the training loss, with eigenvectors that \
             are matched with those of the moment before by their overlaps $\\langle u_i, v_j \\rangle^2$."
                .to_owned(),
        ],
        facts: vec![
            fact("Parameters", format!("P = {}", whole(record.n_params))),
            fact("Samples", format!("N = {}", whole(record.n_samples))),
            fact("Moments", format!("{}, up to {}", record.moments.len(), last.map_or(0, |m| m.epoch))),
            fact("Eigenvalues", format!("the {} largest and the {} lowest", record.k, record.lowest)),
            fact("Eigenvectors", format!("{} came in, {} crossings", sum(born), sum(|m| m.crossings.len()))),
            fact("Products", format!("{} in all", whole(sum(|m| m.products)))),
            fact("Program", format!("heigen {}", heigen::VERSION)),
            fact("Machine", machine(follow.call.lab)),
        ],
        sections,
        footer: "Drawn and written by heigen, from its results alone; the page needs no network.".to_owned(),
        ..Report::default()
    };
    atomic::write(&path, heigen_report::html(&report)?.as_bytes())?;
    follow.call.note(&record.name, NoteKind::Reported { path: path.clone() });
    Ok(path)
}

/// The command that opens a live page at the beginning of the training, where such a page can show it; weights in files are none.
fn live(follow: &Follow) -> Option<String> {
    // The explorer takes the experiment with its own seed.
    let is_its_own = follow.is_trained() && follow.request.making.seed.is_none();
    let command = follow.request.live.filter(|_| follow.why_not_live.is_none() && is_its_own)?;
    Some(command(&called(follow.loaded), None))
}

fn pictures_of(name: &str, drawn: &[FollowPicture], live: Option<String>) -> Section {
    let figure = |picture: &FollowPicture| {
        let svg = files::read_to_string(picture.paths.first()?).ok()?;
        figure(format!("picture-{}", picture.kind), name, picture.kind, svg)
    };
    let mut figures: Vec<Figure> = drawn.iter().filter_map(figure).collect();
    if let Some(first) = figures.first_mut() {
        first.live = live.into_iter().collect();
    }
    Section { id: "pictures".into(), title: "Pictures".into(), figures, ..Section::default() }
}

/// A picture of the training of an experiment as a figure with its caption; `None` for films, which have another form. `id` is its address on
/// the page.
pub(super) fn figure(id: String, name: &str, kind: &str, svg: String) -> Option<Figure> {
    let (title, caption) = match kind {
        "spectra" => (
            "Eigenvalues",
            "Each line is an eigenvector's eigenvalue, followed by its vector. The dashed line is the curvature at which \
             the update rule becomes unstable (arXiv:2103.00065).",
        ),
        "subspaces" => (
            "Leading subspaces",
            "The overlap of the spans of the leading eigenvectors of all pairs of moments: the mean squared cosine of the \
             angles between them (arXiv:1812.04754).",
        ),
        "strip" => (
            "Boundary",
            "The decision boundary, and the alignment of every point's gradient with the leading eigenvectors.",
        ),
        _ => return None,
    };
    Some(Figure {
        id,
        title: title.to_owned(),
        svg,
        alt: format!("{}: {caption}", literal(name)),
        caption: caption.to_owned(),
        command: None,
        live: vec![],
    })
}

fn film(follow: &Follow, record: &AlongRecord) -> Result<Section, LabError> {
    let rows = pictures::rows(follow, record, &spread(record.kept.len(), FRAMES))?;
    let frame = |row: &heigen_figures::PlaneRow| -> Result<Frame, LabError> {
        Ok(Frame { name: literal(&row.label), svg: svg(&figure2(std::slice::from_ref(row))?)? })
    };
    let film = Film {
        id: "film".into(),
        title: "The boundary forms".into(),
        frames: rows.iter().map(frame).collect::<Result<_, _>>()?,
        caption: "The buttons choose the moment; the arrow keys go from one to the next.".into(),
    };
    Ok(Section {
        id: "moving".into(),
        title: "The boundary along the way".into(),
        films: vec![film],
        ..Section::default()
    })
}

fn table(record: &AlongRecord) -> Section {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| Cell::text("").muted(), |value| Cell::number(math(value, digits)))
    };
    let share = |value: Option<f64>| value.map_or_else(|| Cell::text("").muted(), |v| Cell::number(percent(v)));
    let row = |place: usize| {
        let m = &record.moments[place];
        vec![
            Cell::number(m.epoch.to_string()),
            number(Some(m.train.loss), 4),
            share(m.train.accuracy),
            number(m.eigenvalues.first().copied(), 4),
            number(m.eigenvalues.get(record.k).copied(), 3),
            number(m.trace.map(|trace| trace.value), 4),
            number(m.sharpness, 3),
            Cell::number(m.outliers.to_string()),
            share(Some(m.gradient_in_top)),
            number(m.subspace_overlap, 4),
            number(m.margin, 3),
        ]
    };
    let head = [
        &*record.counted_in,
        "loss",
        "accuracy",
        r"$\lambda_1$",
        r"$\lambda_{\mathrm{min}}$",
        "trace",
        "of the threshold",
        "outliers",
        "gradient in the top",
        "overlap",
        "margin",
    ];
    let table = Table {
        caption: "The moments".into(),
        head: head.map(str::to_owned).into(),
        rows: spread(record.moments.len(), ROWS).into_iter().map(row).collect(),
        note: Some("*Overlap* is that of the leading subspace with the one of the moment before.".into()),
    };
    Section { id: "moments".into(), title: "Moments".into(), tables: vec![table], ..Section::default() }
}
