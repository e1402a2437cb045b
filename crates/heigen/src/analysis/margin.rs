//! The margin estimated from the leading eigenvector of the Hessian.

use crate::curvature::{ExampleLabels, Problem, Space, Stopped, Watch};
use crate::linalg::{Matrix, Scalar};
use crate::model::Pool;
use crate::rng::NumpyRandomState;
use rayon::prelude::*;

/// The options of [`margin_estimate`]. The default is the reference's descent, from 16 starts instead of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarginOptions {
    /// Independent starts, at least 1. Default 16.
    pub starts: usize,
    /// The largest number of steps from each start. Default 20,000.
    pub steps: usize,
    /// Learning rate of the first steps. Default 0.01.
    pub learning_rate: f64,
    /// The learning rate is a tenth from this step on. Default 5,000.
    pub decay_step: usize,
    /// Multiple of x that is added to the derivative. Default 0.001.
    pub weight_decay: f64,
    /// Seed of the starts, N(0, 1) from NumPy's stream, start after start. Default 0.
    pub seed: u32,
}

impl Default for MarginOptions {
    fn default() -> Self {
        Self { starts: 16, steps: 20_000, learning_rate: 0.01, decay_step: 5_000, weight_decay: 1e-3, seed: 0 }
    }
}

/// The end of the descent from one start.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MarginStart {
    /// The point, `[d]`.
    pub x: Vec<f64>,
    /// cos^2 of the angle between g(x) and v_1; 0 where g vanishes.
    pub cos2: f64,
    /// Number of steps taken.
    pub steps: usize,
    /// Whether the descent stopped because the point no longer moved.
    pub converged: bool,
    /// Distance of the point from the nearest training sample.
    pub to_data: f64,
}

/// A point of the decision boundary and its distances to the samples that are most and least aligned.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MarginEstimate {
    /// x_b, `[d]`: g(x_b) is parallel to v_1.
    pub x_b: Vec<f64>,
    /// cos^2 of the angle between g(x_b) and v_1; 1 at a perfect solution.
    pub cos2: f64,
    /// Steps of the search that found this point.
    pub steps: usize,
    /// The index of the starting point that led to this point.
    pub start: usize,
    /// The sample of largest alignment A_1, with sign.
    pub most_aligned: usize,
    /// The sample of smallest alignment A_1, with sign.
    pub least_aligned: usize,
    /// |x_b - x| for the most aligned sample.
    pub distance_most: f64,
    /// |x_b - x| for the least aligned sample.
    pub distance_least: f64,
    /// The margin: the smaller of the two distances.
    pub margin: f64,
    /// The ends of the descents from all starts.
    pub starts: Vec<MarginStart>,
}

/// Why the margin could not be estimated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarginError {
    /// The vector v_1 belongs to another network.
    #[error("the network has {wanted} parameters, the eigenvector has {got}")]
    Vector {
        /// Length of v_1.
        got: usize,
        /// P.
        wanted: usize,
    },
    /// The number of starts is 0.
    #[error("the number of starts of the margin estimate is 0; expected 1 or more")]
    NoStarts,
    /// No start ended at a finite point.
    #[error("all {0} starts of the margin estimate diverged; expected a finite point, with a smaller learning rate")]
    Diverged(usize),
    /// The watch asked to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Number of starts that one task takes together. It is a constant, so that results do not depend on the number of
/// threads.
const TOGETHER: usize = 8;
/// Number of steps between two questions to the watch.
const LOOK: usize = 500;
/// An update smaller than half a unit in the last place of float32, relative to x, is one that the reference, which
/// computes in float32, rounds away: from there on its point stands still.
const STANDS_STILL: f64 = f32::EPSILON as f64 / 2.0;
/// Points with cos^2 this close to the best are taken as solutions alike; the one nearest to a training sample counts,
/// since the boundary far from the data tells nothing about them.
const ALIKE: f64 = 1e-3;

