//! Figure 4: how every training sample is aligned with the top eigenvectors.

use crate::axes::{Side, axis};
use crate::chart::{self, FAINT, MARGIN, TITLE_ROOM, axis_style, frame};
use crate::check;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::{Label, escaped};
use crate::layout::Grid;
use crate::legend::{self, Entry, Key};
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Align, Element, Fill, Scene, Stroke, Style};
use crate::thin::thinned;
use crate::ticks::{Tick, ticks};

/// One network's panel.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleAlignments {
    /// Its name, set in italics as it stands, without TeX.
    pub label: String,
    /// Number m of eigenvectors, from v_1 on.
    pub n_eigenvectors: usize,
    /// Alignments `[N, m]`, one row for each sample, from -1 to 1.
    pub alignments: Vec<f64>,
    /// Class of each sample `[N]`, from 0.
    pub classes: Vec<usize>,
    /// Lines written in the panel, for [`Label::tex`], e.g. `$\lambda_1 = 0.154$`.
    pub notes: Vec<String>,
}

// All lengths in points.
const WIDTH: f64 = 165.0;
const HEIGHT: f64 = 140.0;
const GAP: f64 = 14.0;
const LEFT: f64 = 44.0;
const BELOW: f64 = 32.0;
const NOTE_SIZE: f64 = 10.0;
const NOTE_LINE: f64 = 13.5;
const THIN: f64 = 0.6;
const BOLD: f64 = 2.0;
/// Number of rounds in which samples are drawn. Each round has samples of all classes, so that no class covers the others.
const ROUNDS: usize = 8;

/// Figure 4: a panel for each network; the alignment of every training sample with the top eigenvectors as a thin line in
/// the colour of its class, the mean of each class as a bold one.
///
/// # Errors
/// Where there are no panels, or no eigenvectors or samples in one; lengths do not fit together; an alignment lies outside
/// of -1..1; there are more classes than colours or a class has no name; a label is not in the small TeX or has a character
/// the fonts lack.
pub fn figure4(panels: &[SampleAlignments], class_names: &[String]) -> Result<Scene, FigureError> {
    check::not_empty(|| "figure 4".to_owned(), panels.len(), "panel")?;
    for (i, panel) in panels.iter().enumerate() {
        checked(&format!("panel {} (`{}`)", i + 1, panel.label), panel, class_names)?;
    }
    let mut grid = Grid::new().row(MARGIN + TITLE_ROOM, HEIGHT);
    for i in 0..panels.len() {
        grid = grid.column(if i == 0 { LEFT } else { GAP }, WIDTH);
    }
    let y = Scale::linear(-1.05, 1.05)?;
    let marks = ticks(&y, 4);
    let unnumbered: Vec<Tick> = marks.iter().map(|t| Tick { value: t.value, label: String::new() }).collect();
    let mut elements = Vec::new();
    for (i, data) in panels.iter().enumerate() {
        let rect = grid.cell(0, i);
        let m = data.n_eigenvectors as f64;
        let pad = 0.03 * (m - 1.0).max(1.0);
        let panel = Panel { rect, x: Scale::linear(1.0 - pad, m + pad)?, y };
        elements.push(panel.lines(&[[[panel.x.low(), 0.0], [panel.x.high(), 0.0]]], Stroke::solid(FAINT, 0.5)));
        elements.push(lines(data, &panel));
        elements.extend(notes(&data.notes, rect)?);
        elements.push(frame(&panel));
        elements.push(chart::name(&data.label, rect, WIDTH + GAP / 2.0)?);
        let label = Some("eigenvector $i$");
        elements.extend(
            axis(rect, Side::Bottom, &panel.x, &chart::indices(data.n_eigenvectors), label, &axis_style())?.elements,
        );
        let (marks, label) = if i == 0 { (&marks, Some("alignment with $v_i$")) } else { (&unnumbered, None) };
        elements.extend(axis(rect, Side::Left, &y, marks, label, &axis_style())?.elements);
    }
    let mut right = grid.right();
    let entries = entries(panels, class_names);
    if !entries.is_empty() {
        let rect = Rect::new(right + 4.0, grid.cell(0, 0).y, WIDTH, HEIGHT);
        let (drawn, width) = legend::beside(rect, &entries, NOTE_SIZE)?;
        elements.extend(drawn);
        right = rect.x + width;
    }
    let title = "Alignment of the training samples with the top Hessian eigenvectors";
    let mut scene = Scene::new(right + MARGIN, grid.bottom() + BELOW + MARGIN / 2.0, title);
    scene.extend(elements);
    Ok(scene)
}

fn checked(name: &str, panel: &SampleAlignments, class_names: &[String]) -> Result<(), FigureError> {
    check::not_empty(|| name.to_owned(), panel.n_eigenvectors, "eigenvector")?;
    check::not_empty(|| name.to_owned(), panel.classes.len(), "sample")?;
    check::classes(name, &panel.classes, panel.classes.len())?;
    check::class_names(name, &panel.classes, class_names)?;
    let wanted = panel.classes.len().checked_mul(panel.n_eigenvectors);
    let because = "number of samples times number of eigenvectors";
    check::length(|| format!("alignments of {name}"), panel.alignments.len(), wanted, because)?;
    check::unit(|| format!("an alignment of {name}"), &panel.alignments)
}

