//! The complexity of the decision boundary in any dimension, from predictions alone.

use super::watched::in_parallel;
use crate::curvature::{Problem, Space, Stopped, Watch};
use crate::linalg::{Matrix, Scalar};
use crate::model::predict;
use crate::rng::NumpyRandomState;
use std::collections::HashSet;

/// The options of [`class_switches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwitchOptions {
    /// Points on each segment, both ends included, at least 2. Default 128.
    pub points: usize,
    /// The largest number of pairs of samples of the same class, and of different classes. Default 1,000.
    pub pairs: usize,
    /// Seed of the choice of pairs. Default 0.
    pub seed: u32,
}

impl Default for SwitchOptions {
    fn default() -> Self {
        Self { points: 128, pairs: 1000, seed: 0 }
    }
}

/// Changes of the predicted class along segments between samples.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Switches {
    /// Number of segments.
    pub pairs: usize,
    /// The mean number of changes on a segment; 0 without segments.
    pub mean: f64,
    /// Standard error of that mean over the pairs.
    pub standard_error: f64,
    /// The largest number of changes on one segment.
    pub max: usize,
}

/// The numbers of switches for pairs of samples of one class and for pairs of two classes.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassSwitches {
    /// Pairs of samples with the same label: 0 for a linear classifier that is always right.
    pub same_class: Switches,
    /// Pairs with different labels: 1 for a linear classifier of two classes that is always right.
    pub different_class: Switches,
    /// Points on each segment.
    pub points: usize,
}

/// Number of pairs whose segments go through the network together.
const TOGETHER: usize = 32;
/// Number of groups of pairs between two questions to the watch.
const CHUNKS: usize = 32;

/// How often the predicted class changes along straight segments between samples: a measure of the boundary's
/// complexity in any dimension, independent of the Hessian.
///
/// The class is predicted at equally spaced points; all pairs of samples with the same label, and all with different
/// labels, up to `options.pairs` of each, beyond that as many drawn without repetition (NumPy's stream). Pairs count
/// labels, not predictions.
///
/// # Cost
/// `points` forward passes a pair; parallel, the same bytes for any number of threads. Changes closer to each other
/// than the points are not seen. `watch` is told the finished groups of pairs.
///
/// Where samples have no classes, there are no pairs.
///
/// # Errors
/// [`Stopped`] if `watch` stops the computation.
pub fn class_switches<T: Scalar>(
    problem: &Problem<'_, T>,
    options: &SwitchOptions,
    watch: &mut dyn Watch,
) -> Result<ClassSwitches, Stopped> {
    let (network, theta, inputs) = (problem.classifier(), problem.theta(), problem.inputs());
    let classes = by_class(problem.classes().unwrap_or_default());
    let mut stream = NumpyRandomState::new(options.seed);
    let same = choose(same_pairs(&classes), options.pairs, &mut stream, |k| same_pair(&classes, k));
    let different = choose(different_pairs(&classes), options.pairs, &mut stream, |k| different_pair(&classes, k));
    let points = options.points.max(2);
    let threads = problem.space().threads();
    let mut along = |pairs: &[(usize, usize)]| {
        let count = |chunk: usize| {
            let pairs = &pairs[chunk * TOGETHER..((chunk + 1) * TOGETHER).min(pairs.len())];
            let at = |i: usize, j: usize| {
                let (a, b) = pairs[j / points];
                let t = T::from_f64((j % points) as f64 / (points - 1) as f64);
                let (a, b) = (inputs.column(a)[i], inputs.column(b)[i]);
                (T::ONE - t) * a + t * b
            };
            let x = Matrix::from_fn(inputs.rows, pairs.len() * points, at);
            let predicted = predict(&network.outputs(theta, &x));
            let switches = |c: &[usize]| c.windows(2).filter(|w| w[0] != w[1]).count();
            predicted.chunks_exact(points).map(switches).collect::<Vec<_>>()
        };
        let chunks = pairs.len().div_ceil(TOGETHER);
        let counts = in_parallel(chunks, CHUNKS, &threads, ("class switches", "groups of pairs"), watch, count)?;
        Ok(Switches::of(&counts.concat()))
    };
    Ok(ClassSwitches { same_class: along(&same)?, different_class: along(&different)?, points })
}

impl Switches {
    fn of(counts: &[usize]) -> Self {
        let n = counts.len() as f64;
        let mean = if counts.is_empty() { 0.0 } else { counts.iter().sum::<usize>() as f64 / n };
        let squares: f64 = counts.iter().map(|&c| (c as f64 - mean).powi(2)).sum();
        let standard_error = if counts.len() > 1 { (squares / (n - 1.0) / n).sqrt() } else { 0.0 };
        Self { pairs: counts.len(), mean, standard_error, max: counts.iter().copied().max().unwrap_or(0) }
    }
}

/// The numbers of the samples of every class that occurs.
fn by_class(labels: &[usize]) -> Vec<Vec<usize>> {
    let mut classes = vec![Vec::new(); labels.iter().max().map_or(0, |m| m + 1)];
    labels.iter().enumerate().for_each(|(n, &y)| classes[y].push(n));
    classes.retain(|c| !c.is_empty());
    classes
}

fn same_pairs(classes: &[Vec<usize>]) -> usize {
    classes.iter().map(|c| c.len() * (c.len() - 1) / 2).sum()
}

