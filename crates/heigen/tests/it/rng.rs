//! Compares the random streams with those of NumPy and PyTorch, number for number.
use crate::common;

use heigen::rng::{
    DataLoaderOrder, NumpyRandomState, TorchGenerator, default_bias, default_weight, fill_kaiming_normal,
    fill_kaiming_uniform,
};
use proptest::prelude::*;

fn golden(key: &str) -> Vec<f64> {
    common::Golden::open("rng").get(key).values
}

fn golden_f32(key: &str) -> Vec<f32> {
    common::Golden::open("rng").get(key).f32()
}

fn golden_usize(key: &str) -> Vec<usize> {
    common::Golden::open("rng").get(key).usize()
}

fn draw(n: usize, mut one: impl FnMut() -> f64) -> Vec<f64> {
    (0..n).map(|_| one()).collect()
}

#[test]
fn numpy_calls_one_after_another() {
    let mut rs = NumpyRandomState::new(42);
    let normal: Vec<f64> = (0..7).flat_map(|_| [rs.normal(2.0, 0.5), rs.normal(-1.0, 0.25)]).collect();
    assert_eq!(normal, golden("np_normal"));
    assert_eq!(draw(5, || rs.randn()), golden("np_randn"));
    assert_eq!(draw(5, || rs.random_sample()), golden("np_random"));
    assert_eq!(rs.permutation(17), golden_usize("np_permutation"));
    assert_eq!(draw(6, || rs.randint(0, 10_703) as f64), golden("np_randint"));
    assert_eq!(draw(3, || rs.normal(0.0, 1.0)), golden("np_normal_after"));
}

#[test]
fn numpy_permutation_of_values() {
    let mut values: Vec<f64> = (0..15).map(|i| f64::from(i / 5)).collect();
    NumpyRandomState::new(28).permute(&mut values);
    assert_eq!(values, golden("np_permutation_float"));
}

#[test]
fn torch_permutations() {
    let mut generator = TorchGenerator::new(42);
    assert_eq!(generator.randperm(300), golden_usize("torch_randperm_300_seed42"));
    assert_eq!(generator.randperm(300), golden_usize("torch_randperm_300_seed42_second"));
    for n in [6, 10, 200, 400, 900] {
        let key = format!("torch_randperm_{n}_seed42");
        assert_eq!(TorchGenerator::new(42).randperm(n), golden_usize(&key), "{key}");
    }
}

#[test]
fn torch_uniform_and_normal_numbers_one_after_another() {
    let mut generator = TorchGenerator::new(0);
    let rand: Vec<f32> = (0..8).map(|_| generator.rand_f32()).collect();
    assert_eq!(rand, golden_f32("torch_rand_8_seed0"));
    assert_eq!(generator.randn_f32(8), golden_f32("torch_randn_8_after"));
    assert_eq!(generator.randn_f32(20), golden_f32("torch_randn_20_after"));
    assert_eq!(generator.randn_f64(5), golden("torch_randn64_5_after"));
    let integers: Vec<i64> = (0..3).map(|_| generator.random_i64()).collect();
    assert_eq!(integers, common::Golden::open("rng").i64("torch_int64_random_after"));
}

#[test]
fn torch_fresh_layers() {
    let mut generator = TorchGenerator::new(0);
    assert_eq!(default_weight(&mut generator, 2, 200), golden_f32("torch_linear_2_100_weight_seed0"));
    assert_eq!(default_bias(&mut generator, 2, 100), golden_f32("torch_linear_2_100_bias_seed0"));
    assert_eq!(default_weight(&mut generator, 9, 144), golden_f32("torch_conv_1_16_3_weight_after"));
    assert_eq!(default_bias(&mut generator, 9, 16), golden_f32("torch_conv_1_16_3_bias_after"));
}

/// Compares the weights of a whole network: the golden file holds those before training, drawn after
/// `torch.manual_seed(1)`.
#[test]
fn torch_fresh_network() {
    let mut generator = TorchGenerator::new(1);
    for (name, fan_in, out) in [("fc1", 2, 30), ("fc2", 30, 30), ("fc3", 30, 3)] {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let file = "gauss_30_ce_init.safetensors";
        assert_eq!(default_weight(&mut generator, fan_in, fan_in * out), common::safetensor(file, &weight).1, "{name}");
        assert_eq!(default_bias(&mut generator, fan_in, out), common::safetensor(file, &bias).1, "{name}");
    }
}

#[test]
fn torch_data_loader_order_of_three_epochs() {
    let mut orders = DataLoaderOrder::new(TorchGenerator::new(7));
    let mut order = vec![0; 150];
    let mut epochs = Vec::new();
    for _ in 0..3 {
        orders.next_epoch(&mut order);
        epochs.extend_from_slice(&order);
    }
    assert_eq!(epochs, golden_usize("torch_dataloader_seed7_3_epochs"));
}

/// No golden file holds these two, so their range and their spread are compared with the definition.
#[test]
fn kaiming_fills_have_the_spread_of_their_definition() {
    let (fan_in, len) = (50, 40_000);
    let mut weight = vec![0.0; len];
    let sd = (2.0 / fan_in as f64).sqrt();
    // The sample standard deviation of a normal sample of this size is within 5 / sqrt(2 len) of the true one.
    let tolerance = 5.0 / (2.0 * len as f64).sqrt();
    let spread = |w: &[f32]| (w.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / len as f64).sqrt();

    fill_kaiming_normal(&mut TorchGenerator::new(3), fan_in, &mut weight);
    assert!((spread(&weight) / sd - 1.0).abs() < tolerance, "{}", spread(&weight));

    fill_kaiming_uniform(&mut TorchGenerator::new(3), fan_in, &mut weight);
    assert!((spread(&weight) / sd - 1.0).abs() < tolerance, "{}", spread(&weight));
    let bound = (6.0 / fan_in as f64).sqrt() as f32;
    assert!(weight.iter().all(|w| w.abs() <= bound));
}

proptest! {
    #[test]
    fn permutations_hold_every_number_once(seed: u32, n in 0_usize..500) {
        for mut order in [NumpyRandomState::new(seed).permutation(n), TorchGenerator::new(seed.into()).randperm(n)] {
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn randint_stays_in_its_range(seed: u32, low in -1_000_000_i64..1_000_000, width in 1_i64..1 << 40) {
        let mut rs = NumpyRandomState::new(seed);
        for _ in 0..20 {
            let value = rs.randint(low, low + width);
            prop_assert!((low..low + width).contains(&value));
        }
    }
}
