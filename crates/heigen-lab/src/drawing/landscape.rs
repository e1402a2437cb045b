//! The loss over a plane through the weights, in directions that need no spectrum: random ones, or those of a training.

use super::catalogue::{OfWeights, Source};
use super::draw::one;
use super::labels::labels;
use super::minibatches::{self, BatchNumbers};
use super::picture::{Origin, Picture};
use super::{Drawing, Drawn, Figure};
use crate::analysis::{Asked, How, Setting, TopPairs};
use crate::call::{Call, JobWatch};
use crate::error::OfJob;
use crate::making::made;
use crate::watch::stage;
use crate::{FollowedWeights, Lab, LabError, LabWatch, along, training};
use heigen::analysis::{SurfaceGrid, TrajectoryPlane, filter_normalised, loss_surface, trajectory_plane};
use heigen::config::Trainer;
use heigen::curvature::Problem;
use heigen::linalg::Matrix;
use heigen::train::{Observer, Outcome, Plan, train};
use heigen_figures::{Landscape, LossSurface, Scene, Trajectory, significant};
use heigen_spectra::Watch;
use heigen_store::catalogue::Loaded;
use heigen_store::record::{Dtype, stamp};
use serde::Serialize;
use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::path::Path;

/// The directions of a loss surface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaneDirections {
    /// The Hessian's eigenvectors `v_1` and `v_2`.
    #[default]
    Eigenvectors,
    /// Two random directions, each filter of which is as long as the weights' (arXiv:1712.09913).
    FilterNormalised,
    /// The first two principal components of the weights along a training.
    Trajectory,
}

/// The options of a loss surface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SurfaceOptions {
    /// The directions.
    pub directions: PlaneDirections,
    /// The seed of random directions.
    pub seed: u64,
    /// The number of points along each direction; `None` for 100 along eigenvectors and 51 else.
    pub steps: Option<usize>,
    /// The weights along a training: of the training itself, which is gone through again unless it has kept snapshots; or files, of
    /// which the last one is the middle of the plane.
    pub weights: FollowedWeights,
}

/// The numbers of a loss surface.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurfaceNumbers {
    /// The experiment.
    pub name: String,
    /// The directions.
    pub directions: PlaneDirections,
    /// The seed of random directions.
    pub seed: Option<u64>,
    /// The factors of the first direction, `[n_a]`.
    pub a: Vec<f64>,
    /// The factors of the second direction, `[n_b]`.
    pub b: Vec<f64>,
    /// The losses, [`n_b`, `n_a`].
    pub losses: Vec<Vec<f64>>,
    /// The accuracies, [`n_b`, `n_a`]; none where samples have no classes.
    pub accuracies: Option<Vec<Vec<f64>>>,
    /// The loss in the middle.
    pub loss: f64,
    /// The points of a training in the plane, from its start to its end.
    pub path: Option<Vec<[f64; 2]>>,
    /// The epochs before each of these points, or the numbers in the names of the files.
    pub epochs: Option<Vec<usize>>,
    /// The fractions of the training's variance along each direction.
    pub explained: Option<[f64; 2]>,
}

/// Points along each direction where none are asked for.
const STEPS: usize = 51;
/// The part of the way's rectangle that the plane has beyond it on each side.
const ROOM: f64 = 0.25;
/// The most points of a training that is gone through again.
const MOMENTS: usize = 60;
/// From this ratio of the largest loss to the smallest one on, losses stand on a logarithmic scale.
const DECADES: f64 = 50.0;

/// The numbers of a figure that needs no spectrum.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FigureNumbers {
    /// Of a loss surface.
    Plane(SurfaceNumbers),
    /// Of the largest eigenvalue over mini-batches.
    Batches(BatchNumbers),
}

impl Lab {
    /// The numbers of a figure that is drawn of weights alone: those of a loss surface along directions other than eigenvectors, and of
    /// the largest eigenvalue over mini-batches, at the trained weights. `None` for figures of spectra, whose numbers are their
    /// analyses. Where [`Lab::draw`] had to compute them, it has told them, too: these are `known`, and given back.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps it from being computed.
    pub fn figure_numbers(
        &self,
        request: &super::FigureRequest,
        known: Option<FigureNumbers>,
        watch: &dyn LabWatch,
    ) -> Result<Option<FigureNumbers>, LabError> {
        if self.together.decided(known.is_some())? {
            return Ok(known);
        }
        let Source::Weights(what) = request.figure.source(&request.drawing) else { return Ok(None) };
        self.call(&request.store, &request.making, watch, |call| {
            let loaded = call.seeded(one(&request.experiments)?.clone());
            let asked = narrow(&request.asked());
            View::new(call, &loaded, &asked, what, &request.drawing)?.numbers(&request.drawing)
        })
    }
}

