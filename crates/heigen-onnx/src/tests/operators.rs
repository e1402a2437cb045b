//! Every operator against the oracle, and the layers that it becomes.

use super::build::{Float, Floats, Int, Ints, Model, Number, Text, Texts};
use super::evaluate::agrees;
use heigen::vocabulary::{Approximate, LayerSpec, WindowSpec};

fn kinds(layers: &[LayerSpec]) -> Vec<&'static str> {
    layers.iter().map(LayerSpec::kind).collect()
}

/// Layers of a model that agrees with the oracle.
fn layers(model: &Model) -> Vec<&'static str> {
    kinds(&agrees(model).architecture.layers)
}

/// A linear layer of 4 features to 3, "h", with more to follow.
fn linear() -> Model {
    Model::new(&[4]).weight("w", &[4, 3]).weight("b", &[3]).node("Gemm", &["x", "w", "b"], "h")
}

/// A convolution of images of 2 x 6 x 6 to 3 channels, "h".
fn convolution() -> Model {
    Model::new(&[2, 6, 6]).weight("w", &[3, 2, 3, 3]).node_with("Conv", &["x", "w"], "h", &[("pads", Ints(vec![1; 4]))])
}

#[test]
fn gemm_with_factors_and_either_orientation() {
    let attributes = [("alpha", Float(0.5)), ("beta", Float(2.0)), ("transB", Int(1))];
    let model = Model::new(&[4]).weight("fc.weight", &[3, 4]).weight("b", &[1, 3]);
    let imported = agrees(&model.node_with("Gemm", &["x", "fc.weight", "b"], "y", &attributes));
    let names: Vec<&str> = imported.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["fc.weight", "fc.bias"]);
    assert_eq!(kinds(&imported.architecture.layers), ["scale", "linear", "scale"]);
    assert_eq!(layers(&Model::new(&[4]).weight("w", &[4, 3]).node("Gemm", &["x", "w"], "y")), ["linear"]);
    let one = Model::new(&[4]).weight("w", &[4, 3]).constant("b", &[], &[0.25]).node("Gemm", &["x", "w", "b"], "y");
    assert_eq!(agrees(&one).tensors[1].values, [0.25; 3]);
}

#[test]
fn matmul_with_a_bias_in_either_place_of_an_add() {
    for inputs in [["h", "b"], ["b", "h"]] {
        let model = Model::new(&[4]).weight("w", &[4, 3]).weight("b", &[3]).node("MatMul", &["x", "w"], "h");
        let imported = agrees(&model.node("Add", &inputs, "y"));
        assert_eq!(kinds(&imported.architecture.layers), ["linear"]);
        assert!(imported.notes.is_empty());
    }
}

#[test]
fn activations() {
    for (operator, kind) in
        [("Relu", "relu"), ("Tanh", "tanh"), ("Sigmoid", "sigmoid"), ("Softplus", "softplus"), ("Gelu", "gelu")]
    {
        assert_eq!(layers(&linear().node(operator, &["h"], "y")), ["linear", kind]);
    }
    let tanh = linear().node_with("Gelu", &["h"], "y", &[("approximate", Text("tanh"))]);
    assert_eq!(agrees(&tanh).architecture.layers[1], LayerSpec::Gelu { approximate: Approximate::Tanh });
    assert_eq!(layers(&linear().node("LogSoftmax", &["h"], "y")), ["linear", "log_softmax"]);
}

#[test]
fn a_gelu_written_out_by_the_error_function() {
    let constants = linear().constant("root", &[], &[2.0_f64.sqrt()]).constant("one", &[], &[1.0]);
    let gate = constants.constant("half", &[], &[0.5]).node("Div", &["h", "root"], "d").node("Erf", &["d"], "e");
    let gate = gate.node("Add", &["e", "one"], "g");
    let last = gate.clone().node("Mul", &["h", "g"], "p").node("Mul", &["p", "half"], "y");
    let first = gate.clone().node("Mul", &["h", "half"], "p").node("Mul", &["p", "g"], "y");
    let middle = gate.node("Mul", &["half", "g"], "p").node("Mul", &["h", "p"], "y");
    for model in [last, first, middle] {
        assert_eq!(layers(&model), ["linear", "gelu"]);
    }
}

