//! How the spectra along a training are made: moment by moment, each written at once, and an array of each quantity at the end.

use super::journal;
use super::samples::{Samples, Shares};
use super::schedule::{moments, spread};
use super::walk::{ANEW, Way};
use super::weights::{Point, points};
use super::{Every, FollowRequest, FollowedWeights, whole};
use crate::LabError;
use crate::call::Call;
use crate::error::OfJob;
use crate::explorable::why_not_explored;
use crate::making::{Fresh, Recipe};
use crate::prepare::Prepared;
use crate::training;
use crate::watch::{NoteKind, Product};
use heigen::analysis::subspace_overlap;
use heigen::config::{BatchSize, Experiment};
use heigen::curvature::Work;
use heigen::linalg::Matrix;
use heigen_store::along_record::{AlongPaths, AlongRecord, Moment};
use heigen_store::atomic::Staged;
use heigen_store::catalogue::Loaded;
use heigen_store::checkpoint;
use heigen_store::npy::{self, Order};
use heigen_store::record::{Unusable, stamp};
use std::path::PathBuf;

/// The most moments whose eigenvectors and weights are kept.
const KEPT: usize = 64;

/// The spectra along a training as they would be made now; stored ones are compared with them.
pub(super) struct Follow<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) loaded: &'a Loaded,
    pub(super) request: &'a FollowRequest,
    /// The network, and the samples; no samples where this process keeps its share of them only.
    pub(super) prepared: Prepared,
    pub(super) samples: Samples<'a>,
    /// Number of the training samples.
    n_samples: usize,
    /// Why no live page can show the training, if that is so.
    pub(super) why_not_live: Option<String>,
    pub(super) paths: AlongPaths,
    /// A hash of all that determines the numbers.
    pub(super) stamp: String,
    /// The files that are followed; none where the experiment is trained.
    pub(super) files: Option<Vec<Point>>,
    /// The weights that the training begins with, `[P]`.
    pub(super) theta: Vec<f32>,
    /// The epochs, or steps, of the moments as they are planned; a training that ends early has fewer.
    pub(super) epochs: Vec<usize>,
    /// The number of steps in an epoch, where moments are counted in steps; else 1.
    pub(super) per_epoch: usize,
    /// The places of moments whose arrays are kept.
    pub(super) kept: Vec<usize>,
    /// The places of moments at which the whole spectrum is computed.
    pub(super) wholes: Vec<usize>,
}

impl<'a> Follow<'a> {
    /// Whether the moments are those of a training, and not weights in files.
    pub(super) fn is_trained(&self) -> bool {
        self.files.is_none()
    }

    pub(super) fn new(call: &'a Call<'a>, loaded: &'a Loaded, request: &'a FollowRequest) -> Result<Self, LabError> {
        let experiment = &loaded.experiment;
        let name = &experiment.name;
        let mut prepared = Prepared::by_all(call, experiment)?;
        let files = points(call, name, &request.weights)?;
        let n_samples = prepared.training().n_samples();
        let per_epoch =
            if let (Some(Every::Steps(_)), BatchSize::Samples(size)) = (request.every, experiment.trainer.batch_size) {
                n_samples.div_ceil(size.clamp(1, n_samples.max(1))).max(1)
            } else {
                1
            };
        let epochs = if let Some(points) = &files {
            points.iter().map(|point| point.epoch).collect()
        } else {
            let every = request.every.map(|(Every::Epochs(n) | Every::Steps(n))| n);
            moments(experiment.trainer.num_epochs.saturating_mul(per_epoch), every)
        };
        let n = epochs.len();
        let work = Work::of(&prepared.network, prepared.network.n_params(), n_samples);
        let wholes = whole::places(&work, call.lab.memory, n, request.whole);
        let from = match request.weights {
            FollowedWeights::Training => "",
            FollowedWeights::Snapshots => "snapshots",
            FollowedWeights::Files(_) => "files",
        };
        let paths = call.store.of(name)?.along(from);
        let theta = match &files {
            None if prepared.trainable() => training::theta_before(call, loaded, &prepared)?,
            _ => vec![],
        };
        let mut origins = vec![
            heigen::VERSION.to_owned(),
            experiment.to_json().to_string(),
            prepared.samples.data.source.clone(),
            format!("{:?} {epochs:?} {wholes:?} {KEPT} {ANEW} {}", request.look, super::moments::NODES),
        ];
        if let Some(Every::Steps(_)) = request.every {
            origins.push("steps".to_owned());
        }
        match &files {
            Some(points) => {
                for point in points {
                    let file = call.weights_for_all(&point.path)?;
                    origins.push(file.hash().to_owned());
                    // Many checkpoints of large networks are not to lie in memory together.
                    call.memo.forget(&point.path);
                }
            }
            None => origins.push(hash_of(&theta)),
        }
        let stamp = stamp(&origins);
        let kept = spread(n, KEPT);
        let why_not_live = why_not_explored(experiment, &prepared.samples.data, &prepared.network);
        let objective = experiment.objective();
        let shares = Shares::taken(call, &mut prepared, &objective, (files.as_deref(), &theta)).of(name)?;
        Ok(Self {
            call,
            loaded,
            request,
            prepared,
            samples: Samples { call, objective, shares },
            n_samples,
            why_not_live,
            paths,
            stamp,
            files,
            theta,
            epochs,
            per_epoch,
            kept,
            wholes,
        })
    }

