//! Graphs and files that are refused, and the messages that say why.

use super::build::{Float, Int, Ints, Model, Text, encoded, model, tensor};
use crate::import;
use crate::proto::{ModelProto, OperatorSetIdProto, TensorProto, data_type};
use prost::Message;

fn refusal(model: &Model) -> String {
    import(&model.encode()).unwrap_err().to_string()
}

fn linear() -> Model {
    Model::new(&[4]).weight("w", &[4, 3]).weight("b", &[3]).node("Gemm", &["x", "w", "b"], "h")
}

fn convolution(attributes: &[(&str, super::build::Attribute)]) -> Model {
    Model::new(&[2, 6, 6]).weight("w", &[3, 2, 3, 3]).node_with("Conv", &["x", "w"], "y", attributes)
}

#[test]
fn bytes_that_are_no_model() {
    insta::assert_snapshot!(import(b"not a model").unwrap_err());
    let mut old = linear();
    old.operator_set = 6;
    insta::assert_snapshot!(refusal(&old));
}

#[test]
fn foreign_domains_and_absurd_operator_sets() {
    let mut absurd = linear().node("Relu", &["h"], "y");
    absurd.operator_set = 1_000_000_000;
    let sets = |sets: &[(&str, i64)]| {
        let set =
            |&(domain, version): &(&str, i64)| encoded(&OperatorSetIdProto { domain: domain.to_owned(), version });
        let graph = Some(encoded(&linear().node("Relu", &["h"], "y").graph()));
        let opset_import = sets.iter().map(set).collect();
        import(&ModelProto { graph, opset_import, ..ModelProto::default() }.encode_to_vec())
    };
    let foreign = sets(&[("evil.com", 13)]).unwrap_err().to_string();
    insta::assert_snapshot!([refusal(&absurd), foreign, sets(&[]).unwrap_err().to_string()].join("\n"));
    assert!(sets(&[("evil.com", 13), ("ai.onnx", 17)]).is_ok(), "a domain that no node needs");
}

#[test]
fn operators_that_are_not_supported() {
    insta::assert_snapshot!(refusal(&linear().node("LSTM", &["h"], "y")));
    insta::assert_snapshot!(refusal(&linear().node("ai.onnx.ml.TreeEnsembleClassifier", &["h"], "y")));
}

#[test]
fn training_mode_given_by_a_truth_value() {
    let mut graph = linear().constant("ratio", &[], &[0.5]).constant("mode", &[], &[1.0]);
    graph = graph.node("Dropout", &["h", "ratio", "mode"], "y");
    let mut graph = graph.graph();
    let mode = TensorProto { data_type: data_type::BOOL, raw_data: Some(vec![1].into()), ..tensor("mode", &[], &[]) };
    graph.initializer[3] = encoded(&mode);
    insta::assert_snapshot!(import(&model(&graph, 17)).unwrap_err());
}

