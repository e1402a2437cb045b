//! Compares the margin estimate with a descent along central differences, a closed form and brute force.

use crate::common::Golden;
use crate::common::networks::{dataset, large_case, weights};
use heigen::analysis::{
    MarginError, MarginOptions, SurfaceGrid, SwitchOptions, boundary_distances, class_switches, loss_surface,
    margin_estimate,
};
use heigen::config::{Activation, LossKind};
use heigen::curvature::{ExampleLabels, Hessian, Problem, TopKOptions, Which, top_k};
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen::rng::NumpyRandomState;

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// The alignment, computed from an explicit gradient.
fn cosine(problem: &Problem<f64>, x: &[f64], v: &[f64]) -> f64 {
    let x = Matrix { data: x.to_vec(), rows: x.len(), columns: 1 };
    let g = problem.example_gradients_at(&x, &ExampleLabels::Predicted).data;
    g.iter().zip(v).map(|(g, v)| g * v).sum::<f64>() / norm(&g)
}

fn smooth() -> (Network, Vec<f64>, Matrix<f64>, Vec<f64>) {
    let network = Network::fully_connected(&[2, 7, 5, 3], Activation::Sigmoid).unwrap();
    let mut stream = NumpyRandomState::new(11);
    let theta: Vec<f64> = (0..network.n_params()).map(|_| 1.5 * stream.randn()).collect();
    let x = Matrix { data: (0..60).map(|_| stream.randn()).collect(), rows: 2, columns: 30 };
    let v: Vec<f64> = (0..theta.len()).map(|_| stream.randn()).collect();
    let length = norm(&v);
    (network, theta, x, v.iter().map(|x| x / length).collect())
}

#[test]
fn a_descent_along_central_differences_ends_at_the_same_points() {
    let (network, theta, x, v) = smooth();
    let problem = Problem::at(&network, theta, x, vec![0; 30], LossKind::CrossEntropy).unwrap();
    let options = MarginOptions { starts: 11, steps: 150, decay_step: 100, seed: 5, ..MarginOptions::default() };
    let got = margin_estimate(&problem, &v, &options, &mut ()).unwrap();
    let mut stream = NumpyRandomState::new(5);
    for ended in &got.starts {
        let mut x = [stream.randn(), stream.randn()];
        for step in 0..150 {
            let rate = if step < 100 { 0.01 } else { 0.001 };
            let loss = |x: [f64; 2]| (cosine(&problem, &x, &v).powi(2) - 1.0).powi(2);
            let h = 1e-5;
            let slope = [
                (loss([x[0] + h, x[1]]) - loss([x[0] - h, x[1]])) / (2.0 * h),
                (loss([x[0], x[1] + h]) - loss([x[0], x[1] - h])) / (2.0 * h),
            ];
            // If a step crosses the boundary, the predicted class changes; neither descent's derivative accounts for
            // that.
            x = [0, 1].map(|i| x[i] - rate * (slope[i] + 1e-3 * x[i]));
        }
        assert!(distance(&ended.x, &x) < 1e-6, "{ended:?} {x:?}");
        assert!((ended.cos2 - cosine(&problem, &x, &v).powi(2)).abs() < 1e-6);
        assert_eq!(ended.steps, 150);
    }
    // The choice of the point and the distances are checked by brute force.
    let best = got.starts.iter().map(|s| s.cos2).fold(0.0, f64::max);
    assert!(got.cos2 >= best - 1e-3 && got.x_b == got.starts[got.start].x);
    let alignments: Vec<f64> = problem.inputs().iter_columns().map(|x| cosine(&problem, x, &v)).collect();
    assert!(alignments.iter().all(|a| *a <= alignments[got.most_aligned] + 1e-12));
    assert!(alignments.iter().all(|a| *a >= alignments[got.least_aligned] - 1e-12));
    let to = |n: usize| distance(&got.x_b, problem.inputs().column(n));
    assert_eq!((got.distance_most, got.distance_least), (to(got.most_aligned), to(got.least_aligned)));
    assert_eq!(got.margin, to(got.most_aligned).min(to(got.least_aligned)));
}

#[test]
fn a_linear_classifier_has_the_point_that_its_direction_belongs_to() {
    // g(x) is a multiple of (1, -1) times (x, 1), so cos^2 = (x x* + 1)^2 / (x^2 + 1) / (x*^2 + 1) for v at x*.
    let network = Network::fully_connected(&[1, 2], Activation::Relu).unwrap();
    let x = Matrix { data: vec![-1.0, 0.25, 2.0], rows: 1, columns: 3 };
    let problem = Problem::at(&network, vec![1.0, -1.0, 0.2, -0.2], x, vec![1, 0, 0], LossKind::CrossEntropy).unwrap();
    let wanted = 0.7f64;
    let length = (2.0 * (wanted * wanted + 1.0)).sqrt();
    let v = [wanted, -wanted, 1.0, -1.0].map(|w| w / length);
    let options = MarginOptions { weight_decay: 0.0, learning_rate: 0.1, ..MarginOptions::default() };
    let got = margin_estimate(&problem, &v, &options, &mut ()).unwrap();
    assert!((got.x_b[0] - wanted).abs() < 0.04 && got.cos2 > 0.9995, "{got:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let (network, theta, x, v) = smooth();
    let problem = Problem::at(&network, theta, x, vec![0; 30], LossKind::CrossEntropy).unwrap();
    let none = MarginOptions { starts: 0, ..MarginOptions::default() };
    assert_eq!(margin_estimate(&problem, &v, &none, &mut ()), Err(MarginError::NoStarts));
    let error = margin_estimate(&problem, &v[1..], &MarginOptions::default(), &mut ()).unwrap_err();
    assert_eq!(error, MarginError::Vector { got: v.len() - 1, wanted: v.len() });
    let wild = MarginOptions { learning_rate: f64::INFINITY, steps: 5, ..MarginOptions::default() };
    assert_eq!(margin_estimate(&problem, &v, &wild, &mut ()), Err(MarginError::Diverged(16)));
}

/// The paper's network at its minimum, with a real eigenvector: the bytes do not depend on threads.
#[test]
fn the_papers_network_on_any_number_of_threads() {
    let case = large_case();
    let golden = Golden::open(case.name);
    let data = dataset(&golden);
    let network = Network::build(&case.spec, 2, 3).unwrap();
    let theta = weights(&network, case.name);
    let problem = Problem::<f64>::new(&network, &theta, &data, case.loss).unwrap();
    let top = top_k(&Hessian(&problem), 1, Which::Largest, &TopKOptions::default()).unwrap();
    let v = top.eigenvectors.column(0).to_vec();
    let options = MarginOptions { steps: 200, ..MarginOptions::default() };
    let mut some = data.clone();
    some.features.truncate(2 * 20);
    some.labels.truncate(20);
    let some = Problem::<f64>::new(&network, &theta, &some, case.loss).unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            (
                margin_estimate(&problem, &v, &options, &mut ()).unwrap(),
                boundary_distances(&some, &(0..some.n_samples()).collect::<Vec<_>>(), &mut ()).unwrap(),
                loss_surface(&problem, [&v, &v], &SurfaceGrid::square(1.0, 4), &mut ()).unwrap(),
                class_switches(&some, &SwitchOptions::default(), &mut ()).unwrap(),
            )
        })
    };
    let got = on(1);
    assert_eq!(got, on(3));
    assert!(got.0.cos2 > 0.8, "{:?}", got.0);
    assert!(got.1.iter().all(|b| b.as_ref().is_some_and(|b| b.verified)));
}
