//! Files whose parameters are not those that the model was trained with.

use super::build::{Ints, Model, Number, encoded, entry, model};
use crate::proto::{ModelProto, NodeProto};
use crate::{Imported, import};
use bytes::Bytes;
use prost::Message;

fn read(model: &Model) -> Imported {
    import(&model.encode()).unwrap_or_else(|error| panic!("{error}"))
}

/// A convolution with a bias, of these names.
fn convolution(producer: &'static str, node: &str, weight: &str, bias: &str) -> Model {
    let mut model = Model::new(&[2, 4, 4]).weight(weight, &[3, 2, 3, 3]).weight(bias, &[3]);
    model = model.node("Conv", &["x", weight, bias], "h").node("Flatten", &["h"], "y");
    model.producer = producer;
    model.nodes[0].name = node.to_owned();
    model
}

#[test]
fn batch_normalisation_folded_into_a_convolution() {
    let mut seen = Vec::new();
    for (producer, node, weight, bias) in [
        ("pytorch", "node_Conv_23", "0.weight", "0.weight_bias"),
        ("pytorch", "node_Conv_23", "0.weight", "0.bias"),
        ("pytorch", "/0/Conv", "onnx::Conv_16", "onnx::Conv_17"),
        ("pytorch", "Conv_0", "45", "46"),
        ("tf2onnx", "Conv__137", "conv/merged_input:0", "seq/batch_normalization_1/batchnorm/sub:0"),
    ] {
        let warnings = read(&convolution(producer, node, weight, bias)).warnings;
        assert_eq!(warnings.len(), 1, "{node} {weight} {bias}: {warnings:?}");
        assert!(warnings[0].contains("folded batch normalisation into"), "{}", warnings[0]);
        seen.extend(warnings);
    }
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn layers_that_nothing_was_folded_into() {
    for (producer, node, weight, bias) in
        [("pytorch", "node_conv2d", "0.weight", "0.bias"), ("pytorch", "/0/Conv", "0.weight", "0.bias")]
    {
        assert_eq!(read(&convolution(producer, node, weight, bias)).warnings, [""; 0], "{node} {weight}");
    }
    let mut without = Model::new(&[4]).weight("onnx::MatMul_8", &[4, 3]).node("MatMul", &["x", "onnx::MatMul_8"], "y");
    without.producer = "pytorch";
    assert_eq!(read(&without).warnings, [""; 0], "a linear layer without bias, whose weight is only transposed");
}

#[test]
fn a_file_that_does_not_tell_whether_anything_was_folded() {
    let unknown = convolution("", "", "w", "b");
    insta::assert_snapshot!(read(&unknown).warnings.join("\n"));
    let ones: [f64; 3] = [1.0; 3];
    let mut kept = Model::new(&[2, 4, 4]).weight("w", &[3, 2, 3, 3]).weight("b", &[3]).constant("v", &[3], &ones);
    for name in ["g", "t", "m"] {
        kept = kept.weight(name, &[3]);
    }
    let kept = kept.node("Conv", &["x", "w", "b"], "h").node("BatchNormalization", &["h", "g", "t", "m", "v"], "n");
    assert_eq!(read(&kept.node("Flatten", &["n"], "y")).warnings, [""; 0], "a writer that keeps batch normalisation");
}

#[test]
fn a_rule_of_the_exporter_is_named_in_the_metadata_of_its_node() {
    let mut linear = Model::new(&[4]).weight("0.weight", &[3, 4]).weight("0.bias", &[3]);
    linear = linear.node_with("Gemm", &["x", "0.weight", "0.bias"], "y", &[("transB", super::build::Int(1))]);
    linear.producer = "pytorch";
    assert_eq!(read(&linear).warnings, [""; 0]);
    linear.nodes[0].name = "node_Gemm_8".into();
    assert!(read(&linear).warnings[0].contains("does not tell whether"));
    let mut graph = linear.graph();
    let mut node = NodeProto::decode(graph.node[0].clone()).unwrap();
    let mut by = |rule: &str| {
        node.metadata_props = vec![entry("pkg.onnxscript.rewriter.rule_name", rule)];
        graph.node[0] = encoded(&node);
        let mut file = ModelProto::decode(&model(&graph, 20)[..]).unwrap();
        file.producer_name = Bytes::from_static(b"pytorch");
        import(&file.encode_to_vec()).unwrap().warnings
    };
    assert_eq!(by("MatMulAddToGemm"), [""; 0]);
    let warnings = by("FuseBatchNormIntoGemm");
    assert!(warnings.len() == 1 && warnings[0].contains("folded batch normalisation into \"0\""), "{warnings:?}");
}

#[test]
fn weight_normalisation_multiplied_out() {
    let computed = Model::new(&[4]).weight("v", &[3, 4]).weight("g", &[3, 4]).node("Mul", &["v", "g"], "w");
    let mut computed = computed.node_with("Gemm", &["x", "w"], "y", &[("transB", super::build::Int(1))]);
    // What the graph multiplies stays two parameters.
    let by_node = read(&computed);
    assert_eq!((by_node.tensors.len(), by_node.warnings), (2, vec![]));
    let mut folded = Model::new(&[4]).weight("mul", &[3, 4]);
    folded = folded.node_with("Gemm", &["x", "mul"], "y", &[("transB", super::build::Int(1))]);
    folded.producer = "pytorch";
    let from = entry("pkg.onnxscript.optimizer.folded_from", "['0.weight_g', '0.weight_v']");
    folded = folded.kind("mul", "");
    folded.roles[0].metadata_props = vec![from];
    insta::assert_snapshot!(read(&folded).warnings.join("\n"));
    computed.nodes.remove(0);
    computed.weights.push(("w".into(), vec![3, 4], vec![0.5; 12]));
    assert_eq!(read(&computed).warnings, [""; 0]);
}

#[test]
fn constants_of_the_exporter_are_no_parameters_of_batch_normalisation() {
    let norm = |scale: &str, shift: &str, ones: f64| {
        let mut model = Model::new(&[4]).weight("w", &[4, 3]).node("MatMul", &["x", "w"], "h");
        model = model.weight("2.running_mean", &[3]).constant("2.running_var", &[3], &[0.5, 1.0, 2.0]);
        model = model.constant(scale, &[3], &[ones; 3]).constant(shift, &[3], &[0.0; 3]);
        model.producer = "pytorch";
        model.node("BatchNormalization", &["h", scale, shift, "2.running_mean", "2.running_var"], "y")
    };
    let names = |imported: &Imported| imported.tensors.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
    let made = read(&norm("val_3", "val_7", 1.0));
    assert_eq!(names(&made)[1..], ["2.running_mean", "2.running_var"]);
    let own = read(&norm("2.weight", "2.bias", 1.0));
    assert_eq!(names(&own)[1..], ["2.weight", "2.bias", "2.running_mean", "2.running_var"]);
    assert_eq!((made.warnings.len(), own.warnings.len()), (0, 0));
    assert_eq!(read(&norm("val_3", "val_7", 2.0)).warnings.len(), 1, "constants that are no ones");
}

#[test]
fn scalings_by_what_may_be_a_parameter() {
    let scaled = || {
        let model = Model::new(&[4]).weight("w", &[4, 3]).node("MatMul", &["x", "w"], "h").node("Tanh", &["h"], "t");
        model.weight("gain", &[3]).node("Mul", &["t", "gain"], "y")
    };
    insta::assert_snapshot!(read(&scaled()).warnings.join("\n"));
    assert_eq!(read(&scaled().kind("gain", "BUFFER")).warnings, [""; 0]);
    let names = |imported: &Imported| imported.tensors.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&read(&scaled().kind("gain", "PARAMETER"))), ["w", "gain"]);
    // A file of PyTorch's without metadata: the factors of a layer scale were held fixed, and the Hessian lacked their rows.
    let torch = |mut model: Model| {
        model.producer = "pytorch";
        import(&model.encode())
    };
    let untold = torch(scaled()).unwrap();
    assert_eq!(names(&untold), ["w", "gain"]);
    assert!(untold.warnings[0].contains("does not tell whether \"gain\" is a parameter or a buffer"), "{untold:?}");
    let temperature = Model::new(&[4]).weight("w", &[4, 3]).node("MatMul", &["x", "w"], "h");
    let temperature = temperature.constant("t", &[1], &[2.0]).node("Div", &["h", "t"], "y");
    assert!(torch(temperature).unwrap().warnings[0].contains("is held fixed"));
    let written_out = Model::new(&[4]).weight("w", &[4, 3]).node("MatMul", &["x", "w"], "h");
    let written_out = written_out.weight("a/batchnorm/mul", &[3]).node("Mul", &["h", "a/batchnorm/mul"], "y");
    insta::assert_snapshot!(read(&written_out).warnings.join("\n"));
    let number = Model::new(&[4]).weight("w", &[4, 3]).node("MatMul", &["x", "w"], "h");
    let number = number.node_with("Constant", &[], "c", &[("value", Number(0.5))]).node("Mul", &["h", "c"], "y");
    assert_eq!(read(&number).warnings, [""; 0]);
}

