//! Records and figures of classic experiments: reused while they are up to date.

use super::{Classic, Measured};
use crate::call::Call;
use crate::making::{Fresh, Recipe, made};
use crate::watch::{NoteKind, Product};
use crate::{LabError, Store};
use heigen_figures::{Curve, CurvePanel, curve_panels, render};
use heigen_store::atomic;
use heigen_store::classic_record::{ClassicRecord, PanelRecord};
use heigen_store::record::{Unusable, stamp};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A number that changes whenever an experiment or its judgement does.
const VERSION: &str = "classics 3";

/// The record of a classic experiment, reused or newly measured.
pub(super) fn record(call: &Call, classic: &Classic) -> Result<ClassicRecord, LabError> {
    made(call, &Again { call, classic, stamp: stamp_of(classic) })
}

fn stamp_of(classic: &Classic) -> String {
    stamp([heigen::VERSION, VERSION, classic.name])
}

fn path_of(store: &Store, classic: &Classic) -> PathBuf {
    store.dir().join("classics").join(format!("{}.json", classic.name))
}

/// The record of a classic experiment that stands in a store, if it is up to date.
pub(super) fn standing(store: &Store, classic: &Classic) -> Option<ClassicRecord> {
    let record = ClassicRecord::load(&path_of(store, classic)).ok()?;
    record.check_stamp(&stamp_of(classic)).is_ok().then_some(record)
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
        path_of(self.call.store, self.classic)
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