#[test]
fn a_gelu_written_out_by_a_hyperbolic_tangent() {
    let number =
        |model: Model, name: &str, value: f64| model.node_with("Constant", &[], name, &[("value", Number(value))]);
    let mut model = linear();
    for (name, value) in
        [("three", 3.0), ("c", 0.044715), ("root", (2.0 / std::f64::consts::PI).sqrt()), ("one", 1.0), ("half", 0.5)]
    {
        model = number(model, name, value);
    }
    let inside = model.node("Pow", &["h", "three"], "p").node("Mul", &["p", "c"], "q").node("Add", &["h", "q"], "s");
    let gate = inside.node("Mul", &["s", "root"], "t").node("Tanh", &["t"], "u").node("Add", &["u", "one"], "g");
    let model = gate.node("Mul", &["h", "half"], "z").node("Mul", &["z", "g"], "y");
    assert_eq!(agrees(&model).architecture.layers[1], LayerSpec::Gelu { approximate: Approximate::Tanh });
}

#[test]
fn convolutions_and_pools() {
    let bias = Model::new(&[2, 7, 7]).weight("conv.weight", &[3, 2, 3, 3]).weight("b", &[3]);
    let strided = [("strides", Ints(vec![2, 2])), ("pads", Ints(vec![1; 4])), ("kernel_shape", Ints(vec![3, 3]))];
    let model = bias.node_with("Conv", &["x", "conv.weight", "b"], "h", &strided).node("Flatten", &["h"], "y");
    assert_eq!(layers(&model), ["conv2d", "flatten"]);
    let kernel = ("kernel_shape", Ints(vec![2, 2]));
    let two = ("strides", Ints(vec![2, 2]));
    let padded = ("pads", Ints(vec![1; 4]));
    for (operator, kind, attributes) in [
        ("MaxPool", "maxpool", vec![kernel.clone(), two.clone()]),
        ("MaxPool", "maxpool", vec![kernel.clone(), padded.clone()]),
        ("AveragePool", "avgpool", vec![kernel.clone(), two.clone()]),
        ("AveragePool", "avgpool", vec![kernel.clone(), padded, ("count_include_pad", Int(1))]),
        ("GlobalAveragePool", "global_avgpool", vec![]),
        ("ReduceMean", "global_avgpool", vec![("axes", Ints(vec![-1, 2])), ("keepdims", Int(1))]),
    ] {
        let model = convolution().node_with(operator, &["h"], "p", &attributes).node("Flatten", &["p"], "y");
        assert_eq!(layers(&model), ["conv2d", kind, "flatten"], "{operator}");
    }
    let flat = [("axes", Ints(vec![2, 3])), ("keepdims", Int(0))];
    assert_eq!(
        layers(&convolution().node_with("ReduceMean", &["h"], "y", &flat)),
        ["conv2d", "global_avgpool", "flatten"]
    );
}

#[test]
fn padding_that_is_named_by_its_effect() {
    let same = |side: i64, stride: i64| {
        let attributes = [("auto_pad", Text("SAME_UPPER")), ("strides", Ints(vec![stride; 2]))];
        let model = Model::new(&[1, side, side]).weight("w", &[2, 1, 3, 3]);
        model.node_with("Conv", &["x", "w"], "h", &attributes).node("Flatten", &["h"], "y")
    };
    for (side, stride, padding) in [(6, 1, 1), (7, 2, 1), (6, 3, 0)] {
        let LayerSpec::Conv2d { window, .. } = agrees(&same(side, stride)).architecture.layers[0].clone() else {
            panic!("a convolution")
        };
        assert_eq!(window, WindowSpec { kernel_size: 3, stride: stride as usize, padding });
    }
}