#[test]
fn classes_have_the_order_of_the_outputs() {
    let mapped = |labels: (&str, super::build::Attribute)| {
        let model = Model::new(&[4]).weight("w", &[4, 3]).node("MatMul", &["x", "w"], "h").node("Softmax", &["h"], "p");
        let mut model = model.node_with("ai.onnx.ml.ZipMap", &["p"], "y", &[labels]);
        model.outputs = vec![("y".into(), 0)];
        read(&model).classes
    };
    let names = |names: [&str; 3]| Some(names.map(str::to_owned).to_vec());
    assert_eq!(mapped(("classlabels_strings", super::build::Texts(vec!["b", "a", "c"]))), names(["b", "a", "c"]));
    assert_eq!(mapped(("classlabels_int64s", Ints(vec![3, 1, 2]))), names(["3", "1", "2"]));
    assert_eq!(mapped(("classlabels_int64s", Ints(vec![0, 1, 2]))), None);
    assert_eq!(mapped(("classlabels_int64s", Ints(vec![0, 1]))), None);
}

#[test]
fn weights_in_another_file() {
    let mut graph = Model::new(&[4]).weight("w", &[4, 3]).node("MatMul", &["x", "w"], "y").graph();
    let numbers: Vec<u8> = (0..12).flat_map(|i| f64::from(i).to_le_bytes()).collect();
    let mut place = |entries: &[(&str, &str)]| {
        let mut weight = super::build::tensor("w", &[4, 3], &[]);
        weight.raw_data = None;
        weight.data_location = 1;
        weight.external_data = entries.iter().map(|(key, value)| entry(key, value)).collect();
        graph.initializer[0] = encoded(&weight);
        let mut asked = Vec::new();
        let read = crate::import_with(&model(&graph, 17), &mut |name| {
            asked.push(name.to_owned());
            Ok([&[0; 8][..], &numbers].concat())
        });
        (read.map(|imported| imported.tensors[0].values.clone()).map_err(|error| error.to_string()), asked)
    };
    let (read, asked) = place(&[("location", "net.data"), ("offset", "8"), ("length", "96")]);
    assert_eq!((read.unwrap()[..3].to_vec(), asked), (vec![0.0, 3.0, 6.0], vec!["net.data".to_owned()]));
    let mut refusals = Vec::new();
    for entries in [
        &[("location", "net.data"), ("offset", "16"), ("length", "96")][..],
        &[("location", "net.data"), ("offset", "8"), ("length", "88")],
        &[("location", "net.data"), ("offset", "-8"), ("length", "96")],
        &[("location", "net.data"), ("offset", "18446744073709551615"), ("length", "96")],
    ] {
        refusals.push(place(entries).0.unwrap_err());
    }
    for outside in ["../net.data", "/etc/passwd", "", "a\u{1b}[31m/../../b"] {
        let (refused, asked) = place(&[("location", outside)]);
        assert_eq!(asked, [""; 0], "no file outside of the folder is asked for");
        refusals.push(refused.unwrap_err());
    }
    insta::assert_snapshot!(refusals.join("\n"));
}