/// The analysis whose setting has weights, samples and objective, and that is not carried out. Surfaces are computed in float64.
fn narrow(asked: &Asked) -> Asked {
    let how = How { dtype: Dtype::Float64, ..asked.how.clone() };
    Asked { top: TopPairs { count: Some(1), ..asked.top }, how, ..asked.clone() }
}

/// A plane and the points at which the loss is computed.
struct Plane {
    directions: [Vec<f64>; 2],
    grid: SurfaceGrid,
    seed: Option<u64>,
    way: Option<(TrajectoryPlane, Vec<usize>)>,
}

/// The losses over a plane.
fn over(
    problem: &Problem<'_, f64>,
    plane: Plane,
    options: &SurfaceOptions,
    loaded: &Loaded,
    watch: &mut JobWatch<'_>,
) -> Result<SurfaceNumbers, LabError> {
    let Plane { directions: [v1, v2], grid, seed, way } = plane;
    let found = loss_surface(problem, [&v1, &v2], &grid, watch)?;
    let rows = |m: &Matrix<f64>| (0..m.rows).map(|i| m.iter_columns().map(|c| c[i]).collect()).collect();
    let (path, epochs, explained) = match way {
        Some((way, epochs)) => (Some(way.path), Some(epochs), Some(way.explained)),
        None => (None, None, None),
    };
    Ok(SurfaceNumbers {
        name: loaded.experiment.name.to_string(),
        directions: options.directions,
        seed,
        a: (0..grid.n[0]).map(|j| grid.a_at(j)).collect(),
        b: (0..grid.n[1]).map(|i| grid.b_at(i)).collect(),
        losses: rows(&found.losses),
        accuracies: found.accuracies.as_ref().map(rows),
        loss: problem.loss(),
        path,
        epochs,
        explained,
    })
}

/// Draws the surface into its files, unless they are up to date.
pub(super) fn draw(
    call: &Call,
    (figure, what): (&Figure, OfWeights),
    loaded: &Loaded,
    asked: &Asked,
    drawing: &Drawing,
    folder: &Path,
) -> Result<Drawn, LabError> {
    let asked = narrow(asked);
    let view = View::new(call, loaded, &asked, what, drawing)?;
    let origin = Origin {
        experiment: loaded.clone(),
        stamp: view.stamp()?,
        label: labels(std::slice::from_ref(loaded)).remove(0),
        name: loaded.experiment.name.to_string(),
    };
    let computed = OnceCell::new();
    let scene = || {
        let numbers = view.numbers(drawing)?.ok_or(LabError::Lost)?;
        let scene = scene(&numbers)?;
        // Nothing is there yet: a picture is drawn once at most.
        let _ = computed.set(numbers);
        Ok(scene)
    };
    let shared = what == OfWeights::Plane;
    let paths = made(call, &Picture::new(call, figure, &[origin], drawing, folder, scene)?.shared(shared))?;
    Ok(Drawn { paths, analyses: vec![], numbers: computed.into_inner() })
}

/// The picture of the surface, or of the distribution over mini-batches.
pub(super) fn compose(
    call: &Call,
    what: OfWeights,
    loaded: &Loaded,
    asked: &Asked,
    drawing: &Drawing,
) -> Result<Scene, LabError> {
    let asked = narrow(asked);
    scene(&View::new(call, loaded, &asked, what, drawing)?.numbers(drawing)?.ok_or(LabError::Lost)?)
}

fn scene(numbers: &FigureNumbers) -> Result<Scene, LabError> {
    match numbers {
        FigureNumbers::Plane(numbers) => Ok(heigen_figures::landscape(&picture(numbers))?),
        FigureNumbers::Batches(numbers) => minibatches::scene(numbers),
    }
}