#[test]
fn batch_normalisation_of_channels_and_of_features() {
    let statistics = |model: Model| {
        let variance = [0.5, 1.5, 2.0];
        model.weight("bn.weight", &[3]).weight("shift", &[3]).weight("mean", &[3]).constant("var", &[3], &variance)
    };
    let inputs = ["h", "bn.weight", "shift", "mean", "var"];
    let epsilon = [("epsilon", Float(1e-3))];
    let images = statistics(convolution()).node_with("BatchNormalization", &inputs, "n", &epsilon);
    let imported = agrees(&images.node("Flatten", &["n"], "y"));
    assert_eq!(
        imported.architecture.layers[1],
        LayerSpec::BatchNorm { name: Some("bn".into()), eps: 1e-3, affine: true }
    );
    assert_eq!(layers(&statistics(linear()).node("BatchNormalization", &inputs, "y")), ["linear", "batchnorm"]);
}

#[test]
fn ways_to_a_flat_vector() {
    let shape = |name: &str, values: &[f64]| convolution().constant(name, &[values.len()], values);
    let to_108 = shape("s", &[-1.0, 108.0]).node("Reshape", &["h", "s"], "y");
    let copied = shape("s", &[0.0, -1.0]).node("Reshape", &["h", "s"], "y");
    let computed = shape("zero", &[0.0]).constant("rest", &[1], &[-1.0]).node("Shape", &["h"], "s");
    let computed = computed.node("Gather", &["s", "zero"], "n").node("Concat", &["n", "rest"], "t");
    for model in [to_108, copied, computed.node("Reshape", &["h", "t"], "y")] {
        assert_eq!(layers(&model), ["conv2d", "flatten"]);
    }
    let squeezed =
        shape("axes", &[2.0, 3.0]).node("GlobalAveragePool", &["h"], "p").node("Squeeze", &["p", "axes"], "y");
    assert_eq!(layers(&squeezed), ["conv2d", "global_avgpool", "flatten"]);
}

#[test]
fn a_flattening_that_is_undone_is_none() {
    let shape = [-1.0, 3.0, 6.0, 6.0];
    let model = convolution().constant("s", &[4], &shape).weight("v", &[1, 3, 1, 1]).node("Flatten", &["h"], "f");
    let model = model.node("Relu", &["f"], "r").node("Reshape", &["r", "s"], "i").node("Conv", &["i", "v"], "c");
    assert_eq!(layers(&model.node("Flatten", &["c"], "y")), ["conv2d", "relu", "conv2d", "flatten"]);
}

#[test]
fn features_made_into_images_at_the_input() {
    let model = Model::new(&[72]).constant("s", &[4], &[-1.0, 2.0, 6.0, 6.0]).weight("w", &[3, 2, 3, 3]);
    let model = model.node("Reshape", &["x", "s"], "i").node("Conv", &["i", "w"], "c").node("Flatten", &["c"], "y");
    let imported = agrees(&model);
    assert_eq!(imported.architecture.input_shape, Some([2, 6, 6]));
    assert_eq!(kinds(&imported.architecture.layers), ["conv2d", "flatten"]);
}

#[test]
fn transposes_that_move_nothing_or_are_undone() {
    let there = ("perm", Ints(vec![0, 2, 3, 1]));
    let back = ("perm", Ints(vec![0, 3, 1, 2]));
    let model = convolution().node_with("Transpose", &["h"], "t", &[there]).node("Relu", &["t"], "r");
    let model = model.node_with("Transpose", &["r"], "u", std::slice::from_ref(&back)).node("Flatten", &["u"], "y");
    assert_eq!(layers(&model), ["conv2d", "relu", "flatten"]);
    // Keras' images of one channel.
    let grey = Model::new(&[6, 6, 1]).weight("w", &[2, 1, 3, 3]).node_with("Transpose", &["x"], "t", &[back]);
    let imported = agrees(&grey.node("Conv", &["t", "w"], "c").node("Flatten", &["c"], "y"));
    assert_eq!(imported.architecture.input_shape, Some([1, 6, 6]));
    let weight = Model::new(&[4]).weight("w", &[3, 4]).node("Transpose", &["w"], "v").node("MatMul", &["x", "v"], "y");
    assert_eq!(layers(&weight), ["linear"]);
}

