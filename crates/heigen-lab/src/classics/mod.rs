//! The field's classic experiments, done again on small networks and samples that are built into the program: for each the
//! published claims, what is measured here, a verdict, and a figure.

mod bulk;
mod classes;
mod edge;
mod norm;
mod page;
mod rank;
mod recipe;
mod sam;
mod samples;
mod sharp;
mod subspace;

use crate::call::Call;
use crate::{Lab, LabError, LabWatch, Making, Store};
use heigen_store::classic_record::{ClassicClaim, ClassicRecord, Finding, PanelRecord};
use std::path::{Path, PathBuf};

/// Asks for classic experiments.
#[derive(Clone, Debug)]
pub struct ClassicsRequest {
    /// Where results live.
    pub store: Store,
    /// Their names, of [`classic_names`]; all where there are none.
    pub names: Vec<String>,
    /// Folder of the figures.
    pub folder: PathBuf,
    /// Folder of the page.
    pub report: PathBuf,
    /// How they are made.
    pub making: Making,
}

/// The classic experiments that were done again.
#[derive(Clone, Debug)]
pub struct Classics {
    /// Their records.
    pub records: Vec<ClassicRecord>,
    /// The verdict about each claim of each record: `supported`, `mixed`, `contradicted`, `undecided` or `not measured`.
    pub verdicts: Vec<Vec<&'static str>>,
    /// The files of their figures: SVG, PDF and PNG of each.
    pub figures: Vec<PathBuf>,
    /// The page.
    pub page: PathBuf,
}

/// One classic experiment.
struct Classic {
    name: &'static str,
    title: &'static str,
    measure: fn(&Call, &'static str) -> Result<Measured, LabError>,
}

/// The findings of a classic experiment.
struct Measured {
    setup: String,
    claims: Vec<ClassicClaim>,
    panels: Vec<PanelRecord>,
}

/// All of them, in the order of the page.
const CLASSICS: [Classic; 8] = [
    Classic {
        name: "edge-of-stability",
        title: "Progressive sharpening and the edge of stability",
        measure: edge::measure,
    },
    Classic { name: "tiny-subspace", title: "Gradient descent in a tiny subspace", measure: subspace::measure },
    Classic { name: "class-structure", title: "Outliers and the means of classes", measure: classes::measure },
    Classic { name: "bulk-and-outliers", title: "Bulk and outliers against width and data", measure: bulk::measure },
    Classic { name: "batch-norm", title: "The density with batch normalisation and without", measure: norm::measure },
    Classic { name: "sharp-minima", title: "Sharp minima of the same function", measure: sharp::measure },
    Classic { name: "sharpness-aware", title: "Sharpness-aware minimisation", measure: sam::measure },
    Classic { name: "linear-rank", title: "The rank of deep linear networks", measure: rank::measure },
];

/// The names of the classic experiments, in the order of the page.
pub fn classic_names() -> Vec<&'static str> {
    CLASSICS.iter().map(|classic| classic.name).collect()
}

impl Lab {
    /// Does classic experiments again, or reuses what is there, draws their figures and writes the page.
    ///
    /// # Errors
    /// [`LabError::NoClassic`] for a name that there is not, [`LabError::Stopped`] if the watch breaks; else whatever keeps a
    /// network from being trained or a file from being written.
    pub fn classics(&self, request: &ClassicsRequest, watch: &dyn LabWatch) -> Result<Classics, LabError> {
        let unknown = request.names.iter().find(|name| !CLASSICS.iter().any(|classic| classic.name == *name));
        if let Some(name) = unknown {
            return Err(LabError::NoClassic { name: name.clone(), known: classic_names().join(", ") });
        }
        let asked = |classic: &&Classic| request.names.is_empty() || request.names.iter().any(|n| n == classic.name);
        self.call(&request.store, &request.making, watch, |call| {
            let mut records = Vec::new();
            let mut figures = Vec::new();
            for classic in CLASSICS.iter().filter(asked) {
                let record = recipe::record(call, classic)?;
                figures.extend(recipe::figure(call, &record, classic.title, &request.folder)?);
                records.push(record);
            }
            let page = page::write(call, &records, &figures, &request.report)?;
            let verdicts = records
                .iter()
                .map(|record| record.claims.iter().map(|claim| page::verdict(claim).words()).collect())
                .collect();
            Ok(Classics { records, verdicts, figures, page })
        })
    }
}

/// The classic experiments that stand in a store, as a section of the paper's report.
pub(crate) fn summary(store: &Store, figures: &Path, report: &Path) -> Option<heigen_report::Section> {
    let records: Vec<_> = CLASSICS.iter().filter_map(|classic| recipe::standing(store, classic)).collect();
    page::summary(&records, figures, report)
}

/// The title of a classic experiment.
fn title_of(name: &str) -> &'static str {
    CLASSICS.iter().find(|classic| classic.name == name).map_or("", |classic| classic.title)
}

/// A finding that speaks for a claim if `holds`, else against it.
fn finding(holds: bool, text: impl Into<String>) -> Finding {
    Finding { supports: Some(holds), text: text.into() }
}