    pub(super) fn experiment(&self) -> &Experiment {
        &self.loaded.experiment
    }

    /// Whether the training itself is followed, and not weights in files.
    pub(super) fn trains(&self) -> bool {
        self.files.is_none()
    }

    /// The overlaps of the leading subspaces of all pairs of kept moments.
    fn pairs(&self, kept: &[usize], k: usize) -> Result<Vec<Vec<f64>>, LabError> {
        let p = self.prepared.network.n_params();
        let bytes = (kept.len() * p * k * size_of::<f64>()) as f64;
        self.call.room(format!("the eigenvectors of {} moments", kept.len()), bytes, String::new)?;
        self.call.lab.together.meet()?;
        let tops = kept
            .iter()
            .map(|&place| Ok(leading(&journal::matrix(&self.paths.vectors(place))?, k)))
            .collect::<Result<Vec<_>, LabError>>()?;
        Ok(self.call.run(|| {
            let mut all = vec![vec![1.0; tops.len()]; tops.len()];
            for (i, a) in tops.iter().enumerate() {
                for (j, b) in tops.iter().take(i).enumerate() {
                    let overlap = subspace_overlap(a, b);
                    (all[i][j], all[j][i]) = (overlap, overlap);
                }
            }
            all
        }))
    }
}

/// A hash of weights.
fn hash_of(theta: &[f32]) -> String {
    stamp(theta.iter().map(|w| w.to_le_bytes()))
}

/// The first k columns.
fn leading(vectors: &Matrix<f64>, k: usize) -> Matrix<f64> {
    vectors.columns(0..k.min(vectors.columns))
}

