//! The mean and variance of a batch, as PyTorch's batch normalisation would remember them.

use super::{Algebra, Layer, Network, Plain, Pool, Sink, Statistics, Tape};
use crate::linalg::{Matrix, Scalar, par};

/// The largest number of samples in a batch; the statistics of all batches are averaged.
const BATCH: usize = 256;

/// The mean and the variance of the inputs of one layer of batch normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// PyTorch's name of the layer.
    pub name: String,
    /// The mean of every channel, over samples and pixels.
    pub mean: Vec<f64>,
    /// The variance of every channel, divided by the number of values less one, as in PyTorch's `running_var`.
    pub variance: Vec<f64>,
}

impl Network {
    /// The statistics of all layers of batch normalisation at `theta` `[P]` on samples `x` [d, N], layer after layer:
    /// the mean over batches of up to 256 samples, which PyTorch's running averages tend to (`momentum=None`). Layers
    /// with fixed statistics are left out; a network without other such layers gives an empty list.
    pub fn batch_statistics<T: Scalar>(&self, theta: &[T], x: &Matrix<T>) -> Vec<BatchStatistics> {
        let mut all: Vec<BatchStatistics> = Vec::new();
        let mut pool = Pool::new();
        let batches = x.columns.div_ceil(BATCH).max(1);
        let size = x.columns.div_ceil(batches);
        for batch in 0..batches {
            let mut of_batch = Vec::new();
            let mut plain = Plain::new(theta, Sink::None, &mut pool, par());
            let samples = batch * size..((batch + 1) * size).min(x.columns);
            let weight = samples.len() as f64 / x.columns.max(1) as f64;
            let input = plain.input(&x.columns(samples));
            let output = walk(self.layers(), &mut plain, input, 1.0, &mut of_batch);
            plain.recycle(output);
            if all.is_empty() {
                let zero = |v: &[f64]| vec![0.0; v.len()];
                let zeros = |s: &BatchStatistics| BatchStatistics {
                    name: s.name.clone(),
                    mean: zero(&s.mean),
                    variance: zero(&s.variance),
                };
                all = of_batch.iter().map(zeros).collect();
            }
            for (sum, own) in all.iter_mut().zip(&of_batch) {
                let add = |to: &mut [f64], of: &[f64]| to.iter_mut().zip(of).for_each(|(to, of)| *to += weight * of);
                add(&mut sum.mean, &own.mean);
                add(&mut sum.variance, &own.variance);
            }
        }
        all
    }

    /// The network with the statistics of the batch `x` [d, N] at `theta` `[P]` held fixed, wherever it takes those of the
    /// batch: its outputs on `x` stay what they are, and the output of a sample no longer depends on the others.
    ///
    /// The variance divides by the number of values, as in a forward pass of training mode.
    pub fn with_held_statistics<T: Scalar>(&self, theta: &[T], x: &Matrix<T>) -> Self {
        let mut found = Vec::new();
        let mut pool = Pool::new();
        let mut plain = Plain::new(theta, Sink::None, &mut pool, par());
        let input = plain.input(x);
        let output = walk(self.layers(), &mut plain, input, 0.0, &mut found);
        plain.recycle(output);
        let mut found = found.into_iter();
        self.with_layers_changed(|layer| {
            let Layer::BatchNorm(norm) = layer else { return };
            if let (Some(held), Statistics::Batch) = (found.next(), &norm.statistics) {
                norm.statistics = Statistics::Fixed { mean: held.mean, variance: held.variance };
            }
        })
    }
}

/// Runs the layers one after another, and measures the inputs of batch normalisation; variances divide by the number of
/// values less `less`.
fn walk<T: Scalar>(
    layers: &[Layer],
    plain: &mut Plain<'_, T>,
    x: Matrix<T>,
    less: f64,
    found: &mut Vec<BatchStatistics>,
) -> Matrix<T> {
    layers.iter().fold(x, |x, layer| match layer {
        Layer::Residual(block) => {
            let own = plain.copy(&x);
            let y = walk(&block.main, plain, own, less, found);
            let shortcut = walk(&block.shortcut, plain, x, less, found);
            let y = plain.add(y, &shortcut);
            plain.recycle(shortcut);
            y
        }
        Layer::Graph(graph) => graph.forward_by(plain, x, &mut Tape::forgetting(), &mut |layer, plain, x, _| {
            walk(std::slice::from_ref(layer), plain, x, less, found)
        }),
        other => {
            if let Layer::BatchNorm(norm) = other {
                found.push(measured(&norm.name, &x, less));
            }
            other.forward(plain, x, &mut Tape::forgetting())
        }
    })
}

