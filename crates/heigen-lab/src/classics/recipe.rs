//! Records and figures of classic experiments: reused while they are up to date.

use super::{Classic, Measured};
use crate::LabError;
use crate::call::Call;
use crate::making::{Fresh, Recipe, made};
use crate::watch::{NoteKind, Product};
use heigen_figures::{Curve, CurvePanel, curve_panels, render};
use heigen_store::atomic;
use heigen_store::classic_record::{ClassicRecord, PanelRecord};
use heigen_store::record::{Unusable, stamp};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A number that changes whenever an experiment or its judgement does.
const VERSION: &str = "classics 2";

/// The record of a classic experiment, reused or newly measured.
pub(super) fn record(call: &Call, classic: &Classic) -> Result<ClassicRecord, LabError> {
    let stamp = stamp([heigen::VERSION, VERSION, classic.name]);
    made(call, &Again { call, classic, stamp })
}

/// A classic experiment as it would be done now; a stored record is compared with it.
struct Again<'a> {
    call: &'a Call<'a>,
    classic: &'a Classic,
    stamp: String,
}

impl Recipe for Again<'_> {
    type Record = ClassicRecord;
    type Made = ClassicRecord;

    fn job(&self) -> String {
        self.classic.name.to_owned()
    }

    fn product(&self) -> Product {
        Product::Classic
    }

    fn path(&self) -> PathBuf {
        self.call.store.dir().join("classics").join(format!("{}.json", self.classic.name))
    }

    fn forced(&self) -> bool {
        self.call.making.force
    }

    fn standing(&self) -> Result<ClassicRecord, Unusable> {
        let record = ClassicRecord::load(&self.path())?;
        record.check_stamp(&self.stamp)?;
        Ok(record)
    }

    fn reuse(&self, record: ClassicRecord) -> Result<ClassicRecord, LabError> {
        Ok(record)
    }

    fn make(&self) -> Result<Fresh<ClassicRecord>, LabError> {
        let begun = Instant::now();
        let Measured { setup, claims, panels } = (self.classic.measure)(self.call, self.classic.name)?;
        let record = ClassicRecord {
            name: self.classic.name.to_owned(),
            stamp: self.stamp.clone(),
            code_version: heigen::VERSION.to_owned(),
            seconds: begun.elapsed().as_secs_f64(),
            setup,
            claims,
            panels,
        };
        let staged = vec![record.stage(&self.path())?];
        let note = NoteKind::Made { what: Product::Classic, seconds: record.seconds, path: self.path() };
        Ok(Fresh { made: record, staged, note: Some(note) })
    }

    /// The new record takes the old one's place under its name.
    fn earlier(&self) -> Vec<PathBuf> {
        vec![]
    }
}

/// Draws the figure of a record; returns the paths of SVG, PDF and PNG.
pub(super) fn figure(
    call: &Call,
    record: &ClassicRecord,
    title: &str,
    folder: &Path,
) -> Result<Vec<PathBuf>, LabError> {
    let panels: Vec<CurvePanel> = record.panels.iter().map(panel).collect();
    let scene = curve_panels(title, &panels)?;
    let drawn = call.run(|| render(&scene))?;
    let path = |extension: &str| folder.join(format!("classic_{}.{extension}", record.name));
    let files = [("svg", drawn.svg.as_bytes()), ("pdf", &drawn.pdf[..]), ("png", &drawn.png[..])];
    files
        .into_iter()
        .map(|(extension, bytes)| {
            atomic::write(&path(extension), bytes)?;
            Ok(path(extension))
        })
        .collect()
}

fn panel(record: &PanelRecord) -> CurvePanel {
    let curve = |c: &heigen_store::classic_record::CurveRecord| Curve {
        name: c.name.clone(),
        points: c.points.clone(),
        markers: c.markers,
    };
    CurvePanel {
        title: record.title.clone(),
        axes: record.axes.clone(),
        logarithmic: record.logarithmic,
        curves: record.curves.iter().map(curve).collect(),
        levels: record.levels.clone(),
    }
}
