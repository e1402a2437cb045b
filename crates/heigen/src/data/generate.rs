//! Generates the samples of a checked specification.

use super::{
    DataError, Dataset, blobs, iris,
    labels::{permute_in_parts, permute_labels},
    plane_curves,
};
use crate::config::{DatasetSpec, RandomType};

/// The samples of `spec`, in the reference's order.
///
/// `random` permutes the labels by `NumPy`'s `RandomState(seed).permutation` and keeps the features. The generators
/// themselves have fixed seeds, but for `circle` and `half_moon`, whose points follow `seed` too.
///
/// # Shapes
/// [N, d]: intro [6, 1]; `gauss_mixtures` [300, 2]; `hierachical` [300, 2]; `circle` and `half_moon`
/// [`num_samples`, 2]; the checkerboards [400, 2]; iris [150, 4].
///
/// # Errors
/// [`DataError::Undefined`] for `gauss_checkerboard_linear` and `gauss_checkerboard_noisy`,
/// [`DataError::NeedsImageFiles`] for `mnist2D` and `cifar10`, [`DataError::NeedsFile`] for `file`.
///
/// ```
/// use heigen::{config::DatasetSpec, data};
/// let intro = data::generate(&DatasetSpec::Intro {})?;
/// assert_eq!(intro.features, [0.5, 1.0, 1.1, 1.3, 1.4, 1.45]);
/// assert_eq!(intro.labels, [0, 1, 1, 1, 0, 0]);
/// # Ok::<(), data::DataError>(())
/// ```
pub fn generate(spec: &DatasetSpec) -> Result<Dataset, DataError> {
    match *spec {
        DatasetSpec::Intro {} => Ok(intro()),
        DatasetSpec::GaussMixtures { random, seed, four_classes: _ } => {
            Ok(with_labels_permuted(blobs::gauss_mixtures(), random, seed))
        }
        DatasetSpec::Hierachical { random, seed, num_classes, random_type } => {
            Ok(hierachical(random, seed, num_classes, random_type))
        }
        DatasetSpec::Circle { random, seed, num_samples, noise, factor } => {
            Ok(with_labels_permuted(plane_curves::circle(num_samples, noise, factor, seed), random, seed))
        }
        DatasetSpec::HalfMoon { random, seed, num_samples, noise } => {
            Ok(with_labels_permuted(plane_curves::half_moon(num_samples, noise, seed), random, seed))
        }
        DatasetSpec::GaussCheckerboardLinear {} => Err(DataError::Undefined { name: "gauss_checkerboard_linear" }),
        DatasetSpec::GaussCheckerboardNoisy {} => Err(DataError::Undefined { name: "gauss_checkerboard_noisy" }),
        DatasetSpec::GaussCheckerboardLinearClose { random, seed } => {
            Ok(with_labels_permuted(blobs::checkerboard("gauss_checkerboard_linear_close", 0.8), random, seed))
        }
        DatasetSpec::GaussCheckerboardNoisyClose { random, seed } => {
            Ok(with_labels_permuted(blobs::checkerboard("gauss_checkerboard_noisy_close", 0.5), random, seed))
        }
        DatasetSpec::Iris { random, seed } => Ok(with_labels_permuted(iris::iris()?, random, seed)),
        DatasetSpec::Mnist2D(_) => Err(DataError::NeedsImageFiles { name: "mnist2D" }),
        DatasetSpec::Cifar10(_) => Err(DataError::NeedsImageFiles { name: "cifar10" }),
        DatasetSpec::File(ref args) => Err(DataError::NeedsFile { path: args.path.clone() }),
    }
}

fn with_labels_permuted(mut data: Dataset, random: bool, seed: u32) -> Dataset {
    if random {
        permute_labels(&mut data.labels, seed);
    }
    data
}

/// The four blobs, their labels permuted, then merged if two classes are wanted. (Merging first gives the same: a
/// permutation moves positions, whatever stands there.)
fn hierachical(random: bool, seed: u32, num_classes: usize, random_type: RandomType) -> Dataset {
    let mut data = blobs::hierachical();
    match random_type {
        _ if !random => {}
        RandomType::Uniform => permute_labels(&mut data.labels, seed),
        // The upper level of the hierarchy, {0, 1} and {2, 3}, is the first half and the second half of the samples.
        RandomType::WithinHierachy => permute_in_parts(&mut data.labels, 2 * blobs::HIERACHICAL_PER_CLASS, seed),
    }
    if num_classes == 2 {
        data.labels.iter_mut().for_each(|label| *label /= 2);
        data.n_classes = 2;
    }
    data
}

/// The six points of the paper's first figure.
fn intro() -> Dataset {
    Dataset {
        features: vec![0.5, 1.0, 1.1, 1.3, 1.4, 1.45],
        shape: vec![1],
        labels: vec![0, 1, 1, 1, 0, 0],
        others: None,
        n_classes: 2,
        source: "generated: intro".to_owned(),
    }
}
