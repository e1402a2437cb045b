//! Compares outputs, losses and derivatives with the textbook's, number by number.

use crate::common::cases::{Architecture, Numbers, Small, table};
use crate::common::compare::{close, largest, matrix, norm, rounding, to_f64};
use crate::common::hyper_dual;
use crate::common::textbook::Textbook;
use heigen::analysis::alignments;
use heigen::config::{Activation, LossKind};
use heigen::curvature::{ExampleLabels, Hessian, Problem, Progress, SymmetricOperator, WatchFn, dense};
use heigen::linalg::{Matrix, Scalar};
use std::ops::ControlFlow;

fn first_order<T: Scalar>(case: &Small) {
    case.with::<T, ()>(|problem| {
        let (name, p) = (case.name(), problem.n_params());
        assert_eq!(p, case.textbook.n_params(), "{name}");
        let (theta, samples) = (case.theta_f64(), case.samples());
        let outputs: Vec<f64> = samples.iter().flat_map(|(x, _)| case.textbook.outputs(&theta, x)).collect();
        close(&problem.outputs().data, &outputs, rounding::<T>(p, largest(&outputs)), &format!("{name} outputs"));
        let classes = case.data.n_classes;
        let right = outputs.chunks(classes).zip(&samples).filter(|(o, (_, y))| argmax(o) == *y).count();
        assert_eq!(problem.accuracy(), Some(right as f64 / samples.len() as f64), "{name} accuracy");
        let theta_dual: Vec<_> = theta.iter().copied().map(hyper_dual::HyperDual::constant).collect();
        let loss = case.textbook.mean_loss(&theta_dual, &samples).value;
        close(&[problem.loss()], &[loss], rounding::<T>(p, largest(&outputs).max(1.0)), &format!("{name} loss"));
        let gradient = case.textbook.gradient(&theta, &samples);
        let tolerance = rounding::<T>(p, largest(&gradient));
        close(&problem.gradient(), &gradient, tolerance, &format!("{name} gradient"));
    });
}

#[test]
fn outputs_losses_and_gradients_are_the_textbooks() {
    for case in table() {
        first_order::<f64>(&case);
        first_order::<f32>(&case);
    }
}

/// The product H V, column by column, from the textbook's H.
fn times(h: &[f64], v: &Matrix<f64>) -> Vec<f64> {
    let p = v.rows;
    let entry = |i: usize, column: &[f64]| (0..p).map(|j| h[i + j * p] * column[j]).sum::<f64>();
    v.iter_columns().flat_map(|column| (0..p).map(|i| entry(i, column)).collect::<Vec<_>>()).collect()
}

fn products<T: Scalar>(case: &Small, h: &[f64]) {
    case.with::<T, ()>(|problem| {
        let (name, p) = (case.name(), problem.n_params());
        let hessian = Hessian(problem);
        let tolerance = rounding::<T>(p, largest(h));
        let got = dense(&hessian, &mut ()).unwrap();
        close(&got.data, h, tolerance, &format!("{name} {} dense", T::NAME));
        for k in [1, 5, 33, 70] {
            // The numbers have few digits, so that the directions are the same in both types.
            let v: Vec<f64> = Numbers(k as u64).vector(p * k).iter().map(|x| (x * 64.0).round() / 64.0).collect();
            let wanted = times(h, &matrix::<f64>(&v, p));
            let got = hessian.product(&matrix::<T>(&v, p)).unwrap();
            close(&got.data, &wanted, tolerance * p as f64, &format!("{name} {} {k} products", T::NAME));
        }
    });
}

#[test]
fn hessians_and_blocks_of_products_are_the_textbooks() {
    for case in table() {
        let h = case.textbook.hessian(&case.theta_f64(), &case.samples());
        products::<f64>(&case, &h);
        products::<f32>(&case, &h);
    }
}

/// The 354 parameters are more columns than one block of the dense matrix has.
#[test]
fn matrices_wider_than_a_block_are_their_products() {
    let (activation, loss) = (Activation::Sigmoid, LossKind::CrossEntropy);
    let textbook = Textbook { widths: vec![2, 16, 16, 2], activation, log_softmax: false, loss };
    let case = Small::new(Architecture::TwoLayers, textbook, 4, 1);
    case.with::<f64, ()>(|problem| {
        let p = problem.n_params();
        let v = matrix(&Numbers(9).vector(p * 3), p);
        let mut finished = vec![];
        let mut watch = WatchFn(|progress: Progress| {
            finished.push(progress.done);
            ControlFlow::Continue(())
        });
        let h = dense(&Hessian(problem), &mut watch).unwrap();
        assert!(finished.is_sorted() && finished.last() == Some(&(p as u64)), "{finished:?}");
        let tolerance = rounding::<f64>(p, largest(&h.data) * norm(v.column(0)));
        close(&Hessian(problem).product(&v).unwrap().data, &times(&h.data, &v), tolerance, &case.name());
    });
}

fn argmax(outputs: &[f64]) -> usize {
    (0..outputs.len()).rev().max_by(|&a, &b| outputs[a].total_cmp(&outputs[b])).unwrap()
}

