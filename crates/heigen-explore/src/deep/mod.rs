//! The thread of a session for what takes longer than a picture: eigenpairs, whole spectra, loss planes, pieces of the boundary.
//!
//! Every kind of job has one place. A job that is put there takes the place of the one that waits, and stops the one of its kind
//! that is under way; jobs that were stopped by more urgent ones are done afterwards.

mod jobs;

pub(crate) use jobs::basis_at;

use crate::ground::Ground;
use crate::mailbox::Mailbox;
use crate::picture::Line;
use crate::protocol::Axis;
use heigen::analysis::CarriedBoundary;
use heigen::curvature::{Progress, Threads, Watch};
use heigen::linalg::{Matrix, dot};
use heigen::rng::NumpyRandomState;
use jobs::work;
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Eigenvectors at some weights, by which users move.
#[derive(Debug)]
pub(crate) struct Basis {
    /// The weights that they belong to.
    pub(crate) version: u64,
    /// Finished epochs.
    pub(crate) epoch: usize,
    /// Eigenvalues, largest first.
    pub(crate) eigenvalues: Vec<f64>,
    /// Their eigenvectors, [P, k].
    pub(crate) vectors: Matrix<f64>,
    /// How far to go along each of them to have seen what it does.
    pub(crate) reach: Vec<f64>,
    /// For each of them 1 where its entry of largest magnitude is positive, else -1: links name vectors as if it were positive.
    pub(crate) signs: Vec<f64>,
    /// A random direction of norm 1, `[P]`.
    pub(crate) random: Vec<f64>,
    /// Whether they are those of a whole spectrum.
    pub(crate) whole: bool,
    /// Searches that began at the vectors of an earlier one, since one that began anew.
    pub(crate) warm: u32,
}

/// After so many searches that began at known vectors one begins anew: a search from known vectors may miss what nothing of them
/// points to.
const MOST_WARM: u32 = 9;

impl Basis {
    fn new(point: &Point, eigenvalues: Vec<f64>, mut vectors: Matrix<f64>) -> Self {
        // A vector goes on pointing where the one of its place pointed before, so that sliders do not turn about.
        let before = point.before.as_ref().filter(|before| before.vectors.rows == vectors.rows);
        for j in 0..vectors.columns {
            let turned = match before.filter(|before| j < before.vectors.columns) {
                Some(before) => dot(vectors.column(j), before.vectors.column(j)) < 0.0,
                None => sign_of(vectors.column(j)) < 0.0,
            };
            if turned {
                vectors.column_mut(j).iter_mut().for_each(|v| *v = -*v);
            }
        }
        let signs = vectors.iter_columns().map(sign_of).collect();
        let reach = reach(&eigenvalues, &point.theta);
        let mut stream = NumpyRandomState::new(0);
        let drawn: Vec<f64> = (0..vectors.rows).map(|_| stream.randn()).collect();
        let length = dot(&drawn, &drawn).sqrt();
        let random = drawn.into_iter().map(|r| r / length).collect();
        let (version, epoch) = (point.version, point.epoch);
        Self { version, epoch, eigenvalues, vectors, reach, signs, random, whole: false, warm: 0 }
    }

    /// A direction among them, `[P]`.
    pub(crate) fn direction(&self, axis: Axis) -> Option<&[f64]> {
        match axis {
            Axis::Random => Some(&self.random),
            Axis::Vector(index) => (index < self.vectors.columns).then(|| self.vectors.column(index)),
        }
    }

    /// How far to go along a direction; along the random one as far as along the first vector.
    pub(crate) fn reach_along(&self, axis: Axis) -> f64 {
        let index = if let Axis::Vector(index) = axis { index } else { 0 };
        self.reach.get(index).copied().unwrap_or(1.0)
    }

    /// Adds steps along the vectors and along the random direction to theta `[P]`.
    pub(crate) fn add_steps(&self, theta: &mut [f64], along: &[f64], random: f64) {
        let steps = along.iter().enumerate().map(|(i, &t)| (Axis::Vector(i), t)).chain([(Axis::Random, random)]);
        for (axis, t) in steps.filter(|(_, t)| *t != 0.0) {
            if let Some(direction) = self.direction(axis) {
                theta.iter_mut().zip(direction).for_each(|(w, v)| *w += t * v);
            }
        }
    }
}

/// The sign of the entry of largest magnitude; 1 for a vector of zeros.
fn sign_of(vector: &[f64]) -> f64 {
    let largest = vector.iter().fold(0.0f64, |most, &v| if v.abs() > most.abs() { v } else { most });
    if largest < 0.0 { -1.0 } else { 1.0 }
}

/// How far to go along each vector from theta: to where the loss of its parabola has risen by 2, but no farther than the length of
/// theta; at least a hundredth of it.
fn reach(eigenvalues: &[f64], theta: &[f64]) -> Vec<f64> {
    let length = dot(theta, theta).sqrt().max(1.0);
    let of = |&lambda: &f64| (4.0 / lambda.abs().max(1e-12)).sqrt().clamp(0.01 * length, length);
    eigenvalues.iter().map(of).collect()
}

