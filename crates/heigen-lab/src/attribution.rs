//! Attribution: the classes and the pieces of the boundary that leading eigenvectors carry, and the boundary after moves along them.

use crate::analysis::{Analysed, Asked, analysed};
use crate::call::Call;
use crate::drawing::{BOUNDARY_NODES, class_names, plane};
use crate::error::OfJob;
use crate::making::{Fresh, Recipe, made};
use crate::watch::{NoteKind, Product, stage};
use crate::{Lab, LabError, LabWatch, Making, Store};
use heigen::analysis::{CarriedBoundary, MovedBoundary, carried_boundary, moved_boundary};
use heigen::curvature::{ClassStructure, Problem, Watch};
use heigen::linalg::Matrix;
use heigen_store::attribution_record::{AttributionRecord, Move, VectorAttribution};
use heigen_store::catalogue::Loaded;
use heigen_store::record::{Unusable, stamp};
use std::path::PathBuf;
use std::time::Instant;

/// The rise of the loss, in nats, up to which weights are moved unless another one is asked for.
pub const RISE: f64 = 0.1;
/// The most eigenvectors that are looked at unless a number is asked for.
const MOST: usize = 8;

/// Asks for what the leading eigenvectors of a model's Hessian carry.
#[derive(Clone, Debug)]
pub struct AttributionRequest {
    /// Where results live.
    pub store: Store,
    /// The experiment.
    pub experiment: Loaded,
    /// The analysis whose eigenvectors are looked at.
    pub asked: Asked,
    /// The number of eigenvectors, largest eigenvalue first; none for the outliers, of which at most 8 are looked at.
    pub vectors: Option<usize>,
    /// The rise of the loss up to which weights are moved along an eigenvector, above 0.
    pub rise: f64,
    /// How the model, its analysis and the record are made.
    pub making: Making,
}

impl Lab {
    /// The attribution of an experiment's leading eigenvectors, reused or made, after training and analysis if need be.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps it from being found or written.
    pub fn attribution(
        &self,
        request: &AttributionRequest,
        watch: &dyn LabWatch,
    ) -> Result<AttributionRecord, LabError> {
        self.call(&request.store, &request.making, watch, |call| {
            let loaded = &call.seeded(request.experiment.clone());
            let analysed = &analysed(call, loaded, &request.asked)?;
            analysed.prepared.need_classes(&loaded.experiment)?;
            let (vectors, rise) = (number_of(analysed, request.vectors), request.rise);
            let how = format!("attribution {vectors} {rise:e} {BOUNDARY_NODES}");
            let stamp = stamp([heigen::VERSION, &analysed.record.stamp, &how]);
            made(call, &Attribution { call, loaded, analysed, vectors, rise, stamp })
        })
    }
}

/// How many eigenvectors are looked at: as many as are asked for, else the outliers.
pub(crate) fn number_of(analysed: &Analysed, asked: Option<usize>) -> usize {
    let summary = &analysed.record.summary;
    asked.unwrap_or(summary.outliers.count.clamp(1, MOST)).min(summary.n_eigenvectors)
}

/// The attribution as it would be made now; a stored one is compared with it.
struct Attribution<'a> {
    call: &'a Call<'a>,
    loaded: &'a Loaded,
    analysed: &'a Analysed,
    vectors: usize,
    rise: f64,
    /// A hash of all that determines the numbers.
    stamp: String,
}

impl Recipe for Attribution<'_> {
    type Record = AttributionRecord;
    type Made = AttributionRecord;

    fn job(&self) -> String {
        self.loaded.experiment.name.to_string()
    }

    fn product(&self) -> Product {
        Product::Attribution
    }

    fn path(&self) -> PathBuf {
        self.analysed.paths.attribution()
    }

    fn forced(&self) -> bool {
        self.call.making.force
    }

    fn standing(&self) -> Result<AttributionRecord, Unusable> {
        let record = AttributionRecord::load(&self.path())?;
        record.check_stamp(&self.stamp)?;
        Ok(record)
    }

    fn reuse(&self, record: AttributionRecord) -> Result<AttributionRecord, LabError> {
        Ok(record)
    }

    fn by_leader(&self) -> bool {
        true
    }

    fn make(&self) -> Result<Fresh<AttributionRecord>, LabError> {
        let record = attributed(self).of(&self.loaded.experiment.name)?;
        let staged = vec![record.stage(&self.path())?];
        let note = NoteKind::Made { what: Product::Attribution, seconds: record.seconds, path: self.path() };
        Ok(Fresh { made: record, staged, note: Some(note) })
    }

    /// The new record takes the old one's place under its name.
    fn earlier(&self) -> Vec<PathBuf> {
        vec![]
    }
}