/// The pair of number k among the pairs of samples of one class.
fn same_pair(classes: &[Vec<usize>], mut k: usize) -> Option<(usize, usize)> {
    for class in classes {
        let own = class.len() * (class.len() - 1) / 2;
        if k < own {
            // k = j (j - 1) / 2 + i with i < j, solved for j.
            let mut j = f64::midpoint(1.0, (1.0 + 8.0 * k as f64).sqrt()) as usize;
            while j * (j - 1) / 2 > k {
                j -= 1;
            }
            while (j + 1) * j / 2 <= k {
                j += 1;
            }
            return Some((class[k - j * (j - 1) / 2], class[j]));
        }
        k -= own;
    }
    None
}

/// Number of samples in the classes after class number `c`.
fn later(classes: &[Vec<usize>], c: usize) -> usize {
    classes[c + 1..].iter().map(Vec::len).sum()
}

fn different_pairs(classes: &[Vec<usize>]) -> usize {
    (0..classes.len()).map(|c| classes[c].len() * later(classes, c)).sum()
}

/// The pair of number k among the pairs of samples of different classes.
fn different_pair(classes: &[Vec<usize>], mut k: usize) -> Option<(usize, usize)> {
    for (c, class) in classes.iter().enumerate() {
        let others = later(classes, c);
        if k < class.len() * others {
            let other = classes[c + 1..].iter().flatten().nth(k % others)?;
            return Some((class[k / others], *other));
        }
        k -= class.len() * others;
    }
    None
}

/// The numbers of all `n` pairs, or of `cap` of them, drawn without repetition.
fn choose(
    n: usize,
    cap: usize,
    stream: &mut NumpyRandomState,
    pair: impl Fn(usize) -> Option<(usize, usize)>,
) -> Vec<(usize, usize)> {
    if n <= cap {
        return (0..n).filter_map(pair).collect();
    }
    // Floyd's algorithm, which needs `cap` draws and never repeats a number.
    let mut chosen = HashSet::new();
    let mut order = Vec::with_capacity(cap);
    for last in n - cap..n {
        let drawn = stream.randint(0, i64::try_from(last + 1).unwrap_or(i64::MAX)) as usize;
        let k = if chosen.insert(drawn) { drawn } else { last };
        chosen.insert(k);
        order.push(k);
    }
    order.into_iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Network;
    use crate::vocabulary::{Activation, LossKind};

    fn switches(
        network: &Network,
        theta: &[f64],
        x: &Matrix<f64>,
        labels: &[usize],
        options: &SwitchOptions,
    ) -> ClassSwitches {
        let problem = Problem::at(network, theta.to_vec(), x.clone(), labels.to_vec(), LossKind::CrossEntropy);
        class_switches(&problem.unwrap(), options, &mut ()).unwrap()
    }

    #[test]
    fn a_linear_classifier_switches_once_between_its_classes() {
        let network = Network::fully_connected(&[2, 2], Activation::Relu).unwrap();
        let theta = [1.0, 0.5, -1.0, -0.5, 0.1, -0.1];
        let x = Matrix::from_fn(2, 60, |i, j| (i as f64 * 4.1 + j as f64 * 1.3).sin());
        let labels = predict(&network.outputs(&theta, &x));
        let ones = labels.iter().sum::<usize>();
        let all = SwitchOptions { pairs: usize::MAX, ..SwitchOptions::default() };
        let got = switches(&network, &theta, &x, &labels, &all);
        assert_eq!((got.same_class.mean, got.same_class.max), (0.0, 0));
        assert_eq!(
            (got.different_class.mean, got.different_class.max, got.different_class.standard_error),
            (1.0, 1, 0.0)
        );
        assert_eq!(got.different_class.pairs, ones * (60 - ones));
        assert_eq!(got.same_class.pairs + got.different_class.pairs, 60 * 59 / 2);
    }

    #[test]
    fn a_network_of_stripes_switches_as_often_as_a_scan_says() {
        // |x| < 0.5 by two ReLU units: two changes across.
        let network = Network::fully_connected(&[1, 2, 2], Activation::Relu).unwrap();
        let theta = [1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.5];
        let x = Matrix { data: vec![-1.0, 1.0, 0.0], rows: 1, columns: 3 };
        let got = switches(&network, &theta, &x, &[0, 0, 1], &SwitchOptions::default());
        assert_eq!((got.same_class.pairs, got.same_class.mean), (1, 2.0));
        assert_eq!((got.different_class.pairs, got.different_class.mean), (2, 1.0));
        let none = switches(&network, &theta, &x, &[0, 0, 0], &SwitchOptions::default());
        assert_eq!(none.different_class, Switches { pairs: 0, mean: 0.0, standard_error: 0.0, max: 0 });
    }

    #[test]
    fn pairs_are_numbered_without_repetition() {
        let classes = by_class(&[0, 3, 0, 1, 3, 3, 1, 0, 0]);
        let collect = |n: usize, f: &dyn Fn(usize) -> Option<(usize, usize)>| -> HashSet<(usize, usize)> {
            (0..n).map(|k| f(k).unwrap()).map(|(a, b)| (a.min(b), a.max(b))).collect()
        };
        let same = collect(same_pairs(&classes), &|k| same_pair(&classes, k));
        let different = collect(different_pairs(&classes), &|k| different_pair(&classes, k));
        assert_eq!((same.len(), different.len()), (6 + 1 + 3, 36 - 10));
        assert!(same.is_disjoint(&different));
        let drawn = choose(26, 11, &mut NumpyRandomState::new(3), |k| Some((k, k)));
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 11);
        assert_eq!(drawn, choose(26, 11, &mut NumpyRandomState::new(3), |k| Some((k, k))));
        assert!(drawn.iter().all(|d| d.0 < 26));
    }
}
