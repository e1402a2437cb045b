//! Drawings of what the page shows, by the program's own figures, as files.

use super::shelf::Side;
use super::{Gone, Outgoing, Session};
use crate::picture::{Colours, Fineness, Regions, UNIT_CELLS};
use crate::protocol::{Answer, Array, Axis, Drawing, Form, View, frame};
use heigen::train::Training;
use heigen_figures::{
    AlignmentMap, CarriedRow, ColorBars, Curve, CurvePanel, Density, EmbeddingRow, ExtraMap, FigureError, Landscape,
    LossSurface, MovedAlong, NamedSpectrum, PlaneMapsRow, PlaneRow, SampleMap, Scene, SmallMaps, carried_boundaries,
    curve_panels, figure6, landscape, plane_maps, render_at, small_maps, spectra, spectrum, stacked, svg,
};
use serde_json::json;

/// Pixels per inch of images.
const DPI: f64 = 200.0;
/// The most characters of a name that a page may send.
const LONGEST_NAME: usize = 60;
/// The most points of the curves that a page may send.
const MOST_POINTS: usize = 4000;

/// Why there is no drawing, in a sentence.
type Refused = String;

fn in_words(error: &FigureError) -> Refused {
    error.to_string()
}

impl Session<'_> {
    /// Draws what a part of the page shows, and sends the file.
    pub(super) fn draw(&self, id: u32, what: &Drawing, form: Form, training: &Training) -> Result<(), Gone> {
        let drawn = self.scene(what, training).and_then(|scene| match form {
            Form::Svg => svg(&scene).map(String::into_bytes).map_err(|error| in_words(&error)),
            Form::Png => render_at(&scene, DPI).map(|rendered| rendered.png).map_err(|error| in_words(&error)),
        });
        let bytes = match drawn {
            Ok(bytes) => bytes,
            Err(message) => return self.say(Answer::error(Some(id), message)),
        };
        let part = match what {
            Drawing::Plane => "plane",
            Drawing::Spectrum => "spectrum",
            Drawing::Course { .. } => "course",
            Drawing::Surface => "loss-plane",
            Drawing::Pieces => "outliers",
            Drawing::Units => "units",
            Drawing::Compare { .. } => "two-minima",
        };
        let ending = if form == Form::Svg { "svg" } else { "png" };
        let name = format!("{}-{part}-{}.{ending}", self.ground.experiment.name.stem, training.epochs_done());
        let header = json!({ "is": "drawing", "since": id, "name": name, "form": ending });
        self.post(Outgoing::Frame(frame(header, vec![("bytes", Array::U8(bytes))])))
    }

    fn scene(&self, what: &Drawing, training: &Training) -> Result<Scene, Refused> {
        match what {
            Drawing::Plane if self.ground.is_plane() => self.plane(training),
            Drawing::Plane => self.embedding(training),
            Drawing::Spectrum => self.spectrum(),
            Drawing::Course { panels } => course(panels),
            Drawing::Surface => self.surface(),
            Drawing::Pieces => self.pieces(training),
            Drawing::Units => self.units(training),
            Drawing::Compare { handed, names } => self.compare(*handed, names, training),
        }
    }

    /// The name of the experiment, and how far it has come.
    fn title(&self, training: &Training) -> String {
        format!("{}, {}", self.ground.experiment.name, self.when(training))
    }

    fn when(&self, training: &Training) -> String {
        let moved = if self.moved() { ", weights moved" } else { "" };
        format!("epoch {}{moved}", training.epochs_done())
    }

    /// The training samples with a boundary, without maps.
    fn row(&self, training: &Training, boundary: Vec<Vec<[f64; 2]>>, cells: usize) -> PlaneRow {
        let own = &self.ground.sets[0];
        PlaneRow {
            label: self.title(training),
            note: None,
            x_range: self.ground.plane.x,
            y_range: self.ground.plane.y,
            points: own.features.chunks_exact(2).map(|p| [p[0], p[1]].map(f64::from)).collect(),
            classes: own.labels.clone(),
            class_names: class_names(own.n_classes),
            boundary,
            grid: [cells, cells],
            maps: vec![],
            aside: None,
        }
    }

    fn plane(&self, training: &Training) -> Result<Scene, Refused> {
        let rows = [self.maps_row(training)?];
        plane_maps(&rows, ColorBars::Each, "The plane of the samples").map_err(|error| in_words(&error))
    }

    /// The plane with the boundary and the map that colours it.
    fn maps_row(&self, training: &Training) -> Result<PlaneMapsRow, Refused> {
        let shown = self.picture(training, Fineness::Fine).map_err(|error| error.to_string())?;
        let Some(Regions { nodes, certainty, lines, .. }) = shown.regions else {
            return Err("there is no plane".to_owned());
        };
        let mut row = self.row(training, lines, nodes);
        let loss = shown.parts[0]["loss"].as_f64().unwrap_or(f64::NAN);
        row.note = Some(format!("training loss {}", heigen_lab::number(loss)));
        let mut extra = vec![];
        match shown.colours {
            Some(Colours { view: View::Alignment { vector }, cells, values, .. }) => {
                row.grid = [cells, cells];
                row.maps = vec![AlignmentMap {
                    index: vector + 1,
                    eigenvalue: self.eigenvalue(vector),
                    // float32 may exceed the largest cosine by its rounding.
                    values: values.iter().map(|&a| f64::from(a).clamp(-1.0, 1.0)).collect(),
                }];
            }
            Some(Colours { view: View::Unit { layer, unit }, cells, values, .. }) => {
                row.grid = [cells, cells];
                let title = format!("layer {}, unit {}", layer + 1, unit + 1);
                let values = values.into_iter().map(f64::from).collect();
                extra.push(ExtraMap { title, note: Some("input of the activation".to_owned()), values, lines: vec![] });
            }
            _ => {
                let values = certainty.iter().map(|&c| f64::from(c) / 255.0).collect();
                extra.push(ExtraMap { title: "certainty".to_owned(), note: None, values, lines: vec![] });
            }
        }
        Ok(PlaneMapsRow { row, extra })
    }

    /// All units of the layer that is chosen, each from minus to plus its largest magnitude, as on the page.
    fn units(&self, training: &Training) -> Result<Scene, Refused> {
        let shown = self.picture(training, Fineness::Fine).map_err(|error| error.to_string())?;
        let (Some(layer), Some(units), Some(regions)) = (self.units, shown.units, shown.regions) else {
            return Err("there are no maps of units; choose a layer first".to_owned());
        };
        let cells = UNIT_CELLS * UNIT_CELLS;
        let map = |(unit, bytes): (usize, &[u8])| {
            let values = bytes.iter().map(|&byte| ((f64::from(byte) - 128.0) / 127.0).clamp(-1.0, 1.0)).collect();
            (format!("unit {}", unit + 1), values)
        };
        small_maps(&SmallMaps {
            title: format!("layer {} of {}", layer + 1, self.title(training)),
            x_range: self.ground.plane.x,
            y_range: self.ground.plane.y,
            grid: [UNIT_CELLS; 2],
            maps: units.chunks_exact(cells).enumerate().map(map).collect(),
            lines: regions.lines,
            quantity: "input / its largest magnitude".to_owned(),
        })
        .map_err(|error| in_words(&error))
    }

    /// The side of this session's minimum in a drawing of two minima.
    pub(super) fn side(&self, training: &Training) -> Result<Side, Refused> {
        let row = if self.ground.is_plane() { Some(self.maps_row(training)?) } else { None };
        let eigenvalues = self.eigenvalues().ok_or("no eigenvalues are known yet")?;
        Ok(Side { when: self.when(training), row, eigenvalues, n_params: self.ground.network.n_params() })
    }

    /// Two minima: their planes one above the other, and their largest eigenvalues below.
    fn compare(&self, handed: u64, names: &[String; 2], training: &Training) -> Result<Scene, Refused> {
        if names.iter().any(|name| name.chars().count() > LONGEST_NAME) {
            return Err(format!("a name of more than {LONGEST_NAME} characters"));
        }
        let own = self.side(training)?;
        let other = self.shelf.take(handed).ok_or("the other minimum was not handed over; save once more")?;
        let (mut rows, mut named) = (vec![], vec![]);
        for (name, side) in names.iter().zip([own, other]) {
            rows.extend(side.row.map(|mut row| {
                row.row.label = format!("{name}, {}", side.when);
                row
            }));
            let largest_of = Some(side.n_params);
            named.push(NamedSpectrum { name: name.clone(), eigenvalues: side.eigenvalues, largest_of });
        }
        let title = "Two minima side by side";
        let below = spectra(&format!("largest eigenvalues, {}", self.ground.experiment.name), &named)
            .map_err(|error| in_words(&error))?;
        if rows.is_empty() {
            return Ok(below);
        }
        let planes = plane_maps(&rows, ColorBars::Each, title).map_err(|error| in_words(&error))?;
        Ok(stacked(title, vec![planes, below]))
    }

    fn eigenvalue(&self, vector: usize) -> f64 {
        self.basis.as_ref().and_then(|basis| basis.eigenvalues.get(vector).copied()).unwrap_or(0.0)
    }

    /// Samples of more than two features in the plane, with the spectrum beside them.
    fn embedding(&self, training: &Training) -> Result<Scene, Refused> {
        let View::Alignment { vector } = self.view else {
            return Err("choose an eigenvector to colour the samples by; the figure shows its alignments".to_owned());
        };
        let density = self.density().ok_or("the figure has the whole spectrum; tick `whole` first")?;
        let shown = self.picture(training, Fineness::Fine).map_err(|error| error.to_string())?;
        let values = shown.colours.map(|colours| colours.of_samples).unwrap_or_default();
        let row = EmbeddingRow {
            label: self.title(training),
            points: self.ground.embedding.as_ref().map(|places| places.to_vec()).unwrap_or_default(),
            classes: self.ground.data.labels.clone(),
            class_names: class_names(self.ground.data.n_classes),
            maps: vec![SampleMap {
                index: vector + 1,
                eigenvalue: self.eigenvalue(vector),
                values: values.iter().map(|&a| f64::from(a).clamp(-1.0, 1.0)).collect(),
            }],
            density,
        };
        figure6(&[row]).map_err(|error| in_words(&error))
    }

    /// All eigenvalues of the present weights, if they are known.
    fn density(&self) -> Option<Density> {
        let (_, whole) = self.results.whole.as_ref().filter(|(version, _)| *version == self.version)?;
        let mut eigenvalues = whole.eigenvalues.clone();
        eigenvalues.resize(self.ground.network.n_params(), 0.0);
        Some(Density { eigenvalues, outliers: whole.outliers })
    }

    fn spectrum(&self) -> Result<Scene, Refused> {
        let name = &self.ground.experiment.name;
        if let Some(density) = self.density().filter(|_| self.whole) {
            return spectrum(&name.to_string(), &density).map_err(|error| in_words(&error));
        }
        let (Some(look), Some(eigenvalues)) = (&self.results.look, self.eigenvalues()) else {
            return Err("no eigenvalues are known yet".to_owned());
        };
        let named = NamedSpectrum {
            name: format!("epoch {}", look["epoch"]),
            eigenvalues,
            largest_of: Some(self.ground.network.n_params()),
        };
        spectra(&name.to_string(), &[named]).map_err(|error| in_words(&error))
    }

    /// The largest eigenvalues of the weights of the training, if they are known.
    fn eigenvalues(&self) -> Option<Vec<f64>> {
        let values = self.results.look.as_ref()?["eigenvalues"].as_array()?;
        Some(values.iter().filter_map(serde_json::Value::as_f64).collect())
    }

    fn surface(&self) -> Result<Scene, Refused> {
        let Some(found) = &self.results.surface else { return Err("the loss plane is not known yet".to_owned()) };
        let losses: Vec<f64> = found.losses.iter().map(|&loss| f64::from(loss)).collect();
        let middle = losses[losses.len() / 2];
        let name = |axis: Axis| match axis {
            Axis::Vector(index) => format!("$v_{{{}}}$", index + 1),
            Axis::Random => "random direction".to_owned(),
        };
        let surface = LossSurface {
            a_range: [-found.lengths[0], found.lengths[0]],
            b_range: [-found.lengths[1], found.lengths[1]],
            grid: [found.side, found.side],
            logarithmic: losses.iter().all(|&loss| loss > 0.0),
            losses,
            minimum: Some([0.0, 0.0, middle]),
        };
        let axes = found.axes.map(name);
        let title = "Loss along two directions".to_owned();
        landscape(&Landscape { title, axes, surface, accuracies: None, path: None }).map_err(|error| in_words(&error))
    }

    fn pieces(&self, training: &Training) -> Result<Scene, Refused> {
        let Some(found) = self.results.pieces.as_ref().filter(|found| !found.vectors.is_empty()) else {
            return Err("the pieces of the boundary are not known; tick `show` first".to_owned());
        };
        let vectors = found.vectors.iter().enumerate().map(|(i, carrier)| {
            let [forward, backward] = carrier.moved.clone();
            MovedAlong { index: i + 1, eigenvalue: carrier.eigenvalue, forward, backward }
        });
        let row = CarriedRow {
            row: self.row(training, found.carried.lines.clone(), 1),
            carriers: found.carried.carriers.clone(),
            vectors: vectors.collect(),
        };
        carried_boundaries(&[row]).map_err(|error| in_words(&error))
    }
}

fn class_names(n: usize) -> Vec<String> {
    (1..=n).map(|class| format!("class {class}")).collect()
}

/// A curve's name and its points.
type Named = (String, Vec<[f64; 2]>);

/// The curves against epochs that the page has collected: those of each group in a panel of its own.
fn course(panels: &[Vec<Named>]) -> Result<Scene, Refused> {
    let points: usize = panels.iter().flatten().map(|(_, points)| points.len()).sum();
    if points > MOST_POINTS {
        return Err(format!("curves of {points} points; at most {MOST_POINTS} are drawn"));
    }
    let titles = ["losses", "eigenvalues"];
    let panels: Vec<CurvePanel> = panels
        .iter()
        .zip(titles)
        .map(|(curves, title)| CurvePanel {
            title: title.to_owned(),
            axes: ["epoch".to_owned(), String::new()],
            logarithmic: [false, true],
            curves: curves
                .iter()
                .map(|(name, points)| Curve { name: name.clone(), points: points.clone(), markers: points.len() == 1 })
                .collect(),
            levels: vec![],
        })
        .collect();
    curve_panels("Along the training", &panels).map_err(|error| in_words(&error))
}