/// Weights at which something is to be computed, with all that it depends on.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// The ground; its samples and its objective.
    pub(crate) ground: Arc<Ground>,
    /// The weights, `[P]`.
    pub(crate) theta: Arc<Vec<f64>>,
    /// The number of the training's weights.
    pub(crate) version: u64,
    /// Whether these are other weights than those of the training.
    pub(crate) moved: bool,
    /// Finished epochs.
    pub(crate) epoch: usize,
    /// The last command that is taken into account.
    pub(crate) since: u32,
    /// Eigenvectors from nearby, from which a search begins.
    pub(crate) before: Option<Arc<Basis>>,
    /// The numbers that Adam divides its steps by, `[P]`.
    pub(crate) preconditioner: Option<Arc<Vec<f64>>>,
}

/// A longer computation.
#[derive(Debug)]
pub(crate) enum Job {
    /// Extreme eigenpairs.
    Look(Point),
    /// The whole spectrum.
    Whole(Point),
    /// The loss on the plane of two directions, each times its length.
    Surface(Point, [Axis; 2], [f64; 2]),
    /// The pieces of the boundary by eigenvectors.
    Pieces(Point),
}

/// Number of kinds of jobs; the most urgent one comes first.
const KINDS: usize = 4;

impl Job {
    fn kind(&self) -> usize {
        match self {
            Self::Look(_) => 0,
            Self::Whole(_) => 1,
            Self::Surface(..) => 2,
            Self::Pieces(_) => 3,
        }
    }

    fn point(&self) -> &Point {
        match self {
            Self::Look(point) | Self::Whole(point) | Self::Surface(point, ..) | Self::Pieces(point) => point,
        }
    }
}

/// The result of a job.
#[derive(Debug)]
pub(crate) struct Found {
    /// The weights that it belongs to.
    pub(crate) version: u64,
    /// The eigenvectors, where they were looked for at the training's weights.
    pub(crate) basis: Option<Arc<Basis>>,
    /// The message to the page.
    pub(crate) told: Told,
}

/// A result of a job, with the fields of the message about it.
#[derive(Debug)]
pub(crate) enum Told {
    /// It failed, for this reason.
    Error(String),
    /// Extreme eigenvalues. `curvature` is the largest eigenvalue of the matrix that the update rule meets, without weight decay.
    Look(Value),
    /// A whole spectrum.
    Spectrum(Value, Whole),
    /// A loss plane.
    Surface(Value, Surface),
    /// The pieces of the boundary.
    Pieces(Value, Pieces),
}

/// A whole spectrum.
#[derive(Debug)]
pub(crate) struct Whole {
    /// The eigenvalues that are not zero.
    pub(crate) eigenvalues: Vec<f64>,
    /// Number of the outliers.
    pub(crate) outliers: usize,
}

/// The loss on the plane of two directions.
#[derive(Debug)]
pub(crate) struct Surface {
    /// The directions.
    pub(crate) axes: [Axis; 2],
    /// The plane goes this far along them, forwards and backwards.
    pub(crate) lengths: [f64; 2],
    /// Points along each side.
    pub(crate) side: usize,
    /// The losses, the first direction fastest.
    pub(crate) losses: Vec<f32>,
}

/// The boundary by the eigenvectors that carry its pieces.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The boundary at the weights.
    pub(crate) carried: CarriedBoundary,
    /// The eigenvectors.
    pub(crate) vectors: Vec<Carrier>,
}

/// An eigenvector that carries pieces.
#[derive(Debug)]
pub(crate) struct Carrier {
    /// Its eigenvalue.
    pub(crate) eigenvalue: f64,
    /// The boundary after a move along it, and after one against it; no lines if the loss does not rise so far.
    pub(crate) moved: [Vec<Line>; 2],
}

#[derive(Debug, Default)]
struct Places {
    waiting: [Option<Job>; KINDS],
    /// The kind of the job that is under way, and its version.
    running: Option<(usize, u64)>,
    gone: bool,
}

#[derive(Debug, Default)]
struct Shared {
    places: Mutex<Places>,
    bell: Condvar,
    cancel: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread, which ends with this value.
#[derive(Debug)]
pub(crate) struct Deep {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Deep {
    /// Starts the thread. What it finds goes into `mailbox`.
    pub(crate) fn start(mailbox: Arc<Mailbox>, threads: Threads) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let work = move || {
            while let Some(job) = own.next() {
                // A newer job may have been put in between; then this one ends at its first question.
                if let Some(found) = work(&job, &own, &threads) {
                    mailbox.found(found);
                } else {
                    own.put_back(job);
                }
            }
        };
        let thread = std::thread::Builder::new().name("heigen-explore-deep".to_owned()).spawn(work)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether nothing is under way and nothing waits.
    pub(crate) fn idle(&self) -> bool {
        let places = self.shared.lock();
        places.running.is_none() && places.waiting.iter().all(Option::is_none)
    }