fn attributed(attribution: &Attribution) -> Result<AttributionRecord, LabError> {
    let Attribution { call, loaded, analysed, vectors: k, rise, stamp } = attribution;
    let begun = Instant::now();
    let experiment = &loaded.experiment;
    let (values, vectors) = analysed.top(*k)?;
    let problem = problem(call, analysed)?;
    let structure = ClassStructure::of(&problem);
    let numbers = problem.n_params() * problem.network().n_outputs() * (problem.network().n_outputs() + 1);
    call.room("the mean gradients of all pairs of classes", (numbers * size_of::<f64>()) as f64, String::new)?;
    let (spectra, shares, without_classes) = match &structure {
        Ok(structure) => (Some(structure.spectra()?), structure.shares(&vectors)?, None),
        Err(why) => (None, vec![], Some(why.to_string())),
    };
    let boundary = on_plane(call, loaded, analysed, &vectors, *rise)?;
    let vector = |i: usize| VectorAttribution {
        index: i + 1,
        eigenvalue: values[i],
        shares: shares.get(i).cloned(),
        moved: boundary
            .as_ref()
            .map_or_else(Vec::new, |b| b.moved[i].iter().map(|moved| record_of(moved.as_ref())).collect()),
    };
    Ok(AttributionRecord {
        name: experiment.name.clone(),
        stamp: stamp.clone(),
        code_version: heigen::VERSION.to_owned(),
        class_names: class_names(&experiment.dataset, &analysed.prepared, analysed.samples.n_classes),
        spectra,
        without_classes,
        pieces: boundary.as_ref().map_or_else(Vec::new, |b| b.before.pieces.clone()),
        rise: *rise,
        vectors: (0..values.len()).map(vector).collect(),
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn record_of(moved: Option<&MovedBoundary>) -> Move {
    Move { step: moved.map(|m| m.step), fates: moved.map_or_else(Vec::new, |m| m.fates.clone()) }
}

fn problem<'a>(call: &Call, analysed: &'a Analysed) -> Result<Problem<'a, f64>, LabError> {
    let samples = analysed.prepared.training();
    Ok(call.problem(&analysed.prepared.network, &analysed.theta, samples, analysed.objective.clone())?)
}

/// The boundary in the plane and what becomes of it.
pub(crate) struct OnPlane {
    pub(crate) before: CarriedBoundary,
    /// For every vector v the boundaries after a move along v and along -v.
    pub(crate) moved: Vec<[Option<MovedBoundary>; 2]>,
}

/// The pieces of the boundary and their fates along the columns of `vectors`; none where inputs do not lie in a plane.
pub(crate) fn on_plane(
    call: &Call,
    loaded: &Loaded,
    analysed: &Analysed,
    vectors: &Matrix<f64>,
    rise: f64,
) -> Result<Option<OnPlane>, LabError> {
    if analysed.prepared.network.n_inputs() != 2 {
        return Ok(None);
    }
    let mut watch = call.job(&loaded.experiment.name);
    watch.begin(stage::ATTRIBUTION)?;
    let problem = problem(call, analysed)?;
    let plane = plane(&loaded.experiment.dataset, &analysed.prepared.training().features);
    let before = carried_boundary(&problem, &plane, BOUNDARY_NODES, vectors);
    let mut moved = Vec::new();
    for (i, v) in vectors.iter_columns().enumerate() {
        let back: Vec<f64> = v.iter().map(|v| -v).collect();
        let along = |direction: &[f64]| moved_boundary(&problem, &plane, BOUNDARY_NODES, &before, direction, rise);
        moved.push([along(v), along(&back)]);
        watch.tell(stage::ATTRIBUTION, i as u64 + 1, Some(vectors.columns as u64), "eigenvectors")?;
    }
    Ok(Some(OnPlane { before, moved }))
}