/// Weights, samples and objective of a surface, and the files of a training. Each of several processes has its share of the samples of a
/// plane; what is computed of mini-batches is for the leading one.
pub(super) struct View<'a> {
    pub(super) setting: Setting<'a>,
    what: OfWeights,
    /// The weights in the middle, `[P]`.
    theta: Vec<f64>,
    pub(super) call: &'a Call<'a>,
    pub(super) loaded: &'a Loaded,
    /// The files of weights along a training; none where it is gone through again, or not asked for.
    files: Option<Vec<along::Point>>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        call: &'a Call<'a>,
        loaded: &'a Loaded,
        asked: &'a Asked,
        what: OfWeights,
        drawing: &Drawing,
    ) -> Result<Self, LabError> {
        let setting = Setting::new(call, loaded, asked)?;
        let mut view = Self { setting, what, theta: vec![], call, loaded, files: None };
        if drawing.surface.directions == PlaneDirections::Trajectory {
            view.files = view.files(&drawing.surface.weights)?;
        }
        view.theta.clone_from(&view.setting.theta);
        view.setting = match what {
            OfWeights::Plane => view.setting.dealt()?,
            OfWeights::Batches => view.setting.with_all_samples()?,
        };
        Ok(view)
    }

    /// The files of weights along the training.
    fn files(&mut self, weights: &FollowedWeights) -> Result<Option<Vec<along::Point>>, LabError> {
        let name = &self.loaded.experiment.name;
        if let FollowedWeights::Training = weights {
            let kept = along::points(self.call, name, &FollowedWeights::Snapshots);
            if let Ok(Some(kept)) = kept {
                return Ok(Some(kept));
            }
            if !self.setting.prepared.trainable() || training::imported(self.call, self.loaded)?.is_some() {
                return Err(LabError::NothingToFollow { name: name.clone() });
            }
            return Ok(None);
        }
        let points = along::points(self.call, name, weights)?;
        if let (FollowedWeights::Files(_), Some(last)) = (weights, points.as_ref().and_then(|p| p.last())) {
            self.setting.theta = self.theta_of(&last.path)?;
        }
        Ok(points)
    }

    fn theta_of(&self, path: &Path) -> Result<Vec<f64>, LabError> {
        let file = self.call.weights_for_all(path)?;
        self.setting.prepared.clone().load(path, &file)
    }

    /// A hash of all that determines the numbers.
    fn stamp(&self) -> Result<String, LabError> {
        let mut parts = vec![self.setting.stamp()?];
        for point in self.files.iter().flatten() {
            parts.push(self.call.weights_for_all(&point.path)?.hash().to_owned());
        }
        Ok(stamp(parts))
    }

    /// The weights along the training, and the epochs before each. The last ones are those of the surface's middle.
    fn points(&self) -> Result<(Vec<Vec<f64>>, Vec<usize>), LabError> {
        let (p, name) = (self.theta.len(), &self.loaded.experiment.name);
        let n = self.files.as_ref().map_or(MOMENTS, Vec::len);
        let bytes = 2.0 * (n * p * size_of::<f64>()) as f64;
        self.call.room(format!("the weights of {n} moments"), bytes, String::new)?;
        let (mut points, mut epochs) = match &self.files {
            Some(files) => {
                let thetas = files.iter().map(|point| self.theta_of(&point.path)).collect::<Result<_, _>>()?;
                (thetas, files.iter().map(|point| point.epoch).collect())
            }
            None => self.trained_again().of(name)?,
        };
        if points.last() != Some(&self.theta) {
            points.push(self.theta.clone());
            epochs.push(self.loaded.experiment.trainer.num_epochs);
        }
        Ok((points, epochs))
    }

    /// The weights at about sixty moments of the training, which is gone through again: the same seed gives the same bytes.
    fn trained_again(&self) -> Result<(Vec<Vec<f64>>, Vec<usize>), LabError> {
        let (call, experiment, mut prepared) = (self.call, &self.loaded.experiment, self.setting.prepared.clone());
        let theta = training::theta_before(call, self.loaded, &prepared)?;
        let several = call.lab.together.communicator().is_some();
        if several {
            prepared.read_again_by_all(call, experiment)?;
        }
        let parts = prepared.parts(call)?;
        if several {
            prepared.let_go_of_samples();
            call.memo.let_go_of_samples(&call.lab.cache);
        }
        let plan = Plan { threads: call.threads.clone(), ..Plan::of(experiment) };
        let how_often_save_model = plan.trainer.num_epochs.div_ceil(MOMENTS).max(1);
        let plan =
            Plan { trainer: Trainer { how_often_save_model, how_often_compute_grads: 0, ..plan.trainer }, ..plan };
        let mut way =
            Way { watch: call.job(&experiment.name), of: plan.trainer.num_epochs, points: vec![], epochs: vec![] };
        let done = train(&prepared.network, &parts, theta, &plan, None, &mut way, &mut ())?;
        if done.outcome == Outcome::Interrupted {
            return Err(LabError::Stopped);
        }
        Ok((way.points, way.epochs))
    }

    /// The numbers; those of mini-batches are there for the leading one of several processes alone.
    fn numbers(&self, drawing: &Drawing) -> Result<Option<FigureNumbers>, LabError> {
        match self.what {
            OfWeights::Plane => self.surface(&drawing.surface).map(|found| Some(FigureNumbers::Plane(found))),
            OfWeights::Batches => {
                let found = self.call.lab.together.by_leader(|| minibatches::numbers(self, &drawing.batches))?;
                Ok(found.map(FigureNumbers::Batches))
            }
        }
    }

    fn surface(&self, options: &SurfaceOptions) -> Result<SurfaceNumbers, LabError> {
        let problem = self.setting.summed_or_whole_problem()?;
        let n = options.steps.unwrap_or(STEPS);
        let plane = if options.directions == PlaneDirections::Trajectory {
            let (points, epochs) = self.points()?;
            let way = self.call.run(|| trajectory_plane(&points)).of(&self.loaded.experiment.name)?;
            let [a, b] = way.around(ROOM);
            let (directions, grid) = (way.directions.clone(), SurfaceGrid { a, b, n: [n, n] });
            Plane { directions, grid, seed: None, way: Some((way, epochs)) }
        } else {
            let directions = filter_normalised(problem.network().layout(), problem.theta(), options.seed);
            Plane { directions, grid: SurfaceGrid::square(1.0, n), seed: Some(options.seed), way: None }
        };
        let mut watch = self.call.job(&self.loaded.experiment.name);
        over(&problem, plane, options, self.loaded, &mut watch)
    }
}

