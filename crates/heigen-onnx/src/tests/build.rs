//! Models put together in tests.

use crate::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ShapeProto,
    StringStringEntryProto, TensorProto, TensorTypeProto, TypeProto, ValueInfoProto, data_type,
};
use bytes::Bytes;
use prost::Message;

#[derive(Clone, Debug)]
pub(super) enum Attribute {
    Int(i64),
    Float(f32),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    Text(&'static str),
    Texts(Vec<&'static str>),
    Number(f64),
}
pub(super) use Attribute::{Float, Floats, Int, Ints, Number, Text, Texts};

#[derive(Clone, Debug)]
pub(super) struct NodeSpec {
    pub(super) operator: String,
    pub(super) domain: String,
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) output: String,
    /// Outputs after the first.
    pub(super) more_outputs: Vec<String>,
    pub(super) attributes: Vec<(String, Attribute)>,
}

/// A model whose graph takes "x" and makes "y".
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) nodes: Vec<NodeSpec>,
    pub(super) weights: Vec<(String, Vec<usize>, Vec<f64>)>,
    pub(super) input: Vec<i64>,
    pub(super) outputs: Vec<(String, i32)>,
    pub(super) operator_set: i64,
    /// The program that the file names as its writer.
    pub(super) producer: &'static str,
    /// Descriptions of values with metadata.
    pub(super) roles: Vec<ValueInfoProto>,
    state: u64,
}

impl Model {
    /// For inputs [N, ...sample].
    pub(super) fn new(sample: &[i64]) -> Self {
        let input = [&[-1], sample].concat();
        let outputs = vec![("y".to_owned(), data_type::FLOAT)];
        Self { nodes: vec![], weights: vec![], input, outputs, operator_set: 17, producer: "", roles: vec![], state: 1 }
    }

    /// Numbers between -1 and 1, of few binary digits, so that they are the same in single precision.
    pub(super) fn numbers(&mut self, n: usize) -> Vec<f64> {
        let mut next = || {
            self.state = self.state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            f64::from((self.state >> 40) as u32 % 4096) / 2048.0 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    /// An initializer of random numbers.
    pub(super) fn weight(mut self, name: &str, shape: &[usize]) -> Self {
        let values = self.numbers(shape.iter().product());
        self.constant(name, shape, &values)
    }

    pub(super) fn constant(mut self, name: &str, shape: &[usize], values: &[f64]) -> Self {
        self.weights.push((name.to_owned(), shape.to_vec(), values.to_vec()));
        self
    }

    /// A node named "n" and its place.
    pub(super) fn node(self, operator: &str, inputs: &[&str], output: &str) -> Self {
        self.node_with(operator, inputs, output, &[])
    }

    pub(super) fn node_with(
        mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute)],
    ) -> Self {
        let (domain, operator) = operator.rsplit_once('.').unwrap_or(("", operator));
        self.nodes.push(NodeSpec {
            operator: operator.to_owned(),
            domain: domain.to_owned(),
            name: format!("n{}", self.nodes.len()),
            inputs: inputs.iter().map(|&s| s.to_owned()).collect(),
            output: output.to_owned(),
            more_outputs: vec![],
            attributes: attributes.iter().map(|(name, a)| ((*name).to_owned(), a.clone())).collect(),
        });
        self
    }

    /// Says in the file whether `name` is a parameter or a buffer, as PyTorch's exporter does.
    pub(super) fn kind(mut self, name: &str, kind: &str) -> Self {
        let entry = entry("pkg.torch.export.graph_signature.InputSpec.kind", kind);
        self.roles.push(ValueInfoProto { name: name.to_owned(), r#type: None, metadata_props: vec![entry] });
        self
    }

    pub(super) fn graph(&self) -> GraphProto {
        GraphProto {
            node: self.nodes.iter().map(|node| encoded(&node.proto())).collect(),
            initializer: self.weights.iter().map(|(n, s, v)| encoded(&tensor(n, s, v))).collect(),
            input: vec![encoded(&info("x", data_type::FLOAT, &self.input))],
            output: self.outputs.iter().map(|(name, kind)| encoded(&info(name, *kind, &[]))).collect(),
            value_info: self.roles.iter().map(encoded).collect(),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let set = OperatorSetIdProto { domain: String::new(), version: self.operator_set };
        let opset_import = vec![encoded(&set)];
        let producer_name = Bytes::from_static(self.producer.as_bytes());
        ModelProto { producer_name, graph: Some(encoded(&self.graph())), opset_import, functions: vec![] }
            .encode_to_vec()
    }
}

pub(super) fn model(graph: &GraphProto, operator_set: i64) -> Vec<u8> {
    let set = OperatorSetIdProto { domain: String::new(), version: operator_set };
    ModelProto { graph: Some(encoded(graph)), opset_import: vec![encoded(&set)], ..ModelProto::default() }
        .encode_to_vec()
}

impl NodeSpec {
    pub(super) fn get(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, a)| a)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        if let Some(Int(i)) = self.get(name) { *i } else { default }
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f64 {
        f64::from(if let Some(Float(f)) = self.get(name) { *f } else { default })
    }

    pub(super) fn ints(&self, name: &str) -> Option<Vec<i64>> {
        if let Some(Ints(ints)) = self.get(name) { Some(ints.clone()) } else { None }
    }

    fn proto(&self) -> NodeProto {
        let attribute = |(name, attribute): &(String, Attribute)| {
            let mut proto = AttributeProto { name: name.clone(), ..AttributeProto::default() };
            match attribute {
                Int(i) => proto.i = *i,
                Float(f) => proto.f = *f,
                Ints(ints) => proto.ints.clone_from(ints),
                Floats(floats) => proto.floats.clone_from(floats),
                Texts(texts) => proto.strings = texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect(),
                Text(text) => proto.s = Bytes::from_static(text.as_bytes()),
                Number(value) => proto.t = Some(encoded(&tensor("", &[], &[*value]))),
            }
            encoded(&proto)
        };
        NodeProto {
            input: self.inputs.clone(),
            output: std::iter::once(&self.output).chain(&self.more_outputs).cloned().collect(),
            name: self.name.clone(),
            op_type: self.operator.clone(),
            attribute: self.attributes.iter().map(attribute).collect(),
            domain: self.domain.clone(),
            ..NodeProto::default()
        }
    }
}

/// A key and a value of metadata.
pub(super) fn entry(key: &str, value: &str) -> Bytes {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    encoded(&StringStringEntryProto { key: bytes(key), value: bytes(value) })
}

pub(super) fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

/// A tensor in double precision, which integers in tests are, too.
pub(super) fn tensor(name: &str, shape: &[usize], values: &[f64]) -> TensorProto {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        dims: shape.iter().map(|&n| n as i64).collect(),
        data_type: data_type::DOUBLE,
        name: name.to_owned(),
        raw_data: Some(raw.into()),
        ..TensorProto::default()
    }
}

/// A tensor type; negative sizes are open.
pub(super) fn info(name: &str, kind: i32, shape: &[i64]) -> ValueInfoProto {
    let dim = |&n: &i64| DimensionProto { dim_value: (n >= 0).then_some(n) };
    let shape = ShapeProto { dim: shape.iter().map(dim).collect() };
    let tensor_type = TensorTypeProto { elem_type: kind, shape: Some(shape) };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
        metadata_props: vec![],
    }
}