#[test]
fn scalings_stay_operations_without_parameters() {
    let scaled = |model: Model| {
        let model = model.weight("mean", &[4]).constant("std", &[1, 4], &[0.5, 2.0, 4.0, 8.0]);
        model.node("Sub", &["x", "mean"], "c").node("Div", &["c", "std"], "s")
    };
    let before = scaled(Model::new(&[4])).weight("w", &[4, 3]).node("MatMul", &["s", "w"], "y");
    let weight = before.weights[2].2.clone();
    let imported = agrees(&before);
    assert_eq!(kinds(&imported.architecture.layers), ["scale", "linear"]);
    let transposed: Vec<f64> = (0..12).map(|i| weight[i % 4 * 3 + i / 4]).collect();
    assert_eq!((imported.tensors.len(), &imported.tensors[0].values), (1, &transposed));
    assert!(imported.warnings.is_empty(), "scalings of the samples are no parameters: {:?}", imported.warnings);
    insta::assert_debug_snapshot!(imported.notes);
    let after = linear().constant("two", &[], &[2.0]).node("Sub", &["two", "h"], "y");
    assert_eq!(layers(&after), ["linear", "scale"]);
    let negative = linear().node("Neg", &["h"], "y");
    assert_eq!(layers(&negative), ["linear", "scale"]);
    let behind = linear().node("Relu", &["h"], "r").constant("c", &[], &[2.0]).node("Mul", &["r", "c"], "y");
    assert_eq!(layers(&behind), ["linear", "relu", "scale"]);
    let channels = convolution().weight("s", &[3, 1, 1]).node("Mul", &["s", "h"], "t").node("Flatten", &["t"], "y");
    assert_eq!(layers(&channels), ["conv2d", "scale", "flatten"]);
    // Of channels before a convolution with padding, and before a linear layer on flattened pixels.
    let image =
        Model::new(&[2, 6, 6]).weight("m", &[1, 2, 1, 1]).weight("w", &[3, 2, 3, 3]).node("Add", &["x", "m"], "c");
    let image = image.node_with("Conv", &["c", "w"], "h", &[("pads", Ints(vec![1; 4]))]).node("Flatten", &["h"], "y");
    assert_eq!(layers(&image), ["scale", "conv2d", "flatten"]);
    let flat = Model::new(&[2, 3, 3]).weight("m", &[1, 2, 1, 1]).weight("w", &[18, 3]).node("Mul", &["x", "m"], "c");
    let flat = flat.node("Flatten", &["c"], "f").node("MatMul", &["f", "w"], "y");
    assert_eq!(layers(&flat), ["scale", "flatten", "linear"]);
    // Of features that become images afterwards.
    let made = Model::new(&[72]).constant("s", &[4], &[-1.0, 2.0, 6.0, 6.0]).constant("c", &[], &[255.0]);
    let made = made.weight("w", &[3, 2, 3, 3]).node("Div", &["x", "c"], "d").node("Reshape", &["d", "s"], "i");
    let made = made.node("Conv", &["i", "w"], "h").node("Flatten", &["h"], "y");
    assert_eq!(layers(&made), ["scale", "conv2d", "flatten"]);
}

