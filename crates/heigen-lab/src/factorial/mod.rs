//! Studies over factors and seeds: every combination of levels is trained at every seed and measured, each cell leaves a row on
//! disk, and the rows are judged.

mod cells;
mod effort;
mod file;
mod judge;
mod measures;
mod page;
mod pictures;
mod run;
mod running;
mod summary;
mod table;

use crate::part::Part;
use crate::reproduction::schedule::Room;
use crate::store::replace;
use crate::watch::{Event, LabWatch, stage};
use crate::{Lab, LabError, Making, Store};
use cells::Cell;
use effort::{RATE, shares, training, work};
pub use file::{ClaimSpec, Compare, Expect, Levels, OneOrMore, Seeds, StudyFile, StudyFileError};
use heigen_store::atomic;
use heigen_store::cell_record::CellRecord;
use heigen_store::files;
pub use judge::{Found as FoundOfClaim, Judged, Pair, STRONG, Support};
use judge::{Rows, state};
pub use measures::{MEASURES, Measure, measure_names};
use run::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
pub(crate) use summary::summaries;

/// The studies that are built into the program, by name.
const SHIPPED: [(&str, &str); 1] = [("boundary", include_str!("../../studies/boundary.json"))];

/// Largest file of a study that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The name, the file and the place of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedStudy {
    /// Its name: that of its file without the ending.
    pub name: String,
    /// The name of its file in messages.
    pub origin: String,
    /// The checked file.
    pub file: StudyFile,
}

impl NamedStudy {
    /// The study that a user means: the file of that path, or a shipped study of that name, also with `studies/` before it or
    /// `.json` behind.
    ///
    /// # Errors
    /// [`LabError::NoStudy`] if there is neither, [`LabError::StudyFile`] for a file that is refused, [`LabError::Read`].
    pub fn load(arg: &str) -> Result<Self, LabError> {
        let path = Path::new(arg);
        let plain = arg.strip_prefix("studies/").unwrap_or(arg);
        let plain = plain.strip_suffix(".json").unwrap_or(plain);
        let stem = |path: &Path| path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        if files::is_file(path) {
            let failed = |source| LabError::Read { path: path.to_owned(), source };
            if files::open(path).and_then(|file| file.length()).map_err(failed)? > MAX_FILE {
                let what = format!("there are more than {MAX_FILE} bytes; expected the JSON of a study");
                return Err(StudyFileError::Schema { origin: arg.to_owned(), what }.into());
            }
            let text = files::read_to_string(path).map_err(failed)?;
            return Ok(Self { name: stem(path), origin: arg.to_owned(), file: StudyFile::parse(&text, arg)? });
        }
        let Some((name, text)) = SHIPPED.iter().find(|(name, _)| *name == plain) else {
            let known = SHIPPED.map(|(name, _)| name).join(", ");
            return Err(LabError::NoStudy { name: arg.to_owned(), known });
        };
        let origin = format!("studies/{name}.json");
        Ok(Self { name: (*name).to_owned(), file: StudyFile::parse(text, &origin)?, origin })
    }
}

/// Asks for a study.
#[derive(Clone, Debug)]
pub struct FactorialRequest {
    /// Where results live; the study's stand below `studies/<name>`.
    pub store: Store,
    /// The study.
    pub study: NamedStudy,
    /// The levels whose cells are run; all where there are none. The report is about all rows that are there.
    pub only: Levels,
    /// The part of all this that is done. A share writes rows alone.
    pub part: Part,
    /// How cells are made.
    pub making: Making,
    /// The command that runs the study, for the report.
    pub command: String,
}

/// A study that is planned: its cells, and which of them are done.
#[derive(Debug)]
pub struct FactorialPlan {
    request: FactorialRequest,
    place: Place,
    cells: Vec<Cell>,
    /// The cells that are asked for.
    chosen: Vec<bool>,
    done: Vec<Option<CellRecord>>,
}

/// One combination of a planned study, over its seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedCombination {
    /// The level of every factor.
    pub levels: Vec<(String, String)>,
    /// Number of cells.
    pub cells: usize,
    /// Number of cells that are done.
    pub done: usize,
    /// Whether its cells are asked for.
    pub chosen: bool,
    /// Seconds that the missing cells take on one core, estimated.
    pub seconds: f64,
}

