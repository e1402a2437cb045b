//! Gaussian blobs in the plane. Every sample is one call `normal(mean, sd)` of one `RandomState`, blob by blob.

use super::Dataset;
use crate::rng::NumpyRandomState;

/// Number of samples of each class of [`hierachical`].
pub(super) const HIERACHICAL_PER_CLASS: usize = 75;

/// A blob: centre, standard deviations along x and y, class.
struct Blob {
    mean: [f64; 2],
    sd: [f64; 2],
    class: usize,
}

/// Three classes of 100 samples.
pub(super) fn gauss_mixtures() -> Dataset {
    let blobs = [
        Blob { mean: [2.0, -1.0], sd: [0.5, 0.5], class: 0 },
        Blob { mean: [-2.0, 0.0], sd: [0.5, 1.0], class: 1 },
        Blob { mean: [0.0, 2.0], sd: [0.5, 0.5], class: 2 },
    ];
    draw("gauss_mixtures", &blobs, 100, 42)
}

/// Four classes of 75 samples; {0, 1} lie on the right, {2, 3} on the left.
pub(super) fn hierachical() -> Dataset {
    let sd = [0.5, 0.55];
    let blobs = [
        Blob { mean: [2.0, -1.0], sd, class: 0 },
        Blob { mean: [2.0, 1.0], sd, class: 1 },
        Blob { mean: [-2.0, 1.0], sd, class: 2 },
        Blob { mean: [-2.0, -1.0], sd, class: 3 },
    ];
    draw("hierachical", &blobs, HIERACHICAL_PER_CLASS, 34)
}

/// Two classes of two blobs of 100 samples, class 0 at x = `offset` and class 1 at x = -`offset`, alternating along y.
pub(super) fn checkerboard(name: &str, offset: f64) -> Dataset {
    let sd = [0.3, 0.1];
    let blobs = [
        Blob { mean: [offset, -3.0], sd, class: 0 },
        Blob { mean: [offset, 1.0], sd, class: 0 },
        Blob { mean: [-offset, -1.0], sd, class: 1 },
        Blob { mean: [-offset, 3.0], sd, class: 1 },
    ];
    draw(name, &blobs, 100, 41)
}

fn draw(name: &str, blobs: &[Blob], per_blob: usize, seed: u32) -> Dataset {
    let mut state = NumpyRandomState::new(seed);
    let n = blobs.len() * per_blob;
    let mut features = Vec::with_capacity(2 * n);
    let mut labels = Vec::with_capacity(n);
    for blob in blobs {
        for _ in 0..per_blob {
            for (mean, sd) in blob.mean.into_iter().zip(blob.sd) {
                features.push(state.normal(mean, sd) as f32);
            }
            labels.push(blob.class);
        }
    }
    let n_classes = blobs.iter().map(|blob| blob.class + 1).max().unwrap_or(0);
    Dataset { features, shape: vec![2], labels, others: None, n_classes, source: format!("generated: {name}") }
}
