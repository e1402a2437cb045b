//! Graphs at the edges of what numbers and windows can be.

use super::build::{Int, Ints, Model};
use super::evaluate::outputs;
use crate::{Imported, import};

fn imported(model: &Model) -> Imported {
    import(&model.encode()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_large_mask_of_infinite_numbers_is_a_buffer() {
    const N: usize = 9;
    let seen = |place: usize| place % N <= place / N;
    let mask: Vec<f64> = (0..N * N).map(|place| if seen(place) { 0.0 } else { f64::NEG_INFINITY }).collect();
    let eye: Vec<f64> = (0..N * N).map(|place| f64::from(u8::from(place % (N + 1) == 0))).collect();
    let axis = [("axis", Int(-1))];
    let model = Model::new(&[N as i64]).constant("w", &[N, N], &eye).constant("mask", &[N, N], &mask);
    let model = model.constant("row", &[3], &[-1.0, 1.0, N as f64]).constant("flat", &[2], &[-1.0, (N * N) as f64]);
    let model =
        model.node("MatMul", &["x", "w"], "h").node("Reshape", &["h", "row"], "r").node("Add", &["r", "mask"], "s");
    let model =
        model.node_with("Softmax", &["s"], "p", &axis).node("Reshape", &["p", "flat"], "y").kind("mask", "BUFFER");
    let imported = imported(&model);
    let stored = imported.tensors.iter().find(|tensor| tensor.values.len() == N * N && tensor.values != eye).unwrap();
    assert_eq!(stored.values, mask, "{:?}", imported.architecture);
    let x: Vec<f64> = (0..N).map(|i| (i as f64).sin()).collect();
    let got = outputs(&imported, &x);
    for (place, got) in got.iter().enumerate() {
        let row = &x[..=place / N];
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        let wanted = if seen(place) { x[place % N].exp() / sum } else { 0.0 };
        assert!((got - wanted).abs() < 1e-14, "{place}: {got} instead of {wanted}");
    }
}

#[test]
fn a_window_longer_than_its_axis_has_a_place_in_ceil_mode() {
    for (operator, wanted) in [("AveragePool", 2.0), ("MaxPool", 6.0)] {
        let window = [("kernel_shape", Ints(vec![4])), ("strides", Ints(vec![2])), ("ceil_mode", Int(1))];
        let model = Model::new(&[1, 3]).weight("w", &[4, 1]).node_with(operator, &["x"], "p", &window);
        let model = model.node("Flatten", &["p"], "f").node_with("Gemm", &["f", "w"], "y", &[("transB", Int(1))]);
        let weights = model.weights[0].2.clone();
        let got = outputs(&imported(&model), &[1.0, -1.0, 6.0]);
        let wanted: Vec<f64> = weights.iter().map(|w| w * wanted).collect();
        assert!(got.iter().zip(&wanted).all(|(g, w)| (g - w).abs() < 1e-14), "{operator}: {got:?}, {wanted:?}");
    }
}
