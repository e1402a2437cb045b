//! The ranks of the Hessian of a deep linear network under squared loss, and of its two parts, are those of the closed form
//! (arXiv:2106.16225) on fifty random shapes.

use heigen::config::{LossKind, ModelSpec, Sequential};
use heigen::curvature::{FunctionalRemainder, GaussNewton, Hessian, Problem, SymmetricOperator, dense};
use heigen::data::Dataset;
use heigen::linalg::self_adjoint_eigen;
use heigen::model::Network;
use heigen::rng::NumpyRandomState;

const SHAPES: usize = 50;
/// Eigenvalues of this fraction of the largest magnitude, or less, are zeros.
const ZERO: f64 = 1e-13;

/// Random numbers.
struct Numbers(NumpyRandomState);

impl Numbers {
    fn normal(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.0.randn()).collect()
    }

    /// One of these numbers.
    fn among(&mut self, range: std::ops::RangeInclusive<usize>) -> usize {
        let (low, high) = range.into_inner();
        let fraction = (self.0.randn() * 1e3).rem_euclid(1.0);
        low + ((fraction * (high - low + 1) as f64) as usize).min(high - low)
    }
}

/// The rank of a matrix of small whole numbers, by elimination with complete pivoting.
fn rank_of_whole_numbers(mut rows: Vec<Vec<f64>>) -> usize {
    let (n, d) = (rows.len(), rows[0].len());
    for rank in 0..n.min(d) {
        let places = (rank..n).flat_map(|i| (rank..d).map(move |j| (i, j)));
        let (i, j) = places.max_by(|a, b| rows[a.0][a.1].abs().total_cmp(&rows[b.0][b.1].abs())).unwrap();
        if rows[i][j].abs() < 1e-9 {
            return rank;
        }
        rows.swap(rank, i);
        rows.iter_mut().for_each(|row| row.swap(rank, j));
        let pivot = rows[rank].clone();
        for row in &mut rows[rank + 1..] {
            let factor = row[rank] / pivot[rank];
            row.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= factor * p);
        }
    }
    n.min(d)
}

fn rank(operator: &dyn SymmetricOperator) -> usize {
    let values = self_adjoint_eigen(&dense(operator, &mut ()).unwrap()).unwrap().eigenvalues;
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    values.iter().filter(|v| v.abs() > ZERO * largest).count()
}

#[test]
fn ranks_of_deep_linear_networks_are_those_of_the_closed_form() {
    let mut numbers = Numbers(NumpyRandomState::new(3));
    let (mut bottlenecks, mut flat, mut narrow) = (0, 0, 0);
    for shape in 0..SHAPES {
        let (d, outputs) = (numbers.among(2..=9), numbers.among(2..=6));
        let hidden: Vec<usize> = (0..numbers.among(1..=3)).map(|_| numbers.among(1..=8)).collect();
        let n = numbers.among(12..=30);
        // Inputs of whole numbers, exact in float32, in a subspace in every other shape.
        let of = if shape.is_multiple_of(2) { d } else { numbers.among(1..=d) };
        let whole = |x: Vec<f64>| -> Vec<f64> { x.into_iter().map(|x| (2.0 * x).round()).collect() };
        let (a, z) = (whole(numbers.normal(d * of)), whole(numbers.normal(of * n)));
        let entry = |sample: usize, i: usize| (0..of).map(|k| a[i * of + k] * z[sample * of + k]).sum::<f64>();
        let rows: Vec<Vec<f64>> = (0..n).map(|sample| (0..d).map(|i| entry(sample, i)).collect()).collect();
        let r = rank_of_whole_numbers(rows.clone());
        if r == 0 {
            continue;
        }
        let data = Dataset {
            features: rows.concat().into_iter().map(|x| x as f32).collect(),
            shape: vec![d],
            labels: (0..n).map(|sample| sample % outputs).collect(),
            others: None,
            n_classes: outputs,
            source: "random".to_owned(),
        };
        let layer = |width: &usize| format!(r#"{{"type": "linear", "out_features": {width}, "bias": false}}"#);
        let layers: Vec<String> = hidden.iter().chain([&outputs]).map(layer).collect();
        let spec = Sequential::parse(&format!(r#"{{"layers": [{}]}}"#, layers.join(", ")), "a test").unwrap();
        let network = Network::build_for(&ModelSpec::Sequential(spec), &[d], outputs).unwrap();
        // Weights with whose products no number grows or shrinks much, so that ranks are told from rounding.
        let theta: Vec<f64> = numbers.normal(network.n_params()).into_iter().map(|w| 0.5 * w).collect();
        let problem: Problem<f64> = Problem::new(&network, &theta, &data, LossKind::Mse).unwrap();
        let found = [rank(&GaussNewton(&problem)), rank(&FunctionalRemainder(&problem)), rank(&Hessian(&problem))];
        let (k, m, l) = (outputs, hidden.iter().sum::<usize>(), hidden.len() + 1);
        let (q, s) = (hidden.iter().copied().chain([r, k]).min().unwrap(), r.min(k));
        let wanted = [q * (r + k - q), 2 * q * m + 2 * q * s - l * q * q, 2 * q * m - l * q * q + q * (r + k)];
        assert_eq!(found, wanted, "{d}-{hidden:?}-{outputs}, {n} samples of rank {r}, P = {}", theta.len());
        bottlenecks += usize::from(hidden.iter().any(|&width| width < r.min(k)));
        flat += usize::from(r < d);
        narrow += usize::from(k < r);
    }
    assert!(bottlenecks > 5 && flat > 5 && narrow > 5, "{bottlenecks} {flat} {narrow}: all kinds of shapes are there");
}