#[test]
fn a_scaler_of_scikit_learn() {
    let attributes = [("offset", Floats(vec![1.0, 2.0])), ("scale", Floats(vec![0.5]))];
    let model = Model::new(&[2]).constant("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let model = model.node_with("ai.onnx.ml.Scaler", &["x"], "s", &attributes).node("MatMul", &["s", "w"], "y");
    let imported = crate::import(&model.encode()).unwrap();
    assert_eq!(imported.architecture.layers[0], LayerSpec::Scale { scale: vec![0.5], shift: vec![-0.5, -1.0] });
    assert_eq!(imported.tensors.len(), 1);
    assert_eq!(imported.tensors[0].values, [1.0, 3.0, 2.0, 4.0]);
}

#[test]
fn images_whose_channels_come_last() {
    let to_channels_first = ("perm", Ints(vec![0, 3, 1, 2]));
    let to_channels_last = ("perm", Ints(vec![0, 2, 3, 1]));
    let model = Model::new(&[6, 5, 2]).constant("c", &[], &[0.5]).node("Mul", &["x", "c"], "d");
    let model = model.weight("m", &[2]).node("Sub", &["d", "m"], "e");
    let model = model.node_with("Transpose", &["e"], "t", std::slice::from_ref(&to_channels_first));
    let model = model.weight("w", &[3, 2, 2, 2]).node("Conv", &["t", "w"], "h").node("Tanh", &["h"], "a");
    let flat = model.node_with("Transpose", &["a"], "u", &[to_channels_last]).constant("s", &[2], &[-1.0, 60.0]);
    let flat = flat.weight("v", &[60, 3]).node("Reshape", &["u", "s"], "f").node("MatMul", &["f", "v"], "y");
    let imported = agrees(&flat);
    assert!(imported.architecture.channels_last);
    assert_eq!(imported.architecture.input_shape, Some([2, 6, 5]));
    assert_eq!(kinds(&imported.architecture.layers), ["scale", "conv2d", "tanh", "flatten_channels_last", "linear"]);
    assert_eq!(imported.sample_shape, [6, 5, 2]);
}

#[test]
fn a_single_output_is_two_logits() {
    let logit = Model::new(&[4]).weight("w", &[4, 1]).weight("b", &[1]).node("MatMul", &["x", "w"], "m");
    let logit = logit.node("Add", &["m", "b"], "h");
    let alone = crate::import(&logit.clone().node("Identity", &["h"], "y").encode()).unwrap();
    let sigmoid = logit.node("Sigmoid", &["h"], "p");
    let probability = crate::import(&sigmoid.clone().node("Identity", &["p"], "y").encode()).unwrap();
    let both = sigmoid.constant("one", &[], &[1.0]).node("Sub", &["one", "p"], "q");
    let both = crate::import(&both.node_with("Concat", &["q", "p"], "y", &[("axis", Int(1))]).encode()).unwrap();
    for imported in [&alone, &probability, &both] {
        assert_eq!(kinds(&imported.architecture.layers), ["linear", "binary_logits"]);
        assert_eq!((imported.n_outputs, &imported.tensors), (2, &alone.tensors));
    }
    let outputs = super::evaluate::outputs(&alone, &[1.0, 0.0, 0.0, 0.0]);
    assert_eq!(outputs, [0.0, alone.tensors[0].values[0] + alone.tensors[1].values[0]]);
}

#[test]
fn a_linear_classifier_of_scikit_learn() {
    let classifier = |coefficients: Vec<f32>, intercepts: Vec<f32>, post: &'static str| {
        let attributes = [
            ("coefficients", Floats(coefficients)),
            ("intercepts", Floats(intercepts)),
            ("post_transform", Text(post)),
            ("classlabels_strings", Texts(vec!["b", "a"])),
        ];
        let mut model = Model::new(&[2]).node_with("ai.onnx.ml.LinearClassifier", &["x"], "label", &attributes);
        model.nodes[0].more_outputs = vec!["scores".into()];
        model = model.node("Identity", &["scores"], "y");
        crate::import(&model.encode())
    };
    let softmax = classifier(vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0], "SOFTMAX").unwrap();
    assert_eq!(kinds(&softmax.architecture.layers), ["linear"]);
    assert_eq!(softmax.classes, Some(vec!["b".to_owned(), "a".to_owned()]));
    assert_eq!(softmax.tensors[0].values, [1.0, 2.0, 3.0, 4.0]);
    let binary = classifier(vec![-3.0, -4.0, 3.0, 4.0], vec![-6.0, 6.0], "LOGISTIC").unwrap();
    assert_eq!(kinds(&binary.architecture.layers), ["linear", "binary_logits"]);
    assert_eq!((binary.tensors[0].values.as_slice(), binary.n_outputs), (&[3.0, 4.0][..], 2));
    let rest = classifier(vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0], "LOGISTIC").unwrap_err().to_string();
    assert!(rest.contains("each against the rest"), "{rest}");
}