/// The margin by the leading eigenvector: x_b minimises (cos^2(g(x), v_1) - 1)^2, g(x) the reinforcing gradient of x;
/// the margin is the smaller of the distances |x_b - x| to the training samples of largest and of smallest (signed)
/// alignment A_1.
///
/// Stochastic gradient descent as the reference's: x -= lr (d/dx + decay x), lr a tenth from step 5,000 on; the
/// derivative is exact ([`Problem::alignment_gradients_at`]). All starts descend independently and at once; one that
/// no longer moves in float32 (every |update_i| <= 2^-24 |x_i|, the largest entry for those near 0) is done. x_b is the
/// start with the best cos^2; among those within 0.001 of it, the one nearest to a training sample.
///
/// Near cos^2 = 1 the loss is quartic in the distance, so the descent slows down: on the paper's gauss network it has
/// cos^2 of .97 to .99 after 20,000 steps, and no start stands still. `cos2` says how near x_b is. For the distance to
/// the boundary itself see [`super::boundary_distances`].
///
/// # Shapes
/// `vector` is v_1, `[P]`, of norm 1; its sign exchanges `most_aligned` and `least_aligned` only.
///
/// # Cost
/// About 12 P operations for each step of each start. The same bytes for any number of threads. `watch` is told the
/// finished steps.
///
/// # Errors
/// [`MarginError`] for a vector of another length, no starts, or if no start stays finite.
///
/// # References
/// arXiv:2306.07104, section 6.
pub fn margin_estimate<T: Scalar>(
    problem: &Problem<'_, T>,
    vector: &[T],
    options: &MarginOptions,
    watch: &mut dyn Watch,
) -> Result<MarginEstimate, MarginError> {
    if vector.len() != problem.n_params() {
        return Err(MarginError::Vector { got: vector.len(), wanted: problem.n_params() });
    }
    if options.starts == 0 {
        return Err(MarginError::NoStarts);
    }
    let d = problem.network().n_inputs();
    let mut stream = NumpyRandomState::new(options.seed);
    let starts: Vec<Vec<f64>> = (0..options.starts).map(|_| (0..d).map(|_| stream.randn()).collect()).collect();
    let mut descents: Vec<Descent> = starts.chunks(TOGETHER).map(|starts| Descent::new(starts, options)).collect();
    let threads = problem.space().threads();
    for first in (0..options.steps).step_by(LOOK) {
        let steps = first..(first + LOOK).min(options.steps);
        threads.run(|| descents.par_iter_mut().for_each(|d| d.advance(problem, vector, options, steps.clone())));
        watch.tell("margin", steps.end as u64, Some(options.steps as u64), "steps")?;
    }
    let ended: Vec<MarginStart> =
        threads.run(|| descents.into_par_iter().flat_map_iter(|descent| descent.finish(problem, vector)).collect());
    let finite = |s: &&(usize, &MarginStart)| s.1.x.iter().all(|x| x.is_finite()) && s.1.cos2.is_finite();
    let best = ended.iter().enumerate().filter(|s| finite(&s)).map(|(_, s)| s.cos2).fold(f64::NEG_INFINITY, f64::max);
    let alike = ended.iter().enumerate().filter(|s| finite(&s) && s.1.cos2 >= best - ALIKE);
    let Some((start, chosen)) = alike.min_by(|a, b| a.1.to_data.total_cmp(&b.1.to_data)) else {
        return Err(MarginError::Diverged(options.starts));
    };
    let column = Matrix { data: vector.to_vec(), rows: vector.len(), columns: 1 };
    let aligned = problem.alignments_at(problem.inputs(), &ExampleLabels::Predicted, &column).data;
    let first_by = |better: fn(T, T) -> bool| {
        aligned.iter().enumerate().fold(0, |best, (i, &a)| if better(a, aligned[best]) { i } else { best })
    };
    let (most, least) = (first_by(|a, b| a > b), first_by(|a, b| a < b));
    let to = |n: usize| distance(&chosen.x, problem.inputs().column(n));
    let (distance_most, distance_least) = (to(most), to(least));
    Ok(MarginEstimate {
        x_b: chosen.x.clone(),
        cos2: chosen.cos2,
        steps: chosen.steps,
        start,
        most_aligned: most,
        least_aligned: least,
        distance_most,
        distance_least,
        margin: distance_most.min(distance_least),
        starts: ended,
    })
}