    /// Has a job done, in place of the one of its kind, and before those that are less urgent.
    pub(crate) fn ask(&self, job: Job) {
        let mut places = self.shared.lock();
        let kind = job.kind();
        // While users drag weights about, looks that are under way are finished: else none would be before they let go.
        let spared = places.running == Some((kind, job.point().version)) && matches!(job, Job::Look(_));
        if !spared && places.running.is_some_and(|(running, _)| running >= kind) {
            self.shared.cancel.store(true, Ordering::Relaxed);
        }
        places.waiting[kind] = Some(job);
        drop(places);
        self.shared.bell.notify_all();
    }

    /// Gives up all jobs: the weights have changed.
    pub(crate) fn clear(&self) {
        let mut places = self.shared.lock();
        places.waiting = std::array::from_fn(|_| None);
        if let Some((running, version)) = places.running {
            self.shared.cancel.store(true, Ordering::Relaxed);
            // A job that has no kind any more is not put back.
            places.running = Some((running + KINDS, version));
        }
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        self.shared.lock().gone = true;
        self.shared.cancel.store(true, Ordering::Relaxed);
        self.shared.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// The most urgent job that waits; none once the session has ended.
    fn next(&self) -> Option<Job> {
        let mut places = self.lock();
        places.running = None;
        loop {
            if places.gone {
                return None;
            }
            if let Some(job) = places.waiting.iter_mut().find_map(Option::take) {
                places.running = Some((job.kind(), job.point().version));
                self.cancel.store(false, Ordering::Relaxed);
                return Some(job);
            }
            places = self.bell.wait(places).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has a job that was stopped wait again, unless a newer one of its kind waits or all were given up.
    fn put_back(&self, job: Job) {
        let mut places = self.lock();
        let kind = job.kind();
        if places.running == Some((kind, job.point().version)) && places.waiting[kind].is_none() {
            places.waiting[kind] = Some(job);
        }
    }
}

/// Stops a computation when the thread's job is cancelled.
struct Stop<'a>(&'a Shared);

impl Watch for Stop<'_> {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        if self.0.cancel.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Item;
    use crate::protocol::Setup;
    use std::time::{Duration, Instant};

    fn point(hidden: Vec<usize>) -> Point {
        let threads = Threads::current();
        let ground = Ground::of_setup(Setup { hidden, ..Setup::default() }, &threads, &mut ()).unwrap();
        let theta = Arc::new(ground.start.iter().map(|&w| f64::from(w)).collect());
        let (ground, before, preconditioner) = (Arc::new(ground), None, None);
        Point { ground, theta, version: 1, moved: false, epoch: 0, since: 0, before, preconditioner }
    }

    fn found(mailbox: &Mailbox) -> Found {
        match mailbox.next(Some(Duration::from_mins(1))) {
            Some(Item::Found(found)) => *found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_tenth_look_begins_anew_and_reach_belongs_to_the_weights_of_the_vectors() {
        let mailbox = Arc::new(Mailbox::default());
        let deep = Deep::start(Arc::clone(&mailbox), Threads::current()).unwrap();
        let mut point = point(vec![6]);
        let mut warm = vec![];
        for version in 1..=22 {
            point.version = version;
            // Versions by which something could be counted have no part in it.
            deep.ask(Job::Look(Point { version: 7 * version, ..point.clone() }));
            let basis = found(&mailbox).basis.unwrap();
            warm.push(basis.warm);
            let length = dot(&point.theta, &point.theta).sqrt();
            let steepest = (4.0 / basis.eigenvalues[0]).sqrt().clamp(0.01 * length, length);
            assert!((basis.reach[0] - steepest).abs() < 1e-12 * steepest);
            point.before = Some(basis);
            let longer = point.theta.iter().map(|w| 1.05 * w).collect();
            point.theta = Arc::new(longer);
        }
        let wanted: Vec<u32> = (0..22).map(|i| i % 10).collect();
        assert_eq!(warm, wanted);
    }

    #[test]
    fn work_that_is_overtaken_is_cancelled() {
        let mailbox = Arc::new(Mailbox::default());
        let deep = Deep::start(Arc::clone(&mailbox), Threads::current()).unwrap();
        // The whole spectrum of 33,000 parameters would take minutes.
        let begun = Instant::now();
        deep.ask(Job::Whole(point(vec![128, 128, 128])));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!deep.idle());
        // What is more urgent goes first, and what has no place any more is given up.
        deep.ask(Job::Look(point(vec![8])));
        assert!(matches!(found(&mailbox).told, Told::Look(_)));
        deep.clear();
        deep.ask(Job::Whole(point(vec![8])));
        assert!(matches!(found(&mailbox).told, Told::Spectrum(..)));
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }
}
