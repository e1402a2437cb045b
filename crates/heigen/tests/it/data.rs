//! Compares the data sets with those of NumPy, scikit-learn and PyTorch, number for number.

use crate::common::Golden;
use heigen::{
    config::{DatasetSpec, ImageArgs, RandomType},
    data::{DataError, Dataset, generate, permute_image_labels, split},
    rng::TorchGenerator,
};
use proptest::prelude::*;

fn extra() -> Golden {
    Golden::open("../golden_extra/data")
}

fn make(spec: &DatasetSpec) -> Dataset {
    let data = generate(spec).unwrap();
    assert_eq!(data.features.len(), data.n_samples() * data.n_features());
    assert!(data.labels.iter().all(|&label| label < data.n_classes));
    data
}

fn circle(num_samples: usize, noise: f64, factor: f64, seed: u32, random: bool) -> DatasetSpec {
    DatasetSpec::Circle { random, seed, num_samples, noise, factor }
}

fn half_moon(num_samples: usize, noise: f64, seed: u32, random: bool) -> DatasetSpec {
    DatasetSpec::HalfMoon { random, seed, num_samples, noise }
}

fn hierachical(num_classes: usize, random: Option<RandomType>, seed: u32) -> DatasetSpec {
    let random_type = random.unwrap_or(RandomType::Uniform);
    DatasetSpec::Hierachical { random: random.is_some(), seed, num_classes, random_type }
}

fn gauss_mixtures(random: bool, seed: u32, four_classes: bool) -> DatasetSpec {
    DatasetSpec::GaussMixtures { random, seed, four_classes }
}

/// Labels 0, 1, .. of consecutive groups of `per_class` samples.
fn consecutive(n_classes: usize, per_class: usize) -> Vec<usize> {
    (0..n_classes * per_class).map(|n| n / per_class).collect()
}

#[test]
fn gauss_mixtures_and_its_split() {
    let g = Golden::open("data_gauss");
    let data = make(&gauss_mixtures(false, 28, false));
    assert_eq!(data.features, g.get("X").f32());
    assert_eq!(data.labels, g.get("y").usize());
    assert_eq!((data.shape.as_slice(), data.n_classes), ([2].as_slice(), 3));
    assert_eq!(data.source, "generated: gauss_mixtures");

    let parts = split(300, 0.5, 0.2);
    assert_eq!(parts.train, g.get("train").usize());
    assert_eq!(parts.test, g.get("test").usize());
    assert_eq!(parts.validation, g.get("val").usize());
}

#[test]
fn gauss_mixtures_permutes_labels_and_keeps_features() {
    let data = make(&gauss_mixtures(true, 28, false));
    assert_eq!(data.features, make(&gauss_mixtures(false, 28, false)).features);
    assert_eq!(data.labels, Golden::open("data_gauss").get("y_random_seed28").usize());
    assert_eq!(make(&gauss_mixtures(true, 9, false)).labels, extra().get("gauss_y_permuted_9").usize());
}

#[test]
fn four_classes_has_no_effect() {
    assert_eq!(make(&gauss_mixtures(false, 28, true)), make(&gauss_mixtures(false, 28, false)));
}

#[test]
fn circle_of_the_experiments() {
    let g = Golden::open("data_circle");
    let data = make(&circle(200, 0.1, 0.5, 28, false));
    assert_eq!(data.features, g.get("X").f32());
    assert_eq!(data.labels, g.get("y").usize());
    assert_eq!(make(&circle(200, 0.1, 0.5, 28, true)).labels, g.get("y_random_seed28").usize());
}

#[test]
fn circles_and_moons_with_other_arguments() {
    let g = extra();
    let cases = [
        ("circle_odd", circle(151, 0.05, 0.8, 3, false), circle(151, 0.05, 0.8, 3, true)),
        ("circle_still", circle(64, 0.0, 0.3, 11, false), circle(64, 0.0, 0.3, 11, true)),
        ("moon", half_moon(200, 0.1, 28, false), half_moon(200, 0.1, 28, true)),
        ("moon_odd", half_moon(101, 0.25, 5, false), half_moon(101, 0.25, 5, true)),
        ("moon_tiny", half_moon(3, 0.1, 7, false), half_moon(3, 0.1, 7, true)),
    ];
    for (key, plain, permuted) in cases {
        let data = make(&plain);
        assert_eq!(data.features, g.get(&format!("{key}_X")).f32(), "{key}");
        assert_eq!(data.labels, g.get(&format!("{key}_y")).usize(), "{key}");
        let data = make(&permuted);
        assert_eq!(data.features, g.get(&format!("{key}_X")).f32(), "{key}");
        assert_eq!(data.labels, g.get(&format!("{key}_y_permuted")).usize(), "{key}");
    }
}

#[test]
fn hierachical_classes_and_groups() {
    let g = extra();
    let four = make(&hierachical(4, None, 34));
    assert_eq!(four.features, g.get("hierachical_X").f32());
    assert_eq!((four.labels, four.n_classes), (consecutive(4, 75), 4));
    let two = make(&hierachical(2, None, 34));
    assert_eq!(two.features, g.get("hierachical_X").f32());
    assert_eq!((two.labels, two.n_classes), (consecutive(2, 150), 2));
}