impl Recipe for Follow<'_> {
    type Record = AlongRecord;
    type Made = AlongRecord;

    fn job(&self) -> String {
        self.experiment().name.to_string()
    }

    fn product(&self) -> Product {
        Product::Along
    }

    fn path(&self) -> PathBuf {
        self.paths.record()
    }

    fn forced(&self) -> bool {
        self.call.making.force
    }

    fn standing(&self) -> Result<AlongRecord, Unusable> {
        let record = AlongRecord::load(&self.path())?;
        record.check_stamp(&self.stamp)?;
        Ok(record)
    }

    fn reuse(&self, record: AlongRecord) -> Result<AlongRecord, LabError> {
        Ok(record)
    }

    fn prepare(&self) -> Result<(), LabError> {
        if self.trains() && !self.prepared.trainable() {
            return Err(LabError::Untrainable { name: self.experiment().name.clone() });
        }
        // No training led to a network from elsewhere that could be gone through again.
        if self.trains() && training::imported(self.call, self.loaded)?.is_some() {
            return Err(LabError::NothingToFollow { name: self.experiment().name.clone() });
        }
        Ok(())
    }

    fn make(&self) -> Result<Fresh<AlongRecord>, LabError> {
        let name = &self.experiment().name;
        let stays = |place: usize| self.kept.binary_search(&place).is_ok();
        let (moments, last) =
            if self.forced() { (vec![], None) } else { journal::read(&self.paths, &self.stamp, stays)? };
        // All processes of a computation begin at the same moment, before one of them changes what stands there.
        let together = &self.call.lab.together;
        if together.agreed(moments.len() as f64)? != moments.len() as f64 {
            return Err(LabError::Apart { path: self.paths.moment(moments.len()) });
        }
        if !moments.is_empty() {
            let (done, of) = (moments.len(), self.epochs.len());
            self.call.note(name, NoteKind::MomentsKnown { done, of });
        }
        journal::clear_from(&self.paths, moments.len())?;
        // A process that was killed may not have come to remove what only the newest moment needed.
        for before in 0..moments.len().saturating_sub(1) {
            journal::forget_arrays(&self.paths, before, !stays(before))?;
        }
        let mut way = Way { moments, last };
        match &self.files {
            Some(points) => self.through_files(points, &mut way),
            None => self.through_training(&mut way),
        }
        .of(name)?;
        let seconds = way.moments.iter().filter_map(|moment| moment.seconds).sum();
        let moments: Vec<Moment> = way.moments.into_iter().map(|moment| Moment { seconds: None, ..moment }).collect();
        let mut kept: Vec<usize> = self.kept.iter().copied().filter(|&place| place < moments.len()).collect();
        if let Some(last) = moments.len().checked_sub(1)
            && !kept.contains(&last)
        {
            kept.push(last);
        }
        let k = self.request.look.k.min(self.prepared.network.n_params());
        let record = AlongRecord {
            name: name.clone(),
            stamp: self.stamp.clone(),
            code_version: heigen::VERSION.to_owned(),
            seconds,
            weights: match self.request.weights {
                FollowedWeights::Training => "training",
                FollowedWeights::Snapshots => "snapshots",
                FollowedWeights::Files(_) => "files",
            }
            .to_owned(),
            counted_in: match self.request.every {
                Some(Every::Steps(_)) if self.trains() => "step".to_owned(),
                _ => "epoch".to_owned(),
            },
            n_params: self.prepared.network.n_params(),
            n_samples: self.n_samples,
            k,
            lowest: moments.first().map_or(0, |moment| moment.eigenvalues.len() - k),
            tolerance: self.request.look.tolerance,
            subspace_overlaps: self.pairs(&kept, k)?,
            kept,
            moments,
        };
        let mut staged = arrays(&self.paths, &record)?;
        staged.push(record.stage(&self.path())?);
        let note = NoteKind::Made { what: Product::Along, seconds: record.seconds, path: self.path() };
        Ok(Fresh { made: record, staged, note: Some(note) })
    }

    fn earlier(&self) -> Vec<PathBuf> {
        vec![self.path()]
    }

    fn committed(&self, record: &AlongRecord) -> Result<(), LabError> {
        checkpoint::remove(&self.paths.checkpoint())?;
        match record.moments.len().checked_sub(1) {
            Some(last) => journal::forget_arrays(&self.paths, last, false),
            None => Ok(()),
        }
    }
}

/// The arrays over all moments, in C order, as NumPy reads them.
fn arrays(paths: &AlongPaths, record: &AlongRecord) -> Result<Vec<Staged>, LabError> {
    let t = record.moments.len();
    let width = record.k + record.lowest;
    let flat = |of: fn(&Moment) -> &[f64]| -> Vec<f64> { record.moments.iter().flat_map(of).copied().collect() };
    let whole = |n: &usize| i64::try_from(*n).unwrap_or(i64::MAX);
    let epochs: Vec<i64> = record.moments.iter().map(|m| whole(&m.epoch)).collect();
    let identities: Vec<i64> = record.moments.iter().flat_map(|m| &m.identities).map(whole).collect();
    let kept: Vec<i64> = record.kept.iter().map(whole).collect();
    let m = kept.len();
    Ok(vec![
        npy::stage(&paths.array("epochs"), &[t], Order::C, &epochs)?,
        npy::stage(&paths.array("eigenvalues"), &[t, width], Order::C, &flat(|m| &m.eigenvalues))?,
        npy::stage(&paths.array("residuals"), &[t, width], Order::C, &flat(|m| &m.residuals))?,
        npy::stage(&paths.array("identities"), &[t, width], Order::C, &identities)?,
        npy::stage(&paths.array("kept"), &[m], Order::C, &kept)?,
        npy::stage(&paths.array("subspace_overlaps"), &[m, m], Order::C, &record.subspace_overlaps.concat())?,
    ])
}