/// A study with its rows judged.
#[derive(Clone, Debug)]
pub struct Factorial {
    /// Number of cells of the whole study.
    pub cells: usize,
    /// Number of rows that are there.
    pub rows: usize,
    /// Number of rows by their state: `converged`, `not converged`, `failed`.
    pub states: BTreeMap<&'static str, usize>,
    /// The claims, judged.
    pub claims: Vec<Judged>,
    /// The rank correlations that no claim is about.
    pub pairs: Vec<Pair>,
    /// The files: tables, figures, summary and page.
    pub files: Vec<PathBuf>,
}

impl Lab {
    /// Looks which cells of a study are done. Changes nothing.
    ///
    /// # Errors
    /// [`LabError::StudyFile`] for a combination whose experiment is wrong, or a level that there is not.
    pub fn plan_factorial(&self, request: &FactorialRequest) -> Result<FactorialPlan, LabError> {
        let FactorialRequest { store, study, only, making, part, .. } = request;
        study.file.check_choice(only)?;
        let cells = cells::cells(&study.file, &study.origin)?;
        let place = Place { store: store.clone(), dir: store.dir().join("studies").join(&study.name) };
        let mut chosen: Vec<bool> = cells.iter().map(|cell| cell.is_in(only)).collect();
        if let Part::Shard(shard) = part {
            let share = shares(&cells, shard.of());
            chosen.iter_mut().zip(share).for_each(|(chosen, share)| *chosen &= share == shard.index());
        }
        let fresh = |(cell, &chosen): (&Cell, &bool)| {
            if making.force && chosen { None } else { place.standing(cell).ok() }
        };
        let done = cells.iter().zip(&chosen).map(fresh).collect();
        Ok(FactorialPlan { request: request.clone(), place, cells, chosen, done })
    }

    /// Runs the cells of a planned study that are missing, several side by side with a thread each, and writes tables, figures,
    /// summary and page about all rows that are there. A cell that fails is a row that says why. Each row is written as soon as
    /// it is known, so that whatever stops a study, a cell is the most that is lost. Of several processes ([`Lab::dealing`]) those that
    /// follow tell nothing of the rows.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; whatever keeps files from being read or written.
    pub fn factorial(&self, plan: &FactorialPlan, watch: &dyn LabWatch) -> Result<Factorial, LabError> {
        let room = Room { tasks: self.threads(), bytes: f64::INFINITY };
        if !self.crew.leads() {
            self.crew.rooms(room)?;
            self.crew.serve(|task| plan.follow(self, task))?;
            return Ok(plan.outcome(&[]));
        }
        run::writable(&plan.place.dir)?;
        let rooms = self.crew.rooms(room)?;
        let made = self.crew.lead(|hands| plan.run(self, &rooms, hands, watch))??;
        plan.clear_claims(&made);
        match plan.request.part {
            Part::Shard(_) => Ok(plan.outcome(&plan.rows(&made))),
            Part::Whole | Part::Gathered => plan.written(self, &made, watch),
        }
    }
}

impl FactorialPlan {
    /// The name of the study.
    pub fn name(&self) -> &str {
        &self.study().name
    }

    /// The combinations, in the order of the study.
    pub fn combinations(&self) -> Vec<PlannedCombination> {
        let mut all: Vec<PlannedCombination> = Vec::new();
        let rate = self.rate();
        let done = self.cells.iter().zip(&self.done).filter(|(_, done)| done.is_some());
        let mut begun: BTreeSet<String> =
            done.filter_map(|(cell, _)| Some(cell.first.as_ref()?.name.to_string())).collect();
        for (i, cell) in self.cells.iter().enumerate() {
            if all.last().is_none_or(|last| last.levels != cell.levels) {
                let (levels, chosen) = (cell.levels.clone(), self.chosen[i]);
                all.push(PlannedCombination { levels, cells: 0, done: 0, chosen, seconds: 0.0 });
            }
            let Some(last) = all.last_mut() else { continue };
            last.cells += 1;
            if self.done[i].is_some() {
                last.done += 1;
            } else {
                let first = cell.first.as_ref().filter(|first| begun.insert(first.name.to_string()));
                last.seconds += rate * (work(cell) + first.map_or(0.0, training));
            }
        }
        all
    }