#[test]
fn residual_blocks_within_one_another() {
    let square = |model: Model, name: &str| model.weight(name, &[3, 3]);
    let mut model = linear();
    for name in ["w1", "w2", "w3"] {
        model = square(model, name);
    }
    // a = h W1; inner = relu(a) W2 + a; y = inner + h W3.
    let model = model.node("MatMul", &["h", "w1"], "a").node("Relu", &["a"], "r").node("MatMul", &["r", "w2"], "m");
    let model =
        model.node("Add", &["m", "a"], "inner").node("MatMul", &["h", "w3"], "s").node("Add", &["s", "inner"], "y");
    let imported = agrees(&model);
    let LayerSpec::Residual { main, shortcut } = &imported.architecture.layers[1] else { panic!("a block") };
    assert_eq!((kinds(main), kinds(shortcut)), (vec!["linear", "residual"], vec!["linear"]));
    let LayerSpec::Residual { main, shortcut } = &main[1] else { panic!("a block") };
    assert_eq!((kinds(main), kinds(shortcut)), (vec!["relu", "linear"], vec![]));
}

#[test]
fn a_residual_block_whose_branch_is_scaled() {
    let model = linear().weight("v", &[3, 3]).constant("tenth", &[], &[0.125]).node("Relu", &["h"], "r");
    let model = model.node("MatMul", &["r", "v"], "m").node("Mul", &["m", "tenth"], "s").node("Add", &["r", "s"], "y");
    assert_eq!(layers(&model), ["linear", "relu", "residual"]);
}

#[test]
fn operators_that_do_nothing_and_labels_beside_the_output() {
    let model = linear().node("Identity", &["h"], "i").node_with("Cast", &["i"], "c", &[("to", Int(11))]);
    let model = model.node("Dropout", &["c"], "d").node("Softmax", &["d"], "p").node("ArgMax", &["p"], "label");
    let mut model = model.node_with("ai.onnx.ml.Normalizer", &["p"], "q", &[("norm", Text("L1"))]);
    model = model.node("ai.onnx.ml.ZipMap", &["q"], "y");
    model.outputs = vec![("label".into(), 7), ("y".into(), 0)];
    let imported = crate::import(&model.encode()).unwrap();
    assert_eq!(kinds(&imported.architecture.layers), ["linear"]);
    assert_eq!((imported.n_features, imported.n_outputs), (4, 3));
    assert_eq!(imported.notes, ["The softmax at the end was left off: the loss takes logits."]);
    // Logits and probabilities are the same network.
    let mut both = linear().node("Softmax", &["h"], "y");
    both.outputs = vec![("h".into(), 1), ("y".into(), 1)];
    assert_eq!(kinds(&crate::import(&both.encode()).unwrap().architecture.layers), ["linear"]);
}

#[test]
fn the_softplus_of_the_newer_exporter_of_pytorch() {
    let model = linear().constant("one", &[], &[1.0]).constant("t", &[], &[20.0]).node("Mul", &["h", "one"], "s");
    let model = model.node("Softplus", &["s"], "p").node("Div", &["p", "one"], "q").node("Greater", &["s", "t"], "g");
    let imported = crate::import(&model.node("Where", &["g", "h", "q"], "y").encode()).unwrap();
    assert_eq!(kinds(&imported.architecture.layers), ["linear", "softplus"]);
}

#[test]
fn names_of_layers_are_unique_and_plain() {
    let mut model = linear().weight("v", &[3, 3]).weight("u", &[3, 3]).node("MatMul", &["h", "v"], "a").node(
        "MatMul",
        &["a", "u"],
        "y",
    );
    for (node, name) in model.nodes.iter_mut().zip(["/fc/Gemm", "/fc/Gemm", ""]) {
        node.name = name.into();
    }
    let names: Vec<String> = agrees(&model).tensors.into_iter().map(|t| t.name).collect();
    assert_eq!(names, ["_fc_Gemm.weight", "_fc_Gemm.bias", "_fc_Gemm_2.weight", "u.weight"]);
}