#[test]
fn hierachical_label_permutations() {
    let g = extra();
    let labels = |n_classes, random_type, seed| make(&hierachical(n_classes, Some(random_type), seed)).labels;
    assert_eq!(labels(4, RandomType::Uniform, 34), g.get("hierachical_y_uniform").usize());
    assert_eq!(labels(2, RandomType::Uniform, 34), g.get("hierachical_y_uniform_2_classes").usize());
    assert_eq!(labels(4, RandomType::WithinHierachy, 34), g.get("hierachical_y_within_34").usize());
    assert_eq!(labels(4, RandomType::WithinHierachy, 6), g.get("hierachical_y_within_6").usize());
    // A permutation inside the groups cannot be seen once the groups are the classes.
    assert_eq!(labels(2, RandomType::WithinHierachy, 34), consecutive(2, 150));
}

#[test]
fn checkerboards() {
    let g = extra();
    let specs = |random| {
        [
            ("linear", DatasetSpec::GaussCheckerboardLinearClose { random, seed: 28 }),
            ("noisy", DatasetSpec::GaussCheckerboardNoisyClose { random, seed: 28 }),
        ]
    };
    for (key, spec) in specs(false) {
        let data = make(&spec);
        assert_eq!(data.features, g.get(&format!("checkerboard_{key}_X")).f32(), "{key}");
        assert_eq!((data.labels, data.n_classes), (consecutive(2, 200), 2), "{key}");
    }
    for (key, spec) in specs(true) {
        let data = make(&spec);
        assert_eq!(data.features, g.get(&format!("checkerboard_{key}_X")).f32(), "{key}");
        assert_eq!(data.labels, g.get("checkerboard_y_permuted").usize(), "{key}");
    }
}

#[test]
fn iris_in_the_order_of_scikit_learn() {
    let g = extra();
    let data = make(&DatasetSpec::Iris { random: false, seed: 28 });
    assert_eq!(data.features, g.get("iris_X").f32());
    assert_eq!(data.labels, g.get("iris_y").usize());
    assert_eq!((data.shape.as_slice(), data.n_classes), ([4].as_slice(), 3));
    let data = make(&DatasetSpec::Iris { random: true, seed: 28 });
    assert_eq!(data.labels, g.get("iris_y_permuted").usize());
}

#[test]
fn undefined_checkerboards_name_the_defined_one() {
    let linear = generate(&DatasetSpec::GaussCheckerboardLinear {}).unwrap_err();
    assert_eq!(
        linear.to_string(),
        "data set `gauss_checkerboard_linear` has no definition: the reference names it in experiments that never ran \
         there; `gauss_checkerboard_linear_close` is the set of that kind which is defined"
    );
    let noisy = generate(&DatasetSpec::GaussCheckerboardNoisy {}).unwrap_err();
    assert_eq!(noisy, DataError::Undefined { name: "gauss_checkerboard_noisy" });
}

#[test]
fn image_sets_need_files() {
    let args = ImageArgs { random: false, seed: 28, class_list: vec![0, 1], num_samples_per_cls: 200, train: false };
    for (spec, name) in [(DatasetSpec::Mnist2D(args.clone()), "mnist2D"), (DatasetSpec::Cifar10(args), "cifar10")] {
        assert_eq!(generate(&spec), Err(DataError::NeedsImageFiles { name }));
    }
}

#[test]
fn image_labels_follow_randperm() {
    let mut labels = consecutive(3, 300);
    let expected: Vec<usize> = TorchGenerator::new(28).randperm(900).into_iter().map(|n| n / 300).collect();
    permute_image_labels(&mut labels, 28);
    assert_eq!(labels, expected);
}

#[test]
fn test_fraction_zero_makes_all_parts_everything() {
    let parts = split(6, 1.0, 0.0);
    for part in [parts.train, parts.test, parts.validation] {
        assert_eq!(part, [0, 1, 2, 3, 4, 5]);
    }
}

/// The size of a part is rounded towards zero: 0.29 * 100 is 28.999999999999996 in float64.
#[test]
fn sizes_are_truncated_products() {
    let parts = split(100, 0.29, 0.57);
    assert_eq!((parts.train.len(), parts.test.len(), parts.validation.len()), (28, 56, 16));
}

#[test]
fn subset_keeps_the_order_of_its_indices() {
    let data = make(&DatasetSpec::Iris { random: false, seed: 28 });
    let part = data.subset(&[149, 0, 0]);
    assert_eq!(part.features, [5.9, 3.0, 5.1, 1.8, 5.1, 3.5, 1.4, 0.2, 5.1, 3.5, 1.4, 0.2]);
    assert_eq!((part.labels, part.n_classes, part.shape), (vec![2, 0, 0], 3, vec![4]));
}

proptest! {
    #[test]
    fn parts_hold_every_sample_once(n in 0_usize..400, train in 0.0..=1.0, test in 0.001..=1.0) {
        let parts = split(n, train, test);
        let mut all = [parts.train, parts.test, parts.validation].concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
    }

    #[test]
    fn permutations_keep_the_number_of_samples_of_every_class(seed: u32) {
        let sorted = |spec| {
            let mut labels = make(&spec).labels;
            labels.sort_unstable();
            labels
        };
        prop_assert_eq!(sorted(gauss_mixtures(true, seed, false)), consecutive(3, 100));
        for random_type in [RandomType::Uniform, RandomType::WithinHierachy] {
            prop_assert_eq!(sorted(hierachical(4, Some(random_type), seed)), consecutive(4, 75));
        }
        let mut labels = consecutive(3, 300);
        permute_image_labels(&mut labels, seed.into());
        labels.sort_unstable();
        prop_assert_eq!(labels, consecutive(3, 300));
    }
}