    /// Seconds of one unit of [`work`], from the cells that are done.
    fn rate(&self) -> f64 {
        let known = |(cell, done): (&Cell, &Option<CellRecord>)| Some((done.as_ref()?.seconds, work(cell)));
        let sums = self.cells.iter().zip(&self.done).filter_map(known).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        if sums.1 > 0.0 { sums.0 / sums.1 } else { 1.0 / RATE }
    }

    /// Numbers of all cells that are asked for, and of those that are done.
    pub fn chosen(&self) -> (usize, usize) {
        let chosen = || self.done.iter().zip(&self.chosen).filter(|(_, chosen)| **chosen);
        (chosen().count(), chosen().filter(|(done, _)| done.is_some()).count())
    }

    fn study(&self) -> &NamedStudy {
        &self.request.study
    }

    /// The cells that have a row.
    fn rows<'a>(&'a self, found: &'a [Option<CellRecord>]) -> Vec<(&'a Cell, &'a CellRecord)> {
        self.cells.iter().zip(found).filter_map(|(cell, record)| Some((cell, record.as_ref()?))).collect()
    }

    /// The numbers of the rows, nothing judged or written.
    fn outcome(&self, cells: &[(&Cell, &CellRecord)]) -> Factorial {
        let mut states: BTreeMap<&'static str, usize> = BTreeMap::new();
        cells.iter().for_each(|(_, record)| *states.entry(state(&self.study().file, record)).or_default() += 1);
        let (claims, pairs, files) = (vec![], vec![], vec![]);
        Factorial { cells: self.cells.len(), rows: cells.len(), states, claims, pairs, files }
    }

    /// Judges the rows and writes everything that follows from them.
    fn written(&self, lab: &Lab, found: &[Option<CellRecord>], watch: &dyn LabWatch) -> Result<Factorial, LabError> {
        let file = &self.study().file;
        let cells = self.rows(found);
        let rows = Rows { file, cells: &cells };
        let event = |stage| Event { job: self.study().name.clone(), stage, done: 0, total: None, unit: "" };
        if watch.event(&event(stage::DRAWING)).is_break() {
            return Err(LabError::Stopped);
        }
        let (claims, pairs) = lab.work(|threads| Ok(threads.run(|| (rows.judged(), rows.pairs()))))?;
        let table = table::table(file, &cells)?;
        let mut done = Factorial { claims, pairs, ..self.outcome(&cells) };
        let drawn = lab.work(|threads| pictures::draw(threads, rows, &done.claims))?;
        let (mut staged, mut figures) = (Vec::new(), BTreeMap::new());
        let mut stage = |name: &str, bytes: &[u8]| -> Result<String, LabError> {
            staged.push(atomic::stage_with(&self.place.dir.join(name), |file| file.write_all(bytes))?);
            Ok(staged.last().map_or_else(String::new, |staged| staged.hash().to_owned()))
        };
        stage("table.csv", &table.csv()?)?;
        stage("table.parquet", &table.parquet()?)?;
        for (name, picture) in &drawn {
            let svg = format!("{name}.svg");
            let hash = stage(&svg, picture.svg.as_bytes())?;
            figures.insert(svg, hash);
            stage(&format!("{name}.pdf"), &picture.pdf)?;
            stage(&format!("{name}.png"), &picture.png)?;
        }
        stage("summary.md", page::markdown(self.study(), &done).as_bytes())?;
        let about =
            page::About { study: self.study(), done: &done, rows, drawn: &drawn, command: &self.request.command };
        stage("report.html", page::html(lab, &about)?.as_bytes())?;
        let files = staged.iter().map(|staged| staged.path().to_owned()).collect();
        let record = self.place.judged();
        staged.push(summary::record(&about, figures).stage(&record)?);
        // The record gets its name last, so that wherever it stands the others belong to it.
        replace(&[record], staged)?;
        done.files = files;
        Ok(done)
    }
}
