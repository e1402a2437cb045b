//! A cell's training, analysis and boundary, done by the same code as those of any experiment; what is kept is a row.

use super::cells::{Cell, text};
use super::measures::taken;
use crate::analysis::{Asked, analysed};
use crate::boundary;
use crate::call::Call;
use crate::making::{Fresh, Recipe, made};
use crate::training::trained;
use crate::watch::{Event, LabWatch, Note, NoteKind, Product};
use crate::{LabError, Making, Store};
use heigen::config::Experiment;
use heigen_store::atomic;
use heigen_store::catalogue::{Loaded, Origin};
use heigen_store::cell_record::CellRecord;
use heigen_store::record::{ModelRecord, Unusable};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The name of the file of the judged rows in a study's folder.
pub(super) const JUDGED: &str = "study.json";

/// Where a study keeps what it has found.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The store whose folder holds the study's.
    pub(super) store: Store,
    /// The study's own folder.
    pub(super) dir: PathBuf,
}

impl Place {
    /// The record of a cell.
    pub(super) fn record(&self, cell: &Cell) -> PathBuf {
        self.dir.join("cells").join(format!("{}.json", super::cells::short(&cell.stamp)))
    }

    /// The record of the judged rows.
    pub(super) fn judged(&self) -> PathBuf {
        self.dir.join(JUDGED)
    }

    /// The store of the first trainings, which several cells start from.
    pub(super) fn starts(&self) -> Store {
        self.store.below(&self.dir.join("starts"))
    }

    /// The record of a cell, if it is there and up to date.
    pub(super) fn standing(&self, cell: &Cell) -> Result<CellRecord, Unusable> {
        let record = CellRecord::load(&self.record(cell))?;
        record.check_stamp(&cell.stamp)?;
        Ok(record)
    }
}

/// A watch that hears how far a job has come and may stop it, but no notes: of hundreds of trainings nobody reads them.
pub(super) struct Quiet<'a>(pub(super) &'a dyn LabWatch);

impl LabWatch for Quiet<'_> {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        self.0.event(event)
    }

    fn note(&self, _: &Note) {}
}

fn loaded(experiment: &Experiment, origin: Origin) -> Loaded {
    Loaded { experiment: experiment.clone(), notes: vec![], origin }
}

/// Trains the first experiment of cells, or finds it trained. If the training fails, the cells that start from it say so.
pub(super) fn first(call: &Call, place: &Place, experiment: &Experiment) -> Result<(), LabError> {
    let (store, making) = (place.starts(), Making { force: false, seed: None, ..call.making.clone() });
    let quiet = Quiet(call.watch);
    let call = Call { watch: &quiet, ..call.at(&store, &making) };
    match trained(&call, &loaded(experiment, Origin::Shipped)) {
        Err(error) if failure(&error).is_none() => Err(error),
        _ => Ok(()),
    }
}

/// The record of a cell, reused or newly made.
pub(super) fn cell(call: &Call, place: &Place, cell: &Cell) -> Result<CellRecord, LabError> {
    made(call, &Measured { call, place, cell })
}

/// A cell as it would be measured now; a stored one is compared with it.
struct Measured<'a> {
    call: &'a Call<'a>,
    place: &'a Place,
    cell: &'a Cell,
}

impl Recipe for Measured<'_> {
    type Record = CellRecord;
    type Made = CellRecord;

    fn job(&self) -> String {
        self.cell.name()
    }

    fn product(&self) -> Product {
        Product::Cell
    }

    fn path(&self) -> PathBuf {
        self.place.record(self.cell)
    }

    fn forced(&self) -> bool {
        self.call.making.force
    }

    fn standing(&self) -> Result<CellRecord, Unusable> {
        self.place.standing(self.cell)
    }

    fn reuse(&self, record: CellRecord) -> Result<CellRecord, LabError> {
        Ok(record)
    }

    fn make(&self) -> Result<Fresh<CellRecord>, LabError> {
        let begun = Instant::now();
        let (failure, measures) = match measured(self.call, self.place, self.cell) {
            Ok(measures) => (None, measures),
            Err(error) => match failure(&error) {
                Some(reason) => (Some(reason), std::collections::BTreeMap::new()),
                None => return Err(error),
            },
        };
        let record = CellRecord {
            stamp: self.cell.stamp.clone(),
            code_version: heigen::VERSION.to_owned(),
            seconds: begun.elapsed().as_secs_f64(),
            experiment: self.cell.experiment.to_json(),
            first: self.cell.first.as_ref().map(Experiment::to_json),
            failure,
            measures,
        };
        let staged = vec![record.stage(&self.path())?];
        Ok(Fresh { made: record, staged, note: None::<NoteKind> })
    }

    /// A record of another time has another name.
    fn earlier(&self) -> Vec<PathBuf> {
        vec![]
    }
}

/// Trains and measures a cell in memory.
fn measured(call: &Call, place: &Place, cell: &Cell) -> Result<std::collections::BTreeMap<String, f64>, LabError> {
    let memory = Store::memory();
    let making = Making { force: false, seed: None, ..call.making.clone() };
    let quiet = Quiet(call.watch);
    // Where the files of the two experiments would stand, so that the one finds the other.
    let file = |experiment: &Experiment| -> Result<PathBuf, LabError> {
        let name = &experiment.name;
        let path = memory.dir().join("files").join(&name.folder).join(format!("{}.json", name.stem));
        atomic::write(&path, text(experiment).as_bytes())?;
        Ok(path)
    };
    let mut first: Option<ModelRecord> = None;
    if let Some(experiment) = &cell.first {
        file(experiment)?;
        let starts = place.starts();
        let at = Call { watch: &quiet, ..call.at(&starts, &making) };
        first = Some(trained(&at, &loaded(experiment, Origin::Shipped))?.record);
        starts.copy(&experiment.name, &memory, true)?;
    }
    let loaded = loaded(&cell.experiment, Origin::File(file(&cell.experiment)?));
    let call = Call { watch: &quiet, ..call.at(&memory, &making) };
    let model = trained(&call, &loaded)?;
    let analysed = analysed(&call, &loaded, &Asked::default())?;
    let boundary = boundary::measured(&call, &loaded, &analysed, false)?;
    Ok(taken(&analysed.theta, &model.record, first.as_ref(), &analysed.record.summary, &boundary))
}

/// The reason that a row has instead of its measures, for an error that belongs to the cell's numbers: a training that diverged, a solver
/// that found nothing. `None` for errors of files, of memory, and for a stop, which are the study's.
fn failure(error: &LabError) -> Option<String> {
    match error {
        // The job is a hash, which tells nobody anything.
        LabError::Of { source, .. } => failure(source),
        LabError::Train(_) | LabError::Solver(_) | LabError::Eigen(_) | LabError::Margin(_) => Some(error.in_full()),
        _ => None,
    }
}

/// Whether a path lies in a folder that can be written to; said before hours of work and not after them.
pub(super) fn writable(dir: &Path) -> Result<(), LabError> {
    Ok(atomic::check_writable(&dir.join("table.csv"))?)
}