/// Several starts whose descents are computed together.
struct Descent {
    points: Vec<Vec<f64>>,
    /// For every point, the steps that it took until it stopped; the most that are allowed if it has not stopped.
    steps: Vec<usize>,
    /// The indices of the points that still move.
    moving: Vec<usize>,
}

fn as_matrix<T: Scalar>(points: &[&[f64]]) -> Matrix<T> {
    let data = points.iter().flat_map(|x| x.iter().map(|&x| T::from_f64(x))).collect();
    Matrix { data, rows: points.first().map_or(0, |x| x.len()), columns: points.len() }
}

impl Descent {
    fn new(starts: &[Vec<f64>], options: &MarginOptions) -> Self {
        let count = starts.len();
        Self { points: starts.to_vec(), steps: vec![options.steps; count], moving: (0..count).collect() }
    }

    /// Takes the steps of the given range, from all points that still move.
    fn advance<T: Scalar>(
        &mut self,
        problem: &Problem<'_, T>,
        vector: &[T],
        options: &MarginOptions,
        range: std::ops::Range<usize>,
    ) {
        let Self { points, steps, moving } = self;
        let mut pool = Pool::new();
        for step in range {
            if moving.is_empty() {
                break;
            }
            let x = as_matrix(&moving.iter().map(|&i| &points[i][..]).collect::<Vec<_>>());
            let at = problem.alignment_gradients_in(&x, &ExampleLabels::Predicted, vector, &mut pool);
            let rate = if step < options.decay_step { options.learning_rate } else { options.learning_rate / 10.0 };
            let mut still = vec![false; moving.len()];
            for (m, &i) in moving.iter().enumerate() {
                let cosine = at.alignments[m].to_f64();
                // d/dx (c^2 - 1)^2 = 4 c (c^2 - 1) dc/dx.
                let factor = 4.0 * cosine * (cosine * cosine - 1.0);
                let size = points[i].iter().fold(0.0f64, |m, x| m.max(x.abs()));
                let mut moved = 0.0f64;
                for (x, &slope) in points[i].iter_mut().zip(at.gradients.column(m)) {
                    let update = rate * (factor * slope.to_f64() + options.weight_decay * *x);
                    *x -= update;
                    moved = moved.max(update.abs());
                }
                // NaN and infinity stop the descent too; the point shows that it did not converge.
                let goes_on = moved > STANDS_STILL * size && moved.is_finite();
                if !goes_on {
                    still[m] = true;
                    steps[i] = step + 1;
                }
            }
            let mut done = still.iter();
            moving.retain(|_| !done.next().copied().unwrap_or(false));
        }
    }

    fn finish<T: Scalar>(self, problem: &Problem<'_, T>, vector: &[T]) -> Vec<MarginStart> {
        let Self { points, steps, moving } = self;
        let x = as_matrix(&points.iter().map(|x| &x[..]).collect::<Vec<_>>());
        let labels = &ExampleLabels::Predicted;
        let cosines = problem.alignment_gradients_in(&x, labels, vector, &mut Pool::new()).alignments;
        let finished = points.into_iter().zip(steps).zip(cosines).enumerate();
        finished
            .map(|(i, ((x, steps), cosine))| {
                let to_data = problem.inputs().iter_columns().map(|s| distance(&x, s)).fold(f64::INFINITY, f64::min);
                let converged = !moving.contains(&i) && x.iter().all(|x| x.is_finite());
                MarginStart { cos2: cosine.to_f64().powi(2), x, steps, converged, to_data }
            })
            .collect()
    }
}

fn distance<T: Scalar>(a: &[f64], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b.to_f64()).powi(2)).sum::<f64>().sqrt()
}
