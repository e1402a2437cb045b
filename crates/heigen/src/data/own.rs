//! Samples of the user: the choice that an experiment makes among them, and their standardisation.

use super::labels::permute_labels;
use super::{DataError, Dataset};
use crate::config::FileArgs;

impl Dataset {
    /// The samples that `args` selects from a file: those of the classes in `class_list`, in the file's order. Labels
    /// are renumbered by their position in the list, then permuted by NumPy's `RandomState(seed).permutation` if
    /// `random` is set. The data set has `num_classes` classes if that is given, for a network that tells more classes
    /// than the samples show.
    ///
    /// # Errors
    /// [`DataError::NoSamples`] for a class of the list without samples, [`DataError::Classes`] if there are more classes
    /// than `num_classes`.
    pub fn chosen(mut self, args: &FileArgs) -> Result<Self, DataError> {
        if let Some(list) = &args.class_list {
            if let Some(&class) = list.iter().find(|class| !self.labels.contains(class)) {
                return Err(DataError::NoSamples { class, from: self.source });
            }
            let place = |n: &usize| list.iter().position(|class| *class == self.labels[*n]);
            let chosen: Vec<usize> = (0..self.n_samples()).filter(|n| place(n).is_some()).collect();
            let labels = chosen.iter().filter_map(place).collect();
            self = Self { labels, n_classes: list.len(), ..self.subset(&chosen) };
        }
        if let Some(wanted) = args.num_classes {
            if wanted < self.n_classes {
                return Err(DataError::Classes { got: self.n_classes, wanted, from: self.source });
            }
            self.n_classes = wanted;
        }
        if args.random {
            permute_labels(&mut self.labels, args.seed);
        }
        Ok(self)
    }
}

/// A shift and a scale of every feature.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Standardization {
    /// The number that is subtracted from each feature, `[d]`.
    pub mean: Vec<f64>,
    /// The number that each feature is then divided by, `[d]`: its standard deviation (of the population, as in
    /// scikit-learn's `StandardScaler`), or 1 for a feature that does not vary.
    pub scale: Vec<f64>,
}

impl Standardization {
    /// The standardization that gives the samples `part` of `data` mean 0 and standard deviation 1 in every feature.
    pub fn fitted(data: &Dataset, part: &[usize]) -> Self {
        let (d, n) = (data.n_features(), part.len().max(1) as f64);
        let mut mean = vec![0.0; d];
        let each = |f: &mut dyn FnMut(usize, f64)| {
            for &sample in part {
                let x = &data.features[sample * d..(sample + 1) * d];
                x.iter().enumerate().for_each(|(i, &x)| f(i, x.into()));
            }
        };
        each(&mut |i, x| mean[i] += x / n);
        let mut variance = vec![0.0; d];
        each(&mut |i, x| variance[i] += (x - mean[i]) * (x - mean[i]) / n);
        // The variance that rounding alone gives to a constant feature counts as zero.
        let floor = |i: usize| (10.0 * f64::EPSILON * mean[i]).powi(2);
        let scale = |(i, v): (usize, f64)| if v > floor(i) { v.sqrt() } else { 1.0 };
        let scale = variance.into_iter().enumerate().map(scale).collect();
        Self { mean, scale }
    }

    /// Shifts and scales all samples, with one rounding to float32.
    pub fn apply(&self, data: &mut Dataset) {
        for x in data.features.chunks_exact_mut(self.mean.len().max(1)) {
            for ((x, mean), scale) in x.iter_mut().zip(&self.mean).zip(&self.scale) {
                *x = ((f64::from(*x) - mean) / scale) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> Dataset {
        let features = vec![1.0, 5.0, 2.0, 5.0, 3.0, 5.0, 6.0, 5.0];
        Dataset {
            features,
            shape: vec![2],
            labels: vec![0, 1, 2, 1],
            others: None,
            n_classes: 3,
            source: "a file".into(),
        }
    }

    #[test]
    fn classes_are_renumbered_by_their_place_in_the_list() {
        let args = FileArgs { class_list: Some(vec![2, 1]), ..FileArgs::default() };
        let chosen = four().chosen(&args).unwrap();
        assert_eq!((chosen.labels, chosen.n_classes), (vec![1, 0, 1], 2));
        assert_eq!(chosen.features, [2.0, 5.0, 3.0, 5.0, 6.0, 5.0]);
        let none = FileArgs { class_list: Some(vec![3]), ..FileArgs::default() };
        assert_eq!(four().chosen(&none), Err(DataError::NoSamples { class: 3, from: "a file".into() }));
        let fewer = FileArgs { num_classes: Some(2), ..FileArgs::default() };
        assert_eq!(four().chosen(&fewer), Err(DataError::Classes { got: 3, wanted: 2, from: "a file".into() }));
        let more = FileArgs { num_classes: Some(10), ..FileArgs::default() };
        assert_eq!(four().chosen(&more).unwrap().n_classes, 10);
    }

    #[test]
    fn standardization_is_fitted_on_a_part_and_applied_to_all() {
        let mut data = four();
        let fitted = Standardization::fitted(&data, &[0, 2]);
        assert_eq!(fitted, Standardization { mean: vec![2.0, 5.0], scale: vec![1.0, 1.0] });
        fitted.apply(&mut data);
        assert_eq!(data.features, [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 4.0, 0.0]);
    }
}