/// The picture of these numbers.
fn picture(numbers: &SurfaceNumbers) -> Landscape {
    let ends = |v: &[f64]| [v.first().copied().unwrap_or(0.0), v.last().copied().unwrap_or(0.0)];
    let losses: Vec<f64> = numbers.losses.iter().flatten().copied().collect();
    let (low, high) = losses.iter().fold((numbers.loss, numbers.loss), |(low, high), &l| (low.min(l), high.max(l)));
    let percent = |x: f64| significant(100.0 * x, 3);
    let (title, axes) = match numbers.explained {
        Some([first, second]) => (
            "loss around a training".to_owned(),
            [
                format!("first component ({} % of the variance)", percent(first)),
                format!("second component ({} %)", percent(second)),
            ],
        ),
        None => ("loss in filter-normalised directions".to_owned(), ["$a$".to_owned(), "$b$".to_owned()]),
    };
    Landscape {
        title,
        axes,
        surface: LossSurface {
            a_range: ends(&numbers.a),
            b_range: ends(&numbers.b),
            grid: [numbers.a.len(), numbers.b.len()],
            losses,
            minimum: Some([0.0, 0.0, numbers.loss]),
            logarithmic: low > 0.0 && high > DECADES * low,
        },
        accuracies: numbers.accuracies.as_ref().map(|rows| rows.iter().flatten().copied().collect()),
        path: numbers.path.clone().map(|points| Trajectory { points }),
    }
}

/// Keeps weights along a training.
struct Way<'a> {
    watch: JobWatch<'a>,
    of: usize,
    points: Vec<Vec<f64>>,
    epochs: Vec<usize>,
}

/// Number of epochs between two questions to the watch: a question takes longer than an epoch of a small network.
const EPOCHS: usize = 64;

impl Observer for Way<'_> {
    fn epoch(&mut self, epochs_done: usize, _: f64) -> ControlFlow<()> {
        let due = epochs_done.is_multiple_of(EPOCHS) || self.of < EPOCHS;
        let mut told = || self.watch.tell(stage::TRAINING, epochs_done as u64, Some(self.of as u64), "epochs");
        if due && told().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn snapshot(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        self.points.push(theta.iter().map(|&w| f64::from(w)).collect());
        self.epochs.push(epochs_done);
        ControlFlow::Continue(())
    }
}