fn color(class: usize) -> Rgb {
    Rgb::for_class(class).unwrap_or(Rgb::BLACK)
}

/// Every sample, then the means.
fn lines(data: &SampleAlignments, panel: &Panel) -> Element {
    let m = data.n_eigenvectors;
    let (drawn_samples, _) = thinned(&data.classes);
    let n = drawn_samples.len();
    // The more lines, the more of each is seen through.
    let opacity = (3.8 / (n as f64).sqrt()).clamp(0.08, 0.6);
    let place = |i: usize, v: f64| panel.place([i as f64 + 1.0, v]);
    let classes = 0..data.classes.iter().max().map_or(0, |c| c + 1);
    // The means are those of all samples.
    let of_class = |class: usize| (0..data.classes.len()).filter(move |&s| data.classes[s] == class);
    let row = |sample: usize| &data.alignments[sample * m..(sample + 1) * m];
    let drawn = |values: &[f64], stroke: &Stroke| {
        let points: Vec<Point> = values.iter().enumerate().map(|(i, &v)| place(i, v)).collect();
        // A single eigenvector has no line: a short level one stands for it.
        match points[..] {
            [p] => {
                Path::polyline(&[Point::new(p.x - 4.0 * stroke.width, p.y), Point::new(p.x + 4.0 * stroke.width, p.y)])
            }
            _ => Path::polyline(&points),
        }
    };
    let mut elements = Vec::new();
    for round in 0..ROUNDS {
        for class in classes.clone() {
            let stroke = Stroke { opacity, ..Stroke::solid(color(class), THIN).rounded() };
            let of_class = drawn_samples.iter().filter(|&&s| data.classes[s] == class);
            let paths: Vec<Path> = of_class.skip(round).step_by(ROUNDS).map(|&s| drawn(row(s), &stroke)).collect();
            elements.push(Element::Shapes { paths, style: Style::stroked(stroke) });
        }
    }
    for class in classes {
        let count = of_class(class).count();
        if count == 0 {
            continue;
        }
        let mean = |i: usize| of_class(class).map(|s| row(s)[i]).sum::<f64>() / count as f64;
        let means: Vec<f64> = (0..m).map(mean).collect();
        // A white rim sets the mean off from the lines around it.
        for stroke in [Stroke::solid(Rgb::WHITE, BOLD + 1.2), Stroke::solid(color(class), BOLD)] {
            let stroke = stroke.rounded();
            elements.push(Element::shape(drawn(&means, &stroke), Style::stroked(stroke)));
        }
    }
    panel.clipped(elements)
}

/// Lines of text in the upper right corner, on a ground that lets a little of the data through.
fn notes(notes: &[String], rect: Rect) -> Result<Vec<Element>, FigureError> {
    if notes.is_empty() {
        return Ok(vec![]);
    }
    let line = NOTE_LINE.min((rect.height - 10.0) / notes.len() as f64);
    let set = |n: &String| Ok(Label::tex(n, NOTE_SIZE * line / NOTE_LINE)?.shrunk_to(rect.width - 14.0));
    let labels = notes.iter().map(set).collect::<Result<Vec<Label>, FigureError>>()?;
    let width = labels.iter().map(Label::width).fold(0.0, f64::max) + 6.0;
    let ground = Rect::new(rect.right() - width - 3.0, rect.y + 3.0, width, line * labels.len() as f64 + 4.0);
    let white = Style { fill: Some(Fill { color: Rgb::WHITE, opacity: 0.8 }), stroke: None };
    let mut elements = vec![Element::shape(Path::rect(ground), white)];
    for (i, label) in labels.into_iter().enumerate() {
        let at = Point::new(ground.x + 3.0, ground.y + line * (i as f64 + 0.78));
        elements.push(Element::text(label, at, Align::Start));
    }
    Ok(elements)
}

fn entries(panels: &[SampleAlignments], names: &[String]) -> Vec<Entry> {
    let present = |class: &usize| panels.iter().any(|p| p.classes.contains(class));
    let entry = |class: usize| {
        let key = Key::Line(Stroke::solid(color(class), BOLD).rounded());
        let name = &names[class];
        let name = if name.parse::<f64>().is_ok() { format!("class {name}") } else { name.clone() };
        Entry { key, label: escaped(&name) }
    };
    let one_in = panels.iter().map(|p| thinned(&p.classes).1).max().unwrap_or(1);
    let samples = if one_in > 1 { format!("one in {one_in} samples") } else { "one sample".to_owned() };
    let grey = |width: f64, label: &str| {
        let key = Key::Line(Stroke::solid(FAINT, width).rounded());
        Entry { key, label: label.to_owned() }
    };
    let means = [grey(THIN, &samples), grey(BOLD, "mean of a class")];
    (0..names.len()).filter(present).map(entry).chain(means).collect()
}