/// Every kind of labels, with the classes that it stands for.
fn all_labels(case: &Small, theta: &[f64]) -> Vec<(ExampleLabels, Vec<usize>)> {
    let (samples, classes) = (case.samples(), case.data.n_classes);
    let predicted = samples.iter().map(|(x, _)| argmax(&case.textbook.outputs(theta, x))).collect();
    let given: Vec<usize> = (0..samples.len()).map(|n| (n * n + 1) % classes).collect();
    vec![
        (ExampleLabels::Predicted, predicted),
        (ExampleLabels::True, case.data.labels.clone()),
        (ExampleLabels::Fixed(1), vec![1; samples.len()]),
        (ExampleLabels::Given(given.clone()), given),
    ]
}

/// The textbook's gradients of single samples.
fn textbook_gradients(case: &Small, theta: &[f64], labels: &[usize]) -> Vec<Vec<f64>> {
    let samples = case.samples();
    let one = |(x, y): (&Vec<f64>, usize)| hyper_dual::gradient(|t| case.textbook.sample_loss(t, x, y), theta);
    samples.iter().map(|(x, _)| x).zip(labels.iter().copied()).map(one).collect()
}

fn examples<T: Scalar>(case: &Small) {
    case.with::<T, ()>(|problem| {
        let (name, p, theta) = (case.name(), problem.n_params(), case.theta_f64());
        let v: Vec<f64> = Numbers(3).vector(p * 6).iter().map(|x| (x * 64.0).round() / 64.0).collect();
        let (v, v_f64) = (matrix::<T>(&v, p), matrix::<f64>(&v, p));
        for (labels, classes) in all_labels(case, &theta) {
            let name = format!("{name} {} {labels:?}", T::NAME);
            let wanted = textbook_gradients(case, &theta, &classes);
            let got = problem.example_gradients(&labels);
            assert_eq!((got.rows, got.columns), (p, wanted.len()), "{name}");
            let explicit = alignments(&got, &v);
            let implicit = problem.alignments_at(problem.inputs(), &labels, &v);
            let scale = wanted.iter().fold(1.0, |m: f64, g| m.max(largest(g)));
            for (n, g) in wanted.iter().enumerate() {
                let off = rounding::<T>(p, scale);
                close(got.column(n), g, off, &format!("{name} gradient {n}"));
                let length = norm(g);
                let wanted: Vec<f64> = v_f64.iter_columns().map(|v| aligned(g, v, length)).collect();
                let off = if length == 0.0 { 0.0 } else { off * norm(v_f64.column(0)) / length };
                close(explicit.column(n), &wanted, off, &format!("{name} alignments {n}"));
                close(implicit.column(n), &wanted, off, &format!("{name} alignments_at {n}"));
            }
        }
    });
}

fn aligned(g: &[f64], v: &[f64], length: f64) -> f64 {
    if length == 0.0 { 0.0 } else { g.iter().zip(v).map(|(g, v)| g * v).sum::<f64>() / length }
}

#[test]
fn example_gradients_and_alignments_are_the_textbooks() {
    for case in table() {
        examples::<f64>(&case);
        examples::<f32>(&case);
    }
}

#[test]
fn gradients_elsewhere_are_those_of_a_problem_there() {
    for case in table() {
        let n = case.data.labels.len();
        let mut elsewhere = case.clone();
        elsewhere.data.features.iter_mut().for_each(|x| *x = 0.5 - *x);
        let network = case.network();
        let (here, there): (Problem<f64>, Problem<f64>) = (case.problem(&network), elsewhere.problem(&network));
        let labels = ExampleLabels::Given((0..n).map(|n| n % case.data.n_classes).collect());
        let got = here.example_gradients_at(there.inputs(), &labels);
        assert_eq!(got, there.example_gradients(&labels), "{}", case.name());
        let wanted = textbook_gradients(&elsewhere, &case.theta_f64(), &case.data.labels);
        for (n, (got, wanted)) in there.example_gradients(&ExampleLabels::True).iter_columns().zip(&wanted).enumerate()
        {
            close(got, wanted, rounding::<f64>(got.len(), largest(wanted).max(1.0)), &format!("{} {n}", case.name()));
        }
    }
}

#[test]
fn logit_gradients_are_the_textbooks() {
    for case in table() {
        case.with::<f64, ()>(|problem| {
            let theta = case.theta_f64();
            for class in 0..case.data.n_classes.min(3) {
                let got = problem.logit_gradients(class);
                for (n, (x, _)) in case.samples().iter().enumerate() {
                    let wanted = hyper_dual::gradient(|t| case.textbook.forward(t, x).0[class], &theta);
                    let tolerance = rounding::<f64>(theta.len(), largest(&wanted).max(1.0));
                    close(got.column(n), &wanted, tolerance, &format!("{} logit {class}, sample {n}", case.name()));
                }
            }
        });
    }
}

#[test]
fn the_mean_of_the_example_gradients_is_the_gradient() {
    for case in table() {
        case.with::<f64, ()>(|problem| {
            let (p, n) = (problem.n_params(), problem.n_samples());
            let examples = problem.example_gradients(&ExampleLabels::True);
            let mut mean = vec![0.0; p];
            examples.iter_columns().for_each(|g| mean.iter_mut().zip(g).for_each(|(m, g)| *m += g / n as f64));
            let scale = largest(&to_f64(&examples.data));
            close(&problem.gradient(), &mean, rounding::<f64>(n, scale), &case.name());
        });
    }
}
