//! Tests of changes that must change nothing: order of samples and hidden units, doubled samples, number of threads.

use super::properties::{config, small};
use crate::common::cases::{Architecture, Numbers, Small};
use crate::common::compare::{close, largest, matrix, rounding, spectrum_of};
use crate::common::textbook::Textbook;
use heigen::analysis::{alignments, analyze};
use heigen::config::{Activation, LossKind};
use heigen::curvature::{ExampleLabels, Hessian, Method, SymmetricOperator};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut numbers = Numbers(seed);
    let mut order: Vec<usize> = (0..n).collect();
    (1..n).rev().for_each(|i| order.swap(i, numbers.below(i + 1)));
    order
}

/// A network that computes the same function, with the units of every hidden layer in another order.
fn other_units(case: &Small, seed: u64) -> Small {
    let widths = &case.textbook.widths;
    let last = widths.len() - 1;
    let orders: Vec<Vec<usize>> = (0..=last)
        .map(|l| if l == 0 || l == last { (0..widths[l]).collect() } else { shuffled(widths[l], seed ^ l as u64) })
        .collect();
    let mut out = case.clone();
    let mut start = 0;
    for l in 0..last {
        let (inputs, outputs) = (widths[l], widths[l + 1]);
        let bias = start + inputs * outputs;
        for o in 0..outputs {
            let from = orders[l + 1][o];
            for (i, before) in orders[l].iter().enumerate() {
                out.theta[start + o * inputs + i] = case.theta[start + from * inputs + before];
            }
            out.theta[bias + o] = case.theta[bias + from];
        }
        start = bias + outputs;
    }
    out
}

/// Checks that the losses and the spectra of both agree to rounding.
fn same_spectrum(a: &Small, b: &Small) {
    let measure = |case: &Small| case.with::<f64, _>(|problem| (problem.loss(), spectrum_of(problem).0));
    let ((loss, wanted), (got_loss, got)) = (measure(a), measure(b));
    let p = a.theta.len() + a.data.labels.len();
    close(&[got_loss], &[loss], rounding::<f64>(p, loss.abs().max(1.0)), &a.name());
    close(&got.eigenvalues, &wanted.eigenvalues, rounding::<f64>(p, wanted.scale()), &a.name());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_the_samples_does_not_matter(case in small(), seed in any::<u64>()) {
        let mut other = case.clone();
        other.data = case.data.subset(&shuffled(case.data.labels.len(), seed));
        same_spectrum(&case, &other);
    }

    #[test]
    fn the_order_of_the_hidden_units_does_not_matter(case in small(), seed in any::<u64>()) {
        same_spectrum(&case, &other_units(&case, seed));
    }

    #[test]
    fn a_mean_over_samples_taken_twice_is_the_same(case in small()) {
        let mut other = case.clone();
        let n = case.data.labels.len();
        other.data = case.data.subset(&(0..2 * n).map(|i| i % n).collect::<Vec<_>>());
        same_spectrum(&case, &other);
        let (g, h) = case.with::<f64, _>(|problem| (problem.gradient(), spectrum_of(problem).1));
        other.with::<f64, ()>(|problem| {
            let p = problem.n_params();
            close(&problem.gradient(), &g, rounding::<f64>(p, largest(&g)), &case.name());
            close(&spectrum_of(problem).1.data, &h.data, rounding::<f64>(p, largest(&h.data)), &case.name());
        });
    }

    #[test]
    fn the_number_of_threads_does_not_matter(case in small()) {
        let one = on_threads(1, &case);
        prop_assert!(one == on_threads(2, &case), "{}", case.name());
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// The bits of gradient, products, spectrum and alignments, and the summary as text.
fn on_threads(threads: usize, case: &Small) -> (Vec<Vec<u64>>, String) {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        case.with::<f64, _>(|problem| {
            let p = problem.n_params();
            let products = Hessian(problem).product(&matrix(&Numbers(1).vector(p * 70), p)).unwrap();
            let (spectrum, h) = spectrum_of(problem);
            let labels = ExampleLabels::Predicted;
            let gradients = problem.example_gradients(&labels);
            let explicit = alignments(&gradients, &spectrum.eigenvectors);
            let exact = heigen::curvature::spectrum(&Hessian(problem), Method::Exact, f64::INFINITY, &mut ()).unwrap();
            let implicit = problem.alignments_at(problem.inputs(), &labels, &spectrum.eigenvectors);
            let all = [
                &problem.outputs().data,
                &problem.gradient(),
                &products.data,
                &h.data,
                &spectrum.eigenvalues,
                &spectrum.eigenvectors.data,
                &exact.eigenvalues,
                &exact.eigenvectors.data,
                &explicit.data,
                &implicit.data,
            ];
            let all = all.into_iter().map(|v| bits(v)).collect();
            (all, format!("{:?}", analyze(problem, gradients, spectrum, false).unwrap().summary))
        })
    })
}

/// A case large enough for the matrix kernels to split their work: 453 parameters, 300 samples.
#[test]
fn the_number_of_threads_does_not_matter_to_large_networks() {
    let widths = vec![2, 18, 18, 3];
    let textbook = Textbook { widths, activation: Activation::Relu, log_softmax: false, loss: LossKind::CrossEntropy };
    let case = Small::new(Architecture::TwoLayers, textbook, 300, 17);
    let one = on_threads(1, &case);
    for threads in [2, 3] {
        let other = on_threads(threads, &case);
        assert_eq!(one.1, other.1, "{threads} threads");
        let same: Vec<bool> = one.0.iter().zip(&other.0).map(|(a, b)| a == b).collect();
        assert_eq!(same, [true; 10], "{threads} threads");
    }
}
