//! Initializers that two layers have in common: one parameter, as in the model.

use super::build::{Int, Model};
use super::evaluate::agrees;
use heigen::model::Network;
use heigen::vocabulary::ModelSpec;

fn n_params(model: &Model) -> usize {
    let imported = agrees(model);
    let spec = ModelSpec::Sequential(imported.architecture.clone());
    Network::build(&spec, imported.n_features, imported.n_outputs).unwrap().n_params()
}

/// Two linear layers with a ReLU between them: each an operator with its inputs after the samples, and whether rows are
/// outputs.
fn two_layers(model: Model, [first, second]: [(&str, &[&str], i64); 2]) -> Model {
    let node = |model: Model, (operator, inputs, rows): (&str, &[&str], i64), from, to| {
        let attributes = if operator == "Gemm" { vec![("transB", Int(rows))] } else { vec![] };
        model.node_with(operator, &[&[from], inputs].concat(), to, &attributes)
    };
    let model = node(model, first, "x", "h").node("Relu", &["h"], "r");
    node(model, second, "r", "y")
}

fn square() -> Model {
    Model::new(&[4]).weight("0.weight", &[4, 4]).weight("0.bias", &[4]).weight("2.bias", &[4])
}

#[test]
fn one_initializer_of_two_layers_was_refused() {
    let tied = two_layers(square(), [("Gemm", &["0.weight", "0.bias"], 1), ("Gemm", &["0.weight", "2.bias"], 1)]);
    assert_eq!(n_params(&tied), 16 + 4 + 4);
    let imported = agrees(&tied);
    assert_eq!(imported.tied, [["0_2.weight".to_owned(), "0.weight".to_owned()]]);
    assert_eq!((imported.tensors.len(), imported.warnings.len()), (3, 0));
    let module_twice = two_layers(square(), [("Gemm", &["0.weight", "0.bias"], 1); 2]);
    assert_eq!(n_params(&module_twice), 16 + 4);
    // A weight that is computed is one weight, too.
    let computed = Model::new(&[4]).weight("a", &[4, 4]).weight("b", &[4, 4]).node("Mul", &["a", "b"], "w");
    assert_eq!(n_params(&two_layers(computed, [("MatMul", &["w"], 0); 2])), 32);
    // Each layer's transposed copy comes from the same initializer.
    let copies = square().node("Transpose", &["0.weight"], "t").node("Transpose", &["0.weight"], "u");
    assert_eq!(n_params(&two_layers(copies, [("MatMul", &["t"], 0), ("MatMul", &["u"], 0)])), 16);
}

#[test]
fn one_initializer_in_two_orientations_is_one_parameter() {
    let both = two_layers(square(), [("Gemm", &["0.weight", "0.bias"], 1), ("Gemm", &["0.weight", "2.bias"], 0)]);
    assert_eq!(n_params(&both), 16 + 4 + 4);
    // The numbers of a symmetric matrix do not tell which way round a layer takes it.
    let symmetric = Model::new(&[2]).constant("w", &[2, 2], &[1.0, 2.0, 2.0, 3.0]);
    assert_eq!(n_params(&two_layers(symmetric, [("MatMul", &["w"], 0); 2])), 4);
}

#[test]
fn biases_that_an_exporter_merged_stay_two() {
    let model = Model::new(&[4]).weight("a", &[4, 4]).weight("b", &[4, 4]).constant("zeros", &[4], &[0.0; 4]);
    let model = two_layers(model, [("Gemm", &["a", "zeros"], 1), ("Gemm", &["b", "zeros"], 1)]);
    assert_eq!(n_params(&model), 2 * (16 + 4));
    let warnings = agrees(&model).warnings;
    assert!(warnings[0].starts_with("tensors of two layers are one in the file"), "{warnings:?}");
}

#[test]
fn one_batch_normalisation_in_two_places_has_its_parameters_once() {
    let mut model = Model::new(&[3]).constant("v", &[3], &[1.0, 2.0, 0.5]);
    for name in ["s", "t", "m"] {
        model = model.weight(name, &[3]);
    }
    let model = model.node("BatchNormalization", &["x", "s", "t", "m", "v"], "h").node("Relu", &["h"], "r");
    assert_eq!(n_params(&model.node("BatchNormalization", &["r", "s", "t", "m", "v"], "y")), 6);
}

#[test]
fn equal_numbers_that_the_exporter_kept_once_are_two_parameters() {
    let transposed = [("transB", Int(1))];
    let model = Model::new(&[3]).weight("0.weight", &[3, 3]);
    let model =
        model.node("Identity", &["0.weight"], "2.weight").node_with("Gemm", &["x", "0.weight"], "h", &transposed);
    let model = model.node("Tanh", &["h"], "t").node_with("Gemm", &["t", "2.weight"], "y", &transposed);
    let imported = crate::import(&model.encode()).unwrap();
    let names: Vec<&str> = imported.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    assert_eq!(names, ["0.weight", "2.weight"], "{:?}", imported.architecture);
    assert_eq!(imported.tensors[0].values, imported.tensors[1].values);
}