fn measured<T: Scalar>(name: &str, x: &Matrix<T>, less: f64) -> BatchStatistics {
    let n = x.columns.max(1) as f64;
    let mut mean = vec![0.0; x.rows];
    x.iter_columns().for_each(|column| mean.iter_mut().zip(column).for_each(|(m, &v)| *m += v.to_f64() / n));
    let mut variance = vec![0.0; x.rows];
    for column in x.iter_columns() {
        for ((v, m), &x) in variance.iter_mut().zip(&mean).zip(column) {
            *v += (x.to_f64() - m).powi(2) / (n - less).max(1.0);
        }
    }
    BatchStatistics { name: name.to_owned(), mean, variance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{ModelSpec, Sequential};

    #[test]
    fn statistics_are_those_of_what_the_layer_gets() {
        let text = r#"{"layers": [{"type": "residual", "main": [{"type": "batchnorm"}]}, {"type": "batchnorm"}]}"#;
        let spec = ModelSpec::Sequential(Sequential::parse(text, "test").unwrap());
        let network = Network::build(&spec, 1, 1).unwrap();
        let x = Matrix { data: vec![1.0, 3.0], rows: 1, columns: 2 };
        // With gamma 0 and beta 2, the block adds 2.
        let found = network.batch_statistics(&[0.0, 2.0, 1.0, 0.0], &x);
        let of = |name: &str, mean| BatchStatistics { name: name.into(), mean: vec![mean], variance: vec![2.0] };
        assert_eq!(found, [of("0.main.0", 2.0), of("1", 4.0)]);
    }

    #[test]
    fn held_statistics_leave_the_outputs_of_their_batch_as_they_are() {
        let text = r#"{"layers": [{"type": "residual", "main": [{"type": "linear", "out_features": 2}, {"type": "batchnorm"}]},
            {"type": "tanh"}, {"type": "batchnorm"}]}"#;
        let spec = ModelSpec::Sequential(Sequential::parse(text, "test").unwrap());
        let network = Network::build(&spec, 2, 2).unwrap();
        let theta: Vec<f64> = (0..network.n_params()).map(|i| (i as f64 * 1.7).sin()).collect();
        let x = Matrix::from_fn(2, 9, |i, n| (i as f64 + 2.3 * n as f64).cos());
        let held = network.with_held_statistics(&theta, &x);
        assert!(network.couples_samples() && !held.couples_samples());
        let (wanted, got) = (network.outputs(&theta, &x), held.outputs(&theta, &x));
        assert!(wanted.data.iter().zip(&got.data).all(|(a, b)| (a - b).abs() < 1e-13));
        // A sample alone has the output that it has in the batch.
        let alone = held.outputs(&theta, &x.columns(4..5));
        assert!(alone.data.iter().zip(wanted.column(4)).all(|(a, b)| (a - b).abs() < 1e-13));
    }

    #[test]
    fn batches_are_averaged() {
        let text = r#"{"layers": [{"type": "batchnorm"}]}"#;
        let spec = ModelSpec::Sequential(Sequential::parse(text, "test").unwrap());
        let network = Network::build(&spec, 1, 1).unwrap();
        let x = Matrix::from_fn(1, 600, |_, n| n as f64);
        let found = network.batch_statistics(&[1.0, 0.0], &x);
        assert!((found[0].mean[0] - 299.5).abs() < 1e-9);
        // There are three batches of 200 consecutive numbers.
        assert!((found[0].variance[0] - 200.0 * 201.0 / 12.0).abs() < 1e-9);
    }
}