#[test]
fn uses_of_operators_that_nothing_expresses() {
    let mut refusals = Vec::new();
    let mut add = |model: Model| refusals.push(refusal(&model));
    add(Model::new(&[5]).weight("w", &[4, 3]).node("Gemm", &["x", "w"], "y"));
    add(Model::new(&[4]).weight("w", &[4, 3]).node_with("Gemm", &["x", "w"], "y", &[("transA", Int(1))]));
    add(Model::new(&[4]).weight("w", &[4, 3]).weight("b", &[2]).node("Gemm", &["x", "w", "b"], "y"));
    add(Model::new(&[4]).weight("w", &[4, 4]).node("MatMul", &["w", "x"], "y"));
    add(linear().node("MatMul", &["h", "h"], "y"));
    add(linear().node("Mul", &["h", "x"], "y"));
    add(linear().node("Add", &["h", "x"], "y"));
    add(linear().constant("c", &[], &[0.0]).node("Div", &["h", "c"], "y"));
    add(linear().weight("c", &[2, 3]).node("Mul", &["h", "c"], "y"));
    add(linear().constant("s", &[2], &[-1.0, 6.0]).node("Reshape", &["h", "s"], "y"));
    add(linear().node_with("Softmax", &["h"], "y", &[("axis", Int(0))]));
    add(linear().node_with("Gelu", &["h"], "y", &[("approximate", Text("quick"))]));
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn windows_that_are_none() {
    let mut refusals = Vec::new();
    let mut add = |model: Model| refusals.push(refusal(&model));
    add(convolution(&[("group", Int(2))]));
    add(convolution(&[("strides", Ints(vec![0, 0]))]));
    add(convolution(&[("pads", Ints(vec![i64::MAX; 4]))]));
    add(convolution(&[("kernel_shape", Ints(vec![5, 5]))]));
    add(Model::new(&[3, 6, 6]).weight("w", &[3, 2, 3, 3]).node("Conv", &["x", "w"], "y"));
    add(Model::new(&[2, 6, 6]).weight("w", &[3, 2, 7, 7]).node("Conv", &["x", "w"], "y"));
    let pool = |operator: &str, attributes: &[_]| Model::new(&[2, 5, 5]).node_with(operator, &["x"], "y", attributes);
    add(pool("MaxPool", &[]));
    add(pool("MaxPool", &[("kernel_shape", Ints(vec![2; 4]))]));
    add(pool("ReduceMean", &[("axes", Ints(vec![0, 1]))]));
    add(Model::new(&[2, 4, 4, 4]).weight("w", &[3, 2, 3, 3, 3]).node("Conv", &["x", "w"], "y"));
    add(convolution(&[("auto_pad", Text("SAME"))]));
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn batch_normalisation_that_has_no_statistics() {
    let norm = |variance: &[f64], attributes: &[_]| {
        let model =
            linear().weight("s", &[3]).weight("t", &[3]).weight("m", &[3]).constant("v", &[variance.len()], variance);
        refusal(&model.node_with("BatchNormalization", &["h", "s", "t", "m", "v"], "y", attributes))
    };
    insta::assert_snapshot!(
        [
            norm(&[1.0; 3], &[("training_mode", Int(1))]),
            norm(&[1.0; 2], &[]),
            norm(&[1.0, -1.0, 1.0], &[]),
            norm(&[1.0; 3], &[("epsilon", Float(0.0))]),
        ]
        .join("\n")
    );
}

#[test]
fn samples_of_a_batch_that_are_mixed() {
    let mut refusals = Vec::new();
    let mut add = |model: Model| refusals.push(refusal(&model));
    add(linear().node_with("Softmax", &["h"], "y", &[("axis", Int(0))]));
    add(linear().node_with("ReduceMean", &["h"], "y", &[("axes", Ints(vec![0])), ("keepdims", Int(1))]));
    add(linear().node_with("Concat", &["h", "h"], "y", &[("axis", Int(0))]));
    add(linear().node_with("Transpose", &["h"], "t", &[("perm", Ints(vec![1, 0]))]).node("MatMul", &["t", "h"], "y"));
    add(linear().node_with("Transpose", &["h"], "t", &[("perm", Ints(vec![1, 0]))]).node("Sub", &["t", "t"], "y"));
    // A batch of six samples, of which the second half is another's.
    let mut fixed = linear().constant("s", &[2], &[3.0, 6.0]).node("Reshape", &["h", "s"], "y");
    fixed.input[0] = 6;
    add(fixed);
    let mut differing = linear().weight("c", &[6, 3]).node("Mul", &["h", "c"], "y");
    differing.input[0] = 6;
    add(differing);
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn inputs_and_outputs() {
    let mut refusals = Vec::new();
    let mut add = |model: &Model| refusals.push(refusal(model));
    add(&linear().node("Sigmoid", &["h"], "r"));
    let mut labels = linear().node("ArgMax", &["h"], "y");
    labels.outputs = vec![("y".into(), data_type::INT64)];
    add(&labels);
    let mut several = linear().node("Relu", &["h"], "y");
    several.outputs.push(("h".into(), data_type::FLOAT));
    add(&several);
    add(&Model::new(&[4]).node("Identity", &["x"], "y"));
    add(&Model::new(&[]).node("Identity", &["x"], "y"));
    add(&Model::new(&[4, -1]).node("Identity", &["x"], "y"));
    add(&Model::new(&[4, 0]).node("Identity", &["x"], "y"));
    add(&Model::new(&[1_000_000, 1_000_000]).node("Relu", &["x"], "y"));
    add(&linear().constant("y", &[1], &[1.0]));
    add(&linear());
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn graphs_that_are_none() {
    let mut refusals = Vec::new();
    let mut add = |model: &Model| refusals.push(refusal(model));
    add(&linear().node("Add", &["h", "z"], "y").node("Relu", &["y"], "z"));
    add(&linear().node("Relu", &["y"], "y"));
    add(&linear().node("Relu", &["elsewhere"], "y"));
    add(&linear().node("Relu", &["h"], "y").node("Tanh", &["h"], "y"));
    add(&linear().node("Relu", &["h"], "w"));
    add(&linear().node("Relu", &["h"], "x"));
    add(&linear().weight("w", &[4, 3]));
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn weights_that_cannot_be_read() {
    let with = |change: &dyn Fn(&mut TensorProto)| {
        let mut graph = linear().node("Relu", &["h"], "y").graph();
        let mut weight = tensor("w", &[4, 3], &[0.5; 12]);
        change(&mut weight);
        graph.initializer[0] = encoded(&weight);
        import(&model(&graph, 17)).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        [
            with(&|w| w.data_location = 1),
            with(&|w| w.data_type = data_type::STRING),
            with(&|w| w.dims = vec![4, 4]),
            with(&|w| w.dims = vec![1_000_000, 1_000_000]),
            with(&|w| w.dims = vec![i64::MAX, i64::MAX]),
            with(&|w| w.dims = vec![0, 3]),
            with(&|w| w.dims = vec![1; 1000]),
            with(&|w| w.raw_data = Some(vec![0; 95].into())),
            with(&|w| w.raw_data = Some([f64::NAN.to_le_bytes(); 12].concat().into())),
        ]
        .join("\n")
    );
}

#[test]
fn weights_in_every_form_that_is_read() {
    let read = |change: &dyn Fn(&mut TensorProto)| {
        let mut graph = linear().node("Relu", &["h"], "y").graph();
        let mut weight = TensorProto { raw_data: None, ..tensor("w", &[4, 3], &[]) };
        change(&mut weight);
        graph.initializer[0] = encoded(&weight);
        let imported = import(&model(&graph, 17)).unwrap();
        assert_eq!(imported.precisions.len(), imported.tensors.len());
        (imported.tensors[0].clone(), imported.precisions[0])
    };
    let forms = [
        read(&|w| w.double_data = vec![1.5; 12]),
        read(&|w| (w.data_type, w.float_data) = (data_type::FLOAT, vec![1.5; 12])),
        read(&|w| (w.data_type, w.raw_data) = (data_type::FLOAT, Some([1.5_f32.to_le_bytes(); 12].concat().into()))),
        read(&|w| (w.data_type, w.int32_data) = (data_type::FLOAT16, vec![0x3e00; 12])),
        read(&|w| (w.data_type, w.raw_data) = (data_type::FLOAT16, Some([0x00, 0x3e].repeat(12).into()))),
        read(&|w| (w.data_type, w.raw_data) = (data_type::BFLOAT16, Some([0xc0, 0x3f].repeat(12).into()))),
    ];
    for (tensor, _) in &forms {
        assert_eq!(tensor.values, [1.5; 12]);
    }
    let precisions: Vec<String> = forms.iter().map(|(_, precision)| format!("{precision:?}")).collect();
    assert_eq!(precisions, ["Double", "Single", "Single", "Half", "Half", "Half"]);
}

#[test]
fn files_that_claim_or_compute_more_than_they_hold() {
    // Sizes that double, and constants that grow.
    let mut sizes = linear().node("Shape", &["h"], "s0");
    for i in 0..60 {
        let (from, to) = (format!("s{i}"), format!("s{}", i + 1));
        sizes = sizes.node("Concat", &[&from, &from], &to);
    }
    let expanded = linear().constant("n", &[1], &[1e12]).constant("c", &[], &[1.0]).node("Expand", &["c", "n"], "e");
    let mut copied = linear().weight("v", &[100, 100]).node("Transpose", &["v"], "v0");
    for i in 0..200 {
        let (from, to) = (format!("v{i}"), format!("v{}", i + 1));
        copied = copied.node("Transpose", &[&from], &to);
    }
    insta::assert_snapshot!(
        [
            refusal(&sizes.node("Reshape", &["h", "s60"], "y")),
            refusal(&expanded.node("Add", &["h", "e"], "y")),
            refusal(&copied.node("MatMul", &["h", "v200"], "y")),
        ]
        .join("\n")
    );
    let mut many = linear();
    for i in 0..10_001 {
        many = many.node("Relu", &["h"], &format!("r{i}"));
    }
    insta::assert_snapshot!(refusal(&many));
}
